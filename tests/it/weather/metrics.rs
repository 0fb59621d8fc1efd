//! What monitoring sees of a real job, and whether the rules and the dashboard ask for what is there.

use std::collections::BTreeSet;
use std::path::Path;

use jetkeeper::plan::hold::{HoldClass, Reason};
use jetkeeper::plan::status::Phase;
use serde::de::DeserializeOwned;

use super::counting::{Counting, jar};
use crate::support::http::{address_in, get};
use crate::support::openmetrics::Metrics;
use crate::support::sources::read;

const RULES: &str = "systemd/monitoring/jetkeeper.rules.yaml";
const DASHBOARD: &str = "systemd/monitoring/jetkeeper.dashboard.json";

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story, from its start to its end"
)]
fn the_numbers_tell_what_happened_and_every_expression_finds_its_own() {
    let mut counting = Counting::start("measured", &[]);
    counting.stage.terminate();
    counting.stage.start_with(&["--http-listen", "127.0.0.1:0"]);
    let (stage, name) = (&counting.stage, &counting.name);
    stage.until("monitoring is answered", || {
        address_in(&stage.log()).is_some()
    });
    let address = address_in(&stage.log()).unwrap();
    stage.until("it is ready", || get(&address, "/readyz").code == 200);
    let measured = || Metrics::read(&get(&address, "/metrics").body);
    let applied = || measured().value("jetkeeper_change_to_applied_seconds_count", &[]);
    assert_eq!(
        applied(),
        Some(0.0),
        "nobody saw the change that led to the first revision"
    );

    stage.write("jars/counter.jar", jar("counter-v2.jar"));
    stage.until("the upgrade is measured", || applied() == Some(1.0));
    let held = stage.name("held");
    stage.declare_as(&held, &["jarName: missing.jar"]);
    stage.until_held(&held, Reason::JarNotFound, &[]);
    stage.until("the hold is counted", || {
        let labels = [("class", "Blocked"), ("reason", "JarNotFound")];
        measured().value("jetkeeper_holds", &labels) == Some(1.0)
    });

    let metrics = measured();
    let of = |name: &str, labels: &[(&str, &str)]| metrics.value(name, labels).unwrap_or_default();
    for step in ["suspend", "export", "cancel", "submit"] {
        let labels = [("step", step), ("outcome", "done")];
        assert!(of("jetkeeper_steps_total", &labels) >= 1.0, "{step}");
    }
    assert!(of("jetkeeper_snapshot_exported_bytes_total", &[]) > 0.0);
    assert!(of("jetkeeper_change_to_detected_seconds_count", &[]) >= 2.0);
    let slowest = of("jetkeeper_change_to_applied_seconds_sum", &[]);
    assert!(slowest > of("jetkeeper_pass_duration_seconds_sum", &[]) / 1000.0 && slowest < 60.0);
    let running = [("kind", "JetJob"), ("phase", "Running")];
    assert_eq!(metrics.value("jetkeeper_resources", &running), Some(1.0));
    assert_eq!(
        metrics.value("jetkeeper_cluster_up", &[("cluster", "hazelcast")]),
        Some(1.0)
    );
    assert_eq!(
        metrics.value("jetkeeper_source_up", &[("source", "local")]),
        Some(1.0)
    );
    assert_eq!(metrics.value("jetkeeper_jobs_unreconciled", &[]), Some(1.0));
    let snapshot = of(
        "jetkeeper_job_last_snapshot_timestamp_seconds",
        &[("job", name)],
    );
    assert!(snapshot > 1.7e9, "{snapshot}");

    stage
        .cli(&["pause", name, "--reason", "a look", "--for", "1h"])
        .code(0);
    let metrics = measured();
    let what = format!("JetJob/{name}");
    let of = |name: &str| metrics.value(name, &[("what", &what)]).unwrap();
    let lasts = of("jetkeeper_pause_until_timestamp_seconds")
        - of("jetkeeper_pause_since_timestamp_seconds");
    assert!((3590.0..=3610.0).contains(&lasts), "{lasts}");
    every_expression_finds_its_own(&metrics);
    every_metric_is_documented(&metrics);
}

fn every_expression_finds_its_own(metrics: &Metrics) {
    let mut asked = BTreeSet::new();
    for expression in expressions() {
        let (selectors, aggregated) = selectors(&expression);
        assert!(!selectors.is_empty(), "{expression}");
        let mut labels_there = BTreeSet::new();
        for (name, matchers) in selectors {
            let families = metrics.0.iter();
            let (family, samples) = families
                .map(|(family, it)| (family, &it.samples))
                .find(|(_, samples)| samples.iter().any(|sample| sample.name == name))
                .unwrap_or_else(|| panic!("{name} is not there: {expression}"));
            asked.insert(family.clone());
            let sample = samples.iter().find(|sample| sample.name == name).unwrap();
            labels_there.extend(sample.labels.keys().cloned());
            for (label, value) in matchers {
                assert!(sample.labels.contains_key(&label), "{label}: {expression}");
                for value in value.split('|') {
                    assert!(is_possible(&label, value), "{label}={value}: {expression}");
                }
            }
        }
        for label in aggregated {
            assert!(labels_there.contains(&label), "by {label}: {expression}");
        }
    }
    let unasked: Vec<&String> = metrics.0.keys().filter(|it| !asked.contains(*it)).collect();
    assert!(
        unasked.is_empty(),
        "neither a rule nor a panel shows {unasked:?}"
    );
}

fn every_metric_is_documented(metrics: &Metrics) {
    let page = read(Path::new("docs/operations.md"));
    for (name, family) in &metrics.0 {
        let total = if family.kind == "counter" {
            "_total"
        } else {
            ""
        };
        assert!(page.contains(&format!("`{name}{total}`")), "{name}{total}");
    }
    let rules: serde_json::Value = serde_yaml::from_str(&read(Path::new(RULES))).unwrap();
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        let alert = rule["alert"].as_str().unwrap();
        assert!(
            page.contains(&format!("| {alert} |")),
            "{alert} is not in docs/operations.md"
        );
        for part in ["summary", "description"] {
            assert!(
                rule["annotations"][part].is_string(),
                "{alert} has no {part}"
            );
        }
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(
            ["page", "ticket"].contains(&severity),
            "{alert}: {severity}"
        );
    }
}

fn expressions() -> Vec<String> {
    let rules: serde_json::Value = serde_yaml::from_str(&read(Path::new(RULES))).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&read(Path::new(DASHBOARD))).unwrap();
    let mut found = Vec::new();
    collect(&rules, &mut found);
    let of_rules = found.len();
    collect(&dashboard, &mut found);
    assert!(of_rules > 10 && found.len() > of_rules + 10);
    found
}

fn collect(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            if let Some(serde_json::Value::String(text)) = map.get("expr") {
                found.push(text.clone());
            }
            map.values().for_each(|value| collect(value, found));
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

type Selector = (String, Vec<(String, String)>);

/// The metrics that an expression asks for with their matchers, and the labels that it groups by.
fn selectors(expression: &str) -> (Vec<Selector>, Vec<String>) {
    let mut selectors = Vec::new();
    for (at, _) in expression.match_indices("jetkeeper_") {
        let text = &expression[at..];
        let end = text.find(|c: char| !c.is_ascii_lowercase() && c != '_');
        let (name, rest) = text.split_at(end.unwrap_or(text.len()));
        let matchers = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let matchers = matchers.map_or("", |(matchers, _)| matchers);
        let matchers = matchers.split(',').filter(|matcher| !matcher.is_empty());
        let matchers = matchers.map(|matcher| {
            let (label, value) = matcher.split_once('=').unwrap();
            let value = value.trim_start_matches('~').trim_matches('"');
            (label.to_owned(), value.to_owned())
        });
        selectors.push((name.to_owned(), matchers.collect()));
    }
    let mut aggregated = Vec::new();
    for (at, _) in expression.match_indices("by (") {
        let (labels, _) = expression[at + 4..].split_once(')').unwrap();
        aggregated.extend(labels.split(", ").map(str::to_owned));
    }
    (selectors, aggregated)
}

/// Whether a label can have this value.
fn is_possible(label: &str, value: &str) -> bool {
    fn is<T: DeserializeOwned>(value: &str) -> bool {
        serde_json::from_value::<T>(value.into()).is_ok()
    }
    match label {
        "phase" => is::<Phase>(value),
        "reason" => is::<Reason>(value),
        "class" => is::<HoldClass>(value),
        "kind" => ["JetJob", "JetJobSnapshot", "Hazelcast"].contains(&value),
        "outcome" => ["done", "failed", "unknown", "stale"].contains(&value),
        _ => false,
    }
}
