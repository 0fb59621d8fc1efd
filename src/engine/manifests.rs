//! What the sources ask for: their latest revisions, loaded together when one of them changed, and
//! the history of revisions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::aside::aside;
use super::footing::admitted;
use super::revision::compare;
use super::wake::{Bell, Follower};
use crate::plan::event::{Event, EventKind};
use crate::plan::record::{Recorded, SourceRecord};
use crate::resources::load::{LoadOptions, load};
use crate::resources::{Desired, Fault, LoadCache, Revision, Severity, SourceName};
use crate::source::Source;
use crate::store::Change;

/// How many troubles of a source are told until it is well again.
const MOST_TROUBLES: usize = 16;

/// The sources and what they ask for together.
pub(super) struct Manifests {
    sources: Vec<Arc<dyn Source>>,
    receivers: Vec<watch::Receiver<Arc<Revision>>>,
    options: LoadOptions,
    cache: LoadCache,
    loaded: Vec<Arc<Revision>>,
    desired: Arc<Desired>,
    faults: Arc<[Fault]>,
    /// Whether sources of which nothing can be read are left out, as if this run didn't name them.
    only_readable: bool,
    /// What was told of each source since it failed.
    failed: BTreeMap<SourceName, BTreeSet<String>>,
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
            only_readable: false,
            failed: BTreeMap::new(),
        }
    }

    /// The same where nothing is kept: an engine that only looks has no revision from before to go on with
    /// where a source can't be read or is refused, and must not take that for a source that is gone. What
    /// it would hold for that is held nowhere, so that nobody could confirm it.
    pub(super) fn only_readable(self) -> Self {
        Self {
            only_readable: true,
            ..self
        }
    }

    /// Goes on with these sources. What the ones before declared is planned with until the next load.
    pub(super) fn replace(
        &mut self,
        sources: Vec<Arc<dyn Source>>,
        clusters: BTreeSet<String>,
        bell: &Bell,
    ) {
        let mut new = Self::new(sources, clusters, bell);
        new.only_readable = self.only_readable;
        std::mem::swap(&mut new.desired, &mut self.desired);
        std::mem::swap(&mut new.faults, &mut self.faults);
        std::mem::swap(&mut new.failed, &mut self.failed);
        *self = new;
    }

    pub(super) fn sources(&self) -> &[Arc<dyn Source>] {
        &self.sources
    }

    pub(super) fn desired(&self) -> &Arc<Desired> {
        &self.desired
    }

    /// The revisions that were loaded last.
    pub(super) fn all_loaded(&self) -> &[Arc<Revision>] {
        &self.loaded
    }

    /// The revision of a source that was loaded last.
    pub(super) fn loaded(&self, source: &SourceName) -> Option<&Revision> {
        let revision = self.loaded.iter().find(|it| it.source == *source);
        revision.map(|revision| &**revision)
    }

    pub(super) fn faults(&self) -> &Arc<[Fault]> {
        &self.faults
    }

    /// The sources that can't be read, and why.
    pub(super) fn unread(&self) -> BTreeMap<SourceName, String> {
        let unread = self.loaded.iter().filter(|revision| !is_well(revision));
        let unread = unread.map(|it| (it.source.clone(), why(it).to_owned()));
        unread.collect()
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
        let loaded = &self.loaded;
        let latest: Vec<Arc<Revision>> = latest
            .into_iter()
            .map(|latest| {
                let before = loaded.iter().find(|it| it.source == latest.source);
                admitted(latest, before, recorded)
            })
            .collect();
        if same(&latest, &self.loaded) {
            return false;
        }
        let before = Arc::clone(&self.desired);
        let (options, cache) = (&self.options, &mut self.cache);
        let mut desired = aside(|| load(&latest, options, cache));
        if self.only_readable {
            let unread = latest
                .iter()
                .filter(|it| !it.present && it.trouble.is_some());
            for revision in unread {
                desired.sources.remove(&revision.source);
            }
        }
        self.desired = Arc::new(desired);
        self.faults = self.desired.faults.clone().into();
        for revision in &latest {
            self.tell_presence(revision, now, change);
            // What steps reported is newer than what is recorded.
            let source = &revision.source;
            let changed = change.sources.get(source).cloned().flatten();
            let known = changed.or_else(|| recorded.sources.get(source).cloned());
            let known = known.as_ref();
            if !revision.present {
                continue;
            }
            if known.is_none_or(|known| known.revision != revision.id) {
                let entry = compare(revision, (&self.desired, &before), recorded, now);
                change.revisions.push(entry);
            }
            let record = in_force(revision, known, now);
            if known.is_none_or(|known| **known != record) {
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
        let (kind, message) = match (is_well(revision), self.failed.contains_key(source)) {
            (false, _) => {
                let why = why(revision);
                let told = self.failed.entry(source.clone()).or_default();
                // A commit that is refused is told also where another trouble came before it.
                if told.len() >= MOST_TROUBLES || !told.insert(why.to_owned()) {
                    return;
                }
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
            revision: None,
        };
        change.events.push((now, event));
    }
}

fn is_well(revision: &Revision) -> bool {
    revision.present && revision.trouble.is_none()
}

/// Why a source can't be read.
fn why(revision: &Revision) -> &str {
    let why = revision.trouble.as_ref();
    let why = why.or_else(|| revision.unreadable.values().next());
    why.map_or("it is not there", String::as_str)
}

/// The record of a source whose revision is planned with now.
fn in_force(
    revision: &Revision,
    known: Option<&Arc<SourceRecord>>,
    now: Timestamp,
) -> SourceRecord {
    let id = &revision.id;
    let mut record = match known {
        Some(known) if known.revision == *id => SourceRecord::clone(known),
        known => SourceRecord {
            revision: id.clone(),
            seen_at: now,
            ..known.map_or_else(
                || SourceRecord::new(id.clone(), now),
                |known| SourceRecord::clone(known),
            )
        },
    };
    record.anchor = revision.lineage.as_ref().map(|lineage| lineage.anchor());
    if record.released.as_ref() == Some(id) {
        record.released = None;
    }
    record
}

fn same(left: &[Arc<Revision>], right: &[Arc<Revision>]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| {
            Arc::ptr_eq(left, right)
                || (left.id == right.id
                    && left.source == right.source
                    && left.trouble == right.trouble
                    && left.lineage == right.lineage
                    && left.proposal == right.proposal)
        })
}

/// How many errors the documents of a source have.
pub(super) fn errors_of(desired: &Desired, source: &SourceName) -> usize {
    let errors = desired
        .faults
        .iter()
        .filter(|fault| fault.severity == Severity::Error && fault.place.source == *source);
    errors.count()
}
