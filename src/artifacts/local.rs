//! The artifacts of this machine: the cache and the task that fills it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;

use super::cache::{CacheError, JarCache};
use super::keeper::{Command, Keeper};
use super::options::ArtifactOptions;
use super::{Artifacts, JarRequest, JarViews};
use crate::clock::{Clock, Entropy};
use crate::resources::Digest;
use crate::secrets::Secrets;

/// How many commands may wait.
const MAX_COMMANDS: usize = 64;

/// Jars from files and URLs, in a cache on disk. It stops when it is dropped.
pub struct LocalArtifacts {
    cache: Arc<JarCache>,
    wanted: watch::Sender<BTreeSet<JarRequest>>,
    commands: mpsc::Sender<Command>,
    views: watch::Receiver<JarViews>,
}

impl LocalArtifacts {
    /// Opens the cache and starts the task that fills it; servers that want a token get it from these
    /// secrets.
    pub async fn start(
        options: ArtifactOptions,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, CacheError> {
        let directory = options.directory.clone();
        let max_size = options.max_cache_size;
        let opened = {
            let (directory, clock) = (directory.clone(), Arc::clone(&clock));
            spawn_blocking(move || JarCache::open(&directory, max_size, clock)).await
        };
        let cache = opened.unwrap_or_else(|error| {
            Err(CacheError::Open {
                path: directory,
                source: std::io::Error::other(error),
            })
        })?;
        let cache = Arc::new(cache);
        let (wanted, requests) = watch::channel(BTreeSet::new());
        let (commands, received) = mpsc::channel(MAX_COMMANDS);
        let (sender, views) = watch::channel(Arc::new(BTreeMap::new()));
        let keeper = Keeper::new(options, Arc::clone(&cache), secrets, clock, entropy, sender);
        drop(tokio::spawn(keeper.run(requests, received)));
        Ok(Self {
            cache,
            wanted,
            commands,
            views,
        })
    }

    /// Runs `task` where blocking is allowed.
    async fn blocking<T: Send + 'static>(
        &self,
        task: impl FnOnce(&JarCache) -> T + Send + 'static,
    ) -> Option<T> {
        let cache = Arc::clone(&self.cache);
        spawn_blocking(move || task(&cache)).await.ok()
    }
}

#[async_trait]
impl Artifacts for LocalArtifacts {
    fn want(&self, requests: BTreeSet<JarRequest>) {
        self.wanted.send_if_modified(|wanted| {
            let changed = *wanted != requests;
            *wanted = requests;
            changed
        });
    }

    fn pin(&self, digests: BTreeSet<Digest>) {
        self.cache.pin(digests);
    }

    fn views(&self) -> watch::Receiver<JarViews> {
        self.views.clone()
    }

    async fn refetch(&self, request: &JarRequest) {
        // A keeper that has stopped fetches nothing any more.
        let command = Command::Refetch(request.origin.clone());
        self.commands.send(command).await.ok();
    }

    async fn verified(&self, digest: &Digest) -> Result<PathBuf, CacheError> {
        let digest = *digest;
        let found = self.blocking(move |cache| cache.verified(&digest));
        let found = found.await.unwrap_or(Err(CacheError::Absent { digest }));
        if let Err(CacheError::Corrupt { .. } | CacheError::Absent { .. }) = &found {
            self.commands.send(Command::Lost(digest)).await.ok();
        }
        found
    }
}
