//! Jars: from files, and from a server on loopback that behaves as badly as servers do.

mod files;
mod remote;
pub(crate) mod server;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jetkeeper::artifacts::{
    ArtifactOptions, Artifacts, CacheError, JarFacts, JarProblem, JarRequest, JarView, JarViews,
    LocalArtifacts,
};
use jetkeeper::clock::{Random, SystemClock};
use jetkeeper::resources::{Digest, JarFile, JarOrigin};
use jetkeeper::secrets::FileSecrets;
use tokio::sync::watch;
use tokio::time::timeout;

pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A jar with this class, which is its main class, padded to differ from others.
pub(crate) fn jar(class: &str, padding: usize) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let manifest = format!("Main-Class: {class}\n");
    for (name, content) in [
        ("META-INF/MANIFEST.MF", manifest.as_bytes()),
        (&format!("{}.class", class.replace('.', "/")), b"class"),
        ("padding", &vec![7; padding]),
    ] {
        writer.start_file(name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub(crate) struct Jars {
    pub(crate) scratch: tempfile::TempDir,
    pub(crate) artifacts: LocalArtifacts,
    pub(crate) views: watch::Receiver<JarViews>,
}

impl Jars {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), |_| {}).await
    }

    pub(crate) async fn start_in(
        scratch: tempfile::TempDir,
        set: impl FnOnce(&mut ArtifactOptions),
    ) -> Self {
        let mut options = ArtifactOptions::new(scratch.path().join("jars"));
        options.system_proxy = false;
        // Nothing is tried again before a test has ended, unless it says so.
        options.retry = (Duration::from_hours(1), Duration::from_hours(1));
        options.late_retry = options.retry;
        set(&mut options);
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(Random::from_seed(1)));
        let secrets = FileSecrets::new(None, Some(scratch.path().join("secrets")));
        let artifacts = LocalArtifacts::start(options, Arc::new(secrets), clock, entropy)
            .await
            .unwrap();
        let views = artifacts.views();
        Self {
            scratch,
            artifacts,
            views,
        }
    }

    /// Puts a file beside the cache and asks for it.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> JarRequest {
        let path = self.scratch.path().join(name);
        fs::write(&path, bytes).unwrap();
        file_request(&path)
    }

    pub(crate) fn want(&self, requests: impl IntoIterator<Item = JarRequest>) {
        self.artifacts.want(requests.into_iter().collect());
    }

    /// The first view of this request that is as wanted.
    pub(crate) async fn until(
        &mut self,
        request: &JarRequest,
        holds: impl Fn(&JarView) -> bool,
    ) -> JarView {
        let fits = |views: &JarViews| views.get(request).is_some_and(&holds);
        let found = timeout(DEADLINE, self.views.wait_for(fits)).await;
        let found = found.expect("a view in time").unwrap();
        found[request].clone()
    }

    pub(crate) async fn ready(&mut self, request: &JarRequest) -> JarFacts {
        let settled = |view: &JarView| !matches!(view, JarView::Fetching { .. });
        match self.until(request, settled).await {
            JarView::Ready(facts) => facts,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn unavailable(&mut self, request: &JarRequest) -> (JarProblem, String) {
        self.want([request.clone()]);
        let settled = |view: &JarView| !matches!(view, JarView::Fetching { .. });
        match self.until(request, settled).await {
            JarView::Unavailable {
                problem, message, ..
            } => (problem, message),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn bytes(&self, digest: &Digest) -> Result<Vec<u8>, CacheError> {
        let path = self.artifacts.verified(digest).await?;
        Ok(fs::read(path).unwrap())
    }

    /// The names of what is in the cache.
    pub(crate) fn cached(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.scratch.path().join("jars/sha256")).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

pub(crate) fn file_request(path: &Path) -> JarRequest {
    let found = fs::metadata(path).ok().map(|metadata| JarFile {
        location: path.to_owned(),
        size: metadata.len(),
        stamp: format!(
            "{}:{}:{}",
            metadata.ino(),
            metadata.mtime(),
            metadata.mtime_nsec()
        ),
    });
    let candidates = vec!["a.jar".to_owned(), "jars/a.jar".to_owned()];
    JarRequest {
        origin: JarOrigin::Source { candidates, found },
        main_class: None,
    }
}

pub(crate) fn of_class(request: &JarRequest, class: &str) -> JarRequest {
    JarRequest {
        main_class: Some(class.to_owned()),
        ..request.clone()
    }
}
