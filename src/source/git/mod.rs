//! The Git source: a commit of a repository.
//!
//! ```text
//! timer ─────┐           child process               daemon
//! rescan() ──┴─▶ fetch ─▶ ls-remote, fetch, ─▶ read the commit's tree ─▶ Revision ─▶ watch channel
//!                         write jars into files   from the object database
//! ```
//!
//! There is never a work tree. What talks to the remote is a process of its own, so that it can be
//! killed. While the remote is away, the last revision stays, and says in `trouble` why it may not be
//! the latest; after a restart it is shown again from the clone.

mod child;
mod errand;
mod error;
mod export;
mod fetch;
mod inside;
mod keeper;
mod login;
mod options;
mod place;
mod reference;
mod schedule;
mod tree;
mod url;
pub mod webhook;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{oneshot, watch};

pub use child::ERRAND_COMMAND;
pub use inside::do_errand;
pub use options::GitOptions;
pub use reference::GitReference;
pub use url::{GitUrl, GitUrlError, Transport};

use self::child::Runner;
use self::keeper::Keeper;
use self::place::Place;
use self::tree::{Known, Reading};
use super::Source;
use super::requests::Requests;
use super::walk::ITSELF;
use crate::clock::Entropy;
use crate::resources::{Revision, SourceName};
use crate::secrets::Secrets;

/// What a Git source works with.
pub struct GitParts {
    /// A directory of its own, made where it is not there.
    pub directory: PathBuf,
    /// This program, which has [`ERRAND_COMMAND`].
    pub program: PathBuf,
    /// Secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
}

/// What a start waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstFetch {
    /// For its end, so that the latest is shown where it can be had.
    Wait,
    /// For nothing where an earlier run left something to show, else so long.
    WaitForAnything(Duration),
}

/// A source that is a commit of a Git repository. It stops when it is dropped.
#[derive(Debug)]
pub struct GitSource {
    name: SourceName,
    revisions: watch::Receiver<Arc<Revision>>,
    requests: Requests,
    fetches: Arc<AtomicU64>,
}

impl GitSource {
    /// Starts the source of this name.
    pub async fn start(
        name: SourceName,
        options: GitOptions,
        parts: GitParts,
        first: FirstFetch,
    ) -> Self {
        let (sender, revisions) = watch::channel(Arc::new(nothing(&name)));
        let (requests, received) = Requests::channel();
        let fetches = Arc::new(AtomicU64::new(0));
        let place = Place::of(parts.directory);
        let mut keeper = Keeper {
            reading: Reading {
                source: name.clone(),
                path: options.path.clone(),
                limits: GitOptions::limits(),
                max_jar_size: options.max_jar_size,
            },
            runner: Runner {
                program: parts.program,
                home: place.home(),
                ca_file: options.ca_file.clone(),
                timeout: options.timeout,
                stall_timeout: options.stall_timeout,
            },
            options,
            place,
            secrets: parts.secrets,
            entropy: parts.entropy,
            revisions: sender,
            requests: received,
            fetches: Arc::clone(&fetches),
            known: Known::new(),
            anew: false,
        };
        keeper.recall().await;
        let shown = revisions.borrow().present;
        let (done, fetched) = oneshot::channel();
        drop(tokio::spawn(keeper.run(done)));
        // Where the wait is too long, what is shown says why there is nothing yet.
        match first {
            FirstFetch::Wait => drop(fetched.await),
            FirstFetch::WaitForAnything(_) if shown => {}
            FirstFetch::WaitForAnything(wait) => drop(tokio::time::timeout(wait, fetched).await),
        }
        Self {
            name,
            revisions,
            requests,
            fetches,
        }
    }

    /// How often it has begun to fetch.
    pub fn fetches(&self) -> u64 {
        self.fetches.load(Ordering::Relaxed)
    }
}

/// What a source shows of which nothing was ever fetched.
fn nothing(name: &SourceName) -> Revision {
    let reason = "it was not fetched yet";
    Revision {
        source: name.clone(),
        id: String::new(),
        present: false,
        files: BTreeMap::new(),
        jars: BTreeMap::new(),
        unreadable: unread(reason),
        changed_at: None,
        trouble: Some(reason.to_owned()),
    }
}

fn unread(reason: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(ITSELF.to_owned(), reason.to_owned())])
}

#[async_trait]
impl Source for GitSource {
    fn name(&self) -> &SourceName {
        &self.name
    }

    fn revisions(&self) -> watch::Receiver<Arc<Revision>> {
        self.revisions.clone()
    }

    async fn rescan(&self) {
        self.requests.look().await;
    }

    fn wake(&self) {
        self.requests.wake();
    }
}
