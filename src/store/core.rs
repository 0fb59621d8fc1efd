//! The store over any disk: one writer that numbers and checks, readers beside it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::StoreError;
use super::change::{Change, EventEntry, JournalEntry, RevisionEntry};
use super::contents::{self, Contents, Depth};
use super::disk::Disk;
use super::ledger::{Ledger, LedgerRow, Retention};
use super::table::Table;
use crate::plan::record::Recorded;

/// How many problems an error tells; `check` tells more.
const TOLD_PROBLEMS: usize = 3;

/// A store over a disk. Every call may block.
pub(super) struct Core<D> {
    disk: D,
    retention: Retention,
    /// None once a commit failed: what is durable is known again only after reading it back.
    ledger: Mutex<Option<Ledger>>,
    /// The ledger of the last durable commit, which readers go by.
    durable: Mutex<LedgerRow>,
    /// What opening read, until it is asked for.
    loaded: Mutex<Option<Recorded>>,
}

impl<D: Disk> Core<D> {
    /// Opens what is on the disk; anything wrong with it is an error.
    pub(super) fn open(disk: D, retention: Retention) -> Result<Self, StoreError> {
        let contents = contents::read(&disk, Depth::Records)?;
        refuse_problems(&disk, &contents.problems)?;
        let Contents {
            recorded, ledger, ..
        } = contents;
        Ok(Self {
            disk,
            retention,
            durable: Mutex::new(ledger.row.clone()),
            ledger: Mutex::new(Some(ledger)),
            loaded: Mutex::new(Some(recorded)),
        })
    }

    pub(super) fn disk(&self) -> &D {
        &self.disk
    }

    /// The ledger of the last durable commit.
    pub(super) fn durable(&self) -> LedgerRow {
        lock(&self.durable).clone()
    }

    pub(super) fn load(&self) -> Result<Recorded, StoreError> {
        if let Some(recorded) = lock(&self.loaded).take() {
            return Ok(recorded);
        }
        let contents = contents::read(&self.disk, Depth::Records)?;
        refuse_problems(&self.disk, &contents.problems)?;
        Ok(contents.recorded)
    }

    pub(super) fn commit(&self, change: &Change) -> Result<(), StoreError> {
        let mut slot = lock(&self.ledger);
        let mut ledger = slot.take().ok_or_else(|| StoreError::Unusable {
            path: self.disk.label(),
        })?;
        if let Err(error) = ledger.check(&change.journal) {
            // Nothing was written yet: the store is as good as before.
            *slot = Some(ledger);
            return Err(error);
        }
        *lock(&self.loaded) = None;
        if !change.is_empty() {
            let writes = ledger.record(change, self.retention, &self.disk)?;
            self.disk.write(ledger.row.commit, writes)?;
            *lock(&self.durable) = ledger.row.clone();
        }
        *slot = Some(ledger);
        Ok(())
    }

    pub(super) fn events(&self, limit: usize) -> Result<Vec<EventEntry>, StoreError> {
        let last = lock(&self.durable).events.last();
        self.newest(Table::Events, last, limit, contents::decode_event)
    }

    pub(super) fn journal(&self, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        let last = lock(&self.durable).journal.last();
        self.newest(Table::Journal, last, limit, contents::decode_entry)
    }

    pub(super) fn revisions(&self, limit: usize) -> Result<Vec<RevisionEntry>, StoreError> {
        let last = lock(&self.durable).revisions.last();
        self.newest(Table::Revisions, last, limit, contents::decode_revision)
    }

    fn newest<T>(
        &self,
        log: Table,
        last: u64,
        limit: usize,
        decode: fn(&[u8]) -> Result<T, String>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.disk.newest(log, last, limit)?;
        let decoded = rows.iter().map(|(seq, value)| {
            decode(value).map_err(|problem| StoreError::Damaged {
                path: self.disk.label(),
                message: format!("{} {seq}: {problem}", log.name()),
            })
        });
        decoded.collect()
    }
}

fn refuse_problems(disk: &impl Disk, problems: &[String]) -> Result<(), StoreError> {
    if problems.is_empty() {
        return Ok(());
    }
    let mut message = problems
        .iter()
        .take(TOLD_PROBLEMS)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("; ");
    if problems.len() > TOLD_PROBLEMS {
        message.push_str("; and more");
    }
    Err(StoreError::Damaged {
        path: disk.label(),
        message,
    })
}

/// Locks what no panic can leave half changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
