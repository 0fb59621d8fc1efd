//! The task behind a directory source: decides when to look, looks, and publishes what is new.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use super::hints::{Hints, Urgency};
use super::options::DirectoryOptions;
use super::requests::{Received, Request};
use super::scan::{Scan, Scanner};
use super::watcher::{WatchError, Watcher};
use crate::resources::{Revision, SourceName};

/// How often in a row a look is followed by another because there was more to watch. A tree that
/// grows faster than that is looked at again at the next event.
const MAX_GROWTH: u32 = 8;

/// What looks, with its memory and its watches.
pub(super) struct Look {
    pub(super) scanner: Scanner,
    pub(super) watcher: Watcher,
    pub(super) scans: Arc<AtomicU64>,
}

/// Whether and how to watch while looking.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Watch {
    Not,
    Follow { anew: bool },
}

/// What a look gave.
struct Seen {
    scan: Scan,
    /// Why there are no events, where that was found now.
    failure: Option<WatchError>,
}

impl Look {
    /// Looks, and watches nothing.
    pub(super) fn scan(&mut self, held: &HashSet<PathBuf>) -> Scan {
        self.scans.fetch_add(1, Ordering::Relaxed);
        self.scanner.scan(held)
    }

    /// Looks, and again as long as there is more to watch than before.
    fn make(&mut self, held: &HashSet<PathBuf>, watch: Watch) -> Seen {
        let mut scan = self.scan(held);
        let Watch::Follow { mut anew } = watch else {
            return Seen {
                scan,
                failure: None,
            };
        };
        for _ in 0..MAX_GROWTH {
            match self
                .watcher
                .follow(std::mem::take(&mut scan.interest), anew)
            {
                Ok(false) => break,
                Ok(true) => scan = self.scan(held),
                Err(failure) => {
                    self.watcher.stop();
                    // What happened before the failure may have gone unnoticed.
                    let scan = self.scan(held);
                    return Seen {
                        scan,
                        failure: Some(failure),
                    };
                }
            }
            anew = false;
        }
        Seen {
            scan,
            failure: None,
        }
    }
}

/// Why it looks.
enum Cause {
    Events,
    Timer,
    Requests(Vec<Request>),
}

/// The task behind a source.
pub(super) struct Keeper {
    pub(super) name: SourceName,
    pub(super) options: DirectoryOptions,
    pub(super) hints: Arc<Hints>,
    /// Makes a look that remembers nothing, should the one we have break.
    pub(super) make: Box<dyn Fn() -> Look + Send>,
    pub(super) revisions: watch::Sender<Arc<Revision>>,
    pub(super) requests: Received,
    pub(super) state: State,
}

/// What the task remembers.
pub(super) struct State {
    /// Absent while it looks.
    look: Option<Look>,
    polling: bool,
    held_back: bool,
    full_scan_at: Instant,
    watch_again_at: Instant,
}

impl State {
    /// The state of a task whose first scan has just been made.
    pub(super) fn new(look: Look, options: &DirectoryOptions) -> Self {
        let now = Instant::now();
        Self {
            look: Some(look),
            polling: !options.events,
            held_back: false,
            full_scan_at: now,
            watch_again_at: now,
        }
    }
}

impl Keeper {
    /// Looks whenever it is time to, until the source is dropped.
    pub(super) async fn run(mut self) {
        // The first scan was made before anything was watched.
        self.look(false).await;
        let mut rested_at = Instant::now();
        while let Some(cause) = self.wait(rested_at).await {
            let doubtful = self.hints.take_doubt();
            let changed = self.look(doubtful).await;
            match cause {
                Cause::Timer if changed && !self.state.polling => {
                    tracing::debug!(source = %self.name, "a change came without an event");
                    self.look(true).await;
                }
                Cause::Requests(waiting) => {
                    for done in waiting {
                        // Who asked may have gone away meanwhile.
                        done.send(()).ok();
                    }
                }
                Cause::Timer | Cause::Events => {}
            }
            rested_at = Instant::now() + self.options.debounce;
        }
    }

    /// Waits until it is time to look. Until `rested_at` even what is moved into place belongs to a
    /// burst. None: the source was dropped.
    async fn wait(&mut self, rested_at: Instant) -> Option<Cause> {
        let mut burst: Option<(Instant, Instant)> = None;
        loop {
            let settled = burst.map(|(first, last)| {
                (last + self.options.debounce).min(first + self.options.debounce_max)
            });
            let patience_ends = self
                .state
                .held_back
                .then(|| self.hints.patience_ends(self.options.writer_patience))
                .flatten();
            let timer = self.state.full_scan_at;
            let due = [settled, patience_ends].into_iter().flatten().min();
            tokio::select! {
                biased;
                request = self.requests.looks.recv() => {
                    let mut waiting = vec![request?];
                    while let Ok(request) = self.requests.looks.try_recv() {
                        waiting.push(request);
                    }
                    return Some(Cause::Requests(waiting));
                }
                () = self.requests.wakes.wait() => {
                    self.requests.wakes.clear_before(Instant::now());
                    return Some(Cause::Requests(Vec::new()));
                }
                () = sleep_until(due.unwrap_or(timer)), if due.is_some() => {
                    return Some(Cause::Events);
                }
                () = self.hints.wait() => {
                    let now = Instant::now();
                    match self.hints.take() {
                        Some(Urgency::Now) if now >= rested_at => return Some(Cause::Events),
                        Some(_) => burst = Some((burst.map_or(now, |(first, _)| first), now)),
                        None => {}
                    }
                }
                () = sleep_until(timer) => return Some(Cause::Timer),
            }
        }
    }

    /// Looks and publishes what is new. Tells whether something was.
    async fn look(&mut self, anew: bool) -> bool {
        let held = self.hints.held(self.options.writer_patience);
        let now = Instant::now();
        let watch =
            if !self.options.events || (self.state.polling && now < self.state.watch_again_at) {
                Watch::Not
            } else {
                Watch::Follow { anew }
            };
        let mut look = self.state.look.take().unwrap_or_else(|| (self.make)());
        let made = spawn_blocking(move || {
            let seen = look.make(&held, watch);
            (look, seen)
        });
        let Ok((look, seen)) = made.await else {
            // Its memory is lost with it; the next look starts afresh.
            tracing::error!(source = %self.name, "a look at the source was broken off; it is made again");
            self.state.full_scan_at = Instant::now() + self.options.poll_interval;
            return false;
        };
        self.state.look = Some(look);
        if watch != Watch::Not {
            self.note_watching(seen.failure);
        }
        self.state.held_back = seen.scan.held_back;
        let interval = if self.state.polling {
            self.options.poll_interval
        } else {
            self.options.rescan_interval
        };
        self.state.full_scan_at = Instant::now() + interval;
        self.publish(seen.scan.revision)
    }

    /// Notes whether there are events, and says so when that changed.
    fn note_watching(&mut self, failure: Option<WatchError>) {
        let interval = self.options.poll_interval;
        match failure {
            Some(error) => {
                if !self.state.polling {
                    tracing::warn!(
                        source = %self.name,
                        error = &error as &dyn std::error::Error,
                        "file events are not available; the source is looked at every {interval:?}"
                    );
                }
                self.state.polling = true;
                self.state.watch_again_at = Instant::now() + self.options.rescan_interval;
            }
            None if self.state.polling => {
                tracing::info!(source = %self.name, "file events are available again");
                self.state.polling = false;
            }
            None => {}
        }
    }

    fn publish(&self, revision: Revision) -> bool {
        self.revisions.send_if_modified(|current| {
            let changed = current.id != revision.id;
            if changed {
                tracing::debug!(source = %revision.source, revision = %revision.id, "a new revision");
                *current = Arc::new(revision);
            }
            changed
        })
    }
}
