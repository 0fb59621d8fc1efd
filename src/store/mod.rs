//! The state that survives: journal, records, events, history.
//!
//! ```text
//! engine ── Change ──▶ Store::commit   one transaction, durable when it returns
//!    ▲                     │
//!    └──── Recorded ◀── Store::load    once, at start; from then on the engine applies each Change
//! ```

pub mod change;

use async_trait::async_trait;

pub use change::{Change, EventEntry, JournalEntry, JournalEvent, RevisionEntry};

use crate::plan::record::Recorded;

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

/// Why state could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has it.
    #[error(
        "the state in {path} is in use by another jetkeeper process; stop it, or use --state DIR"
    )]
    Locked {
        /// The directory.
        path: String,
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
}
