//! What all sources together ask for.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fault::Fault;
use super::hazelcast::HazelcastSpec;
use super::identity::{Digest, Place, ResourceId, SourceName};
use super::jet_job::JetJobSpec;
use super::jet_job_snapshot::JetJobSnapshotSpec;
use super::lineage::{Lineage, Proposal};
use super::revision::JarOrigin;
use super::shared::Shared;

/// A checked document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared<S> {
    /// Where it stands.
    pub place: Place,
    /// Its spec, checked.
    pub spec: Arc<S>,
    /// The digest of the normalised spec and the annotations that matter.
    pub digest: Digest,
    /// The annotations that matter.
    pub annotations: Annotations,
}

/// The annotations that change what we do.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Annotations {
    /// `jetkeeper.io/reconcile: disabled`: leave it alone.
    pub reconcile_disabled: bool,
    /// `jetkeeper.io/adopt: "true"`: take over a job of that name that we didn't make.
    pub adopt: bool,
    /// `jetkeeper.io/prune: disabled`: keep the job when the document goes.
    pub prune_disabled: bool,
}

/// What one source showed at its latest revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceView {
    /// The revision: a digest of the directory's content, later a commit.
    pub revision: String,
    /// Whether the path was there and had at least one document; else nothing is pruned.
    pub present: bool,
    /// Whether every document could be identified; else nothing is pruned.
    pub identified: bool,
    /// Where it comes from, where the source has a history.
    pub lineage: Option<Arc<Lineage>>,
    /// What the source has instead, where that doesn't go on from what is in force.
    pub proposal: Option<Arc<Proposal>>,
}

/// What all sources together ask for, and everything that is wrong with it.
///
/// A document with an error is not in `jobs`, `hazelcasts` or `snapshots`; where its kind and name could be told,
/// it is in `faulty`, so that its last good version stays in force.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// The clusters, by resource name.
    pub hazelcasts: Shared<BTreeMap<String, Arc<Declared<HazelcastSpec>>>>,
    /// The jobs, by resource name.
    pub jobs: Shared<BTreeMap<String, Arc<Declared<JetJobSpec>>>>,
    /// Where each of `jobs` gets its jar.
    pub jars: Shared<BTreeMap<String, JarOrigin>>,
    /// Documents that are there but can't be used, by identity, with the place of each.
    pub faulty: BTreeMap<ResourceId, Place>,
    /// The snapshots, by resource name.
    pub snapshots: Shared<BTreeMap<String, Arc<Declared<JetJobSnapshotSpec>>>>,
    /// The sources of this run.
    pub sources: BTreeMap<SourceName, SourceView>,
    /// Everything that is wrong, ordered by place.
    pub faults: Vec<Fault>,
}
