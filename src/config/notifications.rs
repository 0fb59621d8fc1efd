//! `notifications` of the configuration: who is told what is wrong.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::{shown, time};
use super::file::{RawConfig, may_be_in_a_name};
use super::{Origin, SourceConfig};
use crate::notifications::{
    AlertmanagerOptions, CommitStatusOptions, Forge, NotificationOptions, ReceiverKind,
    ReceiverOptions, Repository,
};
use crate::plan::record::Urgency;
use crate::resources::SourceName;
use crate::resources::reading::Reading;

/// The bounds of the time that something has to stand before it is told.
const SETTLE: (Duration, Duration) = (Duration::ZERO, Duration::from_hours(1));
/// The bounds of the time after which an Alertmanager is told again.
const RESEND: (Duration, Duration) = (Duration::from_secs(10), Duration::from_hours(1));
/// The name of a commit's status where none is given.
const CONTEXT: &str = "jetkeeper";

/// The same as it is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RawNotifications {
    #[schemars(extend("x-time" = true))]
    settle: Option<String>,
    receivers: Vec<RawReceiver>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawReceiver {
    name: Option<String>,
    severity: Option<RawSeverity>,
    ca_file: Option<PathBuf>,
    webhook: Option<RawSecret>,
    slack: Option<RawSecret>,
    alertmanager: Option<RawAlertmanager>,
    commit_status: Option<RawCommitStatus>,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RawSeverity {
    Info,
    Warning,
    Error,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawSecret {
    secret_name: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawAlertmanager {
    url: Option<String>,
    secret_name: Option<String>,
    #[schemars(extend("x-time" = true))]
    resend: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawCommitStatus {
    forge: Option<RawForge>,
    source: Option<String>,
    api_url: Option<String>,
    repository: Option<String>,
    secret_name: Option<String>,
    context: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RawForge {
    #[serde(rename = "github")]
    GitHub,
    #[serde(rename = "gitlab")]
    GitLab,
    Gitea,
}

/// Where faults are found: the receiver at an index, and a key of it.
type At<'a> = [&'a str; 3];

/// Checks what is written; relative paths start at `base`.
pub(super) fn read(
    raw: &RawNotifications,
    sources: &[SourceConfig],
    base: &Path,
    reading: &mut Reading<'_, RawConfig>,
) -> NotificationOptions {
    let usual = NotificationOptions::default();
    let at = ["notifications", "settle"];
    let settle = time(raw.settle.as_deref(), &at, SETTLE, reading);
    let mut names = HashSet::new();
    let mut receivers = Vec::new();
    for (index, written) in raw.receivers.iter().enumerate() {
        let index = index.to_string();
        let at = ["notifications", "receivers", &*index];
        let name = name(written.name.as_deref(), &at, &mut names, reading);
        if let Some(kind) = kind(written, &at, sources, reading) {
            receivers.push(ReceiverOptions {
                name,
                severity: written.severity.map_or(Urgency::default(), Urgency::from),
                ca_file: written.ca_file.as_ref().map(|file| base.join(file)),
                kind,
            });
        }
    }
    NotificationOptions {
        settle: settle.unwrap_or(usual.settle),
        receivers,
    }
}

fn name<'a>(
    written: Option<&'a str>,
    at: &At<'_>,
    names: &mut HashSet<&'a str>,
    reading: &mut Reading<'_, RawConfig>,
) -> String {
    let Some(name) = written else {
        if reading.complete {
            reading.refuse(at, "the receiver has no name", "add `name: …`");
        }
        return String::new();
    };
    let at = [at[0], at[1], at[2], "name"];
    if name.is_empty() || !name.chars().all(may_be_in_a_name) {
        let message = format!("`{}` can't be a receiver's name", name.escape_default());
        reading.refuse(&at, message, "use letters, digits, `-`, `_` and `.`");
    } else if !names.insert(name) {
        let message = format!("there is another receiver named `{name}`");
        let help = "how far a receiver was told is found by its name";
        reading.refuse(&at, message, help);
    }
    name.to_owned()
}

fn kind(
    raw: &RawReceiver,
    at: &At<'_>,
    sources: &[SourceConfig],
    reading: &mut Reading<'_, RawConfig>,
) -> Option<ReceiverKind> {
    let kinds = (
        &raw.webhook,
        &raw.slack,
        &raw.alertmanager,
        &raw.commit_status,
    );
    match kinds {
        (Some(it), None, None, None) => {
            let secret_name = secret(it.secret_name.as_deref(), at, "webhook", "url", reading)?;
            Some(ReceiverKind::Webhook { secret_name })
        }
        (None, Some(it), None, None) => {
            let secret_name = secret(it.secret_name.as_deref(), at, "slack", "url", reading)?;
            Some(ReceiverKind::Slack { secret_name })
        }
        (None, None, Some(it), None) => alertmanager(it, at, reading),
        (None, None, None, Some(it)) => commit_status(it, at, sources, reading),
        (None, None, None, None) if !reading.complete => None,
        _ => {
            let message = "a receiver is one of `webhook`, `slack`, `alertmanager`, `commitStatus`";
            reading.refuse(at, message, "write exactly one of them");
            None
        }
    }
}

fn secret(
    written: Option<&str>,
    at: &At<'_>,
    kind: &str,
    key: &str,
    reading: &mut Reading<'_, RawConfig>,
) -> Option<String> {
    let name = written.filter(|name| !name.trim().is_empty());
    if name.is_none() && reading.complete {
        let message = format!("`{kind}` names no secret");
        let help = format!("add `secretName: …`, of a secret with the key `{key}`");
        reading.refuse(&[at[0], at[1], at[2], kind], message, help);
    }
    name.map(str::to_owned)
}

fn alertmanager(
    raw: &RawAlertmanager,
    at: &At<'_>,
    reading: &mut Reading<'_, RawConfig>,
) -> Option<ReceiverKind> {
    let kind = [at[0], at[1], at[2], "alertmanager"];
    let resend = [kind[0], kind[1], kind[2], kind[3], "resend"];
    let resend = time(raw.resend.as_deref(), &resend, RESEND, reading);
    let Some(url) = &raw.url else {
        if reading.complete {
            let help = "add `url: http://localhost:9093`";
            reading.refuse(&kind, "`alertmanager` does not say where it is", help);
        }
        return None;
    };
    if !is_place(url) {
        let at = [kind[0], kind[1], kind[2], kind[3], "url"];
        // Without the URL itself, which may have a password in it.
        let message = "this is no URL of an Alertmanager";
        let help = "write https://host, or http://localhost:9093 on this machine, with what is secret \
                    in the secret that `secretName` names";
        reading.refuse(&at, message, help);
        return None;
    }
    Some(ReceiverKind::Alertmanager(AlertmanagerOptions {
        url: url.trim_end_matches('/').to_owned(),
        secret_name: raw.secret_name.clone(),
        resend: resend.unwrap_or(Duration::from_mins(1)),
    }))
}

/// Whether it is a URL to which alerts may go, with nothing secret in it.
fn is_place(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| {
        let host = url.host_str().unwrap_or_default();
        let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        let scheme = url.scheme() == "https" || (url.scheme() == "http" && is_here);
        plain && scheme && !host.is_empty()
    })
}

fn commit_status(
    raw: &RawCommitStatus,
    at: &At<'_>,
    sources: &[SourceConfig],
    reading: &mut Reading<'_, RawConfig>,
) -> Option<ReceiverKind> {
    let kind = [at[0], at[1], at[2], "commitStatus"];
    let secret_name = secret(
        raw.secret_name.as_deref(),
        at,
        "commitStatus",
        "token",
        reading,
    );
    let forge = raw.forge.map(Forge::from);
    if forge.is_none() && reading.complete {
        let message = "`commitStatus` does not say whose interface it is";
        let help = "add `forge: github`, `gitlab` or `gitea`";
        reading.refuse(&kind, message, help);
    }
    let git_url = raw
        .source
        .as_deref()
        .and_then(|name| git_url(name, sources));
    if git_url.is_none() && reading.complete {
        let message = "`commitStatus` names no source that is a Git repository";
        reading.refuse(&kind, message, "add `source: …`, the name of one");
    }
    let (api_url, path) = (raw.api_url.as_deref(), raw.repository.as_deref());
    let forge = forge?;
    let repository = match Repository::of(forge, git_url?, api_url, path) {
        Ok(repository) => repository,
        Err(error) => {
            let help = "write `apiUrl: https://host/…` and `repository: team/jobs`";
            reading.refuse(&kind, error.to_string(), help);
            return None;
        }
    };
    Some(ReceiverKind::CommitStatus(CommitStatusOptions {
        forge,
        source: SourceName(raw.source.clone()?),
        repository,
        secret_name: secret_name?,
        context: raw.context.clone().unwrap_or_else(|| CONTEXT.to_owned()),
    }))
}

fn git_url<'a>(name: &str, sources: &'a [SourceConfig]) -> Option<&'a str> {
    let source = sources.iter().find(|source| source.name.0 == name)?;
    match &source.origin {
        Origin::Git(git) => Some(git.url.as_str()),
        Origin::Directory(_) => None,
    }
}

impl From<RawSeverity> for Urgency {
    fn from(raw: RawSeverity) -> Self {
        match raw {
            RawSeverity::Info => Self::Info,
            RawSeverity::Warning => Self::Warning,
            RawSeverity::Error => Self::Error,
        }
    }
}

impl From<RawForge> for Forge {
    fn from(raw: RawForge) -> Self {
        match raw {
            RawForge::GitHub => Self::GitHub,
            RawForge::GitLab => Self::GitLab,
            RawForge::Gitea => Self::Gitea,
        }
    }
}

/// Notifications as they are in force, in the form of the file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownNotifications<'a> {
    settle: String,
    receivers: Vec<ShownReceiver<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownReceiver<'a> {
    name: &'a str,
    severity: Urgency,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<&'a Path>,
    #[serde(flatten)]
    kind: ShownKind<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum ShownKind<'a> {
    Webhook {
        secret_name: &'a str,
    },
    Slack {
        secret_name: &'a str,
    },
    Alertmanager {
        url: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        secret_name: Option<&'a str>,
        resend: String,
    },
    CommitStatus {
        forge: RawForge,
        source: &'a str,
        api_url: &'a str,
        repository: &'a str,
        secret_name: &'a str,
        context: &'a str,
    },
}

impl<'a> From<&'a NotificationOptions> for ShownNotifications<'a> {
    fn from(options: &'a NotificationOptions) -> Self {
        let NotificationOptions { settle, receivers } = options;
        Self {
            settle: shown(*settle),
            receivers: receivers.iter().map(receiver).collect(),
        }
    }
}

fn receiver(options: &ReceiverOptions) -> ShownReceiver<'_> {
    let ReceiverOptions {
        name,
        severity,
        ca_file,
        kind,
    } = options;
    ShownReceiver {
        name,
        severity: *severity,
        ca_file: ca_file.as_deref(),
        kind: match kind {
            ReceiverKind::Webhook { secret_name } => ShownKind::Webhook { secret_name },
            ReceiverKind::Slack { secret_name } => ShownKind::Slack { secret_name },
            ReceiverKind::Alertmanager(AlertmanagerOptions {
                url,
                secret_name,
                resend,
            }) => ShownKind::Alertmanager {
                url,
                secret_name: secret_name.as_deref(),
                resend: shown(*resend),
            },
            ReceiverKind::CommitStatus(CommitStatusOptions {
                forge,
                source,
                repository,
                secret_name,
                context,
            }) => ShownKind::CommitStatus {
                forge: match forge {
                    Forge::GitHub => RawForge::GitHub,
                    Forge::GitLab => RawForge::GitLab,
                    Forge::Gitea => RawForge::Gitea,
                },
                source: &source.0,
                api_url: &repository.api_url,
                repository: &repository.path,
                secret_name,
                context,
            },
        },
    }
}
