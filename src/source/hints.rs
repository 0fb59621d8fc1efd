//! Hints: what file events say about when to look, and nothing about what there is to see.
//!
//! The daemon's own reading raises events too. They are dropped here, else every look would be the
//! cause of the next one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RemoveKind, RenameMode};
use notify::{Event, EventKind};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::stamp::FileId;
use super::walk::FileType;

/// How many writers are kept apart; beyond that, files are taken as they are.
const MAX_WRITERS: usize = 4096;

/// What a scan found that has to be watched. No path here contains a link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Interest {
    /// The directories of the source.
    pub(super) directories: BTreeMap<PathBuf, FileId>,
    /// The entries that decide where the source's path and the links in it lead.
    pub(super) anchors: BTreeSet<PathBuf>,
    /// The files that links lead to.
    pub(super) targets: BTreeSet<PathBuf>,
}

impl Interest {
    /// The directories to watch, outer ones first.
    pub(super) fn watched(&self) -> BTreeMap<&Path, Option<FileId>> {
        let holders = self.anchors.iter().chain(&self.targets);
        let mut watched: BTreeMap<&Path, Option<FileId>> = holders
            .filter_map(|entry| entry.parent())
            .map(|directory| (directory, None))
            .collect();
        for (directory, id) in &self.directories {
            watched.insert(directory, Some(*id));
        }
        watched
    }

    /// Whether a change of this entry can be one of the source. Hidden entries matter only where a
    /// link leads through them.
    fn covers(&self, path: &Path) -> bool {
        let inside = |path: &Path| self.directories.contains_key(path);
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        inside(path)
            || (!hidden && path.parent().is_some_and(inside))
            || self.anchors.contains(path)
            || self.targets.contains(path)
    }
}

/// How soon to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// When the burst has come to rest.
    Soon,
    /// At once: something complete was moved into place.
    Now,
}

/// Where events arrive and the source waits for them.
#[derive(Default)]
pub(super) struct Hints {
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Default)]
struct State {
    interest: Interest,
    /// The directories that are watched for it.
    watched: HashSet<PathBuf>,
    urgency: Option<Urgency>,
    /// Files that are being written, with the time of the last write.
    writers: HashMap<PathBuf, Instant>,
    /// Whether a watch may be gone, or events may be missing.
    doubtful: bool,
}

impl Hints {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what events are judged by.
    pub(super) fn set_interest(&self, interest: Interest) {
        let mut state = self.state();
        state.watched = interest.watched().into_keys().map(Path::to_owned).collect();
        state.interest = interest;
    }

    /// Waits until there may be a hint.
    pub(super) async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Takes the hints since the last call.
    pub(super) fn take(&self) -> Option<Urgency> {
        self.state().urgency.take()
    }

    /// Tells, once, whether watches have to be set up anew.
    pub(super) fn take_doubt(&self) -> bool {
        std::mem::take(&mut self.state().doubtful)
    }

    /// The files that are being written: last written to less than `patience` ago.
    pub(super) fn held(&self, patience: Duration) -> HashSet<PathBuf> {
        let mut state = self.state();
        state.writers.retain(|_, last| last.elapsed() < patience);
        state.writers.keys().cloned().collect()
    }

    /// When the first of the files that are being written is taken as it is.
    pub(super) fn patience_ends(&self, patience: Duration) -> Option<Instant> {
        let last = self.state().writers.values().min().copied();
        last.map(|last| last + patience)
    }

    /// Takes an event in.
    pub(super) fn take_in(&self, event: notify::Result<Event>) {
        let mut state = self.state();
        let urgency = match event {
            Ok(event) => state.judge(&event),
            Err(error) => {
                tracing::debug!(%error, "file events may be missing");
                state.doubtful = true;
                Some(Urgency::Soon)
            }
        };
        if urgency.is_some() {
            state.urgency = state.urgency.max(urgency);
            drop(state);
            self.wake.notify_one();
        }
    }
}

impl State {
    fn judge(&mut self, event: &Event) -> Option<Urgency> {
        if event.need_rescan() {
            self.doubtful = true;
            return Some(Urgency::Soon);
        }
        let urgency = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => Urgency::Soon,
            EventKind::Access(_) => return None,
            EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both)) => Urgency::Now,
            _ => Urgency::Soon,
        };
        let mut relevant = false;
        for path in &event.paths {
            if self.interest.covers(path) {
                relevant |= self.note(event.kind, path);
            }
        }
        relevant.then_some(urgency)
    }

    /// Notes what an event says about a path. Tells whether it calls for a look.
    fn note(&mut self, kind: EventKind, path: &Path) -> bool {
        let ours = FileType::of(path) != FileType::Other || self.interest.targets.contains(path);
        match kind {
            EventKind::Modify(ModifyKind::Data(_)) => {
                if ours {
                    self.begin_writing(path);
                }
                ours
            }
            EventKind::Access(_) => {
                self.writers.remove(path);
                ours
            }
            EventKind::Create(CreateKind::File) => {
                let metadata = fs::symlink_metadata(path).ok();
                if ours && metadata.as_ref().is_some_and(is_just_created) {
                    self.begin_writing(path);
                }
                ours || !is_plain(metadata.as_ref())
            }
            EventKind::Remove(RemoveKind::File) => {
                self.writers.remove(path);
                ours || self.interest.anchors.contains(path)
            }
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => {
                self.writers.remove(path);
                // What was watched here is gone or another one now, and so are the watches in it.
                let decides = self.watched.contains(path) || self.interest.anchors.contains(path);
                self.doubtful |= decides;
                ours || decides || !is_plain(fs::symlink_metadata(path).ok().as_ref())
            }
            _ => true,
        }
    }

    fn begin_writing(&mut self, path: &Path) {
        if self.writers.len() < MAX_WRITERS || self.writers.contains_key(path) {
            self.writers.insert(path.to_owned(), Instant::now());
        }
    }
}

/// Whether this is an empty new file that its maker has still to write. Links, and files that were
/// linked into place with their content, are complete.
fn is_just_created(metadata: &Metadata) -> bool {
    metadata.is_file() && metadata.size() == 0 && metadata.nlink() == 1
}

/// Whether this is a file, and neither a directory nor a link, which may lead to one. What is gone
/// may have been either.
fn is_plain(metadata: Option<&Metadata>) -> bool {
    metadata.is_some_and(Metadata::is_file)
}

#[cfg(test)]
mod tests {
    use notify::event::{DataChange, Flag, MetadataKind};

    use super::*;

    const DATA: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    const CLOSED: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));
    const MOVED: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::To));

    fn hints() -> Hints {
        let hints = Hints::default();
        let id = FileId::of(&fs::metadata("/").unwrap());
        hints.set_interest(Interest {
            directories: [("/top/jobs".into(), id), ("/top/jobs/sub".into(), id)].into(),
            anchors: ["/top".into(), "/top/jobs".into(), "/top/link".into()].into(),
            targets: ["/top/jobs/.data/file".into()].into(),
        });
        hints
    }

    fn after(kind: EventKind, path: &str) -> (Option<Urgency>, bool) {
        let hints = hints();
        hints.take_in(Ok(Event::new(kind).add_path(path.into())));
        (hints.take(), hints.take_doubt())
    }

    #[test]
    fn reading_is_no_hint() {
        for kind in [
            AccessKind::Open(AccessMode::Any),
            AccessKind::Close(AccessMode::Read),
            AccessKind::Read,
        ] {
            let kind = EventKind::Access(kind);
            assert_eq!(after(kind, "/top/jobs/a.yaml"), (None, false));
            assert_eq!(after(kind, "/top/jobs"), (None, false));
        }
    }

    #[test]
    fn a_move_into_place_is_urgent_and_a_write_is_not() {
        let soon = (Some(Urgency::Soon), false);
        assert_eq!(
            after(MOVED, "/top/jobs/a.yaml"),
            (Some(Urgency::Now), false)
        );
        assert_eq!(after(DATA, "/top/jobs/sub/a.yaml"), soon);
        assert_eq!(after(CLOSED, "/top/jobs/a.jar"), soon);
        assert_eq!(after(DATA, "/top/jobs/.data/file"), soon);
        let removed = EventKind::Remove(RemoveKind::File);
        assert_eq!(after(removed, "/top/jobs/a.yaml"), soon);
        let metadata = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        assert_eq!(after(metadata, "/top/jobs/a.yaml"), soon);
    }

    #[test]
    fn what_cannot_change_the_source_is_no_hint() {
        assert_eq!(after(MOVED, "/top/other.yaml"), (None, false));
        assert_eq!(after(DATA, "/top/jobs/some.log"), (None, false));
        assert_eq!(after(CLOSED, "/top/jobs/.data/other"), (None, false));
        assert_eq!(after(MOVED, "/top/jobs/.a.yaml.swp"), (None, false));
        let removed = EventKind::Remove(RemoveKind::File);
        assert_eq!(after(removed, "/top/jobs/some.log"), (None, false));
    }

    #[test]
    fn a_watched_directory_that_moves_puts_the_watches_in_doubt() {
        let now = (Some(Urgency::Now), true);
        for path in ["/top", "/top/jobs", "/top/jobs/sub", "/top/link"] {
            assert_eq!(after(MOVED, path), now, "{path}");
        }
        let removed = EventKind::Remove(RemoveKind::Folder);
        assert_eq!(after(removed, "/top/jobs/sub"), (Some(Urgency::Soon), true));
    }

    #[test]
    fn an_overflow_or_an_error_asks_for_a_look_and_new_watches() {
        let hints = hints();
        hints.take_in(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)));
        assert_eq!(
            (hints.take(), hints.take_doubt()),
            (Some(Urgency::Soon), true)
        );
        hints.take_in(Err(notify::Error::generic("lost")));
        assert_eq!(
            (hints.take(), hints.take_doubt()),
            (Some(Urgency::Soon), true)
        );
        assert_eq!((hints.take(), hints.take_doubt()), (None, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_is_held_until_it_is_closed_or_patience_ends() {
        let patience = Duration::from_secs(5);
        let hints = hints();
        let event = |kind, path: &str| hints.take_in(Ok(Event::new(kind).add_path(path.into())));
        event(DATA, "/top/jobs/a.yaml");
        event(DATA, "/top/jobs/b.yaml");
        event(CLOSED, "/top/jobs/b.yaml");
        assert_eq!(hints.held(patience), ["/top/jobs/a.yaml".into()].into());
        tokio::time::advance(Duration::from_secs(3)).await;
        event(DATA, "/top/jobs/a.yaml");
        let ends = hints.patience_ends(patience).unwrap();
        assert_eq!(ends, Instant::now() + patience);
        tokio::time::advance(patience).await;
        assert!(hints.held(patience).is_empty());
        assert_eq!(hints.patience_ends(patience), None);
    }
}
