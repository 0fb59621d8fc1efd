//! The Git source: real repositories made by `git`, fetched by the real program as its child process.

mod away;
mod https;
mod odd;
mod program;
mod remote;
mod revisions;
mod several;
mod webhooks;

use std::path::PathBuf;
use std::sync::Arc;

use jetkeeper::clock::Random;
use jetkeeper::resources::{Revision, SourceName};
use jetkeeper::secrets::FileSecrets;
use jetkeeper::source::Source;
use jetkeeper::source::git::{FirstFetch, GitOptions, GitParts, GitSource, GitUrl};

use crate::support::scratch::Scratch;
use crate::support::wait::PATIENCE;
use remote::Remote;

/// A source, with a directory of its own that outlives it.
struct Scene {
    place: Scratch,
    options: GitOptions,
}

impl Scene {
    fn of(remote: &Remote) -> Self {
        Self::at(&remote.url())
    }

    fn at(url: &str) -> Self {
        let options = GitOptions::new(GitUrl::parse(url).unwrap());
        let place = Scratch::new();
        Self { place, options }
    }

    /// Where the source's own directory is.
    fn clone(&self) -> PathBuf {
        self.place.path().join("clone")
    }

    async fn start(&self) -> GitSource {
        let parts = GitParts {
            directory: self.clone(),
            program: PathBuf::from(env!("CARGO_BIN_EXE_jetkeeper")),
            secrets: Arc::new(FileSecrets::new(
                None,
                Some(self.place.path().join("secrets")),
            )),
            entropy: Arc::new(Random::from_os()),
        };
        let name = SourceName("jobs".to_owned());
        GitSource::start(name, self.options.clone(), parts, FirstFetch::Wait).await
    }
}

/// What a source shows now.
fn shown(source: &GitSource) -> Arc<Revision> {
    Arc::clone(&source.revisions().borrow())
}

/// What a source shows after it has looked.
async fn looked(source: &GitSource) -> Arc<Revision> {
    source.rescan().await;
    shown(source)
}

/// Waits until a source shows such a revision by itself.
async fn comes(source: &GitSource, wanted: impl FnMut(&Arc<Revision>) -> bool) -> Arc<Revision> {
    let mut revisions = source.revisions();
    let came = tokio::time::timeout(PATIENCE, revisions.wait_for(wanted)).await;
    Arc::clone(&came.expect("it didn't come in time").unwrap())
}

fn text(revision: &Revision, path: &str) -> String {
    String::from_utf8(revision.files[path].bytes.to_vec()).unwrap()
}
