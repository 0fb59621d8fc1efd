//! Jars and secrets in the simulation: every jar of the source is there, after a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jetkeeper::artifacts::{Artifacts, CacheError, JarViews};
use jetkeeper::plan::jar::{JarFacts, JarRequest, JarView, MainClass};
use jetkeeper::resources::{Digest, JarOrigin};
use jetkeeper::secrets::{SecretError, SecretString, Secrets};
use tokio::sync::watch;

/// The cache on disk, which outlives the process.
pub(crate) type JarCache = Arc<Mutex<BTreeMap<Digest, PathBuf>>>;

/// The jars of the source.
pub(crate) struct SimulatedJars {
    views: watch::Sender<JarViews>,
    paths: JarCache,
}

impl SimulatedJars {
    pub(crate) fn new(cache: &JarCache) -> Self {
        Self {
            views: watch::channel(Arc::default()).0,
            paths: Arc::clone(cache),
        }
    }
}

#[async_trait]
impl Artifacts for SimulatedJars {
    fn want(&self, wanted: BTreeSet<JarRequest>) {
        let known: BTreeSet<JarRequest> = self.views.borrow().keys().cloned().collect();
        if known == wanted {
            return;
        }
        let mut views = BTreeMap::new();
        for request in wanted {
            let JarOrigin::Source {
                found: Some(file), ..
            } = &request.origin
            else {
                continue;
            };
            let digest = Digest::of(file.stamp.as_bytes());
            self.paths
                .lock()
                .unwrap()
                .insert(digest, file.location.clone());
            let facts = JarFacts {
                digest,
                size: file.size,
                main_class: MainClass::Found("Main".to_owned()),
            };
            views.insert(request, JarView::Ready(facts));
        }
        let sender = self.views.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(3)).await;
            sender.send_replace(Arc::new(views));
        });
    }

    fn views(&self) -> watch::Receiver<JarViews> {
        self.views.subscribe()
    }

    fn pin(&self, _digests: BTreeSet<Digest>) {}

    async fn refetch(&self, _request: &JarRequest) {}

    async fn verified(&self, digest: &Digest) -> Result<PathBuf, CacheError> {
        let path = self.paths.lock().unwrap().get(digest).cloned();
        path.ok_or(CacheError::Absent { digest: *digest })
    }
}

/// No secrets.
pub(crate) struct NoSecrets;

#[async_trait]
impl Secrets for NoSecrets {
    async fn get(&self, name: &str, key: &str) -> Result<SecretString, SecretError> {
        Err(SecretError::NotFound {
            name: name.to_owned(),
            key: key.to_owned(),
            credential: None,
            file: None,
        })
    }
}
