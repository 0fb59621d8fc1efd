//! What callers ask of a watch, and how they get to know that it was done.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

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
    /// How often the list was ordered: by callers, or because something matters that did not.
    pub(super) lists: u64,
    /// Whether the ownership map is to be read again.
    pub(super) ownership: bool,
    /// How often health was asked for.
    pub(super) guards: u64,
    /// Whether the watch is to end.
    pub(super) stop: bool,
    wanted: Interest,
    listed_at: Option<Instant>,
}

impl Orders {
    pub(super) fn want(&self, interest: Interest) {
        let mut open = self.open();
        if open.wanted != interest {
            let known = &open.wanted;
            if !interest.names.is_subset(&known.names) || !interest.ids.is_subset(&known.ids) {
                // Texts are kept of what matters alone.
                open.order_list();
            }
            open.wanted = interest.clone();
            open.interest = Some(interest);
            self.changed.notify_one();
        }
    }

    /// Orders a list and a look at the ownership map; the number of the order.
    pub(super) fn refresh(&self) -> u64 {
        let mut open = self.open();
        open.ownership = true;
        self.changed.notify_one();
        open.order_list()
    }

    /// Orders a list alone; the number of the order.
    pub(super) fn list(&self) -> u64 {
        let mut open = self.open();
        self.changed.notify_one();
        open.order_list()
    }

    /// The number of the latest order of a list, where that was made so recently.
    pub(super) fn listed_within(&self, age: Duration) -> Option<u64> {
        let open = self.open();
        let recent = open.listed_at.is_some_and(|at| at.elapsed() <= age);
        recent.then_some(open.lists)
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
            lists: open.lists,
            ownership: std::mem::take(&mut open.ownership),
            guards: open.guards,
            stop: open.stop,
            wanted: Interest::default(),
            listed_at: None,
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn order_list(&mut self) -> u64 {
        self.lists += 1;
        self.listed_at = Some(Instant::now());
        self.lists
    }
}

/// An answer to a counted order, and up to which order it counts.
#[derive(Debug, Clone)]
pub(super) struct Answered<T> {
    /// The number of the last order that was made before what is answered was asked for.
    pub(super) number: u64,
    /// The answer.
    pub(super) result: Result<T, WatchError>,
}

/// Where the latest answer to one kind of counted order is told.
///
/// Those who wait are woken in the order in which they began to: what they do next is then the same
/// whenever a seed is replayed. (A `tokio::sync::watch` wakes them in a random one.)
#[derive(Debug)]
pub(super) struct Answers<T> {
    latest: Mutex<Answered<T>>,
    told: Notify,
}

impl<T: Clone> Answers<T> {
    /// No answer yet.
    pub(super) fn none() -> Self {
        let latest = Mutex::new(Answered {
            number: 0,
            result: Err(WatchError::Stopped),
        });
        let told = Notify::new();
        Self { latest, told }
    }

    /// Tells an answer to all who wait for it.
    pub(super) fn tell(&self, answer: Answered<T>) {
        *self.latest() = answer;
        self.told.notify_waiters();
    }

    /// Tells all who wait, and all who ever will, that nothing is answered any more.
    pub(super) fn stop(&self) {
        self.tell(Answered {
            number: u64::MAX,
            result: Err(WatchError::Stopped),
        });
    }

    /// Waits for the answer to the order of this number.
    pub(super) async fn to(&self, number: u64) -> Result<T, WatchError> {
        loop {
            // Begun before the look, so that nothing is told in between.
            let told = self.told.notified();
            {
                let latest = self.latest();
                if latest.number >= number {
                    return latest.result.clone();
                }
            }
            told.await;
        }
    }

    fn latest(&self) -> MutexGuard<'_, Answered<T>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Which of these waits ended in which order.
    async fn woken(answers: Arc<Answers<()>>, told: Answered<()>) -> Vec<u64> {
        let ended = Arc::new(Mutex::new(Vec::new()));
        let mut waits = tokio::task::JoinSet::new();
        for number in 1..=40 {
            let (answers, ended) = (Arc::clone(&answers), Arc::clone(&ended));
            waits.spawn(async move {
                drop(answers.to(number).await);
                ended.lock().unwrap().push(number);
            });
        }
        tokio::task::yield_now().await;
        answers.tell(told);
        answers.stop();
        waits.join_all().await;
        Arc::into_inner(ended).unwrap().into_inner().unwrap()
    }

    #[tokio::test]
    async fn those_who_wait_are_woken_in_the_order_in_which_they_began() {
        let told = Answered {
            number: 40,
            result: Ok(()),
        };
        let in_order: Vec<u64> = (1..=40).collect();
        assert_eq!(woken(Arc::new(Answers::none()), told).await, in_order);
    }

    #[tokio::test]
    async fn an_answer_is_for_orders_up_to_its_number_and_the_end_is_for_all() {
        let answers = Answers::none();
        answers.tell(Answered {
            number: 2,
            result: Ok("an answer"),
        });
        assert_eq!(answers.to(1).await, Ok("an answer"));
        assert_eq!(answers.to(2).await, Ok("an answer"));
        let (later, ()) = tokio::join!(answers.to(3), async { answers.stop() });
        assert_eq!(later, Err(WatchError::Stopped));
        assert_eq!(answers.to(4).await, Err(WatchError::Stopped));
    }
}
