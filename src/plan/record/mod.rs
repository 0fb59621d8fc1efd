//! What the store knows that we did. Only what can't be observed again is in it.

mod attempt;
mod bound;
mod condition;
mod deed;
mod job;
mod snapshot;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use attempt::{Attempt, Deployed, StartSnapshot, UploadEnd, UploadOutcome};
pub use bound::{
    BoundJob, CancelAsked, Drift, EndedBy, ExportFailures, KeptSnapshot, Operation, OperationKind,
    OperationSnapshot, Rejected, Restarts, RestartsDone, SoughtRestart, StoppedBy,
};
pub use condition::{Condition, ConditionStatus, ConditionType, LastKnown, RecordedStatus};
pub use deed::Deed;
pub use job::{Deletion, JarPin, JobRecord, Retry};
pub use snapshot::{ExportedSnapshot, SnapshotRecord, SnapshotState};
pub use told::{
    Cause, CommitState, CommitStatus, Incident, Mark, News, Notification, Scope, Told, Urgency,
};

use super::hold::HoldId;
use super::step::Step;
use crate::resources::{Anchor, HazelcastSpec, Place, ResourceId, SourceName};

/// Everything recorded. Cloning is cheap: records are shared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorded {
    /// The store's own identity, made with it.
    pub store_id: String,
    /// Whether the store was created by this run and nothing was recorded in it yet.
    pub fresh: bool,
    /// The jobs, by resource name.
    pub jobs: BTreeMap<String, Arc<JobRecord>>,
    /// The snapshots, by resource name.
    pub snapshots: BTreeMap<String, Arc<SnapshotRecord>>,
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
    /// What receivers of notifications were told and are to be told.
    pub told: Told,
}

/// What was recorded of one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRecord {
    /// Its id when it was last accepted as ours.
    pub cluster_id: Uuid,
    /// Since when.
    pub since: Timestamp,
    /// The last good document about it; none where there never was one, or where no job refers to it
    /// any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<ClusterDocument>,
}

impl ClusterRecord {
    /// The record of a cluster of which no document is known.
    pub fn new(cluster_id: Uuid, since: Timestamp) -> Self {
        Self {
            cluster_id,
            since,
            document: None,
        }
    }
}

/// The last good document about a cluster: it stays in force while jobs refer to the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterDocument {
    /// Counts the changes of `spec`, from 1.
    pub generation: u64,
    /// Where it stood.
    pub place: Place,
    /// What it said.
    pub spec: Arc<HazelcastSpec>,
}

/// What was recorded of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRecord {
    /// The revision that was last planned with.
    pub revision: String,
    /// When it was first seen.
    pub seen_at: Timestamp,
    /// The jobs of the source whose deletion began without a person's word, and when: how many those
    /// of an hour are is limited.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub deletions: BTreeMap<String, Timestamp>,
    /// The same of its snapshots that go from their clusters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub snapshot_deletions: BTreeMap<String, Timestamp>,
    /// Since when deletions are held because there were too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Timestamp>,
    /// The last commit that was verified and in force, where the source has a history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// A commit that a person let in although it doesn't go on from the anchor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<String>,
    /// The last commit that was noted as refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The commit in force as it was last written into the map of each cluster.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub anchored: BTreeMap<String, Anchored>,
    /// Where that failed, by cluster.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub retries: BTreeMap<String, Retry>,
}

/// A commit that was written into a cluster's map, or that a person said may be replaced there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Anchored {
    /// The commit.
    pub commit: String,
    /// When.
    pub at: Timestamp,
}

impl SourceRecord {
    /// A record of a revision of which nothing was deleted yet.
    pub fn new(revision: String, seen_at: Timestamp) -> Self {
        Self {
            revision,
            seen_at,
            deletions: BTreeMap::new(),
            snapshot_deletions: BTreeMap::new(),
            held_since: None,
            anchor: None,
            released: None,
            refused: None,
            anchored: BTreeMap::new(),
            retries: BTreeMap::new(),
        }
    }
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
