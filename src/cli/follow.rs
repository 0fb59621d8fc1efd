//! Follows an engine of this process: what happened, what is wrong, once each.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

use super::error::Result;
use crate::engine::{Handle, Published};
use crate::resources::Fault;
use crate::store::{EventEntry, Store};

/// How many events are read after a pass at first; twice as many as long as that leaves a gap.
const READ: usize = 100;

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

    /// The events since the last one that was told, however many there are.
    async fn missed(&self) -> Result<Vec<EventEntry>> {
        let mut read = READ;
        loop {
            let mut events = self.store.events(read).await?;
            let oldest = events.first().map_or(0, |entry| entry.seq);
            if events.len() < read || oldest <= self.last + 1 {
                events.retain(|entry| entry.seq > self.last);
                return Ok(events);
            }
            read *= 2;
        }
    }

    /// What the next pass brought; none once the engine ended.
    pub(super) async fn next(&mut self) -> Result<Option<News>> {
        if self.published.changed().await.is_err() {
            return Ok(None);
        }
        let published = Arc::clone(&self.published.borrow_and_update());
        let events = self.missed().await?;
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
