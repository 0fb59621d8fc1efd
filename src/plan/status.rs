//! Status as users see it: the operator's names, and ours beside them.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::hold::Hold;
use super::job::JobId;
use super::record::{Condition, SnapshotState};
use super::snapshot::Strategy;
use crate::resources::Digest;

/// `status` of a `JetJob`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobStatusReport {
    /// The job's id on its cluster, a number as the operator has it; 0 where there is none. It has up
    /// to 64 bits, more than programs keep that take numbers for floating point: these read
    /// `jobIdText`.
    pub id: i64,
    /// The same as Hazelcast writes it.
    #[serde(default, with = "text", skip_serializing_if = "Option::is_none")]
    pub job_id_text: Option<JobId>,
    /// The job's phase.
    pub phase: Phase,
    /// Where in its life it is.
    pub lifecycle_state: LifecycleState,
    /// The generation that was last brought to the state it asks for.
    pub observed_generation: u64,
    /// When it was submitted, by the members' clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submission_time: Option<Timestamp>,
    /// When it ended, by the members' clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Timestamp>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_text: Option<Arc<str>>,
    /// Why it is suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspension_cause: Option<Arc<str>>,
    /// The jar that was submitted; absent where the members have it, or somebody else submitted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jar: Option<JarReport>,
    /// The newest snapshot that was exported of its state and is on its cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_snapshot: Option<LastSnapshot>,
    /// The conditions.
    pub conditions: Vec<Condition>,
    /// Why something is not done.
    pub holds: Vec<Hold>,
}

/// The newest exported snapshot of a job's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastSnapshot {
    /// Its name on the cluster.
    pub name: String,
    /// When it was taken, by the members' clock.
    pub time: Timestamp,
}

/// `status` of a `JetJobSnapshot`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotStatusReport {
    /// How far it is.
    pub state: SnapshotState,
    /// Why it is not further.
    pub message: String,
    /// When the snapshot was taken, by the members' clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<Timestamp>,
    /// The cluster, by its resource's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hazelcast_resource_name: Option<String>,
    /// The job's number of the snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<i64>,
    /// The job, as Hazelcast writes its id.
    #[serde(default, with = "text", skip_serializing_if = "Option::is_none")]
    pub job_id_text: Option<JobId>,
    /// The job's name on its cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// Bytes of all chunks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_bytes: Option<i64>,
    /// Number of chunks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_chunks: Option<i64>,
    /// How it was asked to be made, where the document says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// Whether the job went on from the very state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fork: Option<bool>,
    /// The conditions.
    pub conditions: Vec<Condition>,
    /// Why something is not done.
    pub holds: Vec<Hold>,
}

/// The jar that was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JarReport {
    /// Its digest.
    pub sha256: Digest,
}

/// A job's phase, in the operator's words and `Canceled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// The cluster lost it.
    Failed,
    /// Not running: it was not submitted yet, or the cluster can't start it now.
    NotRunning,
    /// Starting.
    Starting,
    /// Running.
    Running,
    /// Suspended.
    Suspended,
    /// Suspended while its state is exported.
    SuspendedExportingSnapshot,
    /// Stopping.
    Completing,
    /// It failed.
    ExecutionFailed,
    /// Completed.
    Completed,
    /// Cancelled by somebody.
    Canceled,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Where in its life a resource is, in the words of the Flink operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LifecycleState {
    /// Declared, and no job was submitted of it yet.
    Created,
    /// Suspended as asked.
    Suspended,
    /// A new version is on its way, or the one before on its way back.
    Upgrading,
    /// Submitted; what the document asks for is not all done.
    Deployed,
    /// All that the document asks for is done: the job runs, or has completed.
    Stable,
    /// The job failed or is lost, or none can be submitted until somebody changes something.
    Failed,
    /// The document is gone, and the job is on its way out.
    Deleting,
}

impl fmt::Display for LifecycleState {
    /// As JSON spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "CREATED",
            Self::Suspended => "SUSPENDED",
            Self::Upgrading => "UPGRADING",
            Self::Deployed => "DEPLOYED",
            Self::Stable => "STABLE",
            Self::Failed => "FAILED",
            Self::Deleting => "DELETING",
        })
    }
}

/// Ids as text: they have more bits than programs keep that take numbers for floating point.
mod text {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::JobId;

    #[expect(clippy::ref_option, reason = "serde passes fields by reference")]
    pub(super) fn serialize<S: Serializer>(id: &Option<JobId>, to: S) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => to.collect_str(id),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<JobId>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let id = text.map(|text| text.parse().map_err(D::Error::custom));
        id.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_id_is_as_hazelcast_writes_it() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Status {
            #[serde(default, with = "text", skip_serializing_if = "Option::is_none")]
            id: Option<JobId>,
        }
        for (id, json) in [
            (
                Some(JobId(0x0adf_8fef_9a80_0001)),
                r#"{"id":"0adf-8fef-9a80-0001"}"#,
            ),
            (None, "{}"),
        ] {
            let status = Status { id };
            assert_eq!(serde_json::to_string(&status).unwrap(), json);
            assert_eq!(serde_json::from_str::<Status>(json).unwrap(), status);
        }
    }
}
