//! A real Prometheus that looks at a daemon: it reads what is shown, and finds what rules and panels ask for.

use std::collections::{BTreeMap, BTreeSet};

use jetkeeper::plan::hold::{HoldClass, Reason};
use jetkeeper::plan::status::Phase;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::monitoring::asked::{Asked, Selector, alerts, panels, rules};
use crate::monitoring::prometheus::{Prometheus, Series, promtool};
use crate::monitoring::rules::made_up;
use crate::support::openmetrics::Metrics;

/// What rules ask for and the scene doesn't have, and why.
const NOT_THERE: &[(&str, &str)] = &[
    (
        "jetkeeper_resources{kind=\"JetJob\",phase=~\"Failed|ExecutionFailed\"}",
        "no job fails, and a phase that none is in has no series",
    ),
    (
        "jetkeeper_holds{reason=\"RolledBack\"}",
        "the upgrade succeeds, and a reason that holds nothing has no series",
    ),
];

/// It reads all that is shown, with types, units and words.
pub(super) fn it_is_read(prometheus: &Prometheus, measured: impl Fn() -> Metrics) {
    prometheus.until_it_looked();
    prometheus.until("it has every sample", |it| {
        let metrics = measured();
        let samples = metrics.0.values().map(|family| family.samples.len());
        let wrote: usize = samples.sum();
        let read = it.query("{__name__=~\"jetkeeper_.+\"}").len();
        read == wrote
    });
    prometheus.until("nothing is wrong with it", |it| {
        let targets = it.get("/api/v1/targets", "targets");
        let targets = targets["activeTargets"].as_array().unwrap().clone();
        assert_eq!(targets.len(), 1, "{targets:?}");
        targets[0]["health"] == "up" && targets[0]["lastError"] == ""
    });

    let told = prometheus.get("/api/v1/targets/metadata", "metadata");
    let told = told.as_array().unwrap();
    let told: BTreeMap<&str, &Value> = told
        .iter()
        .map(|it| (it["metric"].as_str().unwrap(), it))
        .collect();
    for (name, family) in &measured().0 {
        let told = told[name.as_str()];
        assert_eq!(told["type"], family.kind.as_str(), "{name}");
        assert_eq!(told["help"], family.help.as_str(), "{name}");
        assert_eq!(told["unit"], family.unit.as_str(), "{name}");
    }

    // What we call like a label of its own comes under another name, where nobody looks for it.
    let hidden = prometheus.get("/api/v1/labels", "labels");
    let hidden = hidden.as_array().unwrap().iter();
    let hidden: Vec<&Value> = hidden
        .filter(|label| label.as_str().unwrap().starts_with("exported_"))
        .collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}

/// `promtool check metrics` reads the older text, in which a counter's family has the name of its samples.
pub(super) fn its_names_are_in_order(text: &str, metrics: &Metrics) {
    let mut text = text.to_owned();
    for (name, family) in &metrics.0 {
        if family.kind == "counter" {
            for word in ["HELP", "TYPE"] {
                let line = format!("# {word} {name} ");
                text = text.replace(&line, &format!("# {word} {name}_total "));
            }
        }
    }
    let said = promtool(&["check", "metrics"], &text);
    assert_eq!(said, "");
}

/// Every selector finds series, or is one that can't; every panel shows a number, and every text its labels.
pub(super) fn it_answers_what_is_asked(prometheus: &Prometheus, metrics: &Metrics) {
    let mut missing = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for asked in alerts() {
        prometheus.query(&asked.expression);
        let labels = its_series_are_there(prometheus, &asked, &mut missing, &mut seen);
        let grouped = asked.grouped();
        for label in &asked.shown {
            let is_there = labels.contains(label) && !grouped.contains(label);
            assert!(is_there, "its texts show {label}: {asked}");
        }
    }
    for asked in panels() {
        its_series_are_there(prometheus, &asked, &mut missing, &mut seen);
        let shown = prometheus.query(&asked.expression);
        assert!(!shown.is_empty(), "nothing is shown: {asked}");
        for series in &shown {
            assert!(series.value.is_finite(), "{series:?}: {asked}");
            for label in &asked.shown {
                assert!(series.labels.contains_key(label), "{label}: {asked}");
            }
        }
    }
    let known: BTreeSet<String> = NOT_THERE.iter().map(|(it, _)| (*it).to_owned()).collect();
    assert_eq!(missing, known, "what finds nothing, and what is known to");

    let unseen = |family: &&String| !seen.iter().any(|name| is_of(name, family));
    let unseen: Vec<&String> = metrics.0.keys().filter(unseen).collect();
    assert!(
        unseen.is_empty(),
        "neither a rule nor a panel shows {unseen:?}"
    );
}

/// Looks for what an expression asks for; tells the labels of that.
fn its_series_are_there(
    prometheus: &Prometheus,
    asked: &Asked,
    missing: &mut BTreeSet<String>,
    seen: &mut BTreeSet<String>,
) -> BTreeSet<String> {
    let mut labels = BTreeSet::new();
    for selector in asked.selectors() {
        if prometheus.query(&selector.text).is_empty() {
            missing.insert(selector.text.clone());
        }
        let all = prometheus.query(&selector.name);
        assert!(!all.is_empty(), "{} is not there: {asked}", selector.name);
        its_matchers_can_match(&selector, &all, asked);
        labels.extend(all.into_iter().flat_map(|it| it.labels.into_keys()));
        seen.insert(selector.name);
    }
    for label in asked.grouped() {
        assert!(labels.contains(&label), "{label}: {asked}");
    }
    labels
}

fn its_matchers_can_match(selector: &Selector, all: &[Series], asked: &Asked) {
    for (label, value) in &selector.matchers {
        let has = |series: &Series| series.labels.contains_key(label);
        assert!(all.iter().all(has), "{label}: {asked}");
        for value in value.split('|') {
            assert!(is_possible(label, value), "{label}={value}: {asked}");
        }
    }
}

/// Whether a sample of this name is one of this family.
fn is_of(name: &str, family: &str) -> bool {
    let rest = name.strip_prefix(family);
    rest.is_some_and(|rest| ["", "_total", "_bucket", "_sum", "_count"].contains(&rest))
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
        "outcome" => ["done", "failed", "unknown", "stale", "sent", "refused"].contains(&value),
        _ => false,
    }
}

/// The rules are evaluated by it too, and the hold of the scene is on its way to an alert.
pub(super) fn its_rules_are_well(prometheus: &Prometheus) {
    prometheus.until("all rules are well", |it| {
        let told = it.get("/api/v1/rules", "rules");
        let told = told["groups"][0]["rules"].as_array().unwrap().clone();
        assert_eq!(told.len(), rules().len());
        let blocked = told.iter().find(|it| it["name"] == "JetkeeperBlocked");
        told.iter().all(|it| it["health"] == "ok") && blocked.unwrap()["state"] == "pending"
    });
}

/// What the tests of the alerts make up is what a daemon shows.
pub(super) fn what_tests_make_up_looks_like_it(prometheus: &Prometheus) {
    for (name, labels) in made_up() {
        let real = prometheus.query(&name);
        let has_all = |series: &Series| labels.iter().all(|it| series.labels.contains_key(it));
        let count = |series: &Series| series.labels.len() == labels.len() + 3;
        let is_like_it = real.iter().any(|it| has_all(it) && count(it));
        assert!(is_like_it, "{name} {labels:?}: {real:?}");
    }
}
