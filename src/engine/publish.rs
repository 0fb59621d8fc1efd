//! Turns a pass into what readers see. What didn't change since the last pass is shared with it.

use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;
use std::sync::Arc;

use jiff::Timestamp;

use super::manifests::{Manifests, errors_of};
use super::ports::ClusterTarget;
use super::published::{
    HazelcastResource, HazelcastStatus, JobResource, Metadata, PlannedStep, Published,
    SnapshotResource, SourceReport, same_or_new, unread_cluster,
};
use super::unread::{self, Unread};
use crate::plan::hold::Hold;
use crate::plan::job::JobStatus;
use crate::plan::observed::{ClusterView, Link, Observed};
use crate::plan::record::{JobRecord, Recorded};
use crate::plan::status::{JobStatusReport, SnapshotStatusReport};
use crate::plan::step::Step;
use crate::plan::{Plan, Statuses, old_name, outlook};
use crate::resources::desired::Annotations;
use crate::resources::schema::API_VERSION;
use crate::resources::{Desired, HazelcastSpec, Kind, Place, ResourceId, Shared};

/// A pass as it is to be shown.
pub(super) struct Showing<'a> {
    pub(super) before: &'a Published,
    pub(super) manifests: &'a Manifests,
    pub(super) configured: &'a BTreeMap<String, ClusterTarget>,
    pub(super) recorded: &'a Recorded,
    pub(super) observed: &'a Observed,
    pub(super) now: Timestamp,
    /// Whether something is known to be on its way that the plan doesn't show.
    pub(super) moving: bool,
    pub(super) next_wake: Option<Timestamp>,
}

impl Showing<'_> {
    /// What readers see of this plan.
    pub(super) fn publish(&self, plan: Plan) -> Published {
        let in_flight: Vec<_> = self
            .recorded
            .in_flight
            .values()
            .map(|step| in_words(step))
            .collect();
        let waiting = plan.holds.iter().any(Hold::passes_by_itself);
        let settled = plan.steps.is_empty() && in_flight.is_empty() && !waiting && !self.moving;
        let desired = self.manifests.desired();
        let unread = Unread::among(&plan.holds);
        Published {
            pass: self.before.pass + 1,
            at: Some(self.now),
            jobs: self.jobs(&plan.statuses, &unread),
            snapshots: self.snapshots(plan.snapshot_statuses, &unread),
            hazelcasts: self.hazelcasts(desired, &unread),
            holds: plan.holds.into(),
            steps: plan.steps.iter().map(|step| self.planned(step)).collect(),
            in_flight: in_flight.into(),
            faults: Arc::clone(self.manifests.faults()),
            sources: sources(self.manifests, self.recorded),
            pauses: self
                .recorded
                .pauses
                .iter()
                .map(|(id, pause)| (id.clone(), pause.clone()))
                .collect(),
            settled,
            next_wake: self.next_wake,
        }
    }

    /// A step that is to be done, and what its author may not have meant.
    fn planned(&self, step: &Step) -> PlannedStep {
        let mut planned = in_words(step);
        let desired = self.manifests.desired();
        if let Some(old) = old_name(step, desired, self.recorded) {
            planned.message += "; it looks like JetJob/";
            planned.message += &old;
            planned.message +=
                " under another name: its state stays behind unless spec.name says so";
        }
        planned
    }

    fn jobs(
        &self,
        statuses: &Statuses,
        unread: &Unread<'_>,
    ) -> Shared<BTreeMap<String, Arc<JobResource>>> {
        let mut jobs = self.before.jobs.clone();
        let mut recorded = self.recorded.jobs.iter().peekable();
        let mut before = self.before.jobs.into_iter().peekable();
        let mut shown = 0;
        for (name, status) in statuses {
            let Some(record) = under(name, &mut recorded) else {
                continue;
            };
            shown += 1;
            let same = under(name, &mut before).is_some_and(|before| shows(before, record, status));
            if !same {
                let resource = Arc::new(JobResource::of(name, record, Arc::clone(status)));
                jobs.insert(name.clone(), resource);
            }
        }
        for (id, place) in self.unread(Kind::JetJob) {
            if self.recorded.jobs.contains_key(&id.name) {
                continue;
            }
            shown += 1;
            let before = self.before.jobs.get(&id.name);
            let row = unread.job(id, place, before, self.now);
            if before.is_none_or(|before| !Arc::ptr_eq(before, &row)) {
                jobs.insert(id.name.clone(), row);
            }
        }
        if jobs.len() != shown {
            let is_shown = |name: &String| {
                if self.recorded.jobs.contains_key(name) {
                    statuses.contains_key(name)
                } else {
                    self.is_faulty(&ResourceId::jet_job(name))
                }
            };
            jobs.retain(|name, _| is_shown(name));
        }
        jobs
    }

    fn snapshots(
        &self,
        statuses: BTreeMap<String, Arc<SnapshotStatusReport>>,
        unread: &Unread<'_>,
    ) -> BTreeMap<String, Arc<SnapshotResource>> {
        let shown = statuses.into_iter().filter_map(|(name, status)| {
            let record = self.recorded.snapshots.get(&name)?;
            let resource = SnapshotResource::of(&name, record, status);
            let before = self.before.snapshots.get(&name);
            let row = same_or_new(before, resource);
            Some((name, row))
        });
        let mut shown: BTreeMap<_, _> = shown.collect();
        for (id, place) in self.unread(Kind::JetJobSnapshot) {
            if !self.recorded.snapshots.contains_key(&id.name) {
                let before = self.before.snapshots.get(&id.name);
                let row = unread.snapshot(id, place, before, self.now);
                shown.insert(id.name.clone(), row);
            }
        }
        shown
    }

    /// The documents of a kind that can't be used.
    fn unread(&self, kind: Kind) -> impl Iterator<Item = (&ResourceId, &Place)> {
        let faulty = self.manifests.desired().faulty.iter();
        faulty.filter(move |(id, _)| id.kind == kind)
    }

    fn is_faulty(&self, id: &ResourceId) -> bool {
        self.manifests.desired().faulty.contains_key(id)
    }

    fn hazelcasts(
        &self,
        desired: &Desired,
        unread: &Unread<'_>,
    ) -> BTreeMap<String, Arc<HazelcastResource>> {
        let mut clusters = BTreeMap::new();
        for (id, place) in self.unread(Kind::Hazelcast) {
            let row = self.hazelcast(unread::metadata(id, place), unread_cluster(), unread);
            clusters.insert(id.name.clone(), row);
        }
        for (name, target) in self.configured {
            let spec = HazelcastSpec {
                cluster_name: target.cluster_name.clone(),
                addresses: target.addresses.clone(),
                credentials: target.credentials.clone(),
                tls: target.tls.clone(),
                ..HazelcastSpec::default()
            };
            let metadata = self.metadata(name, &spec);
            clusters.insert(name.clone(), self.hazelcast(metadata, spec, unread));
        }
        for (name, record) in &self.recorded.clusters {
            let declared = desired.hazelcasts.contains_key(name);
            if let Some(document) = record.document.as_ref().filter(|_| !declared) {
                let spec = (*document.spec).clone();
                let metadata = Metadata {
                    place: Some(document.place.clone()),
                    ..self.metadata(name, &spec)
                };
                clusters.insert(name.clone(), self.hazelcast(metadata, spec, unread));
            }
        }
        for (name, declared) in &desired.hazelcasts {
            let spec = (*declared.spec).clone();
            let metadata = Metadata {
                place: Some(declared.place.clone()),
                annotations: declared.annotations.clone(),
                ..self.metadata(name, &spec)
            };
            clusters.insert(name.clone(), self.hazelcast(metadata, spec, unread));
        }
        clusters
    }

    /// Of a cluster that was never seen, or has no document, nothing is recorded: there the generation
    /// counts from the start of the run.
    fn metadata(&self, name: &str, spec: &HazelcastSpec) -> Metadata {
        let recorded = self.recorded.clusters.get(name);
        let document = recorded.and_then(|record| record.document.as_ref());
        let recorded = document.filter(|it| *it.spec == *spec);
        let generation = match self.before.hazelcasts.get(name) {
            _ if recorded.is_some() => recorded.map_or(1, |it| it.generation),
            Some(before) if before.spec == *spec => before.metadata.generation,
            Some(before) => before.metadata.generation + 1,
            None => 1,
        };
        Metadata {
            name: name.to_owned(),
            generation,
            place: None,
            annotations: Annotations::default(),
        }
    }

    fn hazelcast(
        &self,
        metadata: Metadata,
        spec: HazelcastSpec,
        unread: &Unread<'_>,
    ) -> Arc<HazelcastResource> {
        let holds = unread.of(&ResourceId::hazelcast(&*metadata.name));
        let view = self.observed.clusters.get(&metadata.name);
        let before = self.before.hazelcasts.get(&metadata.name);
        let resource = HazelcastResource {
            api_version: API_VERSION.to_owned(),
            kind: "Hazelcast".to_owned(),
            status: cluster_status(view.map(|view| &**view), holds),
            metadata,
            spec,
        };
        same_or_new(before, resource)
    }
}

/// A step and what it is for.
pub(super) fn in_words(step: &Step) -> PlannedStep {
    PlannedStep {
        resource: step.resource.clone(),
        verb: step.verb().to_owned(),
        message: outlook(step),
    }
}

/// What is under a name among entries that are asked for in order.
fn under<'a, V>(
    name: &str,
    entries: &mut Peekable<btree_map::Iter<'a, String, V>>,
) -> Option<&'a V> {
    while entries
        .next_if(|(other, _)| other.as_str() < name)
        .is_some()
    {}
    let found = entries.next_if(|(other, _)| *other == name);
    found.map(|(_, value)| value)
}

/// Whether a resource shows this record and status already.
fn shows(resource: &JobResource, record: &JobRecord, status: &Arc<JobStatusReport>) -> bool {
    if Arc::ptr_eq(&resource.status, status) {
        // A status is kept only as long as the record that it was made from.
        return true;
    }
    let metadata = &resource.metadata;
    Arc::ptr_eq(&resource.spec, &record.spec)
        && metadata.generation == record.generation
        && metadata.place.as_ref() == Some(&record.place)
        && metadata.annotations == record.annotations
        && resource.status == *status
}

fn sources(
    manifests: &Manifests,
    recorded: &Recorded,
) -> BTreeMap<crate::resources::SourceName, SourceReport> {
    let desired = manifests.desired();
    let reports = manifests.all_loaded().iter().map(|shown| {
        let name = &shown.source;
        let report = SourceReport {
            revision: shown.id.clone(),
            present: shown.present,
            trouble: shown.trouble.clone(),
            errors: errors_of(desired, name),
            seen_at: recorded.sources.get(name).map(|record| record.seen_at),
        };
        (name.clone(), report)
    });
    reports.collect()
}

fn cluster_status(view: Option<&ClusterView>, holds: Vec<Hold>) -> HazelcastStatus {
    let Some(view) = view else {
        return HazelcastStatus {
            phase: "Unknown".to_owned(),
            cluster_id: None,
            version: None,
            members: 0,
            state: None,
            message: Some(
                "no addresses are known: give them in spec.addresses, in clusters.<name> of the \
                 configuration, or by --cluster NAME=CLUSTERNAME@HOST:PORT"
                    .to_owned(),
            ),
            jobs_running: 0,
            holds,
        };
    };
    let (phase, message) = match &view.link {
        Link::Up => ("Connected", None),
        Link::Down { error, .. } => ("Connecting", error.clone()),
    };
    let running = view.jobs.known().map_or(0, |jobs| {
        jobs.values()
            .filter(|job| job.status == JobStatus::Running)
            .count()
    });
    HazelcastStatus {
        phase: phase.to_owned(),
        cluster_id: view.cluster_id.map(|id| id.to_string()),
        version: view.version.clone(),
        members: view.members.len(),
        state: view.state.known().map(|state| format!("{state:?}")),
        message,
        jobs_running: running,
        holds,
    }
}
