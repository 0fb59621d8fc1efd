//! The Git source: real repositories made by `git`, fetched by the real program as its child process.

mod away;
mod commands;
mod faults;
mod https;
mod large;
mod odd;
mod program;
mod proxies;
pub(crate) mod remote;
mod replay;
mod revisions;
mod rewrites;
mod server;
mod several;
mod shared;
mod signers;
mod ssh;
mod sshd;
mod trust;
mod webhooks;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jetkeeper::clock::{Random, SystemClock};
use jetkeeper::resources::{Footing, Revision, SourceName};
use jetkeeper::secrets::FileSecrets;
use jetkeeper::source::Source;
use jetkeeper::source::git::{FirstFetch, GitOptions, GitParts, GitSource, GitUrl, Repositories};

use crate::support::scratch::Scratch;
use crate::support::wait::PATIENCE;
use remote::Remote;

/// A source, with a directory of its own that outlives it.
struct Scene {
    place: Scratch,
    options: GitOptions,
    /// From where it may go on.
    footing: Footing,
}

impl Scene {
    fn of(remote: &Remote) -> Self {
        Self::at(&remote.url())
    }

    fn at(url: &str) -> Self {
        let options = GitOptions::new(GitUrl::parse(url).unwrap());
        let place = Scratch::new();
        let footing = Footing::default();
        Self {
            place,
            options,
            footing,
        }
    }

    /// The directory of the one repository.
    fn clone(&self) -> PathBuf {
        let mut clones = self.clones();
        assert_eq!(clones.len(), 1, "{clones:?}");
        clones.remove(0)
    }

    /// The directories of all repositories.
    fn clones(&self) -> Vec<PathBuf> {
        let found = fs::read_dir(self.place.path().join("git")).unwrap();
        found.map(|entry| entry.unwrap().path()).collect()
    }

    /// What this machine has for all sources.
    fn repositories(&self) -> Repositories {
        let secrets = self.place.path().join("secrets");
        Repositories::new(GitParts {
            directory: self.place.path().join("git"),
            program: PathBuf::from(env!("CARGO_BIN_EXE_jetkeeper")),
            secrets: Arc::new(FileSecrets::new(None, Some(secrets))),
            entropy: Arc::new(Random::from_os()),
            clock: Arc::new(SystemClock),
            footing: Some(self.footing.clone()),
        })
    }

    /// A source that was started and waits for nothing.
    async fn start_soon(&self) -> GitSource {
        let name = SourceName("jobs".to_owned());
        let first = FirstFetch::Anything(Duration::ZERO);
        GitSource::start(name, self.options.clone(), &self.repositories(), first).await
    }

    async fn start(&self) -> GitSource {
        start("jobs", &self.options, &self.repositories()).await
    }
}

/// Starts a source and waits for its first fetch.
async fn start(name: &str, options: &GitOptions, repositories: &Repositories) -> GitSource {
    let name = SourceName(name.to_owned());
    let first = FirstFetch::Latest(PATIENCE);
    GitSource::start(name, options.clone(), repositories, first).await
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
