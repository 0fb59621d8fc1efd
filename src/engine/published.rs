//! What the engine shows to readers after every pass.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::hold::Hold;
use crate::plan::record::{JobRecord, Pause, SnapshotRecord};
use crate::plan::status::{JobStatusReport, SnapshotStatusReport};
use crate::resources::desired::Annotations;
use crate::resources::jet_job_snapshot::JetJobSnapshotSpec;
use crate::resources::schema::API_VERSION;
use crate::resources::{Fault, HazelcastSpec, JetJobSpec, Place, ResourceId, Shared, SourceName};

/// Everything that readers may see, as of one pass. Cloning the `Arc` is all a reader does.
#[derive(Debug, Clone, Default)]
pub struct Published {
    /// Counts the passes.
    pub pass: u64,
    /// When the pass was made; none before the first.
    pub at: Option<Timestamp>,
    /// The jobs, by resource name.
    pub jobs: Shared<BTreeMap<String, Arc<JobResource>>>,
    /// The snapshots, by resource name.
    pub snapshots: BTreeMap<String, Arc<SnapshotResource>>,
    /// The clusters, by resource name.
    pub hazelcasts: BTreeMap<String, Arc<HazelcastResource>>,
    /// Everything that is held.
    pub holds: Arc<[Hold]>,
    /// The steps that the pass planned, in words, in order.
    pub steps: Arc<[PlannedStep]>,
    /// The steps that are being carried out.
    pub in_flight: Arc<[PlannedStep]>,
    /// What is wrong with the documents.
    pub faults: Arc<[Fault]>,
    /// The sources and their latest revisions.
    pub sources: BTreeMap<SourceName, SourceReport>,
    /// What is paused.
    pub pauses: Vec<(Option<ResourceId>, Pause)>,
    /// Whether there is nothing left to do now: no step planned or in flight, nothing Waiting.
    pub settled: bool,
    /// When the next pass is made at the latest.
    pub next_wake: Option<Timestamp>,
}

/// A step in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// What it is done for.
    pub resource: ResourceId,
    /// What it does, in one word.
    pub verb: String,
    /// What it does.
    pub message: String,
}

/// A source and its latest revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceReport {
    /// The revision.
    pub revision: String,
    /// Whether it is there; with trouble, whether it was when it could be read last.
    pub present: bool,
    /// Why the revision may not be the latest: the source can't be read now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// How many errors its documents have.
    pub errors: usize,
    /// When the revision was first seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Timestamp>,
}

/// A `JetJob` with its status, as `get -o json` shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobResource {
    /// `hazelcast.com/v1alpha1`.
    pub api_version: String,
    /// `JetJob`.
    pub kind: String,
    /// Name, generation, place.
    pub metadata: Metadata,
    /// The spec in force; absent as long as the document was never without faults.
    #[serde(default, skip_serializing_if = "is_job_unread")]
    pub spec: Arc<JetJobSpec>,
    /// Its status.
    pub status: Arc<JobStatusReport>,
}

/// A `JetJobSnapshot` with its status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotResource {
    /// `hazelcast.com/v1alpha1`.
    pub api_version: String,
    /// `JetJobSnapshot`.
    pub kind: String,
    /// Who and where it is.
    pub metadata: Metadata,
    /// The spec in force; absent as long as the document was never without faults.
    #[serde(default, skip_serializing_if = "is_snapshot_unread")]
    pub spec: Arc<JetJobSnapshotSpec>,
    /// The status.
    pub status: Arc<SnapshotStatusReport>,
}

/// Every job names a cluster.
fn is_job_unread(spec: &Arc<JetJobSpec>) -> bool {
    spec.hazelcast_resource_name.is_empty()
}

/// Every snapshot names a job.
fn is_snapshot_unread(spec: &Arc<JetJobSnapshotSpec>) -> bool {
    spec.jet_job_resource_name.is_empty()
}

/// What stands for the spec of a cluster whose document was never without faults.
pub(super) fn unread_cluster() -> HazelcastSpec {
    HazelcastSpec {
        cluster_name: String::new(),
        ..HazelcastSpec::default()
    }
}

/// Every cluster has a name, if only by default.
fn is_cluster_unread(spec: &HazelcastSpec) -> bool {
    spec.cluster_name.is_empty()
}

/// What didn't change is shared with what was shown before.
pub(super) fn same_or_new<R: PartialEq>(before: Option<&Arc<R>>, resource: R) -> Arc<R> {
    let same = before.filter(|before| ***before == resource);
    same.cloned().unwrap_or_else(|| Arc::new(resource))
}

impl JobResource {
    /// Whether its document was never without faults, so that no spec is known.
    pub fn is_unread(&self) -> bool {
        is_job_unread(&self.spec)
    }

    /// A recorded job and its status.
    pub fn of(name: &str, record: &JobRecord, status: impl Into<Arc<JobStatusReport>>) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "JetJob".to_owned(),
            metadata: Metadata {
                name: name.to_owned(),
                generation: record.generation,
                place: Some(record.place.clone()),
                annotations: record.annotations.clone(),
            },
            spec: Arc::clone(&record.spec),
            status: status.into(),
        }
    }
}

impl SnapshotResource {
    /// Whether its document was never without faults, so that no spec is known.
    pub fn is_unread(&self) -> bool {
        is_snapshot_unread(&self.spec)
    }

    /// A recorded snapshot and its status.
    pub fn of(
        name: &str,
        record: &SnapshotRecord,
        status: impl Into<Arc<SnapshotStatusReport>>,
    ) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "JetJobSnapshot".to_owned(),
            metadata: Metadata {
                name: name.to_owned(),
                generation: record.generation,
                place: Some(record.place.clone()),
                annotations: record.annotations.clone(),
            },
            spec: Arc::clone(&record.spec),
            status: status.into(),
        }
    }
}

/// A `Hazelcast` with its status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HazelcastResource {
    /// `hazelcast.com/v1alpha1`.
    pub api_version: String,
    /// `Hazelcast`.
    pub kind: String,
    /// Name, generation, place.
    pub metadata: Metadata,
    /// The spec in force; absent as long as the document was never without faults.
    #[serde(default = "unread_cluster", skip_serializing_if = "is_cluster_unread")]
    pub spec: HazelcastSpec,
    /// Its status.
    pub status: HazelcastStatus,
}

impl HazelcastResource {
    /// Whether its document was never without faults, so that no spec is known.
    pub fn is_unread(&self) -> bool {
        is_cluster_unread(&self.spec)
    }
}

/// `status` of a `Hazelcast`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HazelcastStatus {
    /// `Connected`, `Connecting` or `Unknown`.
    pub phase: String,
    /// The cluster's id.
    pub cluster_id: Option<String>,
    /// The members' version.
    pub version: Option<String>,
    /// How many members there are.
    pub members: usize,
    /// The cluster's state, where known.
    pub state: Option<String>,
    /// Why there is no connection, and what to do.
    pub message: Option<String>,
    /// How many jobs run.
    pub jobs_running: usize,
    /// What is held because of its document.
    #[serde(default)]
    pub holds: Vec<Hold>,
}

/// Name, generation, place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The resource's name.
    pub name: String,
    /// Counts the changes of its spec; 0 where its document was never without faults.
    pub generation: u64,
    /// Where it was declared; none for a cluster of the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The annotations that matter.
    #[serde(default)]
    pub annotations: Annotations,
}
