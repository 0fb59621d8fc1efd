//! The sources that the configuration names, started together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::try_join_all;
use tokio::task::spawn_blocking;

use super::context::Context;
use super::error::{CliError, Result};
use super::wiring::secrets;
use crate::clock::Random;
use crate::config::{Config, Origin, SourceConfig};
use crate::resources::Footing;
use crate::source::git::{FirstFetch, GitOptions, GitParts, GitSource, Repositories};
use crate::source::{DirectoryOptions, DirectorySource, Source};

/// This program, also after an upgrade has put another into its place.
pub(super) const OURSELVES: &str = "/proc/self/exe";

/// What sources are started with.
#[derive(Clone)]
pub(super) struct Sources {
    repositories: Arc<Repositories>,
    first: FirstFetch,
}

impl Sources {
    /// Sources whose clones are below this directory, and whose start waits for that.
    ///
    /// `footing` is from where they may go on, where no engine is going to tell them.
    pub(super) fn below(
        directory: &Path,
        (context, config): (&Context, &Config),
        first: FirstFetch,
        footing: Option<Footing>,
    ) -> Self {
        let repositories = Repositories::new(GitParts {
            directory: directory.join("git"),
            program: PathBuf::from(OURSELVES),
            secrets: Arc::new(secrets(config)),
            entropy: Arc::new(Random::from_os()),
            clock: Arc::clone(&context.clock),
            footing,
        });
        Self {
            repositories: Arc::new(repositories),
            first,
        }
    }

    /// The same, started again with another wait.
    pub(super) fn waiting(&self, first: FirstFetch) -> Self {
        Self {
            repositories: Arc::clone(&self.repositories),
            first,
        }
    }

    /// All sources of the configuration, each looked at once; `running` ones that stay as they are go
    /// on. One that is slow holds no other up.
    pub(super) async fn start(
        &self,
        context: &Context,
        config: &Config,
        running: &[Arc<dyn Source>],
        stays: impl Fn(&SourceConfig) -> bool,
    ) -> Result<Vec<Arc<dyn Source>>> {
        let wanted = config.sources()?.iter();
        let sources = wanted.map(|wanted| {
            let same = running.iter().find(|it| *it.name() == wanted.name);
            let same = same.filter(|_| stays(wanted)).cloned();
            async move {
                match same {
                    Some(same) => Ok(same),
                    None => self.source(context, wanted).await,
                }
            }
        });
        try_join_all(sources).await
    }

    /// A source of the configuration, looked at once.
    async fn source(&self, context: &Context, source: &SourceConfig) -> Result<Arc<dyn Source>> {
        let name = source.name.clone();
        let directory = match &source.origin {
            Origin::Directory(directory) => directory,
            Origin::Git(options) => {
                let options = GitOptions::clone(options);
                let started = GitSource::start(name, options, &self.repositories, self.first);
                return Ok(Arc::new(started.await));
            }
        };
        let (options, clock) = (DirectoryOptions::default(), Arc::clone(&context.clock));
        let started = DirectorySource::start(name, directory, options, clock).await;
        Ok(Arc::new(started.map_err(CliError::failed)?))
    }

    /// Removes clones of repositories that are configured no more.
    pub(super) async fn remove_others(&self, config: &Config) {
        let git: Vec<GitOptions> = config.sources.iter().filter_map(git).cloned().collect();
        let repositories = Arc::clone(&self.repositories);
        let removed = spawn_blocking(move || repositories.remove_others(&git));
        // It only takes room where that broke off.
        drop(removed.await);
    }
}

/// The repository of a source that is one.
pub(super) fn git(source: &SourceConfig) -> Option<&GitOptions> {
    match &source.origin {
        Origin::Git(options) => Some(&**options),
        Origin::Directory(_) => None,
    }
}
