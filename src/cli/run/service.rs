//! What systemd is told while the daemon runs.
//!
//! The watchdog is fed by the engine alone: a turn is asked of its loop, and only when that turned is
//! systemd told so. A loop that hangs starves the watchdog, whatever else still runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::status;
use crate::cli::error::{CliError, Result};
use crate::engine::{Handle, Published, Pulse};
use crate::systemd::{self, Notifier};

/// The time between two statuses, so that a busy engine isn't copied line by line.
const STATUS_PAUSE: Duration = Duration::from_secs(1);

/// The daemon as systemd knows it. Dropping it ends the telling, and so starves the watchdog.
pub(super) struct Service {
    notifier: Arc<Notifier>,
    published: watch::Receiver<Arc<Published>>,
    _status: AbortOnDropHandle<()>,
    _watchdog: Option<AbortOnDropHandle<()>>,
}

impl Service {
    /// Tells systemd, if it started us, how this engine is doing. Ready is told once it made a pass:
    /// the socket has to be there before.
    pub(super) fn begin(handle: &Handle) -> Result<Self> {
        let variable = |name| std::env::var_os(name);
        let notifier = Notifier::new(variable("NOTIFY_SOCKET")).map_err(CliError::failed)?;
        let notifier = Arc::new(notifier);
        let (micros, process) = (variable("WATCHDOG_USEC"), variable("WATCHDOG_PID"));
        let within = systemd::watchdog(micros.as_deref(), process.as_deref(), std::process::id());
        let published = handle.published.clone();
        let status = tell(Arc::clone(&notifier), published.clone());
        let watchdog = within.map(|within| {
            let notifier = Arc::clone(&notifier);
            feed(handle.pulse.clone(), within, move || notifier.alive())
        });
        Ok(Self {
            notifier,
            published,
            _status: AbortOnDropHandle::new(tokio::spawn(status)),
            _watchdog: watchdog.map(|feed| AbortOnDropHandle::new(tokio::spawn(feed))),
        })
    }

    /// The configuration is read again, until [`Self::reloaded`].
    pub(super) fn reloading(&self) {
        self.notifier.reloading();
    }

    /// It was read, and is in force or refused; what is to be said of it comes first.
    pub(super) fn reloaded(&self, words: &str) {
        let line = status::line(&self.published.borrow());
        self.notifier.ready(&match words {
            "" => line,
            words => format!("{words}; {line}"),
        });
    }

    /// The daemon ends.
    pub(super) fn stopping(&self, words: &str) {
        self.notifier.stopping(words);
    }
}

/// Tells that it is ready, and from then on how it is doing.
async fn tell(notifier: Arc<Notifier>, mut published: watch::Receiver<Arc<Published>>) {
    let mut told: Option<String> = None;
    loop {
        let latest = Arc::clone(&published.borrow_and_update());
        if latest.at.is_some() {
            let line = status::line(&latest);
            match &told {
                None => notifier.ready(&line),
                Some(before) if *before != line => notifier.status(&line),
                Some(_) => {}
            }
            told = Some(line);
            tokio::time::sleep(STATUS_PAUSE).await;
        }
        if published.changed().await.is_err() {
            return;
        }
    }
}

/// Feeds a watchdog that wants to be fed within this time, as long as the engine's loop turns.
async fn feed(pulse: Pulse, within: Duration, mut fed: impl FnMut()) {
    loop {
        pulse.turn().await;
        fed();
        // Half of what is allowed, as systemd advises.
        tokio::time::sleep(within / 2).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_does_not_turn_is_never_said_to_be_alive() {
        let fed = AtomicU32::new(0);
        let feeding = feed(Pulse::default(), Duration::from_secs(1), || {
            fed.fetch_add(1, Ordering::Relaxed);
        });
        let ended = tokio::time::timeout(Duration::from_hours(1), feeding).await;
        assert!(ended.is_err());
        assert_eq!(fed.load(Ordering::Relaxed), 0);
    }
}
