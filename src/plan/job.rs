//! A job as a cluster knows it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::observed::Seen;

/// A job's id on its cluster. Its text is that of Hazelcast: `0adf-8fef-9a80-0001`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub i64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:016x}", self.0.cast_unsigned());
        for (index, digit) in hex.chars().enumerate() {
            if index > 0 && index % 4 == 0 {
                f.write_str("-")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

impl FromStr for JobId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(&text.replace('-', ""), 16).map(|id| Self(id.cast_signed()))
    }
}

/// A job's status, as Hazelcast names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobStatus {
    /// Submitted, or between two executions.
    NotRunning,
    /// Being started.
    Starting,
    /// Running.
    Running,
    /// Suspended, its state kept.
    Suspended,
    /// Suspended while its state is exported.
    SuspendedExportingSnapshot,
    /// A termination is under way.
    Completing,
    /// Failed, or cancelled.
    Failed,
    /// Completed.
    Completed,
}

impl JobStatus {
    /// Whether the job will never run again.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Failed | Self::Completed)
    }

    /// The status as Hazelcast spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotRunning => "NOT_RUNNING",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Suspended => "SUSPENDED",
            Self::SuspendedExportingSnapshot => "SUSPENDED_EXPORTING_SNAPSHOT",
            Self::Completing => "COMPLETING",
            Self::Failed => "FAILED",
            Self::Completed => "COMPLETED",
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a job keeps when it is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Guarantee {
    /// Nothing: it has no state to lose.
    None,
    /// Its state; records may be processed twice.
    AtLeastOnce,
    /// Its state; records count once.
    ExactlyOnce,
}

impl Guarantee {
    /// Whether the job has state that a snapshot would keep.
    pub fn keeps_state(self) -> bool {
        self != Self::None
    }
}

/// The settings of a job that can be changed while it is suspended, as a member told them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the member's own switches"
)]
pub struct JobSettings {
    /// Time between two snapshots.
    pub snapshot_interval: SignedDuration,
    /// Suspend instead of failing.
    pub suspend_on_failure: bool,
    /// Restart when members come and go.
    pub auto_scaling: bool,
    /// Restart after a split only on the bigger side.
    pub split_brain_protection: bool,
    /// Collect metrics.
    pub metrics_enabled: bool,
    /// Keep metrics after the end.
    pub store_metrics_after_job_completion: bool,
    /// The most records that a processor may accumulate.
    pub max_processor_accumulated_records: i64,
    /// Cancelled after this long; zero for never.
    pub timeout: SignedDuration,
}

/// What a job was submitted with, as a member told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobConfigView {
    /// The nonce of the upload that made it, where it was one of ours.
    pub nonce: Option<String>,
    /// The names of the jars in it.
    pub resource_ids: Vec<String>,
    /// What it keeps.
    pub guarantee: Guarantee,
    /// Whether it may be suspended at all (`__jet.jobIsSuspendable`).
    pub suspendable: bool,
    /// The exported snapshot that it was started from, if any; not known where an argument hides it.
    pub initial_snapshot: Seen<Option<String>>,
    /// What can be changed.
    pub settings: JobSettings,
}

/// One job of a cluster's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    /// Its id.
    pub id: JobId,
    /// Its name, or its id's text where it has none.
    pub name: String,
    /// Its status.
    pub status: JobStatus,
    /// Changes with every restart.
    pub execution_id: i64,
    /// When it was submitted, by the members' clock.
    pub submitted_at: Timestamp,
    /// When it ended, by the members' clock.
    pub completed_at: Option<Timestamp>,
    /// Whether a person or program cancelled it.
    pub user_cancelled: bool,
    /// Whether the last change of status was asked for, where an event told.
    pub user_requested: Option<bool>,
    /// The execution that a person or program ended by a restart, the latest one that was told of.
    pub restarted: Option<i64>,
    /// Why it failed, bounded to 2 KiB.
    pub failure: Option<Arc<str>>,
    /// Why it was suspended, where it wasn't asked for, bounded to 2 KiB.
    pub suspension_failure: Option<Arc<str>>,
    /// What it was submitted with; read only for names that we manage.
    pub config: Option<Arc<JobConfigView>>,
}
