//! What a plan follows from beside records and documents, and what of it changed between two passes.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::Kept;
use crate::plan::cluster::{ClusterSight, Obstacle};
use crate::plan::hold::HoldId;
use crate::plan::jar::{JarRequest, JarView};
use crate::plan::job::{JobId, JobView};
use crate::plan::observed::{ClusterView, Seen};
use crate::plan::pair::pair;
use crate::plan::pass::{PlanInput, Settings};
use crate::plan::record::{ClusterRecord, Confirmation, Pause, SnapshotRecord};
use crate::resources::{
    Declared, Desired, HazelcastSpec, JarOrigin, Place, ResourceId, Shared, SourceName,
};

/// What a plan follows from beside records and documents of jobs.
#[derive(Debug)]
pub(super) struct Circumstances {
    common: Common,
    clusters: BTreeMap<String, (Arc<ClusterView>, Hindrances)>,
    origins: Shared<BTreeMap<String, JarOrigin>>,
    jars: Arc<BTreeMap<JarRequest, JarView>>,
}

/// Why nothing can be done on a cluster, what of which sources, and why its list can't be trusted yet.
type Hindrances = (
    Option<Obstacle>,
    BTreeMap<SourceName, Obstacle>,
    Option<Obstacle>,
);

/// What concerns every job, or changes so seldom that it may be taken to.
#[derive(Debug, PartialEq)]
struct Common {
    settings: Settings,
    store_id: String,
    hazelcasts: Shared<BTreeMap<String, Arc<Declared<HazelcastSpec>>>>,
    faulty: BTreeMap<ResourceId, Place>,
    clusters: BTreeMap<String, Arc<ClusterRecord>>,
    confirmations: BTreeMap<HoldId, Confirmation>,
    adoptions: BTreeSet<ResourceId>,
    pauses: BTreeMap<Option<ResourceId>, Pause>,
    snapshots: BTreeMap<String, Arc<SnapshotRecord>>,
}

/// What changed.
pub(super) enum Changes {
    /// Nothing is as it was.
    Everything,
    /// Nothing but this.
    Only {
        /// Of clusters, by name, where anything did.
        clusters: BTreeMap<String, ClusterChanges>,
        /// Resources whose jars come from elsewhere now.
        moved: HashSet<String>,
        /// Jars of which something else is known.
        jars: BTreeSet<JarRequest>,
        /// Where jars come from.
        origins: Shared<BTreeMap<String, JarOrigin>>,
    },
}

/// What changed of a cluster.
pub(super) enum ClusterChanges {
    /// Something that concerns all its jobs.
    Everything,
    /// Nothing but these jobs.
    Jobs(ChangedJobs),
}

/// Jobs of which something changed.
#[derive(Default)]
pub(super) struct ChangedJobs {
    names: HashSet<String>,
    ids: HashSet<JobId>,
}

impl Circumstances {
    pub(super) fn of(input: &PlanInput<'_>, sights: &BTreeMap<&str, ClusterSight<'_>>) -> Self {
        let Desired {
            hazelcasts,
            jars: origins,
            faulty,
            // Only records, other documents and the pass as a whole are judged by these.
            jobs: _,
            snapshots: _,
            sources: _,
            faults: _,
        } = input.desired;
        let recorded = input.recorded;
        let clusters = input.observed.clusters.iter().map(|(name, view)| {
            let sight = sights.get(name.as_str());
            let hindrances = sight.map(|sight| {
                let ClusterSight {
                    obstacle,
                    mistrusted,
                    unsettled,
                    ..
                } = sight;
                (obstacle.clone(), mistrusted.clone(), unsettled.clone())
            });
            (
                name.clone(),
                (Arc::clone(view), hindrances.unwrap_or_default()),
            )
        });
        Self {
            common: Common {
                settings: input.settings.clone(),
                store_id: recorded.store_id.clone(),
                hazelcasts: hazelcasts.clone(),
                faulty: faulty.clone(),
                clusters: recorded.clusters.clone(),
                confirmations: recorded.confirmations.clone(),
                adoptions: recorded.adoptions.clone(),
                pauses: recorded.pauses.clone(),
                snapshots: recorded.snapshots.clone(),
            },
            clusters: clusters.collect(),
            origins: origins.clone(),
            jars: Arc::clone(&input.observed.jars),
        }
    }

    /// What is other than before.
    pub(super) fn compare(self, now: &Self) -> Changes {
        if self.common != now.common || !self.clusters.keys().eq(now.clusters.keys()) {
            return Changes::Everything;
        }
        let pairs = self.clusters.iter().zip(now.clusters.values());
        let clusters = pairs.filter_map(|((name, (before, hindered)), (view, hindrances))| {
            let changes = if hindered == hindrances {
                compare_views(before, view)?
            } else {
                ClusterChanges::Everything
            };
            Some((name.clone(), changes))
        });
        let mut moved = HashSet::new();
        if !self.origins.is_same(&now.origins) {
            differing(&self.origins, &now.origins, PartialEq::eq, |name, _, _| {
                moved.insert(name.clone());
            });
        }
        let mut jars = BTreeSet::new();
        if !Arc::ptr_eq(&self.jars, &now.jars) {
            differing(&self.jars, &now.jars, PartialEq::eq, |request, _, _| {
                jars.insert(request.clone());
            });
        }
        Changes::Only {
            clusters: clusters.collect(),
            moved,
            jars,
            origins: now.origins.clone(),
        }
    }
}

/// What two views of a cluster differ in; none where that is nothing a plan follows from.
fn compare_views(before: &Arc<ClusterView>, now: &Arc<ClusterView>) -> Option<ClusterChanges> {
    if Arc::ptr_eq(before, now) {
        return None;
    }
    let (Seen::Known(jobs_before), Seen::Known(jobs)) = (&before.jobs, &now.jobs) else {
        return Some(ClusterChanges::Everything);
    };
    let (Seen::Known(entries_before), Seen::Known(entries)) = (&before.ownership, &now.ownership)
    else {
        return Some(ClusterChanges::Everything);
    };
    if !same_but_jobs(before, now) {
        return Some(ClusterChanges::Everything);
    }
    let mut changed = ChangedJobs::default();
    let is_same = |before: &Arc<JobView>, now: &Arc<JobView>| Arc::ptr_eq(before, now);
    differing(jobs_before, jobs, is_same, |id, before, now| {
        changed.ids.insert(*id);
        let names = [before, now].into_iter().flatten();
        changed.names.extend(names.map(|job| job.name.clone()));
    });
    differing(entries_before, entries, PartialEq::eq, |name, _, _| {
        changed.names.insert(name.clone());
    });
    differing(
        &before.standings,
        &now.standings,
        PartialEq::eq,
        |id, _, _| {
            changed.ids.insert(*id);
        },
    );
    differing(&before.missing, &now.missing, PartialEq::eq, |id, _, _| {
        changed.ids.insert(*id);
    });
    (!changed.is_empty()).then_some(ClusterChanges::Jobs(changed))
}

/// Whether all that concerns every job of a cluster is the same.
fn same_but_jobs(before: &ClusterView, now: &ClusterView) -> bool {
    // No `..`: whatever a view gets has to be thought of here.
    let ClusterView {
        link,
        refused,
        connected_at,
        cluster_id,
        foreign_cluster_id,
        members,
        master,
        master_changed_at,
        version,
        state,
        partitions_safe,
        jet_enabled,
        upload_enabled,
        ownership_map_fault,
        jobs: _,
        // What follows from it is not kept.
        listed_at: _,
        lists: _,
        missing: _,
        ownership: _,
        standings: _,
        // What hinders jobs because of it is compared.
        anchors: _,
        // Only the plans of snapshots follow from it, and none of these is kept.
        snapshots: _,
        // The same, and records where none are there yet.
        snapshot_marks: _,
        // It matters only beside an entry that is not there, and what follows then is not kept.
        ownership_asked_at: _,
    } = now;
    *link == before.link
        && *refused == before.refused
        && *connected_at == before.connected_at
        && *cluster_id == before.cluster_id
        && *foreign_cluster_id == before.foreign_cluster_id
        && *members == before.members
        && *master == before.master
        && *master_changed_at == before.master_changed_at
        && *version == before.version
        && *state == before.state
        && *partitions_safe == before.partitions_safe
        && *jet_enabled == before.jet_enabled
        && *upload_enabled == before.upload_enabled
        && *ownership_map_fault == before.ownership_map_fault
}

/// Visits the keys that only one map has, or under which both have something else.
fn differing<'a, K: Ord, V>(
    before: &'a BTreeMap<K, V>,
    now: &'a BTreeMap<K, V>,
    is_same: impl Fn(&V, &V) -> bool,
    mut visit: impl FnMut(&'a K, Option<&'a V>, Option<&'a V>),
) {
    for (key, before, now) in pair(before, now) {
        let both = before.zip(now);
        if !both.is_some_and(|(before, now)| is_same(before, now)) {
            visit(key, before, now);
        }
    }
}

impl ChangedJobs {
    fn is_empty(&self) -> bool {
        self.names.is_empty() && self.ids.is_empty()
    }
}

impl Changes {
    /// Whether one of these changes touches what was planned for a job.
    pub(super) fn touch(&self, kept: &Kept) -> bool {
        let Self::Only {
            clusters,
            moved,
            jars,
            origins,
        } = self
        else {
            return true;
        };
        let of_cluster = || touches(clusters, kept);
        let of_jar = || {
            let origin = origins.get(&kept.name);
            origin.is_some_and(|origin| {
                let main_class = kept.record.spec.main_class.clone();
                let origin = origin.clone();
                jars.contains(&JarRequest { origin, main_class })
            })
        };
        (!clusters.is_empty() && of_cluster())
            || (!moved.is_empty() && moved.contains(&kept.name))
            || (!jars.is_empty() && of_jar())
    }
}

fn touches(clusters: &BTreeMap<String, ClusterChanges>, kept: &Kept) -> bool {
    let spec = &kept.record.spec;
    match clusters.get(&spec.hazelcast_resource_name) {
        None => false,
        Some(ClusterChanges::Everything) => true,
        Some(ClusterChanges::Jobs(changed)) => {
            let job = kept.record.job.as_ref();
            changed.names.contains(spec.job_name(&kept.name))
                || job.is_some_and(|job| changed.ids.contains(&job.id))
        }
    }
}
