//! Resolving: from an origin to a jar in the cache whose main class is known.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Seek;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::cache::{Draft, JarCache};
use super::failure::{Failure, Retry};
use super::fetch::{Fetched, Fetcher, Remote};
use super::file::ingest;
use super::jar::main_classes;
use super::options::ArtifactOptions;
use super::progress::Progress;
use super::validators::Validators;
use crate::plan::jar::{JarProblem, MainClass};
use crate::resources::{Digest, JarFile, JarOrigin};
use crate::secrets::Secrets;

/// A jar in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// For each class that was asked for (the manifest's where none), what there is.
    pub(super) classes: BTreeMap<Option<String>, MainClass>,
    /// By which the server it came from tells that it is still the same.
    pub(super) validators: Validators,
}

impl Resolved {
    /// Looks into a complete draft and takes it into the cache.
    pub(super) fn of_draft(
        name: &str,
        mut draft: Draft,
        classes: &BTreeSet<Option<String>>,
        cache: &JarCache,
    ) -> Result<Self, Failure> {
        let reader = draft.reader();
        let classes = reader
            .rewind()
            .map_err(Into::into)
            .and_then(|()| main_classes(reader, classes))
            .map_err(|error| Failure::of_jar(name, &error))?;
        let (digest, size) = cache
            .keep(draft)
            .map_err(|error| Failure::of_cache(name, &error))?;
        Ok(Self {
            digest,
            size,
            classes,
            validators: Validators::default(),
        })
    }

    /// What the URL gave before, where that is still in the cache.
    fn of_cached_url(
        url: &str,
        classes: &BTreeSet<Option<String>>,
        cache: &JarCache,
    ) -> Option<Self> {
        let (digest, validators) = cache.known_of_url(url)?;
        // Whatever is wrong with it: then it is fetched again.
        let (file, size) = cache.open_verified(&digest).ok()?;
        let classes = main_classes(file, classes).ok()?;
        Some(Self {
            digest,
            size,
            classes,
            validators,
        })
    }
}

/// What resolves origins, a bounded number at the same time.
pub(super) struct Resolver {
    cache: Arc<JarCache>,
    fetcher: Fetcher,
    max_jar_size: u64,
    files: Semaphore,
    downloads: Semaphore,
}

impl Resolver {
    pub(super) fn new(
        cache: Arc<JarCache>,
        options: &ArtifactOptions,
        secrets: Arc<dyn Secrets>,
    ) -> Self {
        Self {
            cache,
            fetcher: Fetcher::new(options, secrets),
            max_jar_size: options.max_jar_size,
            files: Semaphore::new(options.parallel),
            downloads: Semaphore::new(options.parallel),
        }
    }

    /// A digest by which other values of an origin's secret are told from those that it has now; none
    /// where it has no secret.
    pub(super) async fn secret_mark(&self, origin: &JarOrigin) -> Option<Digest> {
        self.fetcher.secret_mark(&Remote::of(origin)?).await
    }

    /// Waits until an origin's secret has other values than those that had this mark.
    pub(super) async fn secret_changed(&self, origin: &JarOrigin, mark: Digest) {
        if let Some(remote) = Remote::of(origin) {
            self.fetcher.secret_changed(&remote, mark).await;
        }
    }

    /// Gets the jar of an origin into the cache and looks into it for these classes.
    pub(super) async fn resolve(
        &self,
        origin: &JarOrigin,
        classes: BTreeSet<Option<String>>,
        progress: Arc<Progress>,
    ) -> Result<Resolved, Failure> {
        if let Some(remote) = Remote::of(origin) {
            return self.remote(&remote, classes, progress).await;
        }
        match origin {
            JarOrigin::Source {
                found: Some(jar), ..
            } => self.file(jar.clone(), classes).await,
            // These are answered without work.
            JarOrigin::Source { found: None, .. }
            | JarOrigin::Remote { .. }
            | JarOrigin::Bucket { .. }
            | JarOrigin::Member { .. } => Err(Failure::new(
                JarProblem::Unsupported,
                Retry::Never,
                "there is nothing to fetch".to_owned(),
            )),
        }
    }

    async fn file(
        &self,
        jar: JarFile,
        classes: BTreeSet<Option<String>>,
    ) -> Result<Resolved, Failure> {
        let _permit = self.files.acquire().await;
        let name = jar.location.display().to_string();
        let (cache, max_size) = (Arc::clone(&self.cache), self.max_jar_size);
        spawn_blocking(move || ingest(&jar, &classes, &cache, max_size))
            .await
            .unwrap_or_else(|_| Err(Failure::broken_off(&name)))
    }

    async fn remote(
        &self,
        remote: &Remote,
        classes: BTreeSet<Option<String>>,
        progress: Arc<Progress>,
    ) -> Result<Resolved, Failure> {
        let name = remote.shown();
        let cached = {
            let _permit = self.files.acquire().await;
            let (cache, key, classes) = (Arc::clone(&self.cache), remote.key(), classes.clone());
            spawn_blocking(move || Resolved::of_cached_url(&key, &classes, &cache)).await
        };
        if let Ok(Some(resolved)) = cached {
            return Ok(resolved);
        }
        let unknown = Validators::default();
        match self.download(remote, &unknown, classes, progress).await? {
            Some(resolved) => Ok(resolved),
            // An answer to a question that was not asked.
            None => Err(Failure::broken_off(&name)),
        }
    }

    /// Looks at a remote jar again: what is known where that is still it.
    pub(super) async fn look_again(
        &self,
        remote: &Remote,
        known: Resolved,
        classes: BTreeSet<Option<String>>,
        progress: Arc<Progress>,
    ) -> Result<Resolved, Failure> {
        let validators = known.validators.clone();
        let other = self
            .download(remote, &validators, classes, progress)
            .await?;
        Ok(other.unwrap_or(known))
    }

    /// Downloads a jar into the cache, unless it is what these validators are of.
    async fn download(
        &self,
        remote: &Remote,
        known: &Validators,
        classes: BTreeSet<Option<String>>,
        progress: Arc<Progress>,
    ) -> Result<Option<Resolved>, Failure> {
        let _permit = self.downloads.acquire().await;
        let fetched = self.fetcher.fetch(remote, known, &self.cache, &progress);
        let (draft, validators) = match fetched.await? {
            Fetched::Bytes(draft, validators) => (draft, validators),
            Fetched::Unchanged => return Ok(None),
        };
        let (cache, remote) = (Arc::clone(&self.cache), remote.clone());
        let name = remote.shown();
        let kept = spawn_blocking(move || {
            let name = remote.shown();
            let resolved = Resolved {
                validators,
                ..Resolved::of_draft(&name, draft, &classes, &cache)?
            };
            let (digest, validators) = (&resolved.digest, &resolved.validators);
            if let Err(error) = cache.remember_url(&remote.key(), digest, validators) {
                // Then it is fetched once more after a restart.
                tracing::warn!(jar = %name, %error, "what a URL or bucket gave can't be remembered");
            }
            Ok(Some(resolved))
        });
        kept.await
            .unwrap_or_else(|_| Err(Failure::broken_off(&name)))
    }
}
