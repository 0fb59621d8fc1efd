//! The alert rules under `promtool`: each is quiet, fires and is over in `alerts.test.yaml`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::asked::{RULES, Selector, rules};
use super::prometheus::promtool;
use crate::support::sources::read;

const TESTS: &str = "tests/it/monitoring/alerts.test.yaml";

fn tests() -> Vec<Value> {
    let file: Value = serde_yaml::from_str(&read(Path::new(TESTS))).unwrap();
    file["tests"].as_array().unwrap().clone()
}

/// The metrics and labels of the series that the tests of alerts make up, without those that Prometheus adds.
pub(crate) fn made_up() -> Vec<(String, BTreeSet<String>)> {
    let tests = tests();
    let series = tests
        .iter()
        .flat_map(|test| test["input_series"].as_array().unwrap());
    let series = series.map(|series| Selector::read(series["series"].as_str().unwrap()));
    let series = series.filter(|series| series.name != "up").map(|series| {
        let labels = series.matchers.into_iter().map(|(label, _)| label);
        let labels = labels.filter(|label| label != "job" && label != "instance");
        (series.name, labels.collect())
    });
    series.collect()
}

#[test]
fn promtool_finds_no_fault_with_the_rules() {
    let said = promtool(&["check", "rules", RULES], "");
    assert!(
        said.contains(&format!("{} rules found", rules().len())),
        "{said}"
    );
}

#[test]
fn each_alert_is_quiet_fires_and_is_over() {
    promtool(&["test", "rules", TESTS], "");

    // And none was forgotten there.
    let mut tried: Vec<(String, bool)> = Vec::new();
    for test in tests() {
        for case in test["alert_rule_test"].as_array().unwrap() {
            let fires = !case["exp_alerts"].as_array().unwrap().is_empty();
            let alert = case["alertname"].as_str().unwrap().to_owned();
            tried.push((alert, fires));
        }
    }
    for rule in rules() {
        let alert = rule["alert"].as_str().unwrap();
        let of_it = tried.iter().filter(|(name, _)| name == alert);
        let course: Vec<bool> = of_it.map(|(_, fires)| *fires).collect();
        assert!(
            course.windows(3).any(|it| it == [false, true, false]),
            "{alert} is not shown to be quiet, to fire and to be over: {course:?}"
        );
    }
}
