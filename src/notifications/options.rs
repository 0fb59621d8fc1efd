//! Who is told, as the configuration says.

use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;

use super::format::repository::Repository;
use super::rules::{Rules, Wants, What};
use crate::plan::record::Urgency;
use crate::resources::SourceName;

/// Everything that the configuration says about notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationOptions {
    /// How long something has to stand before it is told, and to be gone before its end is.
    pub settle: Duration,
    /// Who is told.
    pub receivers: Vec<ReceiverOptions>,
}

impl Default for NotificationOptions {
    fn default() -> Self {
        Self {
            settle: Duration::from_mins(1),
            receivers: Vec::new(),
        }
    }
}

/// One receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiverOptions {
    /// Its name, under which it is remembered how far it was told.
    pub name: String,
    /// How much has to matter what it is told.
    pub severity: Urgency,
    /// Who signs its host's certificate, PEM; the system's authorities where absent.
    pub ca_file: Option<PathBuf>,
    /// What it is.
    pub kind: ReceiverKind,
}

/// What a receiver is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiverKind {
    /// JSON to any URL.
    Webhook {
        /// The secret with the keys `url`, `hmac-key` and `token`; the first is needed.
        secret_name: String,
    },
    /// What Slack takes, and Mattermost and others as well.
    Slack {
        /// The secret with the key `url`.
        secret_name: String,
    },
    /// Alertmanager.
    Alertmanager(AlertmanagerOptions),
    /// The state of a commit, at the host of its repository.
    CommitStatus(CommitStatusOptions),
}

/// An Alertmanager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertmanagerOptions {
    /// Where it is, without `/api/v2/alerts`.
    pub url: String,
    /// The secret with the keys `username` and `password`, or `token`.
    pub secret_name: Option<String>,
    /// How often it is told again what stands.
    pub resend: Duration,
}

/// Where the state of commits is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatusOptions {
    /// Whose interface it is.
    pub forge: Forge,
    /// Of which source the commits are.
    pub source: SourceName,
    /// Where the interface and the repository are.
    pub repository: Repository,
    /// The secret with the key `token`.
    pub secret_name: String,
    /// The name of the status, which tells it from those of others.
    pub context: String,
}

/// Whose interface it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forge {
    /// GitHub.
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea and Forgejo.
    Gitea,
}

impl NotificationOptions {
    /// What of it planning has to know.
    pub fn rules(&self) -> Rules {
        let receivers = self.receivers.iter();
        Rules {
            settle: SignedDuration::try_from(self.settle).unwrap_or_default(),
            receivers: receivers.map(|it| (it.name.clone(), it.wants())).collect(),
        }
    }
}

impl ReceiverOptions {
    /// What it wants to be told.
    pub fn wants(&self) -> Wants {
        let what = match &self.kind {
            ReceiverKind::Webhook { .. } | ReceiverKind::Slack { .. } => What::Everything,
            ReceiverKind::Alertmanager(_) => What::Incidents,
            ReceiverKind::CommitStatus(options) => What::Commits(options.source.clone()),
        };
        Wants {
            what,
            least: self.severity,
        }
    }
}
