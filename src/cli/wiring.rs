//! Joins the real parts: sources, clusters, jars, secrets and state, as the configuration says.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::context::Context;
use super::error::{CliError, Result};
use crate::artifacts::{ArtifactOptions, LocalArtifacts};
use crate::clock::{Clock, Entropy, Random};
use crate::cluster::{self, Cluster, HazelcastCluster};
use crate::config::{Config, Origin, SourceConfig};
use crate::engine::{
    self, ClusterTarget, Clusters, Configuration, EngineParts, EngineTask, Handle, Mode, Settings,
};
use crate::hazelcast::{Credentials, CredentialsSource, TlsConfig};
use crate::plan;
use crate::plan::record::Recorded;
use crate::resources::sync_window::SyncWindows;
use crate::resources::{CredentialsSpec, Digest, Revision, SourceName};
use crate::secrets::{FileSecrets, SecretError, Secrets};
use crate::source::git::{FirstFetch, GitOptions, GitParts, GitSource};
use crate::source::{DirectoryOptions, DirectorySource, Source};
use crate::store::{
    self, Change, EventEntry, JournalEntry, RevisionEntry, SledStore, Store, StoreError,
};

/// This program, also after an upgrade has put another into its place.
const OURSELVES: &str = "/proc/self/exe";
/// What a daemon waits for: a remote that is away holds nothing up that an earlier run fetched.
pub(super) const DAEMON: FirstFetch = FirstFetch::WaitForAnything(Duration::from_secs(10));

/// A running engine. Dropping it breaks off what it does.
pub(super) struct Running {
    /// What it shows, and the way to ask it for something.
    pub(super) handle: Handle,
    /// Its end.
    pub(super) task: EngineTask,
    /// Where desired state comes from.
    pub(super) sources: Vec<Arc<dyn Source>>,
    /// Where secrets come from.
    pub(super) secrets: Arc<dyn Secrets>,
    _scratch: Option<Scratch>,
}

/// Starts the engine that keeps jobs: it has the state, and writes.
///
/// `first` is what the start waits for where a source is a repository.
pub(super) async fn keep(context: &Context, config: &Config, first: FirstFetch) -> Result<Running> {
    let state = config.state()?;
    let clones = Clones::kept(state, first);
    let entropy = Arc::new(Random::from_os());
    // Both take a while where there is much, and neither needs the other.
    let (store, sources) = tokio::join!(
        SledStore::open(state, &*context.clock, &*entropy),
        sources(context, config, &clones)
    );
    let store = Arc::new(store?);
    clones.remove_others(config);
    let settings = settings(config, Mode::Keep)?;
    let jars = state.join("jars");
    start(context, config, (store, sources?), jars, settings, None).await
}

/// Starts an engine that only looks and plans, with these records; with none, it takes what is ours
/// from the clusters' ownership maps. Writes nothing but jars to a place that it removes.
pub(super) async fn look(
    context: &Context,
    config: &Config,
    recorded: Option<Recorded>,
) -> Result<Running> {
    let mut settings = settings(config, Mode::Look)?;
    settings.plan.rebuilding = recorded.is_none();
    let store = Arc::new(Remembered(recorded.unwrap_or_default()));
    let scratch = Scratch::make()?;
    let jars = scratch.0.join("jars");
    let sources = sources(context, config, &Clones::below(&scratch.0)).await?;
    start(
        context,
        config,
        (store, sources),
        jars,
        settings,
        Some(scratch),
    )
    .await
}

async fn start(
    context: &Context,
    config: &Config,
    (store, sources): (Arc<dyn Store>, Vec<Arc<dyn Source>>),
    jars: PathBuf,
    settings: Settings,
    scratch: Option<Scratch>,
) -> Result<Running> {
    let clock = Arc::clone(&context.clock);
    let entropy: Arc<dyn Entropy> = Arc::new(Random::from_os());
    let options = ArtifactOptions {
        recheck: config.recheck,
        ..ArtifactOptions::new(jars)
    };
    let secrets: Arc<dyn Secrets> = Arc::new(secrets(config));
    let artifacts = LocalArtifacts::start(
        options,
        Arc::clone(&secrets),
        Arc::clone(&clock),
        Arc::clone(&entropy),
    );
    let parts = EngineParts {
        sources: sources.clone(),
        clusters: Arc::new(Connector::new(Arc::clone(&clock), config)),
        artifacts: Arc::new(artifacts.await.map_err(CliError::failed)?),
        secrets: Arc::clone(&secrets),
        store,
        clock,
        entropy,
        settings,
    };
    let (handle, task) = engine::start(parts).await?;
    Ok(Running {
        handle,
        task,
        sources,
        secrets,
        _scratch: scratch,
    })
}

/// What the configuration says to the engine.
fn settings(config: &Config, mode: Mode) -> Result<Settings> {
    let prune = config.prune;
    Ok(Settings {
        plan: plan::Settings {
            owner: config.owner()?.to_owned(),
            max_deletions: prune.max_deletions as usize,
            max_deletions_percent: prune.max_deletions_percent as usize,
            sync_windows: sync_windows(config),
            ..plan::Settings::default()
        },
        clusters: targets(config),
        mode,
        ..Settings::default()
    })
}

/// The windows of the sources that have any.
fn sync_windows(config: &Config) -> BTreeMap<SourceName, Arc<SyncWindows>> {
    let sources = config.sources.iter();
    let sources = sources.filter(|source| !source.sync_windows.0.is_empty());
    sources
        .map(|source| (source.name.clone(), Arc::new(source.sync_windows.clone())))
        .collect()
}

/// The clusters of the configuration.
pub(super) fn targets(config: &Config) -> BTreeMap<String, ClusterTarget> {
    let clusters = config.clusters.iter();
    clusters
        .map(|(name, cluster)| {
            let target = ClusterTarget {
                cluster_name: cluster.cluster_name.clone(),
                addresses: cluster.addresses.clone(),
                credentials: cluster.credentials.clone(),
                tls: cluster.tls.clone(),
            };
            (name.clone(), target)
        })
        .collect()
}

/// What the sources show now.
pub(super) async fn revisions(context: &Context, config: &Config) -> Result<Vec<Arc<Revision>>> {
    let scratch = Scratch::make()?;
    let sources = sources(context, config, &Clones::below(&scratch.0)).await?;
    let shown = sources.iter();
    Ok(shown
        .map(|source| Arc::clone(&source.revisions().borrow()))
        .collect())
}

/// The sources of the configuration, each looked at once.
async fn sources(
    context: &Context,
    config: &Config,
    clones: &Clones,
) -> Result<Vec<Arc<dyn Source>>> {
    let mut sources: Vec<Arc<dyn Source>> = Vec::new();
    for source in config.sources()? {
        sources.push(self::source(context, config, source, clones).await?);
    }
    Ok(sources)
}

/// A source of the configuration, looked at once.
async fn source(
    context: &Context,
    config: &Config,
    source: &SourceConfig,
    clones: &Clones,
) -> Result<Arc<dyn Source>> {
    let name = source.name.clone();
    let directory = match &source.origin {
        Origin::Directory(directory) => directory,
        Origin::Git(options) => {
            let parts = GitParts {
                directory: clones.of(source, options),
                program: PathBuf::from(OURSELVES),
                secrets: Arc::new(secrets(config)),
                entropy: Arc::new(Random::from_os()),
            };
            let first = clones.first;
            return Ok(Arc::new(
                GitSource::start(name, options.clone(), parts, first).await,
            ));
        }
    };
    let (options, clock) = (DirectoryOptions::default(), Arc::clone(&context.clock));
    let started = DirectorySource::start(name, directory, options, clock).await;
    Ok(Arc::new(started.map_err(CliError::failed)?))
}

/// Where the clones of Git sources are, and how long a start waits for them.
struct Clones {
    directory: PathBuf,
    first: FirstFetch,
}

impl Clones {
    /// Those beside the state.
    fn kept(state: &Path, first: FirstFetch) -> Self {
        let directory = state.join("git");
        Self { directory, first }
    }

    /// Those of a command, which shows what is there now.
    fn below(scratch: &Path) -> Self {
        Self {
            directory: scratch.join("git"),
            first: FirstFetch::Wait,
        }
    }

    /// That of one source: another wherever another commit may be meant, so that two never share one.
    fn of(&self, source: &SourceConfig, options: &GitOptions) -> PathBuf {
        let (url, reference) = (&options.url, &options.reference);
        let meant = format!("{url}\n{reference}\n{}", options.path);
        let digest = Digest::of(meant.as_bytes()).short();
        self.directory.join(format!("{}-{digest}", source.name))
    }

    /// Removes clones of sources that are configured no more.
    fn remove_others(&self, config: &Config) {
        let keep = config
            .sources
            .iter()
            .filter_map(|source| match &source.origin {
                Origin::Git(options) => Some(self.of(source, options)),
                Origin::Directory(_) => None,
            });
        let keep: Vec<PathBuf> = keep.collect();
        let found = std::fs::read_dir(&self.directory).into_iter().flatten();
        for path in found.flatten().map(|entry| entry.path()) {
            // One that can't be removed takes room, and nothing else.
            if !keep.contains(&path)
                && let Err(error) = std::fs::remove_dir_all(&path)
            {
                tracing::debug!("{} can't be removed: {error}", path.display());
            }
        }
    }
}

/// What a running engine goes on with once `before` became `config`. Sources that stay as they are
/// keep what they know.
pub(super) async fn reconfigured(
    context: &Context,
    (before, running): (&Config, &[Arc<dyn Source>]),
    config: &Config,
) -> Result<Configuration> {
    let clones = Clones::kept(before.state()?, DAEMON);
    let mut sources: Vec<Arc<dyn Source>> = Vec::new();
    for wanted in config.sources()? {
        // Who may wake it, and when what it asks for begins, are no matters of its own.
        let is_it = |it: &SourceConfig| it.name == wanted.name && it.origin == wanted.origin;
        let stays = before.sources.iter().any(is_it);
        let same = running.iter().find(|source| *source.name() == wanted.name);
        sources.push(match same.filter(|_| stays) {
            Some(same) => Arc::clone(same),
            None => source(context, config, wanted, &clones).await?,
        });
    }
    let settings = settings(config, Mode::Keep)?;
    // Who owns the jobs stays until the next start: the records and the clusters name the owner.
    let owner = before.owner()?.to_owned();
    Ok(Configuration {
        sources,
        clusters: settings.clusters,
        plan: plan::Settings {
            owner,
            ..settings.plan
        },
    })
}

/// Whether state was ever made in this directory.
pub(super) fn has_state(directory: &Path) -> bool {
    store::exists(directory)
}

/// The store of a directory that has state and that no daemon keeps.
pub(super) async fn open_store(context: &Context, directory: &Path) -> Result<Arc<dyn Store>> {
    if !has_state(directory) {
        let path = directory.display().to_string();
        return Err(StoreError::Absent { path }.into());
    }
    let store = SledStore::open(directory, &*context.clock, &Random::from_os()).await?;
    Ok(Arc::new(store))
}

/// Connects to real clusters.
pub(super) struct Connector {
    clock: Arc<dyn Clock>,
    secrets: FileSecrets,
}

impl Connector {
    pub(super) fn new(clock: Arc<dyn Clock>, config: &Config) -> Self {
        let secrets = secrets(config);
        Self { clock, secrets }
    }

    /// Credentials as they are whenever a connection is opened.
    fn credentials(&self, spec: &CredentialsSpec) -> CredentialsSource {
        let (secrets, secret) = (self.secrets.clone(), spec.secret_name.clone());
        CredentialsSource::new(move || {
            let (secrets, secret) = (secrets.clone(), secret.clone());
            async move { Ok(credentials(&secrets, &secret).await?) }
        })
    }
}

impl Clusters for Connector {
    fn connect(&self, target: &ClusterTarget) -> Arc<dyn Cluster> {
        let credentials = target.credentials.as_ref();
        let tls = target.tls.as_ref().filter(|tls| tls.enabled);
        let target = cluster::ClusterTarget {
            name: target.cluster_name.clone(),
            cluster_name: target.cluster_name.clone(),
            addresses: target.addresses.clone(),
            credentials: credentials.map(|spec| self.credentials(spec)),
            tls: tls.map(|tls| TlsConfig {
                ca_file: tls.ca_file.clone(),
                cert_file: tls.cert_file.clone(),
                key_file: tls.key_file.clone(),
                server_name: tls.server_name.clone(),
            }),
        };
        Arc::new(HazelcastCluster::connect(&target, Arc::clone(&self.clock)))
    }
}

/// The secrets of the configuration.
fn secrets(config: &Config) -> FileSecrets {
    FileSecrets::new(config.credentials.clone(), config.secrets.clone())
}

/// A token where the secret has one, else name and password.
async fn credentials(secrets: &dyn Secrets, secret: &str) -> Result<Credentials, SecretError> {
    if let Some(token) = secrets.find(secret, "token").await? {
        return Ok(Credentials::Token(token.expose().to_owned()));
    }
    let username = secrets.get(secret, "username").await?;
    let password = secrets.get(secret, "password").await?;
    Ok(Credentials::Password {
        username: username.expose().to_owned(),
        password: password.expose().to_owned(),
    })
}

/// Records that are only read.
struct Remembered(Recorded);

#[async_trait]
impl Store for Remembered {
    async fn load(&self) -> Result<Recorded, StoreError> {
        Ok(self.0.clone())
    }

    async fn commit(&self, _: &Change) -> Result<(), StoreError> {
        // An engine that only looks commits nothing; if it ever does, it must not go unnoticed.
        Err(StoreError::Unusable {
            path: "memory".to_owned(),
        })
    }

    async fn events(&self, _: usize) -> Result<Vec<EventEntry>, StoreError> {
        Ok(Vec::new())
    }

    async fn journal(&self, _: usize) -> Result<Vec<JournalEntry>, StoreError> {
        Ok(Vec::new())
    }

    async fn revisions(&self, _: usize) -> Result<Vec<RevisionEntry>, StoreError> {
        Ok(Vec::new())
    }
}

/// A directory of this process alone, removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self> {
        let name = format!("jetkeeper-plan-{}", Random::from_os().uuid());
        let path = std::env::temp_dir().join(name);
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| {
            CliError::failed(format!(
                "failed to make the scratch directory {}: {error}",
                path.display()
            ))
            .hint("TMPDIR names another place")
        })?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left is in the system's place for what is left.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_secret_has_a_token_or_a_name_and_a_password() {
        let scratch = tempfile::tempdir().unwrap();
        let secrets = FileSecrets::new(None, Some(scratch.path().to_owned()));
        let read = async || credentials(&secrets, "members").await;
        let put = |key: &str, value: &str| {
            std::fs::create_dir_all(scratch.path().join("members")).unwrap();
            std::fs::write(scratch.path().join("members").join(key), value).unwrap();
        };
        assert!(read().await.unwrap_err().to_string().contains("`username`"));
        put("username", "keeper\n");
        assert!(read().await.unwrap_err().to_string().contains("`password`"));
        put("password", "hush\n");
        let (username, password) = ("keeper".to_owned(), "hush".to_owned());
        assert_eq!(
            read().await.unwrap(),
            Credentials::Password { username, password }
        );
        put("token", "t0ken\n");
        assert_eq!(
            read().await.unwrap(),
            Credentials::Token("t0ken".to_owned())
        );
    }
}
