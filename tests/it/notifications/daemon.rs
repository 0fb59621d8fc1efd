//! The daemon and its receivers, with a cluster that is away.

use std::time::Duration;

use hmac::{Hmac, Mac};
use jiff::Timestamp;
use serde_json::Value;
use sha2::Sha256;

use super::receiver::{Got, Receiver};
use super::scene::Scene;
use crate::support::program::Program;
use crate::support::wait::{PATIENCE, eventually};

fn notifications(got: &[Got]) -> Vec<Value> {
    let bodies = got.iter().map(Got::json);
    let all = bodies.flat_map(|body| body["notifications"].as_array().unwrap().clone());
    all.collect()
}

#[test]
fn one_cause_is_told_once_signed_and_not_again_after_a_restart() {
    let hook = Receiver::start("204 Fine", Duration::ZERO);
    let chat = Receiver::start("200 OK\r\n\r\nok", Duration::ZERO);
    let scene = Scene::new(
        "  - {name: hook, webhook: {secretName: hook}}\n  - {name: chat, slack: {secretName: chat}}\n",
    );
    scene.secret("hook", "url", &hook.url("/s3cret-path"));
    scene.secret("hook", "hmac-key", "s3cret-key");
    scene.secret("chat", "url", &chat.url("/s3cret-chat"));
    let daemon = scene.start();
    eventually(PATIENCE, "both are told", || {
        !hook.got().is_empty() && !chat.got().is_empty()
    });
    // What was sent is written down a pass later; what stops in order loses nothing of it.
    let log = daemon.terminate().code(0).stderr;
    assert!(!log.contains("s3cret"), "{log}");

    let got = hook.got();
    let told = notifications(&got);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["kind"], "Problem");
    let incident = &told[0]["incident"];
    assert_eq!(incident["reason"], "ClusterUnreachable");
    assert_eq!(
        incident["scope"],
        serde_json::json!({"kind": "Hazelcast", "name": "far"})
    );
    assert_eq!(incident["affected"], 2);
    let mut mac = Hmac::<Sha256>::new_from_slice(b"s3cret-key").unwrap();
    mac.update(got[0].body.as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert_eq!(got[0].header("x-hub-signature-256"), Some(&*signature));
    let text = chat.got()[0].json()["text"].as_str().unwrap().to_owned();
    assert!(
        text.contains("cluster far: ClusterUnreachable, 2 are held"),
        "{text}"
    );

    // Another run knows that. A second cause is told, and so is its end.
    scene.scratch.write("jobs/broken.yaml", "kind: [\n");
    let daemon = scene.start();
    eventually(PATIENCE, "the next is told", || hook.got().len() > 1);
    scene.scratch.remove("jobs/broken.yaml");
    let ended = || notifications(&hook.got()).len() > 2;
    eventually(PATIENCE, "its end is told", ended);
    let log = daemon.terminate().code(0).stderr;
    assert!(!log.contains("s3cret"), "{log}");
    let told = notifications(&hook.got());
    let told: Vec<_> = told
        .iter()
        .map(|it| format!("{} {}", it["kind"], it["incident"]["reason"]))
        .collect();
    let expected = [
        "\"Problem\" \"ClusterUnreachable\"",
        "\"Problem\" \"Faulty\"",
        "\"Recovery\" \"Faulty\"",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_receiver_that_does_not_answer_keeps_the_daemon_from_nothing() {
    let hook = Receiver::start("200 OK", Duration::from_hours(1));
    let scene = Scene::new("  - {name: hook, webhook: {secretName: hook}}\n");
    scene.secret("hook", "url", &hook.url("/"));
    let daemon = scene.start();
    eventually(PATIENCE, "it is told", || !hook.got().is_empty());
    let state = scene.scratch.path().join("state");
    let reconciled = Program::run(["reconcile", "--state", state.to_str().unwrap()]);
    reconciled.code(0);
    daemon.terminate().code(0);
}

/// The fields that Alertmanager's interface knows, and of what form they are.
fn assert_alerts(body: &Value) {
    let alerts = body.as_array().unwrap();
    assert!(!alerts.is_empty());
    for alert in alerts {
        let alert = alert.as_object().unwrap();
        let keys: Vec<&str> = alert.keys().map(String::as_str).collect();
        assert_eq!(keys, ["annotations", "endsAt", "labels", "startsAt"]);
        for (name, value) in alert["labels"].as_object().unwrap() {
            let mut bytes = name.bytes();
            assert!(
                bytes.all(|it| it.is_ascii_alphanumeric() || it == b'_'),
                "{name}"
            );
            assert!(!value.as_str().unwrap().is_empty(), "{name}");
        }
        assert!(
            alert["annotations"]
                .as_object()
                .unwrap()
                .values()
                .all(Value::is_string)
        );
        let time = |key: &str| alert[key].as_str().unwrap().parse::<Timestamp>().unwrap();
        assert!(time("startsAt") <= time("endsAt"));
    }
}

#[test]
fn an_alertmanager_gets_what_its_interface_asks_for() {
    let alerts = Receiver::start("200 OK", Duration::ZERO);
    let url = alerts.url("");
    let scene = Scene::new(&format!(
        "  - {{name: alerts, alertmanager: {{url: '{url}', secretName: alerts}}}}\n"
    ));
    scene.secret("alerts", "username", "me");
    scene.secret("alerts", "password", "s3cret");
    let daemon = scene.start();
    eventually(PATIENCE, "it is told", || !alerts.got().is_empty());
    let log = daemon.terminate().code(0).stderr;
    assert!(!log.contains("s3cret"), "{log}");
    let got = alerts.got();
    assert_eq!(got[0].path, "/api/v2/alerts");
    assert_eq!(got[0].header("authorization"), Some("Basic bWU6czNjcmV0"));
    let body = got[0].json();
    assert_alerts(&body);
    assert_eq!(
        body[0]["labels"],
        serde_json::json!({
            "alertname": "JetkeeperClusterUnreachable", "severity": "error",
            "reason": "ClusterUnreachable", "owner": "keeper-1", "cluster": "far",
        })
    );
}
