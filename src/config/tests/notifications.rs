//! Receivers of notifications: what is read, shown and refused.

use super::Scene;
use crate::config::ShownConfig;

const RECEIVERS: &str = "
sources:
  - {name: jobs, git: {url: \"https://github.com/team/jobs.git\"}}
  - {name: local, directory: {path: jobs}}
notifications:
  settle: 30s
  receivers:
    - {name: hook, severity: info, caFile: ca.pem, webhook: {secretName: hook}}
    - {name: chat, slack: {secretName: chat}}
    - {name: alerts, severity: error, alertmanager: {url: \"https://alerts/\"}}
    - {name: commits, commitStatus: {forge: github, source: jobs, secretName: forge}}
";

#[test]
fn receivers_of_notifications_are_read_and_shown_as_they_are_in_force() {
    let scene = Scene::new(RECEIVERS);
    let config = scene.load().unwrap();
    let shown = serde_json::to_value(ShownConfig::from(&config)).unwrap();
    let expected = serde_json::json!({
        "settle": "30s",
        "receivers": [
            {"name": "hook", "severity": "info", "caFile": scene.path("ca.pem"),
             "webhook": {"secretName": "hook"}},
            {"name": "chat", "severity": "warning", "slack": {"secretName": "chat"}},
            {"name": "alerts", "severity": "error",
             "alertmanager": {"url": "https://alerts", "resend": "1m"}},
            {"name": "commits", "severity": "warning", "commitStatus": {
                "forge": "github", "source": "jobs", "apiUrl": "https://api.github.com",
                "repository": "team/jobs", "secretName": "forge", "context": "jetkeeper"}},
        ],
    });
    assert_eq!(shown["notifications"], expected);
    // What is shown can be read again.
    let again = Scene::new(&serde_yaml::to_string(&ShownConfig::from(&config)).unwrap());
    assert_eq!(again.load().unwrap().notifications, config.notifications);
}

#[test]
fn receivers_that_can_not_be_told_are_refused_all_at_once_and_without_what_may_be_secret() {
    let scene = Scene::new(
        "
sources: [{name: local, directory: {path: jobs}}]
notifications:
  settle: 2h
  receivers:
    - {name: a b, slack: {secretName: \"\"}}
    - {name: twice, webhook: {secretName: x}, slack: {secretName: x}}
    - {name: twice, alertmanager: {url: \"https://me:hush@alerts\"}}
    - {name: far, alertmanager: {url: \"http://alerts:9093\", resend: 1s}}
    - {name: commits, commitStatus: {forge: gitea, source: local, secretName: forge}}
    - {webhook: {}}
",
    );
    let faults = scene.faults();
    assert!(!faults.contains("hush"), "{faults}");
    insta::assert_snapshot!(faults, @r#"
    4:11: `2h` is no such time | write a time from 0s to 1h
    6:14: `a b` can't be a receiver's name | use letters, digits, `-`, `_` and `.`
    6:26: `slack` names no secret | add `secretName: …`, of a secret with the key `url`
    7:7: a receiver is one of `webhook`, `slack`, `alertmanager`, `commitStatus` | write exactly one of them
    8:14: there is another receiver named `twice` | how far a receiver was told is found by its name
    8:41: this is no URL of an Alertmanager | write https://host, or http://localhost:9093 on this machine, with what is secret in the secret that `secretName` names
    9:39: this is no URL of an Alertmanager | write https://host, or http://localhost:9093 on this machine, with what is secret in the secret that `secretName` names
    9:69: `1s` is no such time | write a time from 10s to 1h
    10:37: `commitStatus` names no source that is a Git repository | add `source: …`, the name of one
    11:7: the receiver has no name | add `name: …`
    11:17: `webhook` names no secret | add `secretName: …`, of a secret with the key `url`
    "#);
}
