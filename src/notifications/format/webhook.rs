//! JSON to any URL, signed.
//!
//! The signature is that of GitHub's webhooks, for which every language has code: the header
//! `X-Hub-Signature-256` is `sha256=` and the HMAC-SHA256 of the body's bytes, in hexadecimal.

use hmac::Mac;
use jiff::Timestamp;
use serde::Serialize;

use super::words;
use crate::notifications::port::Request;
use crate::plan::record::{News, Notification, Scope};
use crate::resources::{Digest, ResourceId};
use crate::secrets::SecretString;

/// The secrets of a webhook.
pub(in crate::notifications) struct Keys {
    pub(in crate::notifications) url: SecretString,
    pub(in crate::notifications) hmac_key: Option<SecretString>,
    pub(in crate::notifications) token: Option<SecretString>,
}

#[derive(Serialize)]
struct Body<'a> {
    version: &'static str,
    owner: &'a str,
    /// How many were dropped before these.
    dropped: u64,
    notifications: Vec<Item<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    /// The same whenever the same is told again.
    id: String,
    kind: &'static str,
    severity: String,
    at: Timestamp,
    /// In one line, for people.
    text: String,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<Wrong<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Happened<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wrong<'a> {
    /// The same at its beginning and its end.
    id: String,
    scope: Where<'a>,
    reason: &'a str,
    since: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Timestamp>,
    affected: usize,
    resources: Vec<String>,
}

#[derive(Serialize)]
struct Where<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Happened<'a> {
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a ResourceId>,
}

/// The request that tells these.
pub(in crate::notifications) fn request(
    keys: &Keys,
    owner: &str,
    batch: &[(u64, &Notification)],
    dropped: u64,
) -> Request {
    let body = Body {
        version: "1",
        owner,
        dropped,
        notifications: batch.iter().map(|(number, it)| item(*number, it)).collect(),
    };
    // Nothing of it can fail to be JSON: there are no maps and no foreign types.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let mut headers = Vec::new();
    if let Some(key) = &keys.hmac_key {
        let signature = hex::encode(key.authenticate(&body).finalize().into_bytes());
        let signature = SecretString::new(format!("sha256={signature}"));
        headers.push(("X-Hub-Signature-256", signature));
    }
    if let Some(token) = &keys.token {
        let bearer = SecretString::new(format!("Bearer {}", token.expose()));
        headers.push(("Authorization", bearer));
    }
    Request {
        url: keys.url.clone(),
        headers,
        body,
        ca_file: None,
    }
}

fn item(number: u64, notification: &Notification) -> Item<'_> {
    let Notification { at, news } = notification;
    let mut id = Digest::of_json(&(number, notification)).to_string();
    id.truncate(16);
    let (kind, message) = match news {
        News::Began(incident) => ("Problem", &*incident.message),
        News::Ended { incident, .. } => ("Recovery", &*incident.message),
        News::Happened { message, .. } => ("Event", &**message),
        News::Commit(status) => ("Commit", &*status.description),
    };
    Item {
        id,
        kind,
        severity: news.urgency().to_string(),
        at: *at,
        text: words::line(notification),
        message,
        incident: wrong(news),
        event: match news {
            News::Happened { kind, resource, .. } => Some(Happened {
                kind: format!("{kind:?}"),
                resource: resource.as_ref(),
            }),
            _ => None,
        },
    }
}

fn wrong(news: &News) -> Option<Wrong<'_>> {
    let (incident, ended) = match news {
        News::Began(incident) => (incident, None),
        News::Ended { incident, ended } => (incident, Some(*ended)),
        News::Happened { .. } | News::Commit(_) => return None,
    };
    let (kind, name) = match &incident.cause.scope {
        Scope::Everything => ("Everything", None),
        Scope::Cluster(name) => ("Hazelcast", Some(name.as_str())),
        Scope::Source(name) => ("Source", Some(name.0.as_str())),
        Scope::Resource(id) => (id.kind.as_str(), Some(id.name.as_str())),
    };
    Some(Wrong {
        id: incident.id(),
        scope: Where { kind, name },
        reason: &incident.cause.reason,
        since: incident.since,
        ended,
        affected: incident.affected,
        resources: incident.subjects.iter().map(ToString::to_string).collect(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::samples;
    use super::*;

    #[test]
    fn a_problem_its_end_and_an_event_are_told_with_all_that_is_known() {
        let keys = Keys {
            url: SecretString::new("https://host/hook"),
            hmac_key: Some(SecretString::new("key")),
            token: Some(SecretString::new("hush")),
        };
        let samples = samples::all();
        let batch: Vec<_> = (1..).zip(&samples).collect();
        let request = request(&keys, "keeper-1", &batch, 2);
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let items = body["notifications"].as_array().unwrap();
        let mut without_ids = items.clone();
        for item in &mut without_ids {
            let id = item.as_object_mut().unwrap().remove("id").unwrap();
            assert_eq!(id.as_str().unwrap().len(), 16);
        }
        assert_eq!(
            (&body["version"], &body["owner"], &body["dropped"]),
            (&"1".into(), &"keeper-1".into(), &2.into())
        );
        let incident = samples::incident().id();
        let wrong = json!({
            "id": incident,
            "scope": {"kind": "Hazelcast", "name": "prod"},
            "reason": "ClusterUnreachable",
            "since": "2026-09-21T14:13:20Z",
            "affected": 12,
            "resources": ["JetJob/orders", "JetJob/payments"],
        });
        let mut over = wrong.clone();
        over["ended"] = "2026-09-21T14:25:26Z".into();
        let message = "no member answers: <connection refused> & \"more\"";
        let expected = json!([
            {
                "kind": "Problem", "severity": "error", "at": "2026-09-21T14:14:20Z",
                "text": words::line(&samples[0]), "message": message, "incident": wrong,
            },
            {
                "kind": "Recovery", "severity": "error", "at": "2026-09-21T14:26:26Z",
                "text": words::line(&samples[1]), "message": message, "incident": over,
            },
            {
                "kind": "Event", "severity": "info", "at": "2026-09-21T14:26:40Z",
                "text": words::line(&samples[2]), "message": "submitted as job 0adf-8fef",
                "event": {"kind": "Submitted", "resource": {"kind": "JetJob", "name": "orders"}},
            },
        ]);
        assert_eq!(serde_json::Value::Array(without_ids), expected);
        let headers: Vec<_> = request
            .headers
            .iter()
            .map(|(name, it)| (*name, it.expose()))
            .collect();
        assert_eq!(headers[1], ("Authorization", "Bearer hush"));
        assert_eq!(headers[0].0, "X-Hub-Signature-256");
        let signature = SecretString::new("key").authenticate(&request.body);
        let expected = format!("sha256={}", hex::encode(signature.finalize().into_bytes()));
        assert_eq!(headers[0].1, expected);
        assert!(!format!("{request:?}").contains("hush"));
    }
}
