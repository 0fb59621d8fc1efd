//! An attempt to submit a job, and what is submitted.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::plan::hold::{HoldClass, Reason};
use crate::plan::job::JobId;
use crate::plan::observed::Lists;
use crate::plan::snapshot::SnapshotFacts;
use crate::plan::step::Remember;
use crate::resources::Digest;
use crate::resources::jet_job::SecretParameter;

/// What a job was, or is to be, submitted with: what an upgrade changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployed {
    /// The jar's bytes; none for a jar on the members, and as long as they are not known of a job
    /// that was adopted or found again.
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
    /// The exported snapshot that it is to start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<StartSnapshot>,
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
    /// What its document and its policies ask to be done once, and that is done once the job of
    /// this attempt is found.
    #[serde(default)]
    pub fulfils: Remember,
}

/// The exported snapshot that a job is to start from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartSnapshot {
    /// Its name.
    pub name: String,
    /// What was read back of it, where we know; it must still read so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<SnapshotFacts>,
    /// Whether it may be a fork of a job that is still active.
    #[serde(default)]
    pub fork_allowed: bool,
}

impl StartSnapshot {
    /// One that was read back before, of a job that is no question.
    pub fn known(name: &str, facts: &SnapshotFacts) -> Self {
        Self {
            name: name.to_owned(),
            facts: Some(facts.clone()),
            fork_allowed: true,
        }
    }
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
    /// What the member said, bounded, without secrets.
    #[serde(default)]
    pub message: String,
    /// The member that got it, where known.
    #[serde(default)]
    pub member: Option<Uuid>,
    /// The list that was ordered when it had ended; none where an earlier run began it.
    #[serde(default)]
    pub lists: Option<Lists>,
}

impl UploadEnd {
    /// Whether it was refused for a reason that passes by itself.
    pub fn is_transient(&self) -> bool {
        let waits = |reason: Reason| reason.class() == HoldClass::Waiting;
        self.outcome == UploadOutcome::Refused && self.reason.is_some_and(waits)
    }
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
