//! `webhooks` of the configuration, and `webhook` of a source: who may say that a repository has something new.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file::RawConfig;
use super::http::socket;
use crate::resources::reading::Reading;
use crate::source::git::webhook::WebhookHost;

/// Who may say that a source has something new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Who calls.
    pub host: WebhookHost,
    /// The secret, whose key `token` is known to the caller too.
    pub secret_name: String,
}

/// Where calls are taken, as it is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RawWebhooks {
    listen: Option<String>,
}

/// A source's, as it is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawWebhook {
    r#type: Option<String>,
    secret_name: Option<String>,
}

/// A source's, in the form of the file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownWebhook<'a> {
    r#type: String,
    secret_name: &'a str,
}

impl<'a> From<&'a WebhookConfig> for ShownWebhook<'a> {
    fn from(config: &'a WebhookConfig) -> Self {
        let WebhookConfig { host, secret_name } = config;
        Self {
            r#type: host.to_string(),
            secret_name,
        }
    }
}

/// Where calls are taken.
pub(super) fn listen<T>(raw: &RawWebhooks, reading: &mut Reading<'_, T>) -> Option<SocketAddr> {
    let text = raw.listen.as_deref()?;
    socket(text, &["webhooks", "listen"], "0.0.0.0:7718", reading)
}

/// Reads and checks the webhook of the source at `at`.
pub(super) fn read(
    raw: &RawWebhook,
    at: &[&str; 2],
    is_git: bool,
    reading: &mut Reading<'_, RawConfig>,
) -> Option<WebhookConfig> {
    let webhook = [at[0], at[1], "webhook"];
    if !is_git {
        let message = "a directory is watched, so nobody has to say that it changed";
        reading.refuse(&webhook, message, "remove it, or move it to a `git` source");
        return None;
    }
    let host = match raw.r#type.as_deref().map(str::parse::<WebhookHost>) {
        Some(Ok(host)) => Some(host),
        wrong => {
            let all: Vec<String> = WebhookHost::ALL.iter().map(ToString::to_string).collect();
            let help = format!("write `type:` and one of {}", all.join(", "));
            match wrong {
                Some(Err(error)) => {
                    let at = [webhook[0], webhook[1], webhook[2], "type"];
                    reading.refuse(&at, error.to_string(), help);
                }
                _ if reading.complete => {
                    reading.refuse(&webhook, "the webhook does not say who calls", help);
                }
                _ => {}
            }
            None
        }
    };
    let secret_name = raw.secret_name.clone().filter(|name| !name.is_empty());
    if secret_name.is_none() && reading.complete {
        let message = "the webhook has no secret, so that anybody could call";
        let help = "add `secretName: …`, a secret whose key `token` the caller knows too";
        reading.refuse(&webhook, message, help);
    }
    Some(WebhookConfig {
        host: host?,
        secret_name: secret_name?,
    })
}
