//! A store in memory, for simulations and for runs that record nothing.
//!
//! [`MemoryDisk`] outlives the stores on it, as a disk outlives processes: opening it again is a
//! restart, and whatever still holds the store from before can't write any more. It keeps the same
//! bytes as the real store. A [`Fault`] makes one commit fail or crash, before or after it is durable.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::change::{Change, EventEntry, JournalEntry, RevisionEntry};
use super::core::{Core, lock};
use super::disk::Disk;
use super::ledger::{LEDGER_KEY, LedgerRow, Retention};
use super::table::{Table, Writes, sequence_number};
use super::{Store, StoreError};
use crate::plan::record::Recorded;

/// A store in memory.
#[derive(Clone)]
pub struct MemoryStore {
    core: Arc<Core<Handle>>,
}

/// What a [`MemoryStore`] keeps its rows on. Clones are the same disk.
#[derive(Clone)]
pub struct MemoryDisk {
    content: Arc<Mutex<Content>>,
    crashed: Arc<Notify>,
    retention: Retention,
}

/// One commit that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Which commit, counted over the life of the disk from 1. Empty changes don't count.
    pub commit: u64,
    /// Whether it is durable all the same.
    pub durable: bool,
    /// How it goes wrong.
    pub kind: FaultKind,
}

/// How a commit goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It returns an error.
    Error,
    /// It never returns, as if the process had ended there. [`MemoryDisk::crashed`] tells.
    Crash,
}

#[derive(Default)]
struct Content {
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    commits: u64,
    /// Counts the openings; only the latest may write.
    opened: u64,
    fault: Option<Fault>,
    /// The fault that happened.
    happened: Option<Fault>,
}

/// The disk as one store holds it.
struct Handle {
    disk: MemoryDisk,
    opened: u64,
}

impl MemoryStore {
    /// An empty store with this identity.
    pub fn new(store_id: impl Into<String>) -> Result<Self, StoreError> {
        MemoryDisk::new(store_id)?.open()
    }

    /// What it is on.
    pub fn disk(&self) -> MemoryDisk {
        self.core.disk().disk.clone()
    }
}

impl MemoryDisk {
    /// A disk with an empty store of this identity.
    pub fn new(store_id: impl Into<String>) -> Result<Self, StoreError> {
        Self::with_retention(store_id, Retention::default())
    }

    /// The same, keeping other numbers of entries.
    pub fn with_retention(
        store_id: impl Into<String>,
        retention: Retention,
    ) -> Result<Self, StoreError> {
        let mut writes = Writes::default();
        writes.put_json(Table::Meta, LEDGER_KEY, &LedgerRow::new(store_id.into()))?;
        let mut content = Content::default();
        content.apply(writes);
        Ok(Self {
            content: Arc::new(Mutex::new(content)),
            crashed: Arc::new(Notify::new()),
            retention,
        })
    }

    /// Opens the store on it. The one that was open before can't write from now on.
    pub fn open(&self) -> Result<MemoryStore, StoreError> {
        let mut content = lock(&self.content);
        content.opened += 1;
        content.happened = None;
        let opened = content.opened;
        drop(content);
        let disk = self.clone();
        let core = Core::open(Handle { disk, opened }, self.retention)?;
        let core = Arc::new(core);
        Ok(MemoryStore { core })
    }

    /// Plans a fault; none takes a planned one back.
    pub fn plan_fault(&self, fault: Option<Fault>) {
        lock(&self.content).fault = fault;
    }

    /// How many changes are durable.
    pub fn commits(&self) -> u64 {
        lock(&self.content).commits
    }

    /// Waits for a crash.
    pub async fn crashed(&self) {
        self.crashed.notified().await;
    }
}

impl Content {
    fn apply(&mut self, writes: Writes) {
        for (table, key, value) in writes.into_rows() {
            match value {
                Some(value) => self.rows.insert((table, key), value),
                None => self.rows.remove(&(table, key)),
            };
        }
    }
}

impl Handle {
    fn error(&self, what: &'static str, why: &'static str) -> StoreError {
        StoreError::Io {
            what,
            path: self.label(),
            source: std::io::Error::other(why),
        }
    }
}

impl Disk for Handle {
    fn label(&self) -> String {
        "memory".to_owned()
    }

    fn visit(&self, table: Table, each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        let content = lock(&self.disk.content);
        let rows = content.rows.range((table, Vec::new())..);
        for ((_, key), value) in rows.take_while(|((found, _), _)| *found == table) {
            each(key, value);
        }
        Ok(())
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let content = lock(&self.disk.content);
        Ok(content.rows.get(&(table, key.to_vec())).cloned())
    }

    fn newest(
        &self,
        log: Table,
        last: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let content = lock(&self.disk.content);
        let range = (log, Vec::new())..=(log, last.to_be_bytes().to_vec());
        let rows = content.rows.range(range).rev().take(limit);
        let mut newest: Vec<_> = rows
            .filter_map(|((_, key), value)| Some((sequence_number(key)?, value.clone())))
            .collect();
        newest.reverse();
        Ok(newest)
    }

    fn write(&self, commit: u64, writes: Writes) -> Result<(), StoreError> {
        let mut content = lock(&self.disk.content);
        if content.opened != self.opened {
            return Err(self.error("write", "it was opened again"));
        }
        let fault = content.fault.take_if(|fault| fault.commit == commit);
        if fault.is_none_or(|fault| fault.durable) {
            content.apply(writes);
            content.commits = commit;
        }
        content.happened = fault;
        match fault {
            None => Ok(()),
            Some(_) => Err(self.error("write", "a fault was planned")),
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self) -> Result<Recorded, StoreError> {
        self.core.load()
    }

    async fn commit(&self, change: &Change) -> Result<(), StoreError> {
        let result = self.core.commit(change);
        let handle = self.core.disk();
        let happened = lock(&handle.disk.content).happened;
        if result.is_err() && happened.is_some_and(|fault| fault.kind == FaultKind::Crash) {
            handle.disk.crashed.notify_one();
            std::future::pending::<()>().await;
        }
        result
    }

    async fn events(&self, limit: usize) -> Result<Vec<EventEntry>, StoreError> {
        self.core.events(limit)
    }

    async fn journal(&self, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.core.journal(limit)
    }

    async fn revisions(&self, limit: usize) -> Result<Vec<RevisionEntry>, StoreError> {
        self.core.revisions(limit)
    }
}
