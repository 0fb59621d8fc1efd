//! The state that survives: journal, records, events, history.
//!
//! ```text
//! engine ── Change ──▶ Store::commit   one transaction, durable when it returns
//!    ▲                     │
//!    └──── Recorded ◀── Store::load    once, at start; from then on the engine applies each Change
//! ```
//!
//! Inside, a change becomes a set of writes to tables, numbered and checked by the ledger; only the
//! disk below knows whether they go to memory or to sled:
//!
//! ```text
//! Store ── core ── ledger (numbers, bounds) ── journal (what may follow what)
//!            └──── disk: memory | sled
//! ```

mod contents;
mod core;
mod disk;
mod guard;
mod layout;
mod ledger;
mod lock;
mod open_steps;
mod sled_disk;
mod table;
mod worker;

pub mod change;
pub mod check;
pub mod export;
pub mod journal;
pub mod memory;
pub mod rebuild;
pub mod sled_store;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod sled_tests;
#[cfg(test)]
mod tests;

use std::path::Path;

use async_trait::async_trait;

pub use change::{Change, EventEntry, JournalEntry, JournalEvent, RevisionEntry, ToldChange};
pub use ledger::{MAX_TEXT, Retention};
pub use memory::{MemoryDisk, MemoryStore};
pub use sled_store::{HeldState, SledStore};

use journal::IllegalEvent;
use layout::Layout;

use crate::plan::record::Recorded;
use crate::plan::step::StepId;
use crate::resources::ResourceId;

/// The version of what is written. It changes whenever an older program could misread it.
pub const SCHEMA_VERSION: u32 = 1;

/// The port behind which state is kept. There is one writer: the engine.
#[async_trait]
pub trait Store: Send + Sync {
    /// Everything recorded. Called once, before the first commit.
    async fn load(&self) -> Result<Recorded, StoreError>;

    /// Makes a change durable, all of it or nothing. When this returns `Ok`, the change survives a
    /// crash of the process and a loss of power. When it returns an error, nothing may be assumed.
    async fn commit(&self, change: &Change) -> Result<(), StoreError>;

    /// The newest `limit` events, newest last.
    async fn events(&self, limit: usize) -> Result<Vec<EventEntry>, StoreError>;

    /// The newest `limit` journal entries, newest last.
    async fn journal(&self, limit: usize) -> Result<Vec<JournalEntry>, StoreError>;

    /// The newest `limit` revisions, newest last.
    async fn revisions(&self, limit: usize) -> Result<Vec<RevisionEntry>, StoreError>;
}

/// How many events are read at first by who follows them.
const EVENTS_READ: usize = 1_000;

/// All kept events after the one with this number, however many there are.
pub async fn events_after(store: &dyn Store, seq: u64) -> Result<Vec<EventEntry>, StoreError> {
    let mut newest = store.events(EVENTS_READ).await?;
    if let (Some(first), Some(last)) = (newest.first(), newest.last())
        && first.seq > seq.saturating_add(1)
    {
        let missed = usize::try_from(last.seq - seq).unwrap_or(usize::MAX);
        newest = store.events(missed).await?;
    }
    newest.retain(|entry| entry.seq > seq);
    Ok(newest)
}

/// Whether state was ever made in this directory, whatever is left of it.
pub fn exists(dir: &Path) -> bool {
    !matches!(Layout::of(dir), Err(StoreError::Absent { .. }))
}

/// Why state could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has it.
    #[error("the state in {path} is in use by {by}; stop it, or use --state DIR")]
    Locked {
        /// The directory.
        path: String,
        /// Who has it: a process, with its id where it said so.
        by: String,
    },
    /// It could not be read or written.
    #[error("failed to {what} the state in {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The directory.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is none.
    #[error("there is no state in {path}; see --state DIR")]
    Absent {
        /// The directory.
        path: String,
    },
    /// There is some already.
    #[error("there is state in {path} already; import or rebuild into an empty directory")]
    NotEmpty {
        /// The directory.
        path: String,
    },
    /// What was to be imported is no whole export.
    #[error("failed to import state: {message}")]
    BadImport {
        /// What is wrong with it.
        message: String,
    },
    /// It is there but damaged.
    #[error(
        "the state in {path} can't be read: {message}; run `jetkeeper state check`, and \
         `jetkeeper state rebuild` to make it anew from the cluster"
    )]
    Damaged {
        /// The directory.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// A newer version wrote it.
    #[error(
        "the state in {path} has schema version {found}, this program knows up to {known}; \
         run the newer jetkeeper that wrote it"
    )]
    Newer {
        /// The directory.
        path: String,
        /// Its version.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
    /// A commit failed before; what is durable is known only after opening it again.
    #[error("the state in {path} can't be written since an earlier write failed; start again")]
    Unusable {
        /// The directory.
        path: String,
    },
    /// The journal can't go on like this. Nothing was written.
    #[error("failed to journal step {} of {resource}", step.0)]
    Illegal {
        /// What the step is done for.
        resource: ResourceId,
        /// The step.
        step: StepId,
        /// Why.
        #[source]
        source: IllegalEvent,
    },
    /// Another step of the same resource is in flight. Nothing was written.
    #[error("failed to journal step {} of {resource}: its step {} is in flight", step.0, other.0)]
    Busy {
        /// What the step is done for.
        resource: ResourceId,
        /// The step.
        step: StepId,
        /// The step in flight.
        other: StepId,
    },
    /// A record has no JSON.
    #[error("failed to encode a record of the state")]
    Encode {
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}
