//! The configuration as it is in force, in the form of the file: read again, it is the same.
//!
//! It names secrets and holds none, so that it can be shown.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use jiff::SignedDuration;
use serde::Serialize;
use serde_json::Value;

use super::file::RawConfig;
use super::git::ShownGit;
use super::notifications::ShownNotifications;
use super::sync_window::ShownSyncWindow;
use super::webhook::ShownWebhook;
use super::{ClusterConfig, Config, HttpConfig, Origin, PruneConfig, SourceConfig};
use crate::resources::schema::schema_of;
use crate::resources::{CredentialsSpec, TlsSpec};

/// See the module.
#[derive(Debug, Serialize)]
pub struct ShownConfig<'a> {
    sources: Vec<Source<'a>>,
    clusters: BTreeMap<&'a str, Members<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<Directory<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Directory<'a>>,
    http: Http,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhooks: Option<Webhooks>,
    prune: Prune,
    artifacts: Artifacts,
    notifications: ShownNotifications<'a>,
}

#[derive(Debug, Serialize)]
struct Source<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<Place<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    git: Option<ShownGit<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<ShownWebhook<'a>>,
    #[serde(rename = "syncWindows", skip_serializing_if = "Vec::is_empty")]
    sync_windows: Vec<ShownSyncWindow<'a>>,
}

#[derive(Debug, Serialize)]
struct Place<'a> {
    path: &'a Path,
}

#[derive(Debug, Serialize)]
struct Directory<'a> {
    directory: &'a Path,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    cluster_name: &'a str,
    addresses: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials: Option<&'a CredentialsSpec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<&'a TlsSpec>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Http {
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    allow_remote: bool,
}

#[derive(Debug, Serialize)]
struct Webhooks {
    listen: SocketAddr,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Prune {
    max_deletions: u32,
    max_deletions_percent: u32,
}

#[derive(Debug, Serialize)]
struct Artifacts {
    recheck: String,
}

impl<'a> From<&'a Config> for ShownConfig<'a> {
    fn from(config: &'a Config) -> Self {
        // Without `..`, here and below: what is configured is shown.
        let Config {
            file: _,
            sources,
            clusters,
            secrets,
            credentials: _,
            prune,
            recheck,
            http,
            notifications,
            webhooks,
            given: _,
            owner,
            state,
        } = config;
        let PruneConfig {
            max_deletions,
            max_deletions_percent,
        } = *prune;
        let HttpConfig {
            listen,
            allow_remote,
        } = *http;
        let recheck = SignedDuration::try_from(*recheck).unwrap_or_default();
        Self {
            sources: sources.iter().map(source).collect(),
            clusters: clusters
                .iter()
                .map(|(name, it)| (&**name, cluster(it)))
                .collect(),
            owner: owner.as_deref(),
            secrets: secrets.as_deref().map(|directory| Directory { directory }),
            state: state.as_deref().map(|directory| Directory { directory }),
            http: Http {
                listen,
                allow_remote,
            },
            webhooks: webhooks.map(|listen| Webhooks { listen }),
            prune: Prune {
                max_deletions,
                max_deletions_percent,
            },
            artifacts: Artifacts {
                recheck: format!("{recheck:#}"),
            },
            notifications: ShownNotifications::from(notifications),
        }
    }
}

fn source(config: &SourceConfig) -> Source<'_> {
    let SourceConfig {
        name,
        origin,
        webhook,
        sync_windows,
    } = config;
    let (directory, git) = match origin {
        Origin::Directory(path) => (Some(Place { path }), None),
        Origin::Git(git) => (None, Some(ShownGit::from(&**git))),
    };
    Source {
        name: &name.0,
        directory,
        git,
        webhook: webhook.as_ref().map(ShownWebhook::from),
        sync_windows: sync_windows.0.iter().map(ShownSyncWindow::from).collect(),
    }
}

fn cluster(config: &ClusterConfig) -> Members<'_> {
    let ClusterConfig {
        cluster_name,
        addresses,
        credentials,
        tls,
    } = config;
    Members {
        cluster_name,
        addresses,
        credentials: credentials.as_ref(),
        tls: tls.as_ref(),
    }
}

/// The keys that the file may have, each with those above it: `prune.maxDeletions`. `[]` stands for each
/// of a list, `*` for any name.
pub fn keys() -> Vec<String> {
    let mut keys = Vec::new();
    collect(&schema_of::<RawConfig>(), "", &mut keys);
    keys.sort();
    keys
}

fn collect(schema: &Value, at: &str, keys: &mut Vec<String>) {
    let below = |key: &str| match at {
        "" => key.to_owned(),
        at => format!("{at}.{key}"),
    };
    let before = keys.len();
    if let Some(properties) = schema["properties"].as_object() {
        for (key, schema) in properties {
            collect(schema, &below(key), keys);
        }
    }
    if schema["additionalProperties"].is_object() {
        collect(&schema["additionalProperties"], &below("*"), keys);
    }
    if schema["items"]["properties"].is_object() {
        collect(&schema["items"], &format!("{at}[]"), keys);
    }
    // Where nothing may be told apart from a value that may be absent.
    for either in schema["anyOf"].as_array().into_iter().flatten() {
        if either["properties"].is_object() {
            collect(either, at, keys);
        }
    }
    if keys.len() == before && !at.is_empty() {
        keys.push(at.to_owned());
    }
}
