//! Alertmanager, `POST /api/v2/alerts`: each cause is an alert, known by its labels.
//!
//! An alert that stands is sent again and again, with an end in the near future, so that it ends by
//! itself should nobody send it any more. Its end is the same alert with an end in the past.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::words;
use crate::notifications::port::Request;
use crate::plan::record::{Incident, Scope};
use crate::secrets::SecretString;

/// How many times in a row an alert may fail to be sent until it ends by itself: as Prometheus has it.
const MISSES: u32 = 4;
/// How much there is room for in an annotation.
const MAX_TEXT: usize = 2_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    labels: Labels<'a>,
    annotations: Annotations,
    starts_at: Timestamp,
    ends_at: Timestamp,
}

/// What makes it this alert: nothing here changes while it stands.
#[derive(Serialize)]
struct Labels<'a> {
    alertname: String,
    severity: String,
    reason: &'a str,
    owner: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
}

#[derive(Serialize)]
struct Annotations {
    summary: String,
    description: String,
    affected: String,
}

/// What is sent of an alert.
#[derive(Debug, Clone, Copy)]
pub(in crate::notifications) struct Sent<'a> {
    pub(in crate::notifications) incident: &'a Incident,
    /// When it ended; none while it stands.
    pub(in crate::notifications) ended: Option<Timestamp>,
}

/// The request that tells these, at this time.
pub(in crate::notifications) fn request(
    url: &str,
    authorization: Option<SecretString>,
    owner: &str,
    alerts: &[Sent<'_>],
    (now, resend): (Timestamp, Duration),
) -> Request {
    let alerts: Vec<Alert<'_>> = alerts
        .iter()
        .map(|sent| alert(*sent, owner, now, resend))
        .collect();
    let url = format!("{}/api/v2/alerts", url.trim_end_matches('/'));
    Request {
        url: SecretString::new(url),
        headers: authorization
            .map(|value| ("Authorization", value))
            .into_iter()
            .collect(),
        // Nothing of it can fail to be JSON: there are no maps and no foreign types.
        body: serde_json::to_vec(&alerts).unwrap_or_default(),
        ca_file: None,
    }
}

fn alert<'a>(
    Sent { incident, ended }: Sent<'a>,
    owner: &'a str,
    now: Timestamp,
    resend: Duration,
) -> Alert<'a> {
    let cause = &incident.cause;
    let (cluster, source, resource) = match &cause.scope {
        Scope::Everything => (None, None, None),
        Scope::Cluster(name) => (Some(name.as_str()), None, None),
        Scope::Source(name) => (None, Some(name.0.as_str()), None),
        Scope::Resource(id) => (None, None, Some(id.to_string())),
    };
    let ahead = SignedDuration::try_from(resend * MISSES).unwrap_or_default();
    let ends_at = ended.or(now.checked_add(ahead).ok()).unwrap_or(now);
    Alert {
        labels: Labels {
            alertname: format!("Jetkeeper{}", cause.reason),
            severity: incident.urgency.to_string(),
            reason: &cause.reason,
            owner,
            cluster,
            source,
            resource,
        },
        annotations: Annotations {
            summary: words::cut(&words::headline(incident), MAX_TEXT),
            description: words::cut(&incident.message, MAX_TEXT),
            affected: incident.affected.to_string(),
        },
        starts_at: incident.since,
        // It refuses all where one ends before it begins, as where a clock was put back.
        ends_at: ends_at.max(incident.since),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{at, incident};
    use super::*;

    #[test]
    fn an_alert_keeps_its_labels_and_its_end_moves_until_it_is_over() {
        let incident = incident();
        let sent = |ended, now| {
            let alerts = [Sent {
                incident: &incident,
                ended,
            }];
            let when = (at(now), Duration::from_mins(1));
            let token = SecretString::new("Bearer hush");
            let request = request("http://localhost:9093/", Some(token), "k", &alerts, when);
            assert_eq!(request.url.expose(), "http://localhost:9093/api/v2/alerts");
            serde_json::from_slice::<serde_json::Value>(&request.body).unwrap()
        };
        let first = sent(None, 60);
        let expected = serde_json::json!([{
            "labels": {
                "alertname": "JetkeeperClusterUnreachable",
                "severity": "error",
                "reason": "ClusterUnreachable",
                "owner": "k",
                "cluster": "prod",
            },
            "annotations": {
                "summary": "cluster prod: ClusterUnreachable, 12 are held (JetJob/orders, \
                            JetJob/payments and 10 more)",
                "description": "no member answers: <connection refused> & \"more\"",
                "affected": "12",
            },
            "startsAt": "2026-09-21T14:13:20Z",
            "endsAt": "2026-09-21T14:18:20Z",
        }]);
        assert_eq!(first, expected);
        let (again, over) = (sent(None, 120), sent(Some(at(726)), 786));
        for later in [&again, &over] {
            assert_eq!(later[0]["labels"], first[0]["labels"]);
            assert_eq!(later[0]["startsAt"], first[0]["startsAt"]);
        }
        assert_eq!(again[0]["endsAt"], at(120 + 240).to_string());
        assert_eq!(over[0]["endsAt"], at(726).to_string());
        // The clock was put back: an end before the beginning would be refused.
        for early in [sent(None, -3600), sent(Some(at(-3600)), -3600)] {
            assert_eq!(early[0]["endsAt"], first[0]["startsAt"]);
        }
    }
}
