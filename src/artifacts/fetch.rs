//! Jars that are elsewhere: behind a URL, or in a bucket.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::bucket::{BucketJar, Buckets};
use super::cache::{Draft, JarCache};
use super::failure::Failure;
use super::options::ArtifactOptions;
use super::progress::Progress;
use super::validators::Validators;
use super::web::{UrlJar, Web};
use crate::resources::{Digest, JarOrigin};
use crate::secrets::Secrets;

/// A jar that is elsewhere.
#[derive(Clone)]
pub(super) enum Remote {
    /// Behind a URL.
    Url(UrlJar),
    /// In a bucket.
    Bucket(BucketJar),
}

impl Remote {
    /// Where the jar of an origin is, if it is elsewhere.
    pub(super) fn of(origin: &JarOrigin) -> Option<Self> {
        match origin {
            JarOrigin::Remote { url, secret_name } => Some(Self::Url(UrlJar {
                url: url.clone(),
                secret_name: secret_name.clone(),
            })),
            JarOrigin::Bucket {
                uri,
                jar_name,
                secret_name,
            } => Some(Self::Bucket(BucketJar {
                uri: uri.clone(),
                jar_name: jar_name.clone(),
                secret_name: secret_name.clone(),
            })),
            JarOrigin::Source { .. } | JarOrigin::Member { .. } => None,
        }
    }

    /// Its place as it may be shown.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Url(jar) => jar.shown(),
            Self::Bucket(jar) => jar.shown(),
        }
    }

    /// What the cache remembers its bytes by.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Url(jar) => jar.key(),
            Self::Bucket(jar) => jar.key(),
        }
    }

    /// The secret that opens it, and the keys that are asked of it.
    pub(super) fn secret(&self) -> Option<(&str, &'static [&'static str])> {
        let (secret_name, keys) = match self {
            Self::Url(jar) => (&jar.secret_name, &["token"] as &[_]),
            Self::Bucket(jar) => (&jar.secret_name, jar.secret_keys()),
        };
        secret_name.as_deref().map(|name| (name, keys))
    }
}

/// What came of a download.
pub(super) enum Fetched {
    /// These bytes, with the server's word about them.
    Bytes(Draft, Validators),
    /// What was known is what there is.
    Unchanged,
}

/// What fetches jars that are elsewhere.
pub(super) struct Fetcher {
    web: Web,
    buckets: Buckets,
    secrets: Arc<dyn Secrets>,
    secret_interval: Duration,
    /// Of secrets that are waited for, as they were a moment ago: many jars may need one secret.
    marks: Mutex<BTreeMap<SecretKeys, (Instant, Digest)>>,
}

/// A secret, and the keys that are asked of it.
type SecretKeys = (String, &'static [&'static str]);

impl Fetcher {
    pub(super) fn new(options: &ArtifactOptions, secrets: Arc<dyn Secrets>) -> Self {
        Self {
            web: Web::new(options.clone(), Arc::clone(&secrets)),
            buckets: Buckets::new(options.clone(), Arc::clone(&secrets)),
            secrets,
            secret_interval: options.secret_interval,
            marks: Mutex::default(),
        }
    }

    /// Downloads the jar; unless it is what these validators are of.
    pub(super) async fn fetch(
        &self,
        remote: &Remote,
        known: &Validators,
        cache: &Arc<JarCache>,
        progress: &Progress,
    ) -> Result<Fetched, Failure> {
        match remote {
            Remote::Url(jar) => self.web.fetch(jar, known, cache, progress).await,
            Remote::Bucket(jar) => self.buckets.fetch(jar, known, cache, progress).await,
        }
    }

    /// A digest by which other values of its secret are told from these; none where it has no secret.
    /// It is kept nowhere but in memory, and shown to nobody.
    pub(super) async fn secret_mark(&self, remote: &Remote) -> Option<Digest> {
        let (name, keys) = remote.secret()?;
        let mut marks = Vec::new();
        for key in keys {
            let value = self.secrets.find(name, key).await;
            let told = match &value {
                Ok(Some(value)) => value.expose(),
                Ok(None) => "it lacks this key",
                Err(_) => "it can't be read",
            };
            marks.extend(Digest::of(told.as_bytes()).0);
        }
        Some(Digest::of(&marks))
    }

    /// Waits until the secret of a jar has other values than those that had this mark.
    pub(super) async fn secret_changed(&self, remote: &Remote, mark: Digest) {
        loop {
            // First of all, so that what was seen a moment ago is newer than the mark.
            sleep(self.secret_interval).await;
            if self.recent_mark(remote).await != Some(mark) {
                return;
            }
        }
    }

    /// The mark of a secret's values, as they were a moment ago at most.
    async fn recent_mark(&self, remote: &Remote) -> Option<Digest> {
        let (name, keys) = remote.secret()?;
        let secret = (name.to_owned(), keys);
        let mut marks = self.marks.lock().await;
        marks.retain(|_, (seen, _)| seen.elapsed() < self.secret_interval);
        if let Some((_, mark)) = marks.get(&secret) {
            return Some(*mark);
        }
        let seen = Instant::now();
        let mark = self.secret_mark(remote).await?;
        marks.insert(secret, (seen, mark));
        Some(mark)
    }
}
