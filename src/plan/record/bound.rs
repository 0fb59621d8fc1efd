//! The job that is ours, and what is under way with it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Deployed;
use crate::plan::hold::Reason;
use crate::plan::job::{Guarantee, JobId, JobStatus};
use crate::plan::snapshot::SnapshotFacts;
use crate::resources::jet_job::Nonce;

/// The job that is ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact with a life of its own"
)]
pub struct BoundJob {
    /// The cluster.
    pub cluster_id: Uuid,
    /// Its id there.
    pub id: JobId,
    /// The nonce of its upload; empty for an adopted job.
    pub nonce: String,
    /// What it was submitted with; of a job that was adopted or found again, what its document
    /// asked for then.
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
    /// Why it failed or was suspended by a failure, bounded; shared with whoever shows it.
    #[serde(default)]
    pub failure: Option<Arc<str>>,
    /// Who stopped it last, where it is suspended or cancelled.
    #[serde(default)]
    pub stopped_by: Option<StoppedBy>,
    /// When we asked for its suspension last, as long as that explains who stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend_asked: Option<Timestamp>,
    /// Seen gone from its cluster.
    #[serde(default)]
    pub gone: bool,
    /// The generation whose `jobConfig` was set on it while it was suspended.
    #[serde(default)]
    pub configured: Option<u64>,
    /// Seen RUNNING at least once.
    #[serde(default)]
    pub ran: bool,
    /// The cancel that we asked for and that may have been carried out, or may yet be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<CancelAsked>,
    /// The exported snapshot that it started from, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_from: Option<String>,
    /// Whether it may have started from one that is not known: no attempt of ours tells, nor its configuration.
    #[serde(default, skip_serializing_if = "is_false")]
    pub start_unknown: bool,
    /// Whether it committed a snapshot of its own, so that it needs that one no longer.
    #[serde(default)]
    pub own_snapshot: bool,
    /// Whether it is known of a job that FAILED that it had committed no snapshot of its own, for it
    /// ended too soon to make one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ended_uncommitted: bool,
    /// Whether we asked for a restart of which no member has told yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub restart_asked: bool,
    /// The execution that ended in the latest restart that a member told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted: Option<i64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

impl BoundJob {
    /// Whether it still can run: not ended, not lost.
    pub fn is_active(&self) -> bool {
        !self.gone && !self.status.is_terminal()
    }
}

/// How a job's end was asked for. It stays known when what it was asked for is no longer wanted: it
/// explains the job's end, should that come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelAsked {
    /// Whether a snapshot secures its state; else that may go: its document or a person said so, or it
    /// has none.
    pub secured: bool,
    /// When the latest request was accepted, or its answer given up; none while it is on its way.
    pub sent_at: Option<Timestamp>,
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
    /// Whether users were told that it began.
    #[serde(default)]
    pub told: bool,
    /// The snapshot of the job's state that it makes and goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<OperationSnapshot>,
    /// What the job was submitted with: a rollback starts that again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Deployed>,
    /// How often the job was suspended for it since the last export, which begins only once it is.
    #[serde(default)]
    pub suspends: u32,
    /// Exports of this operation that failed.
    #[serde(default)]
    pub failures: ExportFailures,
}

impl Operation {
    /// What a rollback starts again; none where that isn't known: of a job that was adopted.
    pub fn old_version(&self) -> Option<&Deployed> {
        let known = |it: &&Deployed| it.jar.is_some() || it.jar_on_member.is_some();
        self.from.as_ref().filter(known)
    }

    /// The snapshot that it made, where that was read back: only from such a one a job starts.
    pub fn whole_snapshot(&self) -> Option<&OperationSnapshot> {
        let snapshot = self.snapshot.as_ref();
        snapshot.filter(|snapshot| snapshot.facts.is_some())
    }

    /// The name of the snapshot that it made of this job, and what was read back of it.
    pub fn snapshot_of(&self, job: JobId) -> Option<(&str, &SnapshotFacts)> {
        let snapshot = self.snapshot.as_ref()?;
        let facts = snapshot.facts.as_ref().filter(|facts| facts.job == job)?;
        Some((&snapshot.name, facts))
    }

    /// Whether it comes to cancel the job that it began with.
    pub fn cancels(&self) -> bool {
        use OperationKind as Kind;
        !matches!(self.kind, Kind::Configure | Kind::Pause)
    }

    /// Whether it replaces a job by another version of it.
    pub fn is_upgrade(&self) -> bool {
        use OperationKind as Kind;
        matches!(self.kind, Kind::Replace | Kind::Upgrade | Kind::Rollback)
    }
}

/// Exports that failed in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportFailures {
    /// How many.
    pub count: u32,
    /// Whether the job is to run again before the next try.
    #[serde(default)]
    pub resume: bool,
    /// When the last one failed.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// Why, in one word.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// Why, in words.
    #[serde(default)]
    pub message: String,
}

/// The snapshot that an operation makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationSnapshot {
    /// Its name.
    pub name: String,
    /// What was read back of it; none until it is exported.
    pub facts: Option<SnapshotFacts>,
    /// Whether a `JetJobSnapshot` asked for it: it belongs to that, and is never surplus.
    #[serde(default)]
    pub declared: bool,
}

impl OperationSnapshot {
    /// Its name, if it is to be deleted once nothing needs it.
    pub fn surplus(self) -> Option<String> {
        (!self.declared).then_some(self.name)
    }
}

/// A snapshot of ours that a job can be started from again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptSnapshot {
    /// Its name.
    pub name: String,
    /// What was read back of it.
    pub facts: SnapshotFacts,
    /// The cluster that it is on.
    pub cluster_id: Uuid,
    /// Whether it is never surplus: a `JetJobSnapshot` asked for it and it belongs to that, or it was found
    /// again after the record of it was lost.
    #[serde(default)]
    pub declared: bool,
    /// Whether it was told that members may have left entries out of it, where they may have.
    #[serde(default)]
    pub cautioned: bool,
}

impl KeptSnapshot {
    /// Its name, if it is to be deleted once nothing needs it.
    pub fn surplus(self) -> Option<String> {
        (!self.declared).then_some(self.name)
    }
}

/// A job that a snapshot's document ended on purpose (`cancelJob`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndedBy {
    /// The job.
    pub job: JobId,
    /// The job's generation then; a later one starts it again.
    pub generation: u64,
}

/// A version that failed and was rolled back; it isn't tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejected {
    /// What it was submitted with.
    pub deployed: Deployed,
    /// Why it was rolled back.
    pub why: String,
}

/// Kinds of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationKind {
    /// Suspend, update the configuration, resume.
    Configure,
    /// Cancel, then submit anew without state.
    Replace,
    /// Suspend, export, cancel, submit the new version from the snapshot.
    Upgrade,
    /// Suspend, export for a snapshot's document, resume.
    Pause,
    /// Suspend, export for a snapshot's document, cancel.
    End,
    /// Stop the new version, submit the old one from the snapshot of the upgrade.
    Rollback,
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
    /// Whether the document asked for another version or another run of the job already: that is no answer
    /// to what was done since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asked_before: bool,
}

impl Drift {
    /// What was done, in words: a job that a person cancelled is FAILED to its members.
    pub fn words(&self) -> String {
        match self.status {
            JobStatus::Failed => "cancelled by hand".to_owned(),
            status => format!("{status} by hand"),
        }
    }
}

/// Restarts of a job after failures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restarts {
    /// How many in a row.
    pub count: u32,
    /// The latest.
    pub last_at: Option<Timestamp>,
    /// Whether a person asked for the next one, beyond the policy.
    #[serde(default)]
    pub confirmed: bool,
}

/// What of restarts counted as done before the latest one was asked for: true again should that one
/// not have been carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestartsDone {
    /// The restart nonce.
    #[serde(default)]
    pub nonce: Option<Nonce>,
    /// Whether `state: Restarted` was acted on.
    #[serde(default)]
    pub by_state: bool,
}

/// A restart whose request had no answer: the job's execution tells whether it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SoughtRestart {
    /// The job.
    pub job: JobId,
    /// Its execution before; another one proves the restart.
    pub execution_id: i64,
    /// When the answer was given up.
    pub at: Timestamp,
}
