//! Everything that a world does, in order: every call on its way out and when it arrives, and every
//! commit with all that is in it. Two runs of one seed have to have the same.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jetkeeper::plan::record::Recorded;
use jetkeeper::store::{
    Change, EventEntry, JournalEntry, MemoryStore, RevisionEntry, Store, StoreError,
};

use super::clock::SimulatedClock;

/// What was done. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Trace {
    clock: SimulatedClock,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Trace {
    pub(crate) fn new(clock: SimulatedClock) -> Self {
        Self {
            clock,
            lines: Arc::default(),
        }
    }

    pub(crate) fn note(&self, what: &str) {
        let at = self.clock.elapsed().as_secs_f64();
        self.lines
            .lock()
            .unwrap()
            .push(format!("{at:>10.3} {what}"));
    }

    /// Everything, and nothing is left.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }
}

/// A store whose commits are traced.
pub(crate) struct TracedStore {
    pub(crate) store: MemoryStore,
    pub(crate) trace: Trace,
}

#[async_trait]
impl Store for TracedStore {
    async fn load(&self) -> Result<Recorded, StoreError> {
        self.store.load().await
    }

    async fn commit(&self, change: &Change) -> Result<(), StoreError> {
        self.trace.note(&format!("commit {change:?}"));
        self.store.commit(change).await
    }

    async fn events(&self, limit: usize) -> Result<Vec<EventEntry>, StoreError> {
        self.store.events(limit).await
    }

    async fn journal(&self, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.store.journal(limit).await
    }

    async fn revisions(&self, limit: usize) -> Result<Vec<RevisionEntry>, StoreError> {
        self.store.revisions(limit).await
    }
}
