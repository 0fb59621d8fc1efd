//! The job that is ours, and what is under way with it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Deployed;
use crate::plan::job::{Guarantee, JobId, JobStatus};

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
    /// Seen gone from its cluster.
    #[serde(default)]
    pub gone: bool,
    /// The generation whose `jobConfig` was set on it while it was suspended.
    #[serde(default)]
    pub configured: Option<u64>,
    /// Seen RUNNING at least once.
    #[serde(default)]
    pub ran: bool,
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
    /// Whether users were told that it began.
    #[serde(default)]
    pub told: bool,
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
    /// Whether a person asked for the next one, beyond the policy.
    #[serde(default)]
    pub confirmed: bool,
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
