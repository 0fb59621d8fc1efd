//! Snapshots of a job's state, as planning knows them.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::job::JobId;
use crate::resources::{Kind, ResourceId};

/// The map in which the makers of exported snapshots sign them, by the snapshot's name.
pub const SNAPSHOT_MARKS: &str = "jetkeeper.snapshots";

/// Where a job's own snapshots stand, as its master stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The last committed snapshot; none before the first.
    pub committed: Option<i64>,
    /// The snapshot that was begun last; -1 before the first.
    pub begun: i64,
    /// Whether the last snapshot failed. Why is what the job's own code said, and not kept.
    pub failed: bool,
    /// Whether the job is suspended.
    pub suspended: bool,
    /// The vertices of its DAG, as its last committed snapshot tells.
    #[serde(default)]
    pub vertices: BTreeSet<String>,
}

impl Standing {
    /// The snapshot that a suspended job was suspended with, where it is committed: nothing that the
    /// job did is missing in it.
    pub fn terminal(&self) -> Option<i64> {
        let complete = self.suspended && !self.failed;
        self.committed
            .filter(|committed| complete && *committed == self.begun)
    }
}

/// What is known of an exported snapshot that was read back from its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotFacts {
    /// The job's number of the snapshot.
    pub snapshot_id: i64,
    /// The job that it was taken of.
    pub job: JobId,
    /// That job's name.
    pub job_name: String,
    /// When it was taken, by the members' clock.
    pub created_at: Timestamp,
    /// Its chunks.
    pub chunks: i64,
    /// Bytes of all chunks.
    pub bytes: i64,
    /// The vertices that have state in it; empty where only the validation record was read.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub stateful: BTreeSet<String>,
}

impl SnapshotFacts {
    /// Whether two readings are of the same snapshot.
    pub fn is_same(&self, other: &Self) -> bool {
        let identity = |it: &Self| (it.snapshot_id, it.job, it.created_at, it.chunks, it.bytes);
        identity(self) == identity(other)
    }

    /// A word of caution where members may have left entries out, to be put behind what is told of the
    /// snapshot. They have so many chunks at most on their way into a
    /// snapshot's map, and lose what is handed over while they wait (5.5.0 and 5.7.0: `StoreSnapshotTasklet`
    /// overlooks the refusal); what is short of a full chunk waits elsewhere, and is not lost.
    pub fn caution(&self) -> Option<&'static str> {
        const ON_THEIR_WAY: i64 = 1_000;
        const LONG: i64 = 64 * 1024;
        let may_lack = self.chunks >= ON_THEIR_WAY && self.bytes / self.chunks >= LONG;
        may_lack.then_some(
            "with so many long chunks members may have left entries of the state out (docs/snapshots.md, Limits)",
        )
    }
}

/// How a snapshot is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// The members export it: Enterprise.
    Native,
    /// The entries of the job's own snapshot are copied.
    Copy,
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "Native",
            Self::Copy => "Copy",
        })
    }
}

/// What the maker of an exported snapshot signs it with. It is written before the first entry of the
/// snapshot, so that nobody else takes the name, and outlives the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotMark {
    /// The owner, from the configuration.
    pub owner: String,
    /// The resource that it was made for.
    pub resource: ResourceId,
    /// The job.
    pub job: JobId,
    /// When the export began, by the maker's clock.
    pub begun_at: Timestamp,
    /// Whether the job went on from the very state: it may hold prepared transactions of that job,
    /// so starting from it while that job is active could commit or roll back what is not its own.
    pub fork: bool,
}

/// Who made a snapshot, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotMaker {
    /// The owner of the daemon.
    pub owner: String,
    /// The resource that it was made for.
    pub resource: ResourceId,
}

impl SnapshotMaker {
    /// Whether a snapshot with this mark is this one's. What a job's own plan exports has a name that
    /// nothing else gets, and stays the job's when its document is renamed.
    pub fn made(&self, mark: &SnapshotMark) -> bool {
        let of_jobs = (self.resource.kind, mark.resource.kind) == (Kind::JetJob, Kind::JetJob);
        self.owner == mark.owner && (of_jobs || self.resource == mark.resource)
    }
}

/// An exported snapshot as it was read back: whole, and who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadBack {
    /// What its validation record says.
    pub facts: SnapshotFacts,
    /// Who made it, where one of us did.
    pub mark: Option<SnapshotMark>,
}

/// An exported snapshot as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedSnapshot {
    /// Its name.
    pub name: String,
    /// What its validation record says; none where it is signed but has none: an export under way,
    /// or one that broke off.
    pub facts: Option<SnapshotFacts>,
    /// Who made it, where one of us did.
    pub mark: Option<SnapshotMark>,
}
