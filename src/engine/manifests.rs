//! What the sources ask for: their latest revisions, loaded together when one of them changed, and
//! the history of revisions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::aside::aside;
use super::footing::admitted;
use super::revision::{self, compare};
use super::wake::{Bell, Follower};
use crate::plan::event::{Event, EventKind};
use crate::plan::record::{Recorded, SourceRecord};
use crate::resources::load::{LoadOptions, load};
use crate::resources::{Desired, Fault, LoadCache, Revision, Severity, SourceName};
use crate::source::Source;
use crate::store::Change;

/// How many troubles of a source, and refused commits, are told until it is well again.
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
    /// The commits of each source that were noted as refused since it was well. One that shows nothing has no
    /// record that could say so.
    refused: BTreeMap<SourceName, BTreeSet<String>>,
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
            refused: BTreeMap::new(),
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
        std::mem::swap(&mut new.refused, &mut self.refused);
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
            self.note_refusal(revision, known, change);
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

    /// Writes a commit that is not trusted into the history, once. Whoever may push and not sign must not fill
    /// it, so a few are told until the source is well again.
    fn note_refusal(
        &mut self,
        revision: &Revision,
        known: Option<&Arc<SourceRecord>>,
        change: &mut Change,
    ) {
        let source = &revision.source;
        let Some(refused) = &revision.refused else {
            // A start shows what is in force before it is known what else there is.
            if known.is_some_and(|known| known.revision != revision.id) {
                self.refused.remove(source);
            }
            return;
        };
        let noted = self.refused.entry(source.clone()).or_default();
        noted.extend(known.and_then(|known| known.refused.clone()));
        if noted.len() < MOST_TROUBLES && noted.insert(refused.commit.clone()) {
            change.revisions.push(revision::refusal(source, refused));
        }
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
    let refused = revision.refused.as_ref().map(|it| it.commit.clone());
    let moved_on = known.is_some_and(|known| known.revision != *id);
    if refused.is_some() || moved_on {
        record.refused = refused;
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
                    && left.proposal == right.proposal
                    && left.refused == right.refused)
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

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::engine::fake::{at, revision_of};
    use crate::resources::Refused;

    /// Shows what it is told to.
    struct Shown(SourceName, watch::Sender<Arc<Revision>>);

    #[async_trait]
    impl Source for Shown {
        fn name(&self) -> &SourceName {
            &self.0
        }

        fn revisions(&self) -> watch::Receiver<Arc<Revision>> {
            self.1.subscribe()
        }

        async fn rescan(&self) {}

        fn wake(&self) {}
    }

    #[tokio::test]
    async fn a_refused_commit_is_in_the_history_once_also_after_a_restart() {
        let source = SourceName("jobs".to_owned());
        let first = revision_of(&source);
        let refused = |commit: &str| Revision {
            trouble: Some(format!("{commit} is not signed")),
            refused: Some(Arc::new(Refused {
                commit: commit.to_owned(),
                tag: None,
                fetched_at: at(1),
                why: format!("{commit} is not signed"),
            })),
            ..first.clone()
        };
        let away = |revision: &Revision| Revision {
            trouble: Some("the remote is away".to_owned()),
            ..revision.clone()
        };
        let (bad, worse) = (refused("bad"), refused("worse"));
        let later = |revision: &Revision| Revision {
            id: "r2".to_owned(),
            ..revision.clone()
        };
        let (second, again) = (later(&first), later(&bad));
        let bad_away = away(&bad);
        let shown = [
            &first, &bad, &bad_away, &first, &bad, &worse, &second, &again,
        ];
        let mut recorded = Recorded::default();
        let mut noted = Vec::new();
        for revision in shown {
            let shown = watch::channel(Arc::new(revision.clone())).0;
            let source: Arc<dyn Source> = Arc::new(Shown(source.clone(), shown));
            // Each time as after a restart, with what was recorded.
            let mut manifests = Manifests::new(vec![source], BTreeSet::new(), &Bell::default());
            let mut change = Change::default();
            manifests.load(&recorded, at(2), &mut change);
            change.apply(&mut recorded);
            noted.extend(
                change
                    .revisions
                    .into_iter()
                    .map(|it| (it.revision, it.refused)),
            );
        }
        let why = |commit: &str| Some(format!("{commit} is not signed"));
        let row = |id: &str| (id.to_owned(), why(id).filter(|_| !id.starts_with('r')));
        assert_eq!(noted, ["r1", "bad", "worse", "r2", "bad"].map(row));
    }

    #[tokio::test]
    async fn who_may_push_and_not_sign_does_not_fill_the_history() {
        let source = SourceName("jobs".to_owned());
        let refused = |number: usize| Revision {
            refused: Some(Arc::new(Refused {
                commit: number.to_string(),
                tag: None,
                fetched_at: at(1),
                why: "not signed".to_owned(),
            })),
            ..revision_of(&source)
        };
        let (sender, _) = watch::channel(Arc::new(refused(0)));
        let shown: Arc<dyn Source> = Arc::new(Shown(source.clone(), sender.clone()));
        let mut manifests = Manifests::new(vec![shown], BTreeSet::new(), &Bell::default());
        let (mut recorded, mut rows) = (Recorded::default(), 0);
        for number in 0..100 {
            sender.send_replace(Arc::new(refused(number)));
            let mut change = Change::default();
            manifests.load(&recorded, at(2), &mut change);
            change.apply(&mut recorded);
            rows += change.revisions.len();
        }
        assert_eq!(rows, 1 + MOST_TROUBLES);
    }

    #[tokio::test]
    async fn one_that_never_showed_anything_is_told_once_a_run() {
        let source = SourceName("jobs".to_owned());
        let refused = Arc::new(Refused {
            commit: "bad".to_owned(),
            tag: None,
            fetched_at: at(1),
            why: "not signed".to_owned(),
        });
        let nothing = Revision {
            id: String::new(),
            present: false,
            refused: Some(refused),
            ..revision_of(&source)
        };
        let (sender, _) = watch::channel(Arc::new(nothing.clone()));
        let shown: Arc<dyn Source> = Arc::new(Shown(source, sender.clone()));
        let mut manifests = Manifests::new(vec![shown], BTreeSet::new(), &Bell::default());
        for noted in [1, 0] {
            let mut change = Change::default();
            manifests.load(&Recorded::default(), at(2), &mut change);
            assert_eq!(change.revisions.len(), noted);
            let away = Some("the remote is away".to_owned());
            sender.send_replace(Arc::new(Revision {
                trouble: away,
                ..nothing.clone()
            }));
        }
    }
}
