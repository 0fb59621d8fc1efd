//! What the sources ask for: their latest revisions, loaded together when one of them changed, and
//! the history of revisions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::aside::aside;
use super::wake::{Bell, Follower};
use crate::plan::event::{Event, EventKind};
use crate::plan::record::{Recorded, SourceRecord};
use crate::resources::load::{LoadOptions, load};
use crate::resources::{Desired, Fault, LoadCache, ResourceId, Revision, Severity, SourceName};
use crate::source::Source;
use crate::store::{Change, RevisionEntry};

/// The sources and what they ask for together.
pub(super) struct Manifests {
    sources: Vec<Arc<dyn Source>>,
    receivers: Vec<watch::Receiver<Arc<Revision>>>,
    options: LoadOptions,
    cache: LoadCache,
    loaded: Vec<Arc<Revision>>,
    desired: Arc<Desired>,
    faults: Arc<[Fault]>,
    failed: BTreeSet<SourceName>,
    _followers: Vec<Follower>,
}

impl Manifests {
    /// Sources whose documents may also refer to these clusters of the configuration.
    pub(super) fn new(
        sources: Vec<Arc<dyn Source>>,
        clusters: BTreeSet<String>,
        bell: &Bell,
    ) -> Self {
        let receivers: Vec<_> = sources.iter().map(|source| source.revisions()).collect();
        let followers = receivers.iter().map(|changes| bell.follow(changes.clone()));
        Self {
            _followers: followers.collect(),
            sources,
            receivers,
            options: LoadOptions {
                clusters,
                check_references: true,
            },
            cache: LoadCache::default(),
            loaded: Vec::new(),
            desired: Arc::default(),
            faults: Arc::default(),
            failed: BTreeSet::new(),
        }
    }

    pub(super) fn sources(&self) -> &[Arc<dyn Source>] {
        &self.sources
    }

    pub(super) fn desired(&self) -> &Arc<Desired> {
        &self.desired
    }

    pub(super) fn faults(&self) -> &Arc<[Fault]> {
        &self.faults
    }

    /// Loads anew where a revision changed, and writes that into the history. Tells whether one did.
    pub(super) fn load(
        &mut self,
        recorded: &Recorded,
        now: Timestamp,
        change: &mut Change,
    ) -> bool {
        let latest: Vec<Arc<Revision>> = self
            .receivers
            .iter_mut()
            .map(|receiver| Arc::clone(&receiver.borrow_and_update()))
            .collect();
        if same(&latest, &self.loaded) {
            return false;
        }
        let before = Arc::clone(&self.desired);
        let (options, cache) = (&self.options, &mut self.cache);
        self.desired = Arc::new(aside(|| load(&latest, options, cache)));
        self.faults = self.desired.faults.clone().into();
        for revision in &latest {
            self.tell_presence(revision, now, change);
            let known = recorded.sources.get(&revision.source);
            if revision.present && known.is_none_or(|known| known.revision != revision.id) {
                let entry = compare(&revision.source, &self.desired, &before, recorded, now);
                change.revisions.push(entry);
                let mut record = SourceRecord::new(revision.id.clone(), now);
                if let Some(known) = known {
                    record.deletions.clone_from(&known.deletions);
                    record.held_since = known.held_since;
                }
                change
                    .sources
                    .insert(revision.source.clone(), Some(Arc::new(record)));
            }
        }
        self.loaded = latest;
        true
    }

    fn tell_presence(&mut self, revision: &Revision, now: Timestamp, change: &mut Change) {
        let source = &revision.source;
        let (kind, message) = match (revision.present, self.failed.contains(source)) {
            (false, false) => {
                self.failed.insert(source.clone());
                let why = revision.unreadable.values().next();
                let why = why.map_or("it is not there", String::as_str);
                (
                    EventKind::SourceFailed,
                    format!(
                        "source {source} can't be read, what it declared stays in force: {why}"
                    ),
                )
            }
            (true, true) => {
                self.failed.remove(source);
                (
                    EventKind::SourceRecovered,
                    format!("source {source} can be read again"),
                )
            }
            _ => return,
        };
        let event = Event {
            kind,
            resource: None,
            message,
        };
        change.events.push((now, event));
    }
}

fn same(left: &[Arc<Revision>], right: &[Arc<Revision>]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| {
            Arc::ptr_eq(left, right) || (left.id == right.id && left.source == right.source)
        })
}

/// What a revision of a source added, changed and removed. Jobs are compared with their records,
/// which survive a restart; clusters with the revision before, where this run saw one.
fn compare(
    source: &SourceName,
    desired: &Desired,
    before: &Desired,
    recorded: &Recorded,
    now: Timestamp,
) -> RevisionEntry {
    let (mut added, mut changed, mut removed) = (Vec::new(), Vec::new(), Vec::new());
    for (name, declared) in desired
        .jobs
        .iter()
        .filter(|(_, job)| job.place.source == *source)
    {
        match recorded.jobs.get(name) {
            None => added.push(ResourceId::jet_job(name)),
            Some(record) if record.digest != declared.digest => {
                changed.push(ResourceId::jet_job(name));
            }
            Some(_) => {}
        }
    }
    let gone = recorded.jobs.iter().filter(|(name, record)| {
        let id = ResourceId::jet_job(*name);
        record.place.source == *source
            && record.deletion.is_none()
            && !desired.jobs.contains_key(*name)
            && !desired.faulty.contains_key(&id)
    });
    removed.extend(gone.map(|(name, _)| ResourceId::jet_job(name)));
    let first = !before.sources.contains_key(source);
    let untold = first && recorded.sources.contains_key(source);
    if !untold {
        let clusters = |desired: &Desired| -> BTreeMap<String, _> {
            let ours = desired
                .hazelcasts
                .iter()
                .filter(|(_, it)| it.place.source == *source);
            ours.map(|(name, it)| (name.clone(), it.digest)).collect()
        };
        let (old, new) = (clusters(before), clusters(desired));
        for (name, digest) in &new {
            match old.get(name) {
                None => added.push(ResourceId::hazelcast(name)),
                Some(other) if other != digest => changed.push(ResourceId::hazelcast(name)),
                Some(_) => {}
            }
        }
        let gone = old.keys().filter(|name| !new.contains_key(*name));
        removed.extend(gone.map(ResourceId::hazelcast));
    }
    RevisionEntry {
        source: source.clone(),
        revision: desired
            .sources
            .get(source)
            .map(|view| view.revision.clone())
            .unwrap_or_default(),
        seen_at: now,
        added,
        changed,
        removed,
        errors: errors_of(desired, source),
    }
}

/// How many errors the documents of a source have.
pub(super) fn errors_of(desired: &Desired, source: &SourceName) -> usize {
    let errors = desired
        .faults
        .iter()
        .filter(|fault| fault.severity == Severity::Error && fault.place.source == *source);
    errors.count()
}
