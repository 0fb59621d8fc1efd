//! Documents become records: new ones, changed ones, renamed ones; those that are gone.
//!
//! What holds: a document that can't be used changes nothing; its last good version stays in force.
//! A record whose source this run doesn't name is left alone. A job whose document is gone while
//! another one declares it is renamed, not deleted. Removals go on only within the limits.

mod budget;
mod limits;
mod rename;
mod subject;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(super) use limits::Limits;
use rename::Renames;
pub(super) use subject::Subject;

use super::event::Event;
use super::faults::Faults;
use super::hold::{Hold, Reason};
use super::pair::pair;
use super::pass::{Plan, PlanInput};
use super::record::{Deletion, JobRecord, Restarts};
use crate::resources::jet_job::DesiredState;
use crate::resources::{Declared, JetJobSpec, Place, ResourceId, SourceName};

/// Where a job stands after the documents were read.
pub(super) struct Standing {
    /// Its record.
    pub(super) record: Arc<JobRecord>,
    /// Whether its removal may go on, where its document is gone.
    pub(super) may_delete: bool,
    /// What is held because of the job's document.
    pub(super) holds: Vec<Hold>,
    /// What is held for the whole source and keeps this job from being removed.
    pub(super) withheld: Option<Hold>,
    /// What happened.
    pub(super) events: Vec<Event>,
}

impl Standing {
    pub(super) fn of(record: Arc<JobRecord>) -> Self {
        Self {
            record,
            may_delete: false,
            holds: Vec::new(),
            withheld: None,
            events: Vec::new(),
        }
    }
}

/// What documents and records say together. No job is in both parts, and none of a source that this
/// run doesn't name is in either.
#[derive(Default)]
pub(super) struct Accepted<'a> {
    /// The jobs whose documents are as they were recorded, ordered by name. For most passes that is
    /// nearly all of them, so they cost a comparison and nothing else.
    pub(super) unchanged: Vec<(&'a str, &'a Arc<JobRecord>)>,
    /// All others.
    pub(super) standings: BTreeMap<String, Standing>,
}

impl Accepted<'_> {
    /// The records of all jobs.
    pub(super) fn records(&self) -> impl Iterator<Item = &JobRecord> {
        let unchanged = self.unchanged.iter().map(|(_, record)| &***record);
        let others = self.standings.values().map(|standing| &*standing.record);
        unchanged.chain(others)
    }
}

/// Brings documents and records of jobs together, and says which removals may go on, those of snapshots
/// too. Records of sources that this run doesn't name are left alone and are not in the answer.
pub(super) fn accept<'a>(
    input: &PlanInput<'a>,
    faults: &Faults<'_>,
    plan: &mut Plan,
) -> (Accepted<'a>, Limits<'a>) {
    let mut accepted = Accepted::default();
    let (mut gone, mut new) = (BTreeSet::new(), Vec::new());
    for (name, record, declared) in pair(&input.recorded.jobs, &input.desired.jobs) {
        let name = name.as_str();
        match (record, declared) {
            (Some(record), Some(declared)) if is_unchanged(record, declared) => {
                accepted.unchanged.push((name, record));
            }
            (Some(record), Some(declared)) => {
                let mut standing = known(name, record, declared);
                note_commit(input, &mut standing.record, record.generation);
                accepted.standings.insert(name.to_owned(), standing);
            }
            (None, Some(declared)) => new.push((name, declared)),
            (Some(record), None) if input.desired.sources.contains_key(&record.place.source) => {
                match input.desired.faulty.get(&ResourceId::jet_job(name)) {
                    Some(place) => {
                        let standing = unreadable(name, record, place, faults);
                        accepted.standings.insert(name.to_owned(), standing);
                    }
                    None => {
                        gone.insert(name);
                    }
                }
            }
            (_, None) => {}
        }
    }
    take_new(input, &new, &mut gone, &mut accepted.standings, plan);
    let records = input.recorded.jobs.iter();
    let gone = records.filter(|(name, _)| gone.contains(name.as_str()));
    let jobs = gone
        .clone()
        .map(|(name, record)| Subject::Job(name, record));
    let limits = Limits::of(input, jobs.chain(snapshots_gone(input)), plan);
    for (name, record) in gone {
        let standing = removal(input, name, record, &limits);
        accepted.standings.insert(name.clone(), standing);
    }
    (accepted, limits)
}

/// The snapshots whose documents are gone.
fn snapshots_gone<'a>(input: &PlanInput<'a>) -> impl Iterator<Item = Subject<'a>> {
    let desired = input.desired;
    let all = Subject::all(input.recorded);
    all.filter(|subject| {
        matches!(subject, Subject::Snapshot(..))
            && !desired.snapshots.contains_key(subject.name())
            && !desired.faulty.contains_key(&subject.id())
    })
}

/// Whether what is recorded of a job is what its document says, and nothing of it is to be removed.
fn is_unchanged(record: &JobRecord, declared: &Declared<JetJobSpec>) -> bool {
    record.digest == declared.digest
        && record.deletion.is_none()
        && !record.released
        && record.place == declared.place
}

/// Takes documents of which nothing is recorded: of new jobs, or of known ones under new names.
fn take_new<'a>(
    input: &PlanInput<'a>,
    new: &[(&str, &Arc<Declared<JetJobSpec>>)],
    gone: &mut BTreeSet<&'a str>,
    standings: &mut BTreeMap<String, Standing>,
    plan: &mut Plan,
) {
    let renames = Renames::among(input, gone);
    for (name, declared) in new {
        let standing = match renames.old_name(name, &declared.spec) {
            None => {
                let mut record = Arc::new(fresh(declared));
                note_commit(input, &mut record, 0);
                Standing::of(record)
            }
            Some(old) => {
                gone.remove(old);
                let Some(mut renamed) = rename::rename(input, old, name, declared) else {
                    // Its old name is busy: it keeps it until that is over.
                    if let Some(record) = input.recorded.jobs.get(old) {
                        standings.insert(old.to_owned(), Standing::of(kept(record)));
                    }
                    continue;
                };
                plan.jobs.insert(old.to_owned(), None);
                note_commit(input, &mut renamed.record, 0);
                renamed
            }
        };
        standings.insert((*name).to_owned(), standing);
    }
}

/// Notes with which commit the document came, where it is another one than that of this generation.
fn note_commit(input: &PlanInput<'_>, record: &mut Arc<JobRecord>, before: u64) {
    if record.generation == before {
        return;
    }
    let commit = commit_of(input, &record.place.source);
    if record.revision != commit {
        Arc::make_mut(record).revision = commit;
    }
}

/// The commit that a source shows.
fn commit_of(input: &PlanInput<'_>, source: &SourceName) -> Option<String> {
    let view = input.desired.sources.get(source)?;
    view.lineage.as_ref().map(|lineage| lineage.commit.clone())
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
fn unreadable(name: &str, record: &Arc<JobRecord>, place: &Place, faults: &Faults<'_>) -> Standing {
    let mut standing = Standing::of(kept(record));
    let hold = faults.hold(ResourceId::jet_job(name), place, Some(record.generation));
    standing.holds.push(hold);
    standing
}

/// The record without a deletion that was begun while the document was gone.
fn kept(record: &Arc<JobRecord>) -> Arc<JobRecord> {
    let mut record = Arc::clone(record);
    if record.deletion.is_some() || record.released {
        let record = Arc::make_mut(&mut record);
        record.deletion = None;
        record.released = false;
        record.retry = None;
        // That its state may go was said of the removal.
        record.discard_for = None;
        record.outside_windows = false;
    }
    record
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
                "{}: {field} can't be changed once the job was submitted; add a resource with \
                 another name instead, or delete this one first. Generation {} stays in force",
                declared.place, record.generation
            ),
        ));
        return standing;
    }
    take_spec(Arc::make_mut(&mut standing.record), declared);
    standing
}

/// The document is another one than before: what was said or tried about the old one is void.
fn take_spec(record: &mut JobRecord, declared: &Declared<JetJobSpec>) {
    record.generation += 1;
    record.digest = declared.digest;
    record.spec = Arc::clone(&declared.spec);
    record.annotations = declared.annotations.clone();
    record.retry = None;
    record.pin = None;
    record.discard_for = None;
    record.fork_allowed = false;
    record.outside_windows = false;
    record.restarts = Restarts::default();
    if record.spec.state != DesiredState::Restarted {
        record.restarted = false;
    }
}

/// The immutable field that differs, where there is something on the cluster by the old one.
fn immutable_change(name: &str, record: &JobRecord, spec: &JetJobSpec) -> Option<&'static str> {
    if record.job.is_none() && record.attempt.is_none() && record.entry.is_none() {
        return None;
    }
    if record.spec.job_name(name) != spec.job_name(name) {
        return Some("spec.name");
    }
    (record.spec.hazelcast_resource_name != spec.hazelcast_resource_name)
        .then_some("spec.hazelcastResourceName")
}

/// A job whose document is gone.
fn removal(
    input: &PlanInput<'_>,
    name: &str,
    record: &Arc<JobRecord>,
    limits: &Limits<'_>,
) -> Standing {
    let mut standing = Standing::of(Arc::clone(record));
    let confirmed = match limits.allow(input, Subject::Job(name, record)) {
        Ok(confirmed) => confirmed,
        Err(hold) => {
            standing.withheld = hold.cloned();
            return standing;
        }
    };
    standing.may_delete = true;
    let before = record.deletion.as_ref();
    if before.is_none_or(|deletion| confirmed && !deletion.confirmed) {
        let record = Arc::make_mut(&mut standing.record);
        record.deletion = Some(Deletion {
            since: before.map_or(input.now, |deletion| deletion.since),
            confirmed,
        });
        // Tries of what the document asked for don't hold its removal up, nor does a word about its
        // state that was given for something else let it go.
        record.retry = None;
        if before.is_none() {
            record.discard_for = None;
            record.outside_windows = false;
            record.revision = commit_of(input, &record.place.source);
        }
    }
    standing
}
