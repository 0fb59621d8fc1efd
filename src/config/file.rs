//! The configuration file.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::cluster::{self, RawCluster};
use super::git::{self, RawGit};
use super::http::{self, RawHttp};
use super::notifications::{self, RawNotifications};
use super::sync_window::{self, RawSyncWindow};
use super::webhook::{self, RawWebhook, RawWebhooks};
use super::{
    Config, ConfigError, Origin, Overrides, ParseRecheckError, PruneConfig, Recheck, SourceConfig,
};
use crate::resources::reading::{self, Reading};
use crate::resources::{Severity, SourceName};

/// The file as it is written. Nothing is required here, so that one wrong value hides no other.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RawConfig {
    sources: Vec<RawSource>,
    clusters: BTreeMap<String, RawCluster>,
    owner: Option<String>,
    secrets: Option<RawDirectory>,
    state: Option<RawDirectory>,
    prune: RawPrune,
    artifacts: RawArtifacts,
    http: RawHttp,
    notifications: RawNotifications,
    webhooks: RawWebhooks,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawSource {
    name: Option<String>,
    directory: Option<RawPath>,
    git: Option<RawGit>,
    webhook: Option<RawWebhook>,
    sync_windows: Option<Vec<RawSyncWindow>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawPath {
    path: Option<PathBuf>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawDirectory {
    directory: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct RawPrune {
    max_deletions: Option<u32>,
    max_deletions_percent: Option<u32>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct RawArtifacts {
    #[schemars(extend("x-time" = true))]
    recheck: Option<String>,
}

/// Reads and checks the file; relative paths in it start where it is.
pub(super) fn read(path: PathBuf, bytes: &[u8]) -> Result<Config, ConfigError> {
    let shown = path.display().to_string();
    let mut reading: Reading<'_, RawConfig> = reading::read("configuration", &shown, bytes);
    let raw = std::mem::take(&mut reading.value);
    let absolute = super::absolute(&path)?;
    let base = absolute.parent().unwrap_or(Path::new("/"));
    let sources = sources(&raw, base, &mut reading);
    let config = Config {
        notifications: notifications::read(&raw.notifications, &sources, base, &mut reading),
        sources,
        clusters: cluster::read(&raw.clusters, base, &mut reading),
        prune: prune(&raw.prune, &mut reading),
        recheck: recheck(raw.artifacts.recheck.as_deref(), &mut reading),
        secrets: directory("secrets", raw.secrets, base, &mut reading),
        state: directory("state", raw.state, base, &mut reading),
        http: http::read(&raw.http, &mut reading),
        webhooks: webhook::listen(&raw.webhooks, &mut reading),
        given: Overrides::default(),
        owner: raw.owner,
        file: None,
        credentials: None,
    };
    let mut faults = reading.faults;
    faults.sort_by(|a, b| a.place.cmp(&b.place));
    if faults.iter().any(|fault| fault.severity == Severity::Error) {
        return Err(ConfigError::Faulty { path, faults });
    }
    Ok(Config {
        file: Some(path),
        ..config
    })
}

fn directory(
    key: &str,
    raw: Option<RawDirectory>,
    base: &Path,
    reading: &mut Reading<'_, RawConfig>,
) -> Option<PathBuf> {
    let directory = raw?.directory;
    if directory.is_none() && reading.complete {
        let message = format!("`{key}` does not say where it is");
        reading.refuse(&[key], message, "add `directory: …`");
    }
    Some(base.join(directory?))
}

fn sources(
    raw: &RawConfig,
    base: &Path,
    reading: &mut Reading<'_, RawConfig>,
) -> Vec<SourceConfig> {
    let mut names = HashSet::new();
    let mut sources = Vec::new();
    for (index, source) in raw.sources.iter().enumerate() {
        let index = index.to_string();
        let at = ["sources", &index];
        if let Some(name) = &source.name {
            if let Some((message, help)) = wrong_name(name, &mut names) {
                reading.refuse(&[at[0], at[1], "name"], message, help);
            }
        } else if reading.complete {
            reading.refuse(&at, "the source has no name", "add `name: …`");
        }
        let path = source.directory.as_ref().and_then(|it| it.path.as_ref());
        let origin = match (&source.git, path) {
            (Some(_), Some(_)) => {
                let message = "the source is a directory and a Git repository";
                reading.refuse(&at, message, "make two sources of it");
                None
            }
            (Some(git), None) => {
                let git = git::read(git, &at, base, reading);
                git.map(|git| Origin::Git(Box::new(git)))
            }
            (None, Some(path)) => Some(Origin::Directory(real(base.join(path)))),
            (None, None) => {
                if reading.complete {
                    let message = "the source does not say where it is";
                    let help = "add `directory: {path: …}` or `git: {url: …}`";
                    reading.refuse(&at, message, help);
                }
                None
            }
        };
        let webhook = source.webhook.as_ref();
        let webhook =
            webhook.and_then(|raw| webhook::read(raw, &at, source.git.is_some(), reading));
        let windows = source.sync_windows.as_deref().unwrap_or_default();
        let sync_windows = sync_window::read(windows, &at, reading);
        sources.extend(origin.map(|origin| SourceConfig {
            name: SourceName(source.name.clone().unwrap_or_default()),
            origin,
            webhook,
            sync_windows,
        }));
    }
    sources
}

/// Why this can't be the name of one more source, and what to write instead.
fn wrong_name<'a>(name: &'a str, names: &mut HashSet<&'a str>) -> Option<(String, &'static str)> {
    if name.is_empty() || !name.chars().all(may_be_in_a_name) {
        let message = format!("`{}` can't be a source's name", name.escape_default());
        return Some((message, "use letters, digits, `-`, `_` and `.`"));
    }
    let message = format!("there is another source named `{name}`");
    let help = "what is recorded of a source is found by its name";
    (!names.insert(name)).then_some((message, help))
}

/// The same directory is the same source, whichever links lead to it.
fn real(path: PathBuf) -> PathBuf {
    path.canonicalize().unwrap_or(path)
}

pub(super) fn may_be_in_a_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

/// How long until a remote jar is looked at again.
fn recheck(text: Option<&str>, reading: &mut Reading<'_, RawConfig>) -> Duration {
    let read = text.map_or(Ok(Recheck::default()), str::parse);
    let recheck = read.unwrap_or_else(|error: ParseRecheckError| {
        let help = "write a time from `1m` to `168h`";
        reading.refuse(&["artifacts", "recheck"], error.to_string(), help);
        Recheck::default()
    });
    recheck.0
}

fn prune(raw: &RawPrune, reading: &mut Reading<'_, RawConfig>) -> PruneConfig {
    let usual = PruneConfig::default();
    let percent = raw
        .max_deletions_percent
        .unwrap_or(usual.max_deletions_percent);
    if percent > 100 {
        reading.refuse(
            &["prune", "maxDeletionsPercent"],
            format!("{percent} percent is more than all"),
            "write a number from 0 to 100",
        );
    }
    PruneConfig {
        max_deletions: raw.max_deletions.unwrap_or(usual.max_deletions),
        max_deletions_percent: percent,
    }
}
