//! What may be removed with its document: a job, or a snapshot.

use serde::Serialize;

use crate::plan::job::JobId;
use crate::plan::record::{JobRecord, Recorded, SnapshotRecord};
use crate::resources::{Digest, Kind, ResourceId, SourceName, SourceView};

/// A job or a snapshot, by its name, as it is recorded.
#[derive(Clone, Copy)]
pub(in crate::plan) enum Subject<'a> {
    Job(&'a str, &'a JobRecord),
    Snapshot(&'a str, &'a SnapshotRecord),
}

/// What a word about a removal is about, besides the name: it says nothing of what bears that name
/// another day.
#[derive(Serialize)]
pub(super) struct About(u64, Digest, Option<JobId>);

impl<'a> Subject<'a> {
    /// All that was declared by documents.
    pub(super) fn all(recorded: &'a Recorded) -> impl Iterator<Item = Self> {
        let jobs = recorded.jobs.iter();
        let snapshots = recorded.snapshots.iter();
        let declared = snapshots.filter(|(_, record)| !record.commanded);
        jobs.map(|(name, record)| Self::Job(name, record))
            .chain(declared.map(|(name, record)| Self::Snapshot(name, record)))
    }

    /// The one of this id.
    pub(super) fn find(recorded: &'a Recorded, id: &'a ResourceId) -> Option<Self> {
        let name = id.name.as_str();
        match id.kind {
            Kind::JetJob => {
                let record = recorded.jobs.get(name);
                record.map(|record| Self::Job(name, record))
            }
            Kind::JetJobSnapshot => {
                let record = recorded.snapshots.get(name);
                record.map(|record| Self::Snapshot(name, record))
            }
            Kind::Hazelcast => None,
        }
    }

    pub(super) fn name(self) -> &'a str {
        match self {
            Self::Job(name, _) | Self::Snapshot(name, _) => name,
        }
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Job(..) => Kind::JetJob,
            Self::Snapshot(..) => Kind::JetJobSnapshot,
        }
    }

    pub(super) fn id(self) -> ResourceId {
        match self {
            Self::Job(name, _) => ResourceId::jet_job(name),
            Self::Snapshot(name, _) => ResourceId::jet_job_snapshot(name),
        }
    }

    pub(super) fn source(self) -> &'a SourceName {
        match self {
            Self::Job(_, record) => &record.place.source,
            Self::Snapshot(_, record) => &record.place.source,
        }
    }

    pub(super) fn prune_disabled(self) -> bool {
        match self {
            Self::Job(_, record) => record.annotations.prune_disabled,
            Self::Snapshot(_, record) => record.annotations.prune_disabled,
        }
    }

    /// Whether its removal was begun, and if so, whether a person confirmed it.
    pub(super) fn begun(self) -> Option<bool> {
        match self {
            Self::Job(_, record) => record.deletion.as_ref().map(|deletion| deletion.confirmed),
            Self::Snapshot(_, record) => record.deleting.then_some(record.deletion_confirmed),
        }
    }

    /// Whether its removal removes nothing from a cluster.
    pub(super) fn nothing_lost(self) -> bool {
        match self {
            Self::Job(_, record) => {
                record.attempts == 0 && record.job.is_none() && record.entry.is_none()
            }
            Self::Snapshot(_, record) => !record.goes_from_cluster(),
        }
    }

    /// Whether its record goes with its document without further ado: a snapshot that stays on its
    /// cluster, or was never there, of a source that can be read.
    pub(super) fn goes_freely(self, view: &SourceView) -> bool {
        self.kind() == Kind::JetJobSnapshot
            && self.nothing_lost()
            && view.present
            && view.identified
    }

    pub(super) fn about(self) -> About {
        match self {
            Self::Job(_, record) => {
                let job = record.job.as_ref().map(|job| job.id);
                About(record.generation, record.digest, job)
            }
            Self::Snapshot(_, record) => About(record.generation, record.digest, record.job),
        }
    }
}
