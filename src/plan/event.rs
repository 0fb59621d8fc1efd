//! What happened, in the words that users read.

use serde::{Deserialize, Serialize};

use crate::resources::ResourceId;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What kind of thing.
    pub kind: EventKind,
    /// What it happened to; none for the daemon itself.
    pub resource: Option<ResourceId>,
    /// What happened, in words.
    pub message: String,
    /// The commit that it was done for, where one asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

impl EventKind {
    /// Whether it is done because a document asked for it, and not by the cluster or a person.
    pub fn may_be_asked_for(self) -> bool {
        matches!(
            self,
            Self::Submitted
                | Self::Renamed
                | Self::Configured
                | Self::Deleted
                | Self::UpgradeStarted
                | Self::UpgradeStable
                | Self::RolledBack
        )
    }
}

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// A job of ours was found on the cluster.
    Submitted,
    /// A job runs.
    Running,
    /// A job is suspended.
    Suspended,
    /// A job that ran before runs again: it was suspended or restarted.
    Resumed,
    /// A job was cancelled.
    Canceled,
    /// A batch job completed.
    Completed,
    /// A job failed.
    Failed,
    /// The cluster lost a job.
    Lost,
    /// A person changed a job by hand.
    Drifted,
    /// A job that somebody else made, or what was found again after the state was lost, is kept from now on.
    Adopted,
    /// The resource that declares a job has another name now.
    Renamed,
    /// A job's configuration was changed in place.
    Configured,
    /// A job is kept no longer.
    Deleted,
    /// An upgrade began.
    UpgradeStarted,
    /// The new version runs.
    UpgradeStable,
    /// The new version failed, and the old one runs again.
    RolledBack,
    /// A snapshot was exported.
    SnapshotExported,
    /// A snapshot could not be made.
    SnapshotFailed,
    /// A step failed.
    StepFailed,
    /// Something is held.
    Held,
    /// It is held no longer.
    Released,
    /// A person wants something left alone.
    Paused,
    /// It is left alone no longer.
    Unpaused,
    /// A person released a hold, or has a job taken over.
    Confirmed,
    /// A source can't be read.
    SourceFailed,
    /// It can be read again.
    SourceRecovered,
}
