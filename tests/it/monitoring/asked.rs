//! What the alert rules and the dashboard ask for: their expressions, and what these are made of.

use std::fmt;
use std::path::Path;

use serde_json::Value;

use crate::support::sources::read;

pub(crate) const RULES: &str = "systemd/monitoring/jetkeeper.rules.yaml";
pub(crate) const DASHBOARD: &str = "systemd/monitoring/jetkeeper.dashboard.json";

/// What Grafana puts there when it shows some days: the window that `rate` looks at.
const RATE_INTERVAL: &str = "10m";

/// An expression of an alert or a panel.
pub(crate) struct Asked {
    /// The alert's name, or the panel's title.
    by: String,
    pub(crate) expression: String,
    /// The labels of its series that its texts show.
    pub(crate) shown: Vec<String>,
}

/// `name{label="value",…}` in an expression.
#[derive(Debug)]
pub(crate) struct Selector {
    pub(crate) text: String,
    pub(crate) name: String,
    pub(crate) matchers: Vec<(String, String)>,
}

/// All alerts, as the rules' file has them.
pub(crate) fn rules() -> Vec<Value> {
    let file: Value = serde_yaml::from_str(&read(Path::new(RULES))).unwrap();
    let groups = file["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap().clone());
    rules.collect()
}

pub(crate) fn alerts() -> Vec<Asked> {
    let asked = rules().into_iter().map(|rule| {
        let texts = rule["annotations"].to_string();
        let shown = texts.split("$labels.").skip(1).map(word).collect();
        Asked {
            by: rule["alert"].as_str().unwrap().to_owned(),
            expression: rule["expr"].as_str().unwrap().to_owned(),
            shown,
        }
    });
    let asked: Vec<Asked> = asked.collect();
    assert!(asked.len() > 10);
    asked
}

/// All queries of panels, with Grafana's variables replaced.
pub(crate) fn panels() -> Vec<Asked> {
    let dashboard: Value = serde_json::from_str(&read(Path::new(DASHBOARD))).unwrap();
    let mut asked = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            let expression = expression.replace("$__rate_interval", RATE_INTERVAL);
            assert!(!expression.contains('$'), "another variable: {expression}");
            let legend = target["legendFormat"].as_str().unwrap();
            asked.push(Asked {
                by: panel["title"].as_str().unwrap().to_owned(),
                expression,
                shown: legend.split("{{").skip(1).map(word).collect(),
            });
        }
    }
    assert!(asked.len() > 20);
    asked
}

fn word(text: &str) -> String {
    let end = text.find(|c: char| !c.is_ascii_lowercase() && c != '_');
    text[..end.unwrap_or(text.len())].to_owned()
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.by, self.expression)
    }
}

impl Asked {
    /// What it asks for of ours.
    pub(crate) fn selectors(&self) -> Vec<Selector> {
        let starts = self.expression.match_indices("jetkeeper_");
        let selectors: Vec<Selector> = starts
            .map(|(at, _)| Selector::read(&self.expression[at..]))
            .collect();
        assert!(!selectors.is_empty(), "{self}");
        selectors
    }

    /// The labels that it groups by, or does away with.
    pub(crate) fn grouped(&self) -> Vec<String> {
        let mut labels = Vec::new();
        for words in ["by (", "without ("] {
            for (at, _) in self.expression.match_indices(words) {
                let rest = &self.expression[at + words.len()..];
                let (named, _) = rest.split_once(')').unwrap();
                labels.extend(named.split(", ").map(str::to_owned));
            }
        }
        labels
    }
}

impl Selector {
    /// The one that this text begins with.
    pub(crate) fn read(text: &str) -> Self {
        let name = word(text);
        let rest = text[name.len()..].strip_prefix('{');
        let inner = rest.and_then(|rest| rest.split_once('}'));
        let inner = inner.map_or("", |(inner, _)| inner);
        let matchers = inner.split(',').filter(|matcher| !matcher.is_empty());
        let matchers = matchers.map(|matcher| {
            let (label, value) = matcher.split_once('=').unwrap();
            let value = value.trim_start_matches('~').trim_matches('"');
            (label.to_owned(), value.to_owned())
        });
        let matchers = matchers.collect();
        let text = if inner.is_empty() {
            name.clone()
        } else {
            format!("{name}{{{inner}}}")
        };
        Self {
            text,
            name,
            matchers,
        }
    }
}
