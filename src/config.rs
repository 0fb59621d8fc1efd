//! The configuration: a file, flags and variables become one checked value.
//!
//! A flag beats a variable, a variable the file, the file a default. Clap joins flags and variables
//! into [`Overrides`]; `file` reads the file and reports all its faults at once; [`Config::load`]
//! puts them together. Nothing below the command line reads the environment.

mod address;
mod cluster;
mod duration;
mod file;
mod git;
mod http;
mod notifications;
mod recheck;
mod shown;
mod state;
mod sync_window;
mod trust;
mod webhook;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use address::{ClusterAddresses, ParseAddressesError};
pub use http::HttpConfig;
pub use recheck::{ParseRecheckError, Recheck};
pub use shown::{ShownConfig, keys};
pub use state::places_of_state;
pub use webhook::WebhookConfig;

use crate::notifications::NotificationOptions;
use crate::resources::sync_window::SyncWindows;
use crate::resources::{CredentialsSpec, Fault, HazelcastSpec, SourceName, TlsSpec};
use crate::source::git::GitOptions;

/// Read where no `--config` is given, if it is there.
pub const USUAL_FILE: &str = "/etc/jetkeeper/jetkeeper.yaml";

/// The source's name when a PATH is given instead of a configuration.
const PATH_SOURCE: &str = "local";

/// Everything that configures a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The file it came from, if any.
    pub file: Option<PathBuf>,
    /// Where manifests are; empty where neither the file nor a PATH names any.
    pub sources: Vec<SourceConfig>,
    /// The clusters, by the name that jobs refer to them with.
    pub clusters: BTreeMap<String, ClusterConfig>,
    /// Where secrets are that systemd doesn't hand us.
    pub secrets: Option<PathBuf>,
    /// Where systemd put the secrets that it hands us.
    pub credentials: Option<PathBuf>,
    /// How much may be deleted at once.
    pub prune: PruneConfig,
    /// How long until a remote jar is looked at again.
    pub recheck: Duration,
    /// Where monitoring may ask.
    pub http: HttpConfig,
    /// Who is told what is wrong.
    pub notifications: NotificationOptions,
    /// Where hosts of repositories may say that there is something new; nowhere if not given.
    pub webhooks: Option<SocketAddr>,
    /// What flags and variables said, as it was given.
    pub given: Overrides,
    owner: Option<String>,
    state: Option<PathBuf>,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceConfig {
    /// Its name, under which its resources are recorded.
    pub name: SourceName,
    /// Where it is.
    pub origin: Origin,
    /// Who may say that it has something new.
    pub webhook: Option<WebhookConfig>,
    /// When what it asks for may be begun.
    pub sync_windows: SyncWindows,
}

/// Where a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A directory, absolute.
    Directory(PathBuf),
    /// A Git repository.
    Git(Box<GitOptions>),
}

impl SourceConfig {
    /// The source that a PATH is.
    fn of_path(directory: PathBuf) -> Self {
        Self {
            name: SourceName(PATH_SOURCE.to_owned()),
            origin: Origin::Directory(directory),
            webhook: None,
            sync_windows: SyncWindows::default(),
        }
    }

    /// Its directory, where it is one.
    pub fn directory(&self) -> Option<&Path> {
        match &self.origin {
            Origin::Directory(directory) => Some(directory),
            Origin::Git(_) => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => directory.display().fmt(f),
            Self::Git(git) => git.url.fmt(f),
        }
    }
}

/// Where a cluster is, and how to connect to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// The members' `cluster-name`.
    pub cluster_name: String,
    /// Members to connect to first, `host:port`.
    pub addresses: Vec<String>,
    /// Where the credentials are, if the members want any.
    pub credentials: Option<CredentialsSpec>,
    /// How to connect with TLS, if the members want it; the files are absolute.
    pub tls: Option<TlsSpec>,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            cluster_name: HazelcastSpec::default().cluster_name,
            addresses: Vec::new(),
            credentials: None,
            tls: None,
        }
    }
}

/// How much may be deleted at once without a confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneConfig {
    /// The most deletions of one source.
    pub max_deletions: u32,
    /// The same in percent of the source's jobs.
    pub max_deletions_percent: u32,
}

impl Default for PruneConfig {
    fn default() -> Self {
        Self {
            max_deletions: 10,
            max_deletions_percent: 25,
        }
    }
}

/// What flags and variables say; each beats the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// A directory instead of the file's sources.
    pub path: Option<PathBuf>,
    /// The state directory.
    pub state: Option<PathBuf>,
    /// Addresses and names of clusters; others of the file stay.
    pub clusters: Vec<ClusterAddresses>,
    /// Our name in the clusters' ownership map.
    pub owner: Option<String>,
    /// The directory of secrets.
    pub secrets: Option<PathBuf>,
    /// The most deletions of one source.
    pub max_deletions: Option<u32>,
    /// The same in percent.
    pub max_deletions_percent: Option<u32>,
    /// How long until a remote jar is looked at again.
    pub recheck: Option<Recheck>,
    /// Where monitoring may ask.
    pub http_listen: Option<SocketAddr>,
    /// Whether other machines may; said by saying it.
    pub http_allow_remote: bool,
    /// Where hosts of repositories may say that there is something new.
    pub webhooks_listen: Option<SocketAddr>,
}

/// What the process's surroundings say where nobody else does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `$STATE_DIRECTORY`, from systemd.
    pub state_directory: Option<OsString>,
    /// `$CREDENTIALS_DIRECTORY`, from systemd.
    pub credentials_directory: Option<OsString>,
    /// `$XDG_STATE_HOME`.
    pub xdg_state_home: Option<OsString>,
    /// `$HOME`.
    pub home: Option<OsString>,
    /// The machine's name.
    pub host: String,
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        // Not from /proc, of which a service in a sandbox sees its own processes alone.
        let system = rustix::system::uname();
        let host = match system.nodename().to_str() {
            Ok("") | Err(_) => "localhost",
            Ok(host) => host,
        };
        Self {
            state_directory: variable("STATE_DIRECTORY"),
            credentials_directory: variable("CREDENTIALS_DIRECTORY"),
            xdg_state_home: variable("XDG_STATE_HOME"),
            home: variable("HOME"),
            host: host.to_owned(),
        }
    }
}

/// Why there is no configuration. Each stays as it is until somebody changes something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file can't be read.
    #[error("failed to read the configuration {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file has faults.
    #[error("the configuration {path} can't be used")]
    Faulty {
        /// The file.
        path: PathBuf,
        /// All of them.
        faults: Vec<Fault>,
    },
    /// A path can't be made absolute.
    #[error("failed to find the directory {path}")]
    Path {
        /// The path as given.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Nobody says where state is kept.
    #[error("there is no place to keep state: HOME is not set; give --state DIR")]
    NoStateDirectory,
    /// Nobody says which state is meant: its usual place follows from the source.
    #[error("it is not said which state is meant; give --state DIR, or --config FILE with sources")]
    StateNotNamed,
    /// State would be read as manifests, and would change the source whenever it changes.
    #[error(
        "the state directory {state} is inside the source {name} ({source_directory}); give another with \
         --state DIR"
    )]
    StateInSource {
        /// The state directory.
        state: PathBuf,
        /// The source.
        name: SourceName,
        /// Its directory.
        source_directory: PathBuf,
    },
    /// Other machines would be told names and reasons without being asked who they are.
    #[error(
        "{address} can be reached from other machines, and whoever asks there is told the names of jobs \
         and why they are held: allow it with `http.allowRemote: true` or --http-allow-remote"
    )]
    RemoteHttp {
        /// The address.
        address: SocketAddr,
    },
    /// Nobody says what to keep.
    #[error(
        "there is nothing to keep: give the PATH of a directory, or --config FILE with sources"
    )]
    NoSources,
    /// A default would change with the list of sources, and take the jobs' owner away.
    #[error(
        "with several sources the owner of the jobs must be named, so that it stays the same when \
         the sources change: give `owner` in the configuration, or --owner"
    )]
    NoOwner,
    /// The owner can't be one.
    #[error(
        "the owner must have 1 to 200 characters, none of them a control character, and not be `?`"
    )]
    BadOwner,
}

impl Config {
    /// Puts file, variables, flags and defaults together.
    pub fn load(overrides: &Overrides, environment: &Environment) -> Result<Self, ConfigError> {
        let mut config = match file_of(overrides)? {
            Some((path, bytes)) => file::read(path, &bytes)?,
            None => Self::empty(),
        };
        config.override_with(overrides)?;
        config.given = overrides.clone();
        let credentials = environment.credentials_directory.clone();
        config.credentials = credentials.map(PathBuf::from);
        if config.owner.is_none() {
            config.owner = default_owner(&config.sources, &environment.host);
        }
        if config.state.is_none() {
            config.state = state::default_for(&config.sources, environment);
        }
        state::check(config.state.as_deref(), &config.sources)?;
        Ok(config)
    }

    /// A configuration that says nothing.
    fn empty() -> Self {
        Self {
            file: None,
            sources: Vec::new(),
            clusters: BTreeMap::new(),
            secrets: None,
            credentials: None,
            prune: PruneConfig::default(),
            recheck: Recheck::default().0,
            http: HttpConfig::default(),
            notifications: NotificationOptions::default(),
            webhooks: None,
            given: Overrides::default(),
            owner: None,
            state: None,
        }
    }

    fn override_with(&mut self, overrides: &Overrides) -> Result<(), ConfigError> {
        // Without `..`: a new flag must do something.
        let Overrides {
            config: _,
            path,
            state,
            clusters,
            owner,
            secrets,
            max_deletions,
            max_deletions_percent,
            recheck,
            http_listen,
            http_allow_remote,
            webhooks_listen,
        } = overrides;
        if let Some(path) = path {
            self.sources = vec![SourceConfig::of_path(absolute(path)?)];
        }
        if let Some(state) = state {
            self.state = Some(absolute(state)?);
        }
        for cluster in clusters {
            let ClusterAddresses {
                name,
                cluster_name,
                addresses,
            } = cluster.clone();
            let cluster = self.clusters.entry(name).or_default();
            cluster.addresses = addresses;
            if let Some(cluster_name) = cluster_name {
                cluster.cluster_name = cluster_name;
            }
        }
        if let Some(owner) = owner {
            self.owner = Some(owner.clone());
        }
        if let Some(secrets) = secrets {
            self.secrets = Some(absolute(secrets)?);
        }
        self.prune.max_deletions = max_deletions.unwrap_or(self.prune.max_deletions);
        self.prune.max_deletions_percent =
            max_deletions_percent.unwrap_or(self.prune.max_deletions_percent);
        self.recheck = recheck.map_or(self.recheck, |recheck| recheck.0);
        self.http.listen = http_listen.or(self.http.listen);
        self.http.allow_remote |= http_allow_remote;
        self.http.check()?;
        self.webhooks = webhooks_listen.or(self.webhooks);
        Ok(())
    }

    /// Takes over what can change while the daemon runs: `sources`, `clusters` and `prune`. Tells which
    /// of the other keys differ; they stay as they are, and count from the next start on.
    pub fn renew(&mut self, other: Self) -> Vec<&'static str> {
        // Without `..`: a new key has to be one or the other.
        let Self {
            file,
            sources,
            clusters,
            prune,
            secrets,
            credentials: _,
            recheck,
            http,
            notifications,
            webhooks,
            given: _,
            owner,
            state,
        } = other;
        let fixed = [
            ("secrets", secrets != self.secrets),
            ("artifacts", recheck != self.recheck),
            ("http", http != self.http),
            ("notifications", notifications != self.notifications),
            ("webhooks", webhooks != self.webhooks),
            ("owner", owner != self.owner),
            ("state", state != self.state),
        ];
        self.file = file;
        self.sources = sources;
        self.clusters = clusters;
        self.prune = prune;
        let differ = fixed.into_iter().filter(|(_, differs)| *differs);
        differ.map(|(key, _)| key).collect()
    }

    /// The sources; an error where there are none.
    pub fn sources(&self) -> Result<&[SourceConfig], ConfigError> {
        match self.sources.as_slice() {
            [] => Err(ConfigError::NoSources),
            sources => Ok(sources),
        }
    }

    /// Our name in the clusters' ownership map.
    pub fn owner(&self) -> Result<&str, ConfigError> {
        let owner = self.owner.as_deref().ok_or(ConfigError::NoOwner)?;
        let length = owner.chars().count();
        // `?` stands for whoever wrote an entry that can't be read.
        let odd = owner == "?" || owner.chars().any(char::is_control);
        if !(1..=200).contains(&length) || odd {
            return Err(ConfigError::BadOwner);
        }
        Ok(owner)
    }

    /// Where state is kept.
    pub fn state(&self) -> Result<&Path, ConfigError> {
        match &self.state {
            Some(state) => Ok(state),
            None if self.sources.is_empty() => Err(ConfigError::StateNotNamed),
            None => Err(ConfigError::NoStateDirectory),
        }
    }
}

/// The file to read and its bytes; none where there is none and none was asked for.
fn file_of(overrides: &Overrides) -> Result<Option<(PathBuf, Vec<u8>)>, ConfigError> {
    let asked = overrides.config.is_some();
    let path = overrides
        .config
        .clone()
        .unwrap_or_else(|| PathBuf::from(USUAL_FILE));
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some((path, bytes))),
        Err(error) if !asked && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ConfigError::Read { path, source }),
    }
}

/// Host and source: the same two never keep one cluster's jobs by accident. Several sources have no
/// default, because it would change with them.
fn default_owner(sources: &[SourceConfig], host: &str) -> Option<String> {
    match sources {
        [source] => Some(format!("{host}:{}", source.origin)),
        _ => None,
    }
}

/// The path without links where it exists, else as the working directory makes it.
fn absolute(path: &Path) -> Result<PathBuf, ConfigError> {
    path.canonicalize()
        .or_else(|_| std::path::absolute(path))
        .map_err(|source| ConfigError::Path {
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests;
