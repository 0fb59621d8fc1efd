//! The directory source: a path of the local filesystem, watched.
//!
//! One task decides when to look; the looking itself happens on a blocking thread, with all that it
//! remembers. Whatever makes it look (an event, the timer, a request), it looks at everything.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::hints::Hints;
use super::keeper::{Keeper, Look, State};
use super::options::DirectoryOptions;
use super::requests::Requests;
use super::scan::Scanner;
use super::watcher::Watcher;
use super::{Source, SourceError};
use crate::clock::Clock;
use crate::resources::{Revision, SourceName};

/// A source that is a directory, or one YAML file. It stops when it is dropped.
#[derive(Debug)]
pub struct DirectorySource {
    name: SourceName,
    revisions: watch::Receiver<Arc<Revision>>,
    requests: Requests,
    scans: Arc<AtomicU64>,
}

impl DirectorySource {
    /// Starts the source of this name at `path`, which may be a directory, one YAML file, or a link
    /// to either, and need not be there yet. Returns when it was looked at once.
    pub async fn start(
        name: SourceName,
        path: &Path,
        options: DirectoryOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SourceError> {
        let hints = Arc::new(Hints::default());
        Self::start_with(name, path, options, clock, hints).await
    }

    async fn start_with(
        name: SourceName,
        path: &Path,
        options: DirectoryOptions,
        clock: Arc<dyn Clock>,
        hints: Arc<Hints>,
    ) -> Result<Self, SourceError> {
        let path = std::path::absolute(path).map_err(|source| SourceError::Path {
            path: path.to_owned(),
            source,
        })?;
        let scans = Arc::new(AtomicU64::new(0));
        let make = {
            let (name, options) = (name.clone(), options.clone());
            let (hints, scans) = (Arc::clone(&hints), Arc::clone(&scans));
            move || Look {
                scanner: Scanner::new(
                    name.clone(),
                    path.clone(),
                    options.clone(),
                    Arc::clone(&clock),
                ),
                watcher: Watcher::new(Arc::clone(&hints), options.max_watches),
                scans: Arc::clone(&scans),
            }
        };
        let mut look = make();
        let first = spawn_blocking(move || {
            let scan = look.scan(&HashSet::new());
            (look, scan)
        });
        let Ok((look, scan)) = first.await else {
            return Err(SourceError::FirstScan(name));
        };
        let (sender, revisions) = watch::channel(Arc::new(scan.revision));
        let (requests, received) = Requests::channel();
        let keeper = Keeper {
            name: name.clone(),
            state: State::new(look, &options),
            options,
            hints,
            make: Box::new(make),
            revisions: sender,
            requests: received,
        };
        drop(tokio::spawn(keeper.run()));
        Ok(Self {
            name,
            revisions,
            requests,
            scans,
        })
    }

    /// How often it has looked.
    pub fn scans(&self) -> u64 {
        self.scans.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Source for DirectorySource {
    fn name(&self) -> &SourceName {
        &self.name
    }

    fn revisions(&self) -> watch::Receiver<Arc<Revision>> {
        self.revisions.clone()
    }

    async fn rescan(&self) {
        self.requests.look().await;
    }

    fn wake(&self) {
        self.requests.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use notify::event::Flag;
    use notify::{Event, EventKind};

    use super::*;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn an_overflow_makes_it_look_and_watch_anew() {
        let top = tempfile::tempdir().unwrap();
        let hints = Arc::new(Hints::default());
        let options = DirectoryOptions {
            rescan_interval: Duration::from_hours(1),
            ..DirectoryOptions::default()
        };
        let source = DirectorySource::start_with(
            SourceName("test".to_owned()),
            top.path(),
            options,
            Arc::new(SystemClock),
            Arc::clone(&hints),
        )
        .await
        .unwrap();
        source.rescan().await;
        let scans = source.scans();
        hints.take_in(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)));
        let looked = tokio::time::timeout(Duration::from_secs(20), async {
            // One look, and one more once everything is watched again.
            while source.scans() < scans + 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        looked.await.expect("a look in time");
        std::fs::write(top.path().join("a.yaml"), "seen").unwrap();
        let mut revisions = source.revisions();
        let seen = revisions.wait_for(|revision| revision.files.contains_key("a.yaml"));
        let seen = tokio::time::timeout(Duration::from_secs(20), seen).await;
        assert!(seen.expect("events again").is_ok());
    }
}
