//! Jet jobs as members describe them.

use std::fmt;

/// Where a job is in its life, as a member reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobStatus {
    /// Accepted, or between two executions.
    NotRunning,
    /// Being started on the members.
    Starting,
    /// Running.
    Running,
    /// Stopped, to be resumed by a call.
    Suspended,
    /// Suspended while its snapshot is being exported.
    SuspendedExportingSnapshot,
    /// Ending, for whatever reason. Events never carry it.
    Completing,
    /// Ended by an error or by a user's cancel. Terminal.
    Failed,
    /// Ended by itself. Terminal.
    Completed,
    /// A status of a later protocol version.
    Unknown(i32),
}

impl JobStatus {
    /// The status for the protocol's number.
    pub fn from_id(id: i32) -> Self {
        match id {
            0 => Self::NotRunning,
            1 => Self::Starting,
            2 => Self::Running,
            3 => Self::Suspended,
            4 => Self::SuspendedExportingSnapshot,
            5 => Self::Completing,
            6 => Self::Failed,
            7 => Self::Completed,
            other => Self::Unknown(other),
        }
    }

    /// The protocol's number for the status.
    pub fn id(self) -> i32 {
        match self {
            Self::NotRunning => 0,
            Self::Starting => 1,
            Self::Running => 2,
            Self::Suspended => 3,
            Self::SuspendedExportingSnapshot => 4,
            Self::Completing => 5,
            Self::Failed => 6,
            Self::Completed => 7,
            Self::Unknown(id) => id,
        }
    }

    /// Whether the job can never run again.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Failed | Self::Completed)
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::NotRunning => "NOT_RUNNING",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Suspended => "SUSPENDED",
            Self::SuspendedExportingSnapshot => "SUSPENDED_EXPORTING_SNAPSHOT",
            Self::Completing => "COMPLETING",
            Self::Failed => "FAILED",
            Self::Completed => "COMPLETED",
            Self::Unknown(id) => return write!(f, "UNKNOWN({id})"),
        };
        f.write_str(name)
    }
}

/// How a job is to be stopped. Members accept all but [`CancelForceful`](Self::CancelForceful)
/// only while the job is RUNNING, and silently turn graceful into forceful (no snapshot) for jobs
/// without a processing guarantee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TerminateMode {
    /// Snapshot, stop, start again.
    RestartGraceful,
    /// Stop, start again from the last snapshot.
    RestartForceful,
    /// Snapshot, then suspend.
    SuspendGraceful,
    /// Suspend with the last snapshot.
    SuspendForceful,
    /// Snapshot, then cancel.
    CancelGraceful,
    /// Cancel in any state, SUSPENDED too; silently done on a job that has ended.
    CancelForceful,
}

impl TerminateMode {
    /// The protocol's number for the mode.
    pub fn id(self) -> i32 {
        match self {
            Self::RestartGraceful => 0,
            Self::RestartForceful => 1,
            Self::SuspendGraceful => 2,
            Self::SuspendForceful => 3,
            Self::CancelGraceful => 4,
            Self::CancelForceful => 5,
        }
    }
}

/// One line of the cluster's list of jobs, finished ones included as long as members keep them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSummary {
    /// A light job: no snapshots, no fault tolerance, no name.
    pub light: bool,
    /// The job's id.
    pub job_id: i64,
    /// Changes with every execution of the job.
    pub execution_id: i64,
    /// Status when the list was made.
    pub status: JobStatus,
    /// Milliseconds since the epoch, by the member's clock.
    pub submission_time: i64,
    /// Milliseconds since the epoch, by the member's clock; 0 while the job has not ended.
    pub completion_time: i64,
    /// FAILED because a user cancelled it.
    pub user_cancelled: bool,
    /// The job's name, or its id as text when it has none.
    pub name_or_id: String,
    /// Why it failed: a Java stack trace, cut at the client's `max_text_bytes`.
    pub failure_text: Option<String>,
    /// The query of a job made by SQL.
    pub sql_query: Option<String>,
    /// Why it is suspended, when it is.
    pub suspension_cause: Option<String>,
}

/// One item of a job's event stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEvent {
    /// The job's status changed.
    Status(JobStatusEvent),
    /// The reader was too slow and this many events were thrown away: ask for the status.
    Lagged(u64),
}

/// A change of a job's status. COMPLETING never occurs here, only in lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStatusEvent {
    /// The job's id.
    pub job_id: i64,
    /// Status before.
    pub previous: JobStatus,
    /// Status now.
    pub new: JobStatus,
    /// Caused by a call of a user, such as suspend, and not by the job or the cluster.
    pub user_requested: bool,
    /// The user's action (`Suspend`, `Resume`, `Restart`, `Cancel`) or the failure's text.
    pub description: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_keeps_its_number() {
        for id in 0..9 {
            assert_eq!(JobStatus::from_id(id).id(), id);
        }
    }
}
