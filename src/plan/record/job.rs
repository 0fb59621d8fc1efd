//! What was recorded of one job: its document in force, what was done for it, what is still open.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Attempt, BoundJob, Deed, Drift, EndedBy, KeptSnapshot, Operation, OperationKind,
    OperationSnapshot, RecordedStatus, Rejected, Restarts, RestartsDone, SoughtRestart,
};
use crate::plan::hold::Reason;
use crate::plan::job::{Guarantee, JobId};
use crate::plan::ownership::OwnershipEntry;
use crate::resources::desired::Annotations;
use crate::resources::jet_job::{DesiredState, Nonce};
use crate::resources::{Digest, JarOrigin, JetJobSpec, Place};

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
    /// The commit that the spec came with, or that removed the document; none where its source has no
    /// history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Counts the attempts to submit; gives each its nonce.
    #[serde(default)]
    pub attempts: u64,
    /// The attempt to submit that isn't bound to a job yet.
    #[serde(default)]
    pub attempt: Option<Attempt>,
    /// The nonce of our latest claim, where its upload failed before anything was sent: the next try
    /// needs no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsent: Option<String>,
    /// Our entry in the ownership map as we wrote it last.
    #[serde(default)]
    pub entry: Option<OwnershipEntry>,
    /// When the entry was known to be written; none where a version before this one wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_since: Option<Timestamp>,
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
    /// What was acted on of these two before the latest restart.
    #[serde(default)]
    pub before_restart: RestartsDone,
    /// A restart of which it is not known whether it was done.
    #[serde(default)]
    pub sought_restart: Option<SoughtRestart>,
    /// Restarts after failures.
    #[serde(default)]
    pub restarts: Restarts,
    /// The bytes that a remote jar had when it was fetched first.
    #[serde(default)]
    pub pin: Option<JarPin>,
    /// Set once the document is gone and its removal is under way.
    #[serde(default)]
    pub deletion: Option<Deletion>,
    /// What a person said may be done although the job's state goes with it. A version with another jar
    /// was not spoken of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discard_for: Option<Deed>,
    /// Whether a person said that what the document asks for may begin outside of the windows of its source.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outside_windows: bool,
    /// Whether the record was rebuilt from a cluster and nobody confirmed it yet.
    #[serde(default)]
    pub rebuilt: bool,
    /// The newest snapshot that was made of its state for an upgrade or its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptSnapshot>,
    /// Names of snapshots of ours that were made of its state before, and are to be deleted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub surplus: BTreeSet<String>,
    /// Names of those with state that a new version had no place for: they stay until a person says that
    /// this state may stay behind.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub pinned: BTreeSet<String>,
    /// The version that was rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Rejected>,
    /// Set once a snapshot's document ended the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<EndedBy>,
    /// Whether a person said that it may start from a fork of a job that is active.
    #[serde(default)]
    pub fork_allowed: bool,
    /// The last failure of a step, until one of the same kind succeeds or what is wanted changes.
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
            revision: None,
            attempts: 0,
            attempt: None,
            unsent: None,
            entry: None,
            entry_since: None,
            released: false,
            job: None,
            operation: None,
            drift: None,
            restart_nonce: None,
            redeploy_nonce: None,
            restarted: false,
            before_restart: RestartsDone::default(),
            sought_restart: None,
            restarts: Restarts::default(),
            pin: None,
            deletion: None,
            discard_for: None,
            outside_windows: false,
            rebuilt: false,
            kept: None,
            surplus: BTreeSet::new(),
            pinned: BTreeSet::new(),
            rejected: None,
            ended_by: None,
            fork_allowed: false,
            retry: None,
            status: RecordedStatus::default(),
        }
    }
}

impl JobRecord {
    /// Forgets the operation. What it may have left of a snapshot that was not read back is to be
    /// deleted.
    pub fn end_operation(&mut self) {
        self.forget_half_snapshot();
        self.operation = None;
    }

    /// Whether the document of a snapshot asked for this job's end, and its own says nothing new since.
    pub fn is_ended_by_snapshot(&self, job: JobId) -> bool {
        let ended = self.ended_by.as_ref();
        ended.is_some_and(|ended| ended.job == job && ended.generation == self.generation)
    }

    /// Whether the job is a new version that is still to show that it can stay.
    pub fn is_judged(&self) -> bool {
        let operation = self.operation.as_ref();
        let upgrade = operation.filter(|operation| operation.kind == OperationKind::Upgrade);
        let job = self.job.as_ref().map(|job| job.id);
        upgrade.is_some_and(|operation| Some(operation.job) != job)
    }

    /// Whether the document still asks for the restart that was asked for last.
    pub fn wants_sought_restart(&self) -> bool {
        let before = &self.before_restart;
        let by_nonce = self.restart_nonce != before.nonce
            && self.restart_nonce.is_some()
            && self.spec.restart_nonce == self.restart_nonce;
        let by_state = self.restarted && !before.by_state;
        by_nonce || (by_state && self.spec.state == DesiredState::Restarted)
    }

    /// Whether it needs this snapshot still: its job's own first one isn't there, or that will never make one,
    /// or it is to be started from it.
    pub fn needs_snapshot(&self, name: &str) -> bool {
        let job = self.job.as_ref().filter(|job| job.is_active());
        let running = job.is_some_and(|job| {
            let alone = job.guarantee == Some(Guarantee::None) || !job.own_snapshot;
            job.started_from.as_deref() == Some(name) && alone
        });
        let attempt = self.attempt.as_ref();
        let start = attempt.and_then(|attempt| attempt.snapshot.as_ref());
        let starting = start.is_some_and(|snapshot| snapshot.name == name);
        // What it was ended with, and goes on from.
        let kept = self.kept.as_ref().is_some_and(|kept| kept.name == name);
        let goes_on = kept && self.deletion.is_none() && !job.is_some_and(|job| job.own_snapshot);
        running || starting || goes_on
    }

    /// Forgets a snapshot that the operation began and that was not read back; it is to be deleted.
    pub fn forget_half_snapshot(&mut self) {
        if let Some(operation) = &mut self.operation {
            let half = operation.snapshot.take_if(|it| it.facts.is_none());
            self.surplus
                .extend(half.and_then(OperationSnapshot::surplus));
        }
    }
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

/// The removal of a job whose document is gone. It is recorded once it is within the limits or a
/// person confirmed it; later deletions don't hold it up again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deletion {
    /// Since when the document is gone.
    pub since: Timestamp,
    /// Whether a person confirmed it.
    pub confirmed: bool,
}

/// More than the longest pause that is ever made.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(6);

impl Retry {
    /// Whether the pause goes on. A time further ahead than any pause was noted by a clock that was put
    /// back since.
    pub fn goes_on(&self, now: Timestamp) -> bool {
        self.at > now && self.at.duration_since(now) <= LONGEST_PAUSE
    }
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
