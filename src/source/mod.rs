//! Sources: where desired state comes from.
//!
//! ```text
//! file events (hints) ─┐
//! slow timer ──────────┼─▶ scan the whole path ─▶ Revision, when something changed ─▶ watch channel
//! rescan() ────────────┘
//! ```
//!
//! `git` has the like for a commit of a repository.
//!
//! A source shows its content as [`Revision`]s, each of which is whole: an event only says that it is
//! time to look, never what changed. A source that can't be read shows a revision that says so, and
//! recovers by itself.

mod directory;
pub mod git;
mod hints;
mod keeper;
mod locate;
mod options;
mod read;
mod requests;
mod scan;
mod stamp;
mod walk;
mod watcher;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;
use tokio::sync::watch;

pub use directory::DirectorySource;
pub use options::DirectoryOptions;

use crate::resources::{Footing, Revision, SourceName};

/// A place that desired state comes from.
#[async_trait]
pub trait Source: Send + Sync {
    /// Its name, as the configuration gives it.
    fn name(&self) -> &SourceName;

    /// Its latest revision, and word of each new one. A revision is only replaced by one with
    /// another id, trouble, lineage, proposal or refusal.
    fn revisions(&self) -> watch::Receiver<Arc<Revision>>;

    /// Looks at the source now. When this returns, [`Source::revisions`] shows what was there at the
    /// time of the call or later.
    async fn rescan(&self);

    /// Has the source looked at soon, and waits for nothing. What is asked for often is done once, and
    /// not sooner than a remote may be asked.
    fn wake(&self);

    /// Tells a source with a history from where it may go on. What doesn't is shown as a proposal.
    fn stand_on(&self, footing: Footing) {
        drop(footing);
    }

    /// Waits until what is shown follows from what was told last.
    async fn stood(&self) {}
}

/// Why a source can't be started. What is wrong with its content is no error but part of its
/// revisions.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The path can't be made absolute.
    #[error("the path {path:?} of a source is not usable: give an absolute path")]
    Path {
        /// The path as given.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The first scan ended without a result.
    #[error("the first scan of the source {0} was broken off")]
    FirstScan(SourceName),
}
