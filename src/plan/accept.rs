//! Documents become records: new ones, changed ones, renamed ones; those that are gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::event::Event;
use super::hold::{Hold, Reason, Release};
use super::pass::{Plan, PlanInput};
use super::record::{Deletion, JobRecord};
use super::wanted::job_name;
use crate::resources::jet_job::DesiredState;
use crate::resources::{Declared, JetJobSpec, ResourceId, SourceName};

/// Where a job stands after the documents were read.
pub(super) struct Standing {
    /// Its record.
    pub(super) record: Arc<JobRecord>,
    /// Whether its removal may go on, where its document is gone.
    pub(super) may_delete: bool,
    /// What is held because of the documents.
    pub(super) holds: Vec<Hold>,
    /// What happened.
    pub(super) events: Vec<Event>,
}

impl Standing {
    fn of(record: Arc<JobRecord>) -> Self {
        Self {
            record,
            may_delete: false,
            holds: Vec::new(),
            events: Vec::new(),
        }
    }
}

/// Brings documents and records together. Records of sources that this run doesn't name are left
/// alone and are not in the answer.
pub(super) fn accept(input: &PlanInput<'_>, plan: &mut Plan) -> BTreeMap<String, Standing> {
    let mut standings = BTreeMap::new();
    let mut gone = Vec::new();
    for (name, record) in &input.recorded.jobs {
        if input.desired.jobs.contains_key(name) {
            continue;
        }
        if !input.desired.sources.contains_key(&record.place.source) {
            continue;
        }
        if let Some(standing) = unreadable(input, name, record) {
            standings.insert(name.clone(), standing);
        } else {
            gone.push(name.clone());
        }
    }
    for (name, declared) in &input.desired.jobs {
        let standing = match input.recorded.jobs.get(name) {
            Some(record) => known(name, record, declared),
            None => match take_renamed(input, &mut gone, declared, name) {
                Some((old, record)) if in_flight(input, &old) => {
                    // The step still writes to the old record; the rename waits for its end.
                    standings.insert(old, Standing::of(kept(record)));
                    continue;
                }
                Some((old, record)) => {
                    plan.jobs.insert(old, None);
                    Standing::of(Arc::new(renamed(record, declared)))
                }
                None => Standing::of(Arc::new(fresh(declared))),
            },
        };
        standings.insert(name.clone(), standing);
    }
    let blocked = limit_deletions(input, &gone, plan);
    for name in gone {
        if let Some(record) = input.recorded.jobs.get(&name) {
            let source = &record.place.source;
            let standing = removal(input, record, blocked.get(source).copied());
            standings.insert(name, standing);
        }
    }
    standings
}

fn fresh(declared: &Declared<JetJobSpec>) -> JobRecord {
    JobRecord::new(
        declared.place.clone(),
        declared.digest,
        Arc::clone(&declared.spec),
        declared.annotations.clone(),
    )
}

/// A document that is there but can't be used: its last good version stays in force.
fn unreadable(input: &PlanInput<'_>, name: &str, record: &Arc<JobRecord>) -> Option<Standing> {
    let id = ResourceId::jet_job(name);
    let place = input.desired.faulty.get(&id)?;
    let mut standing = Standing::of(kept(record));
    standing.holds.push(Hold::new(
        Reason::Faulty,
        vec![id],
        format!(
            "{place} has faults; generation {} stays in force until they are mended \
             (`jetkeeper validate` shows them)",
            record.generation
        ),
    ));
    Some(standing)
}

/// The record without a deletion that was begun while the document was gone.
fn kept(record: &Arc<JobRecord>) -> Arc<JobRecord> {
    if record.deletion.is_none() {
        return Arc::clone(record);
    }
    let mut record = (**record).clone();
    record.deletion = None;
    Arc::new(record)
}

fn known(name: &str, record: &Arc<JobRecord>, declared: &Declared<JetJobSpec>) -> Standing {
    let mut standing = Standing::of(kept(record));
    if record.place != declared.place {
        Arc::make_mut(&mut standing.record).place = declared.place.clone();
    }
    if record.digest == declared.digest {
        return standing;
    }
    if let Some(field) = immutable_change(name, record, &declared.spec) {
        standing.holds.push(Hold::new(
            Reason::ImmutableField,
            vec![ResourceId::jet_job(name)],
            format!(
                "{}: {field} can't be changed while the job is there; add a resource with another \
                 name instead, or delete this one first. Generation {} stays in force",
                declared.place, record.generation
            ),
        ));
        return standing;
    }
    take_spec(Arc::make_mut(&mut standing.record), declared);
    standing
}

fn take_spec(record: &mut JobRecord, declared: &Declared<JetJobSpec>) {
    record.generation += 1;
    record.digest = declared.digest;
    record.spec = Arc::clone(&declared.spec);
    record.annotations = declared.annotations.clone();
    record.retry = None;
    record.pin = None;
    record.discard_state = false;
    if record.spec.state != DesiredState::Restarted {
        record.restarted = false;
    }
}

/// The immutable field that differs, where the job exists or may exist.
fn immutable_change(name: &str, record: &JobRecord, spec: &JetJobSpec) -> Option<&'static str> {
    let exists = record
        .job
        .as_ref()
        .is_some_and(super::record::BoundJob::is_active)
        || record.attempt.is_some();
    if !exists {
        return None;
    }
    if job_name(name, &record.spec) != job_name(name, spec) {
        return Some("spec.name");
    }
    (record.spec.hazelcast_resource_name != spec.hazelcast_resource_name)
        .then_some("spec.hazelcastResourceName")
}

/// A record whose document is gone and whose cluster and job name are those of a new document: the
/// same job under a new resource name.
fn take_renamed<'a>(
    input: &PlanInput<'a>,
    gone: &mut Vec<String>,
    declared: &Declared<JetJobSpec>,
    name: &str,
) -> Option<(String, &'a Arc<JobRecord>)> {
    let position = gone.iter().position(|old| {
        input.recorded.jobs.get(old).is_some_and(|record| {
            record.spec.hazelcast_resource_name == declared.spec.hazelcast_resource_name
                && job_name(old, &record.spec) == job_name(name, &declared.spec)
        })
    })?;
    let old = gone.remove(position);
    let record = input.recorded.jobs.get(&old)?;
    Some((old, record))
}

fn in_flight(input: &PlanInput<'_>, name: &str) -> bool {
    let id = ResourceId::jet_job(name);
    input.recorded.in_flight.contains_key(&id)
}

fn renamed(record: &JobRecord, declared: &Declared<JetJobSpec>) -> JobRecord {
    let mut record = record.clone();
    record.deletion = None;
    record.place = declared.place.clone();
    take_spec(&mut record, declared);
    record
}

/// Which sources hold their deletions back, and why.
fn limit_deletions(
    input: &PlanInput<'_>,
    gone: &[String],
    plan: &mut Plan,
) -> BTreeMap<SourceName, Reason> {
    let mut by_source: BTreeMap<&SourceName, Vec<ResourceId>> = BTreeMap::new();
    for name in gone {
        if let Some(record) = input.recorded.jobs.get(name)
            && !record
                .deletion
                .as_ref()
                .is_some_and(|deletion| deletion.confirmed)
        {
            let ids = by_source.entry(&record.place.source).or_default();
            ids.push(ResourceId::jet_job(name.as_str()));
        }
    }
    let mut blocked = BTreeMap::new();
    for (source, ids) in by_source {
        if let Some(hold) = deletion_hold(input, source, ids) {
            if hold.release == Release::Confirm
                && input.recorded.confirmations.contains_key(&hold.id)
            {
                plan.spent_confirmations.insert(hold.id);
                continue;
            }
            blocked.insert(source.clone(), hold.reason);
            plan.holds.push(hold);
        }
    }
    blocked
}

fn deletion_hold(input: &PlanInput<'_>, source: &SourceName, ids: Vec<ResourceId>) -> Option<Hold> {
    let view = input.desired.sources.get(source)?;
    let count = ids.len();
    if !view.present {
        let message = format!(
            "source {source} is missing or has no documents; its {count} jobs are left as they are"
        );
        return Some(Hold::new(Reason::SourceMissing, ids, message).released_by(Release::Confirm));
    }
    if !view.identified {
        let message = format!(
            "a document of source {source} can't be identified, so nothing is deleted; mend it \
             (`jetkeeper validate` shows it)"
        );
        return Some(Hold::new(Reason::SourceUnidentified, ids, message));
    }
    let jobs = input.recorded.jobs.values();
    let total = jobs.filter(|record| record.place.source == *source).count();
    let settings = input.settings;
    let too_many = count > settings.max_deletions
        || (count >= 4 && count * 100 > settings.max_deletions_percent * total);
    too_many.then(|| {
        let message = format!(
            "{count} of the {total} jobs of source {source} would be deleted; at most {} or {} % \
             go without confirmation (prune.maxDeletions, prune.maxDeletionsPercent)",
            settings.max_deletions, settings.max_deletions_percent
        );
        Hold::new(Reason::MassDeletion, ids, message).released_by(Release::Confirm)
    })
}

/// A job whose document is gone.
fn removal(input: &PlanInput<'_>, record: &Arc<JobRecord>, blocked: Option<Reason>) -> Standing {
    let mut standing = Standing::of(Arc::clone(record));
    if blocked.is_some() {
        return standing;
    }
    if record.annotations.prune_disabled {
        return standing;
    }
    standing.may_delete = true;
    if record
        .deletion
        .as_ref()
        .is_none_or(|deletion| !deletion.confirmed)
    {
        // Once within the limits or confirmed, later deletions don't hold this one up again.
        let since = record
            .deletion
            .as_ref()
            .map_or(input.now, |deletion| deletion.since);
        Arc::make_mut(&mut standing.record).deletion = Some(Deletion {
            since,
            confirmed: true,
        });
    }
    standing
}
