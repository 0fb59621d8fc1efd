//! Joins the real parts: sources, clusters, jars, secrets and state, as the configuration says.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::call;
use super::context::Context;
use super::error::{CliError, Result};
use super::sources::Sources;
use crate::artifacts::{ArtifactOptions, LocalArtifacts};
use crate::clock::{Clock, Entropy, Random};
use crate::cluster::{self, Cluster, HazelcastCluster};
use crate::config::{Config, SourceConfig};
use crate::engine::{
    self, ClusterTarget, Clusters, Configuration, EngineParts, EngineTask, Handle, Mode, Settings,
};
use crate::hazelcast::{Credentials, CredentialsSource, TlsConfig};
use crate::plan;
use crate::plan::record::Recorded;
use crate::resources::sync_window::SyncWindows;
use crate::resources::{CredentialsSpec, Footing, Revision, SourceName};
use crate::secrets::{FileSecrets, SecretError, Secrets};
use crate::source::Source;
use crate::source::git::FirstFetch;
use crate::store::{
    self, Change, EventEntry, HeldState, JournalEntry, RevisionEntry, SledStore, Store, StoreError,
};

/// What a daemon waits for: a remote that is away holds nothing up that an earlier run fetched.
pub(super) const DAEMON: FirstFetch = FirstFetch::Anything(Duration::from_secs(10));
/// What a command waits for that needs the latest: each source's own timeout ends it.
const LATEST: FirstFetch = FirstFetch::Latest(Duration::MAX);

/// A running engine. Dropping it breaks off what it does.
pub(super) struct Running {
    /// What it shows, and the way to ask it for something.
    pub(super) handle: Handle,
    /// Its end.
    pub(super) task: EngineTask,
    /// Where desired state comes from.
    pub(super) sources: Vec<Arc<dyn Source>>,
    /// What more of them are started with.
    pub(super) start: Sources,
    /// Where secrets come from.
    pub(super) secrets: Arc<dyn Secrets>,
    _scratch: Option<Scratch>,
}

/// Starts the engine that keeps jobs: it has the state, and writes.
///
/// `first` is what the start waits for where a source is a repository.
pub(super) async fn keep(context: &Context, config: &Config, first: FirstFetch) -> Result<Running> {
    let state = config.state()?;
    let entropy = Arc::new(Random::from_os());
    // What lies beside the store is of whoever has it: no source touches a clone before.
    let held = HeldState::take(state).await?;
    let start = Sources::below(state, (context, config), first, None);
    start.remove_others(config).await;
    // Both take a while where there is much, and neither needs the other.
    let opened = SledStore::open_held(held, &*context.clock, &*entropy);
    let (store, sources) = tokio::try_join!(
        async { opened.await.map_err(CliError::from) },
        start.start(context, config, &[], |_| false)
    )?;
    let store: Arc<dyn Store> = Arc::new(store);
    let settings = settings(config, Mode::Keep)?;
    let jars = state.join("jars");
    let sources = (start, sources);
    begin(context, config, (store, sources), jars, settings, None).await
}

/// Starts an engine that only looks and plans, with these records; with none, it takes what is ours
/// from the clusters' ownership maps. Writes nothing but jars to a place that it removes.
pub(super) async fn look(
    context: &Context,
    config: &Config,
    recorded: Option<Recorded>,
    patience: Duration,
) -> Result<Running> {
    let mut settings = settings(config, Mode::Look)?;
    settings.plan.rebuilding = recorded.is_none();
    let store = Arc::new(Remembered(recorded.unwrap_or_default()));
    let scratch = Scratch::make()?;
    let jars = scratch.0.join("jars");
    let start = Sources::below(
        &scratch.0,
        (context, config),
        FirstFetch::Latest(patience),
        None,
    );
    let sources = start.start(context, config, &[], |_| false).await?;
    let sources = (start, sources);
    let scratch = Some(scratch);
    begin(context, config, (store, sources), jars, settings, scratch).await
}

/// Sources that run, and what more of them are started with.
type Started = (Sources, Vec<Arc<dyn Source>>);

async fn begin(
    context: &Context,
    config: &Config,
    (store, (start, sources)): (Arc<dyn Store>, Started),
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
        start,
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
            rebuild: call::rebuild(config),
            ..plan::Settings::default()
        },
        clusters: targets(config),
        mode,
        notifications: config.notifications.rules(),
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

/// Sources that are looked at without an engine.
pub(super) struct Shown {
    pub(super) sources: Vec<Arc<dyn Source>>,
    _scratch: Scratch,
}

impl Shown {
    /// What they show now.
    pub(super) fn revisions(&self) -> Vec<Arc<Revision>> {
        let sources = self.sources.iter();
        sources
            .map(|source| Arc::clone(&source.revisions().borrow()))
            .collect()
    }
}

/// Looks at the sources.
pub(super) async fn show(context: &Context, config: &Config) -> Result<Shown> {
    let scratch = Scratch::make()?;
    let footing = Some(Footing::default());
    let start = Sources::below(&scratch.0, (context, config), LATEST, footing);
    let sources = start.start(context, config, &[], |_| false).await?;
    Ok(Shown {
        sources,
        _scratch: scratch,
    })
}

/// What a running engine goes on with once `before` became `config`. Sources that stay as they are
/// keep what they know.
pub(super) async fn reconfigured(
    context: &Context,
    (before, running, start): (&Config, &[Arc<dyn Source>], &Sources),
    config: &Config,
) -> Result<Configuration> {
    // Who may wake it, and when what it asks for begins, are no matters of its own.
    let stays = |wanted: &SourceConfig| {
        let is_it = |it: &SourceConfig| it.name == wanted.name && it.origin == wanted.origin;
        before.sources.iter().any(is_it)
    };
    let start = start.waiting(DAEMON);
    let sources = start.start(context, config, running, stays).await?;
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
pub(super) fn secrets(config: &Config) -> FileSecrets {
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
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn make() -> Result<Self> {
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
