//! The watcher: keeps file events coming for what the last scan found.
//!
//! Directories are watched one by one, never recursively, so that each is watched under its one path
//! without links. The watches only ever grow; for any other change, and whenever a watch may be gone
//! (its directory was removed or moved, events overflowed), all are set up anew, because inotify
//! knows directories by inode and can't be asked what it still watches.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use thiserror::Error;

use super::hints::{Hints, Interest};
use super::stamp::FileId;

/// Why there are no file events.
#[derive(Debug, Error)]
pub(super) enum WatchError {
    /// The system's limit of watches is reached.
    #[error("the system's limit of file watches is reached; raise fs.inotify.max_user_watches")]
    Limit,
    /// Our own limit of watches is reached.
    #[error("the source has more than {0} directories to watch")]
    TooMany(usize),
    /// The system gives no watcher.
    #[error("the system gives no file events; fs.inotify.max_user_instances may be too low")]
    Unavailable(#[source] notify::Error),
    /// The files are on another machine, which doesn't tell.
    #[error("{0} gives no events for changes made elsewhere")]
    RemoteFiles(&'static str),
}

/// Keeps file events coming.
pub(super) struct Watcher {
    hints: Arc<Hints>,
    max_watches: usize,
    inner: Option<RecommendedWatcher>,
    watched: BTreeMap<PathBuf, Option<FileId>>,
}

impl Watcher {
    /// A watcher that watches nothing yet and reports to `hints`.
    pub(super) fn new(hints: Arc<Hints>, max_watches: usize) -> Self {
        Self {
            hints,
            max_watches,
            inner: None,
            watched: BTreeMap::new(),
        }
    }

    /// Watches nothing any more.
    pub(super) fn stop(&mut self) {
        self.inner = None;
        self.watched.clear();
    }

    /// Watches what a scan found. Tells whether a watch was added, in which case changes between the
    /// scan and now may have gone unnoticed.
    pub(super) fn follow(&mut self, interest: Interest, anew: bool) -> Result<bool, WatchError> {
        let wanted: BTreeMap<PathBuf, Option<FileId>> = interest
            .watched()
            .into_iter()
            .map(|(path, id)| (path.to_owned(), id))
            .collect();
        if wanted.len() > self.max_watches {
            return Err(WatchError::TooMany(self.max_watches));
        }
        if let Some(reason) = interest
            .directories
            .keys()
            .next()
            .and_then(|path| remote_files(path))
        {
            return Err(WatchError::RemoteFiles(reason));
        }
        self.hints.set_interest(interest);
        let only_grew = self
            .watched
            .iter()
            .all(|(path, id)| wanted.get(path) == Some(id));
        if anew || !only_grew {
            self.stop();
        }
        if self.inner.is_some() && self.watched.len() == wanted.len() {
            return Ok(false);
        }
        let result = self.add(wanted);
        if result.is_err() {
            self.stop();
        }
        result
    }

    fn add(&mut self, wanted: BTreeMap<PathBuf, Option<FileId>>) -> Result<bool, WatchError> {
        let inner = match &mut self.inner {
            Some(inner) => inner,
            None => self.inner.insert(start(&self.hints)?),
        };
        for (path, id) in wanted {
            if self.watched.contains_key(&path) {
                continue;
            }
            match inner.watch(&path, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => {
                    return Err(WatchError::Limit);
                }
                // Gone meanwhile, which its parent tells; or closed to us, as the scan says too.
                Err(error) => {
                    tracing::debug!(path = %path.display(), %error, "a directory can't be watched");
                }
            }
            self.watched.insert(path, id);
        }
        Ok(true)
    }
}

fn start(hints: &Arc<Hints>) -> Result<RecommendedWatcher, WatchError> {
    let hints = Arc::clone(hints);
    let config = Config::default().with_follow_symlinks(false);
    RecommendedWatcher::new(move |event| hints.take_in(event), config)
        .map_err(WatchError::Unavailable)
}

/// The kind of filesystem that holds this path, where it is one whose files change without our
/// kernel noticing.
#[cfg(target_os = "linux")]
fn remote_files(path: &Path) -> Option<&'static str> {
    // Numbers of statfs(2).
    match u64::try_from(rustix::fs::statfs(path).ok()?.f_type).ok()? & 0xffff_ffff {
        0x6969 => Some("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => Some("SMB"),
        0x6573_5546 => Some("FUSE"),
        0x0102_1997 => Some("9P"),
        0x786f_4256 => Some("vboxsf"),
        _ => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn remote_files(_: &Path) -> Option<&'static str> {
    None
}
