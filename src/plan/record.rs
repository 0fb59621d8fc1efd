//! What the store knows that we did. Only what can't be observed again is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::hold::{HoldId, Reason};
use super::job::{Guarantee, JobId, JobStatus};
use super::ownership::OwnershipEntry;
use super::step::Step;
use crate::resources::desired::Annotations;
use crate::resources::jet_job::{Nonce, SecretParameter};
use crate::resources::{Digest, JarOrigin, JetJobSpec, Place, ResourceId, SourceName};

/// Everything recorded. Cloning is cheap: records are shared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorded {
    /// The store's own identity, made with it.
    pub store_id: String,
    /// Whether the store was created by this run and nothing was recorded in it yet.
    pub fresh: bool,
    /// The jobs, by resource name.
    pub jobs: BTreeMap<String, Arc<JobRecord>>,
    /// The clusters, by the name that jobs refer to them with.
    pub clusters: BTreeMap<String, Arc<ClusterRecord>>,
    /// The sources that were applied.
    pub sources: BTreeMap<SourceName, Arc<SourceRecord>>,
    /// Holds that a person released and that planning has not acted on yet.
    pub confirmations: BTreeMap<HoldId, Confirmation>,
    /// Resources that a person gave to us, not acted on yet.
    pub adoptions: BTreeSet<ResourceId>,
    /// What is paused; `None` is everything.
    pub pauses: BTreeMap<Option<ResourceId>, Pause>,
    /// Steps whose intent is durable and whose outcome isn't.
    pub in_flight: BTreeMap<ResourceId, Arc<Step>>,
}

/// What was recorded of one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact with a life of its own"
)]
pub struct JobRecord {
    /// Where it was declared last.
    pub place: Place,
    /// Counts the changes of `digest`, from 1.
    pub generation: u64,
    /// The digest of the last good spec and annotations.
    pub digest: Digest,
    /// The last good spec.
    pub spec: Arc<JetJobSpec>,
    /// Its annotations.
    #[serde(default)]
    pub annotations: Annotations,
    /// Counts the attempts to submit; gives each its nonce.
    #[serde(default)]
    pub attempts: u64,
    /// The attempt to submit that isn't bound to a job yet.
    #[serde(default)]
    pub attempt: Option<Attempt>,
    /// Our entry in the ownership map as we wrote it last.
    #[serde(default)]
    pub entry: Option<OwnershipEntry>,
    /// Whether our entry was removed, or was seen not to be there, during the deletion.
    #[serde(default)]
    pub released: bool,
    /// The job that is ours.
    #[serde(default)]
    pub job: Option<BoundJob>,
    /// What takes several steps and is under way.
    #[serde(default)]
    pub operation: Option<Operation>,
    /// What a person did by hand that isn't decided yet.
    #[serde(default)]
    pub drift: Option<Drift>,
    /// The restart nonce that was acted on, or was there at the submit.
    #[serde(default)]
    pub restart_nonce: Option<Nonce>,
    /// The redeploy nonce that was acted on, or was there at the submit.
    #[serde(default)]
    pub redeploy_nonce: Option<Nonce>,
    /// Whether `state: Restarted` was acted on since the state last changed to it.
    #[serde(default)]
    pub restarted: bool,
    /// Restarts after failures.
    #[serde(default)]
    pub restarts: Restarts,
    /// The bytes that a remote jar had when it was fetched first.
    #[serde(default)]
    pub pin: Option<JarPin>,
    /// Set once the document is gone and its removal is under way.
    #[serde(default)]
    pub deletion: Option<Deletion>,
    /// Whether a person said that the job's state may go.
    #[serde(default)]
    pub discard_state: bool,
    /// Whether the record was rebuilt from a cluster and nobody confirmed it yet.
    #[serde(default)]
    pub rebuilt: bool,
    /// The failure of the last step, until one of the same kind succeeds.
    #[serde(default)]
    pub retry: Option<Retry>,
    /// What users were told last; its times move only when something changed.
    #[serde(default)]
    pub status: RecordedStatus,
}

impl JobRecord {
    /// A record of a document seen for the first time.
    pub fn new(
        place: Place,
        digest: Digest,
        spec: Arc<JetJobSpec>,
        annotations: Annotations,
    ) -> Self {
        Self {
            place,
            generation: 1,
            digest,
            spec,
            annotations,
            attempts: 0,
            attempt: None,
            entry: None,
            released: false,
            job: None,
            operation: None,
            drift: None,
            restart_nonce: None,
            redeploy_nonce: None,
            restarted: false,
            restarts: Restarts::default(),
            pin: None,
            deletion: None,
            discard_state: false,
            rebuilt: false,
            retry: None,
            status: RecordedStatus::default(),
        }
    }
}

/// What a job was, or is to be, submitted with: what an upgrade changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployed {
    /// The jar's bytes; none for a jar on the members.
    pub jar: Option<Digest>,
    /// The jar's path on the members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jar_on_member: Option<String>,
    /// `mainClass` of the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main_class: Option<String>,
    /// `parameters` of the spec.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<String>,
    /// `secretParameters` of the spec: references, never values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_parameters: Vec<SecretParameter>,
}

/// An attempt to submit: what has to be known to find its job again, whatever happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Travels in the jar's file name and comes back in the job's configuration.
    pub nonce: String,
    /// The cluster.
    pub cluster_id: Uuid,
    /// The ids of jobs of the name that were there before.
    pub known_ids: BTreeSet<JobId>,
    /// What is submitted.
    pub deployed: Deployed,
    /// The generation that is submitted.
    pub generation: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// Whether the ownership map names this attempt.
    #[serde(default)]
    pub claimed: bool,
    /// Whether its upload was started: from then on it may have made a job.
    #[serde(default)]
    pub uploading: bool,
    /// How the upload ended, and when.
    #[serde(default)]
    pub ended: Option<UploadEnd>,
}

/// How an upload ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadEnd {
    /// When.
    pub at: Timestamp,
    /// How.
    pub outcome: UploadOutcome,
    /// Why it failed.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// What the member said, bounded, without parameters.
    #[serde(default)]
    pub message: String,
    /// The member that got it, where known.
    #[serde(default)]
    pub member: Option<Uuid>,
}

/// How an upload ended. None of these proves that there is, or isn't, a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UploadOutcome {
    /// `main` returned.
    Accepted,
    /// The member refused, or `main` threw.
    Refused,
    /// It ended before `main` could have run.
    NotRun,
    /// No answer.
    Unknown,
}

/// The job that is ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BoundJob {
    /// The cluster.
    pub cluster_id: Uuid,
    /// Its id there.
    pub id: JobId,
    /// The nonce of its upload; empty for an adopted job.
    pub nonce: String,
    /// What it was submitted with; none for an adopted job until its YAML changes.
    pub deployed: Option<Deployed>,
    /// When it was submitted, by the members' clock.
    pub submitted_at: Timestamp,
    /// What it keeps, once its configuration was read.
    #[serde(default)]
    pub guarantee: Option<Guarantee>,
    /// Its status when it was last seen.
    pub status: JobStatus,
    /// Since when it has that status, as we saw it.
    pub status_since: Timestamp,
    /// When it ended, by the members' clock.
    #[serde(default)]
    pub completed_at: Option<Timestamp>,
    /// Why it failed or was suspended by a failure, bounded.
    #[serde(default)]
    pub failure: Option<String>,
    /// Who stopped it last, where it is suspended or cancelled.
    #[serde(default)]
    pub stopped_by: Option<StoppedBy>,
    /// Seen gone from its cluster.
    #[serde(default)]
    pub gone: bool,
}

impl BoundJob {
    /// Whether it still can run: not ended, not lost.
    pub fn is_active(&self) -> bool {
        !self.gone && !self.status.is_terminal()
    }
}

/// Who stopped a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoppedBy {
    /// We did, because the YAML says so.
    Us,
    /// A person or another program.
    Person,
    /// A failure.
    Failure,
}

/// What takes several steps. Its next step follows from its phase and what is observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// What it is.
    pub kind: OperationKind,
    /// The job it began with.
    pub job: JobId,
    /// The generation it works for.
    pub generation: u64,
    /// When it began.
    pub started_at: Timestamp,
}

/// Kinds of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationKind {
    /// Suspend, update the configuration, resume.
    Configure,
    /// Cancel, then submit anew without state.
    Replace,
    /// Cancel because the YAML says so.
    Cancel,
    /// Stop or leave the job, then give up its name.
    Delete,
}

/// What a person did by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The status it left the job in.
    pub status: JobStatus,
    /// The generation that was in force; a later one ends the hold.
    pub generation: u64,
    /// Since when.
    pub since: Timestamp,
    /// Whether a person confirmed that it be undone.
    pub confirmed: bool,
}

/// Restarts of a job after failures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restarts {
    /// How many in a row.
    pub count: u32,
    /// The latest.
    pub last_at: Option<Timestamp>,
}

/// The bytes that a remote jar had when it was fetched first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JarPin {
    /// Where it came from.
    pub origin: JarOrigin,
    /// What it was.
    pub digest: Digest,
}

/// The removal of a job whose document is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deletion {
    /// Since when the document is gone.
    pub since: Timestamp,
    /// Whether a person confirmed it beyond the limits.
    pub confirmed: bool,
}

/// The failure of the last step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// What failed: the step's verb.
    pub verb: String,
    /// How often in a row.
    pub count: u32,
    /// When it may be tried again.
    pub at: Timestamp,
    /// Why it failed.
    pub reason: Reason,
    /// Why it failed, in words, bounded.
    pub message: String,
}

/// What users were told last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedStatus {
    /// The generation that was last brought to the state it asks for.
    pub observed_generation: u64,
    /// The conditions.
    pub conditions: Vec<Condition>,
}

/// One condition, as Kubernetes spells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why.
    pub reason: Reason,
    /// Why, in words.
    pub message: String,
    /// When `status` last changed.
    pub last_transition_time: Timestamp,
    /// The generation it speaks of.
    pub observed_generation: u64,
}

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConditionType {
    /// The job does what the YAML says.
    Ready,
    /// The latest generation was applied.
    Reconciled,
    /// A person changed the job by hand.
    Drifted,
    /// Something takes longer than it may.
    Stalled,
    /// A snapshot can be used.
    Available,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// It does.
    True,
    /// It doesn't.
    False,
    /// Nobody knows now.
    Unknown,
}

/// What was recorded of one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRecord {
    /// Its id when it was last accepted as ours.
    pub cluster_id: Uuid,
    /// Since when.
    pub since: Timestamp,
}

/// What was recorded of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRecord {
    /// The revision that was last planned with.
    pub revision: String,
    /// When it was first seen.
    pub seen_at: Timestamp,
}

/// A person's word about a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Confirmation {
    /// When.
    pub at: Timestamp,
    /// Whether the state of the jobs concerned may go.
    pub discard_state: bool,
}

/// A person's wish that something be left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when; for good where absent.
    pub until: Option<Timestamp>,
}
