//! What callers ask of a watch, and how they get to know that it was done.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::WatchError;
use crate::plan::Interest;
use crate::plan::job::JobId;

/// What callers asked for. Bounded: everything in it replaces or joins what was there.
#[derive(Debug, Default)]
pub(super) struct Orders {
    open: Mutex<Open>,
    changed: Notify,
}

/// The orders that were not taken yet, and how many there were of those that are counted.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// The latest interest, where it is new.
    pub(super) interest: Option<Interest>,
    /// Jobs whose configuration is to be read again.
    pub(super) invalidated: BTreeSet<JobId>,
    /// How often the list and the ownership map were asked for.
    pub(super) refreshes: u64,
    /// Whether the ownership map alone is to be read again.
    pub(super) ownership: bool,
    /// How often health was asked for.
    pub(super) guards: u64,
    /// Whether the watch is to end.
    pub(super) stop: bool,
    wanted: Interest,
}

impl Orders {
    pub(super) fn want(&self, interest: Interest) {
        let mut open = self.open();
        if open.wanted != interest {
            open.wanted = interest.clone();
            open.interest = Some(interest);
            self.changed.notify_one();
        }
    }

    pub(super) fn refresh(&self) -> u64 {
        let mut open = self.open();
        open.refreshes += 1;
        self.changed.notify_one();
        open.refreshes
    }

    pub(super) fn refresh_ownership(&self) {
        self.open().ownership = true;
        self.changed.notify_one();
    }

    pub(super) fn guard(&self) -> u64 {
        let mut open = self.open();
        open.guards += 1;
        self.changed.notify_one();
        open.guards
    }

    pub(super) fn invalidate(&self, job: JobId) {
        self.open().invalidated.insert(job);
        self.changed.notify_one();
    }

    pub(super) fn stop(&self) {
        self.open().stop = true;
        self.changed.notify_one();
    }

    /// Waits for an order since the last wait.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Takes the open orders; the counts stay.
    pub(super) fn take(&self) -> Open {
        let mut open = self.open();
        Open {
            interest: open.interest.take(),
            invalidated: std::mem::take(&mut open.invalidated),
            refreshes: open.refreshes,
            ownership: std::mem::take(&mut open.ownership),
            guards: open.guards,
            stop: open.stop,
            wanted: Interest::default(),
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The latest answer to a counted order, and up to which order it counts.
#[derive(Debug, Clone)]
pub(super) struct Answered<T> {
    /// The number of the last order that was made before what is answered was asked for.
    pub(super) number: u64,
    /// The answer.
    pub(super) result: Result<T, WatchError>,
}

impl<T> Answered<T> {
    /// No answer yet.
    pub(super) fn none() -> Self {
        Self {
            number: 0,
            result: Err(WatchError::Stopped),
        }
    }
}

/// Waits for the answer to the order of this number.
pub(super) async fn answer<T: Clone>(
    answers: &mut watch::Receiver<Answered<T>>,
    number: u64,
) -> Result<T, WatchError> {
    match answers.wait_for(|answer| answer.number >= number).await {
        Ok(answer) => answer.result.clone(),
        Err(_) => Err(WatchError::Stopped),
    }
}
