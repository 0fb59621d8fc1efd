//! A real Alertmanager is told: what it makes of alerts that begin, stand and end.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::receiver::Receiver;
use super::scene::Scene;
use crate::monitoring::alertmanager::Alertmanager;

/// The least that can be configured.
const RESEND: SignedDuration = SignedDuration::from_secs(10);

fn time(alert: &Value, key: &str) -> Timestamp {
    alert[key].as_str().unwrap().parse().unwrap()
}

/// The alert of this name, if it is not over; panics where there are several.
fn find(alertmanager: &Alertmanager, name: &str) -> Option<Value> {
    let alerts = alertmanager.alerts().into_iter();
    let mut of_it = alerts.filter(|it| it["labels"]["alertname"] == name);
    let found = of_it.next();
    assert_eq!(of_it.next(), None, "another one beside {found:?}");
    found
}

/// What it told of this alert: each time how it was.
fn told(hook: &Receiver, name: &str) -> Vec<Value> {
    let alerts = hook.got().into_iter().flat_map(|got| {
        let alerts = got.json()["alerts"].as_array().unwrap().clone();
        alerts.into_iter()
    });
    alerts
        .filter(|it| it["labels"]["alertname"] == name)
        .collect()
}

#[test]
fn it_keeps_one_alert_while_a_cause_stands_over_a_restart_and_ends_it_when_it_is_told() {
    let hook = Receiver::start("200 OK", Duration::ZERO);
    let alertmanager = Alertmanager::telling(&hook.url("/"));
    let scene = Scene::new(&format!(
        "  - {{name: alerts, alertmanager: {{url: {:?}, resend: 10s}}}}\n",
        alertmanager.url()
    ));
    let [away, faulty] = ["JetkeeperClusterUnreachable", "JetkeeperFaulty"];

    let daemon = scene.start();
    alertmanager.until("a cluster is away", |it| find(it, away).is_some());
    let first = find(&alertmanager, away).unwrap();
    let labels = json!({
        "alertname": away, "severity": "error", "reason": "ClusterUnreachable",
        "owner": "keeper-1", "cluster": "far",
    });
    assert_eq!(first["labels"], labels);
    let annotations = &first["annotations"];
    let summary = "cluster far: ClusterUnreachable, 2 are held (JetJob/orders, JetJob/payments)";
    assert_eq!(annotations["summary"], summary);
    assert_eq!(annotations["affected"], "2");
    assert!(!annotations["description"].as_str().unwrap().is_empty());
    assert_eq!(first["status"]["state"], "active");
    let lasts = time(&first, "endsAt").duration_since(time(&first, "updatedAt"));
    assert!(lasts > RESEND * 3 && lasts < RESEND * 5, "{lasts}");

    // Another run goes on with it, and tells what is new. What begins while nobody runs is told, too.
    daemon.terminate().code(0);
    scene.scratch.write("jobs/broken.yaml", "kind: [\n");
    let daemon = scene.start();
    alertmanager.until("a document is broken", |it| find(it, faulty).is_some());
    let again = find(&alertmanager, away).unwrap();
    for same in ["fingerprint", "labels", "annotations", "startsAt"] {
        assert_eq!(again[same], first[same]);
    }
    assert!(time(&again, "endsAt") > time(&first, "endsAt"));
    let broken = find(&alertmanager, faulty).unwrap();
    let labels = json!({
        "alertname": faulty, "severity": "error", "reason": "Faulty",
        "owner": "keeper-1", "source": "jobs",
    });
    assert_eq!(broken["labels"], labels);

    // It ends when it is over: long before it would end by itself.
    scene.scratch.remove("jobs/broken.yaml");
    alertmanager.until("it is over", |it| find(it, faulty).is_none());
    assert!(find(&alertmanager, away).is_some());
    alertmanager.until("it tells the end", |_| told(&hook, faulty).len() == 2);
    daemon.terminate().code(0);

    // And nobody was woken twice.
    let statuses = |name| -> Vec<String> {
        let told = told(&hook, name).into_iter();
        told.map(|it| it["status"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(statuses(faulty), ["firing", "resolved"]);
    assert_eq!(statuses(away), ["firing"]);
    let ended = &told(&hook, faulty)[1];
    assert!(time(ended, "startsAt") < time(ended, "endsAt"));
    assert!(time(ended, "endsAt") < time(&broken, "endsAt"));
}
