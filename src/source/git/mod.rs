//! The Git source: a commit of a repository.
//!
//! ```text
//! timer ─────┐           child process               daemon
//! rescan() ──┴─▶ fetch ─▶ ls-remote, fetch, ─▶ read the commit's tree ─▶ Revision ─▶ watch channel
//! footing ───┘            judge (`trust`),        from the object database
//!                         write jars into files
//! ```
//!
//! There is never a work tree. What talks to the remote is a process of its own, so that it can be
//! killed. Sources of one repository share its clone and the questions to the remote. While the remote is away, the last revision stays, and says in `trouble` why it may not be
//! the latest; after a restart it is shown again from the clone.

mod child;
mod errand;
mod error;
mod export;
mod fetch;
mod host_key;
mod inside;
mod keeper;
mod known_hosts;
mod learn;
mod login;
mod options;
mod place;
mod reference;
mod repositories;
mod repository;
mod schedule;
mod settle;
mod share;
mod tree;
mod trust;
mod upkeep;
mod url;
pub mod webhook;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

pub use child::ERRAND_COMMAND;
pub use inside::do_errand;
pub use known_hosts::{HostKey, KnownHosts, KnownHostsError, SshHost};
pub use learn::{LearnError, learn_host_key};
pub use options::GitOptions;
pub use reference::GitReference;
pub use repositories::Repositories;
pub use trust::{ForcePush, GitVerify, VerifyMode};
pub use url::{GitUrl, GitUrlError, Transport};

use self::keeper::Keeper;
use self::settle::Stand;
use self::share::Share;
use self::tree::{Known, Reading};
use super::Source;
use super::requests::Requests;
use super::walk::ITSELF;
use crate::clock::{Clock, Entropy};
use crate::resources::{Digest, Footing, Revision, SourceName};
use crate::secrets::Secrets;

/// What Git sources work with.
pub struct GitParts {
    /// The directory of all clones, made where it is not there.
    pub directory: PathBuf,
    /// This program, which has [`ERRAND_COMMAND`].
    pub program: PathBuf,
    /// Secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// From where sources may go on, where nobody is going to tell them.
    pub footing: Option<Footing>,
}

/// What a start waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstFetch {
    /// For its end, so that the latest is shown where it can be had; at most so long.
    Latest(Duration),
    /// For nothing where an earlier run left something to show, else so long.
    Anything(Duration),
}

/// A source that is a commit of a Git repository. It stops when it is dropped.
pub struct GitSource {
    name: SourceName,
    revisions: watch::Receiver<Arc<Revision>>,
    requests: Requests,
    share: Arc<Share>,
    footing: watch::Sender<Stand>,
    stood: watch::Receiver<u64>,
    /// Whether there was something to judge when it was started; nobody waits for a first fetch again.
    has_something: bool,
    // Dropping it kills the child too.
    _keeper: AbortOnDropHandle<()>,
}

impl GitSource {
    /// Starts the source of this name.
    pub async fn start(
        name: SourceName,
        options: GitOptions,
        repositories: &Repositories,
        first: FirstFetch,
    ) -> Self {
        let began = Instant::now();
        let (sender, revisions) = watch::channel(Arc::new(nothing(&name)));
        let (requests, received) = Requests::channel();
        let share = Arc::new(repositories.share(&options));
        let parts = repositories.parts();
        let (footing, told) = watch::channel(Stand::of(parts.footing.clone()));
        let (standing, stood) = watch::channel(0);
        let mut keeper = Keeper {
            reading: Reading {
                source: name.clone(),
                path: options.path.clone(),
                limits: GitOptions::limits(),
                max_jar_size: options.max_jar_size,
            },
            label: label(&name, &options),
            options,
            share: Arc::clone(&share),
            entropy: Arc::clone(&parts.entropy),
            revisions: sender,
            requests: received,
            known: Known::new(),
            seen: None,
            reachable: false,
            clock: Arc::clone(&parts.clock),
            footing: told,
            stood: standing,
            candidate: None,
            judged: None,
        };
        keeper.recall().await;
        let shown = revisions.borrow().present;
        let (done, fetched) = oneshot::channel();
        let keeper = AbortOnDropHandle::new(tokio::spawn(keeper.run(done, began)));
        let wait = match first {
            FirstFetch::Anything(_) if shown => Duration::ZERO,
            FirstFetch::Latest(wait) | FirstFetch::Anything(wait) => wait,
        };
        // Where the wait is too long, what is shown says why there is nothing yet.
        let ended = tokio::time::timeout(wait, fetched).await.is_ok();
        Self {
            name,
            revisions,
            requests,
            share,
            footing,
            stood,
            has_something: shown || ended,
            _keeper: keeper,
        }
    }

    /// How often the remote was asked, by all sources of the repository.
    pub fn questions(&self) -> u64 {
        self.share.begun()
    }
}

/// What is noted for a source is of no use to one that means another commit, or another part of it.
fn label(name: &SourceName, options: &GitOptions) -> String {
    let meant = format!("{}\n{}", options.reference, options.path);
    format!("{name}-{}", Digest::of(meant.as_bytes()).short())
}

/// What a source shows of which nothing was ever fetched.
fn nothing(name: &SourceName) -> Revision {
    let reason = "its first fetch has not ended yet";
    Revision {
        source: name.clone(),
        id: String::new(),
        present: false,
        files: BTreeMap::new(),
        jars: BTreeMap::new(),
        unreadable: unread(reason),
        changed_at: None,
        trouble: Some(reason.to_owned()),
        lineage: None,
        proposal: None,
        refused: None,
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

    fn stand_on(&self, footing: Footing) {
        self.footing.send_if_modified(|stand| stand.tell(footing));
    }

    async fn stood(&self) {
        if !self.has_something {
            return;
        }
        let told = self.footing.borrow().number;
        let mut stood = self.stood.clone();
        // It fails where the source has stopped.
        drop(stood.wait_for(|stood| *stood >= told).await);
    }
}
