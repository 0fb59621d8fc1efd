//! Follows an engine of this process: what happened, what is wrong, once each.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

use super::error::Result;
use crate::engine::{Handle, Published};
use crate::resources::Fault;
use crate::store::{EventEntry, Store, events_after};

/// What a pass brought.
pub(super) struct News {
    /// The pass.
    pub(super) published: Arc<Published>,
    /// Events since the one before.
    pub(super) events: Vec<EventEntry>,
    /// Faults that were not there before.
    pub(super) faults: Vec<Fault>,
}

/// Follows one engine.
pub(super) struct Follower {
    published: watch::Receiver<Arc<Published>>,
    store: Arc<dyn Store>,
    last: u64,
    told: BTreeSet<(crate::resources::Place, String)>,
}

impl Follower {
    /// Follows from now on: earlier runs' events are no news.
    pub(super) async fn new(handle: &Handle) -> Result<Self> {
        let mut published = handle.published.clone();
        published.mark_changed();
        let store = Arc::clone(&handle.store);
        let last = store.events(1).await?.last().map_or(0, |entry| entry.seq);
        Ok(Self {
            published,
            store,
            last,
            told: BTreeSet::new(),
        })
    }

    /// What the next pass brought; none once the engine ended.
    pub(super) async fn next(&mut self) -> Result<Option<News>> {
        if self.published.changed().await.is_err() {
            return Ok(None);
        }
        let published = Arc::clone(&self.published.borrow_and_update());
        let events = events_after(&*self.store, self.last).await?;
        if let Some(newest) = events.last() {
            self.last = newest.seq;
        }
        let key = |fault: &Fault| (fault.place.clone(), fault.message.clone());
        let faults = published.faults.iter();
        let faults = faults.filter(|fault| !self.told.contains(&key(fault)));
        let faults: Vec<Fault> = faults.cloned().collect();
        // What was mended may come again, and is news then.
        self.told = published.faults.iter().map(key).collect();
        Ok(Some(News {
            published,
            events,
            faults,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::event::{Event, EventKind};
    use crate::store::{Change, MemoryStore};

    #[tokio::test]
    async fn all_events_of_a_pass_are_told_however_many_it_makes() {
        let store = Arc::new(MemoryStore::new("store").unwrap());
        let (passes, mut published) = watch::channel(Arc::<Published>::default());
        published.mark_changed();
        let mut follower = Follower {
            published,
            store: Arc::<MemoryStore>::clone(&store),
            last: 0,
            told: BTreeSet::new(),
        };
        for (already, count) in [(0, 2_500), (2_500, 1), (2_501, 1_001)] {
            let event = Event {
                kind: EventKind::Held,
                resource: None,
                message: "it happened".to_owned(),
                revision: None,
            };
            let change = Change {
                events: vec![(jiff::Timestamp::UNIX_EPOCH, event); count],
                ..Change::default()
            };
            store.commit(&change).await.unwrap();
            passes.send_replace(Arc::default());
            let news = follower.next().await.unwrap().unwrap();
            let numbers: Vec<u64> = news.events.iter().map(|entry| entry.seq).collect();
            let expected: Vec<u64> = (already + 1..).take(count).collect();
            assert_eq!(numbers, expected);
        }
    }
}
