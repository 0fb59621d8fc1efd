//! Flags that several commands share. Each has a `JETKEEPER_…` variable, which it beats.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::config::{ClusterAddresses, Overrides, Recheck};
use crate::telemetry::LogFormat;

/// For every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// The configuration; /etc/jetkeeper/jetkeeper.yaml if it is there
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        env = "JETKEEPER_CONFIG",
        hide_env_values = true
    )]
    pub(super) config: Option<PathBuf>,
    #[arg(
        help = "Where state is kept; $STATE_DIRECTORY if not given, else a directory of this user for each source",
        long,
        value_name = "DIR",
        global = true,
        env = "JETKEEPER_STATE",
        hide_env_values = true
    )]
    pub(super) state: Option<PathBuf>,
    /// Members of a cluster to connect to first, and the members' cluster-name (dev if not given);
    /// the port is 5701 if not given; may be repeated
    #[arg(
        long,
        value_name = "NAME=[CLUSTERNAME@]HOST[:PORT],…",
        global = true,
        env = "JETKEEPER_CLUSTER",
        hide_env_values = true,
        value_delimiter = ' '
    )]
    pub(super) cluster: Vec<ClusterAddresses>,
    /// Print without colours
    #[arg(long, global = true)]
    pub(super) no_color: bool,
}

/// For the commands that work on clusters.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Keeping {
    /// The directory with the YAML, instead of the configuration's sources
    #[arg(env = "JETKEEPER_PATH", hide_env_values = true)]
    pub(super) path: Option<PathBuf>,
    /// Our name in the clusters' ownership map: HOST:DIRECTORY if not given, so name it before
    /// the host or the directory may change
    #[arg(
        long,
        value_name = "NAME",
        env = "JETKEEPER_OWNER",
        hide_env_values = true
    )]
    pub(super) owner: Option<String>,
    /// Where secrets are: the key K of the secret S is DIR/S/K
    #[arg(
        long,
        value_name = "DIR",
        env = "JETKEEPER_SECRETS",
        hide_env_values = true
    )]
    pub(super) secrets: Option<PathBuf>,
    /// How many jobs of a source may be deleted at once without a confirmation [default: 10]
    #[arg(
        long,
        value_name = "NUMBER",
        env = "JETKEEPER_MAX_DELETIONS",
        hide_env_values = true
    )]
    pub(super) max_deletions: Option<u32>,
    /// The same in percent of the source's jobs [default: 25]
    #[arg(
        long,
        value_name = "PERCENT",
        env = "JETKEEPER_MAX_DELETIONS_PERCENT",
        hide_env_values = true,
        value_parser = clap::value_parser!(u32).range(0..=100)
    )]
    pub(super) max_deletions_percent: Option<u32>,
    /// How long until a remote jar is looked at again, from 1m to 168h [default: 1h]
    #[arg(
        long,
        value_name = "TIME",
        env = "JETKEEPER_RECHECK",
        hide_env_values = true
    )]
    pub(super) recheck: Option<Recheck>,
}

/// For the daemon.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Serving {
    /// Answer monitoring on this address: /healthz, /readyz, /metrics; nowhere if not given
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        env = "JETKEEPER_HTTP_LISTEN",
        hide_env_values = true
    )]
    pub(super) http_listen: Option<SocketAddr>,
    /// Let that be an address that other machines reach
    #[arg(long, env = "JETKEEPER_HTTP_ALLOW_REMOTE", hide_env_values = true)]
    pub(super) http_allow_remote: bool,
    /// Take webhooks of repositories on this address; nowhere if not given
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        env = "JETKEEPER_WEBHOOKS_LISTEN",
        hide_env_values = true
    )]
    pub(super) webhooks_listen: Option<SocketAddr>,
}

/// For the commands that log.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Logging {
    #[arg(
        help = "What is logged: error, warn, info, debug, trace, or directives as in jetkeeper::cluster=debug",
        long,
        value_name = "LEVEL",
        env = "JETKEEPER_LOG",
        hide_env_values = true
    )]
    pub(super) log: Option<String>,
    /// How log lines look
    #[arg(
        long,
        value_name = "FORMAT",
        env = "JETKEEPER_LOG_FORMAT",
        hide_env_values = true,
        default_value_t
    )]
    pub(super) log_format: LogFormatArg,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(super) enum LogFormatArg {
    /// For people
    #[default]
    Text,
    /// For programs: one object a line
    Json,
}

impl std::fmt::Display for LogFormatArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        LogFormat::from(*self).fmt(f)
    }
}

impl From<LogFormatArg> for LogFormat {
    fn from(format: LogFormatArg) -> Self {
        match format {
            LogFormatArg::Text => Self::Text,
            LogFormatArg::Json => Self::Json,
        }
    }
}

impl Global {
    /// What these flags say.
    pub(super) fn overrides(&self) -> Overrides {
        Overrides {
            config: self.config.clone(),
            state: self.state.clone(),
            clusters: self.cluster.clone(),
            ..Overrides::default()
        }
    }
}

impl Keeping {
    /// What these flags say, besides those for every command.
    pub(super) fn overrides(self, global: &Global) -> Overrides {
        let Self {
            path,
            owner,
            secrets,
            max_deletions,
            max_deletions_percent,
            recheck,
        } = self;
        Overrides {
            path,
            owner,
            secrets,
            max_deletions,
            max_deletions_percent,
            recheck,
            ..global.overrides()
        }
    }
}

impl Serving {
    /// What these flags say, added to what the others say.
    pub(super) fn overrides(&self, others: Overrides) -> Overrides {
        let Self {
            http_listen,
            http_allow_remote,
            webhooks_listen,
        } = *self;
        Overrides {
            http_listen,
            http_allow_remote,
            webhooks_listen,
            ..others
        }
    }
}
