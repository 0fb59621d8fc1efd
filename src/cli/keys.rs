//! Whether the file's keys, the default file, flags and variables say the same.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Arg, CommandFactory};
use serde_json::Value;

use super::Cli;
use crate::config::{Config, Environment, Overrides, Recheck, ShownConfig, keys};

const DEFAULT_FILE: &str = include_str!("../../systemd/jetkeeper.yaml");

/// The flags that configure, and the keys that say the same. Sources are instead given as a PATH.
const FLAGS: &[(&str, &[&str])] = &[
    ("path", &["sources[].name", "sources[].directory.path"]),
    (
        "cluster",
        &["clusters.*.addresses", "clusters.*.clusterName"],
    ),
    ("owner", &["owner"]),
    ("secrets", &["secrets.directory"]),
    ("state", &["state.directory"]),
    ("max-deletions", &["prune.maxDeletions"]),
    ("max-deletions-percent", &["prune.maxDeletionsPercent"]),
    ("recheck", &["artifacts.recheck"]),
    ("http-listen", &["http.listen"]),
    ("http-allow-remote", &["http.allowRemote"]),
    ("webhooks-listen", &["webhooks.listen"]),
];

/// Only in the file: what belongs to one cluster or source among several says too much for a flag.
const FILE_ONLY: &[&str] = &[
    "clusters.*.credentials.",
    "clusters.*.tls.",
    "sources[].git.",
    "notifications.",
    "sources[].syncWindows[].",
    "sources[].webhook.",
];

/// Instead of another key of the default file, which names them beside that.
const ALTERNATIVES: &[&str] = &[
    "sources[].git.ref.commit",
    "sources[].git.ref.semver",
    "sources[].git.ref.tag",
    // Of SSH, where the default file shows https.
    "sources[].git.knownHosts",
    "sources[].git.knownHostsFile",
];

/// Flags that say how the program speaks, or which file it reads, and not what it keeps.
const NO_KEY: &[&str] = &["config", "log", "log-format", "no-color"];

fn flags() -> BTreeMap<String, Arg> {
    let cli = Cli::command();
    let run = cli.find_subcommand("run").unwrap();
    let all = cli.get_arguments().chain(run.get_arguments());
    let named = all.map(|arg| {
        let name = arg.get_long().unwrap_or(arg.get_id().as_str());
        (name.to_owned(), arg.clone())
    });
    named.filter(|(name, _)| name != "version").collect()
}

#[test]
fn every_key_has_a_flag_and_every_flag_a_key() {
    let of_flags: BTreeSet<String> = FLAGS
        .iter()
        .flat_map(|(_, keys)| keys.iter().map(ToString::to_string))
        .collect();
    let in_file_only = |key: &String| FILE_ONLY.iter().any(|prefix| key.starts_with(prefix));
    let of_file: BTreeSet<String> = keys()
        .into_iter()
        .filter(|key| !in_file_only(key))
        .collect();
    assert_eq!(of_flags, of_file);

    let known: BTreeSet<&str> = FLAGS
        .iter()
        .map(|(flag, _)| *flag)
        .chain(NO_KEY.iter().copied())
        .collect();
    let flags = flags();
    let there: BTreeSet<&str> = flags.keys().map(String::as_str).collect();
    assert_eq!(there, known);
}

#[test]
fn every_variable_is_named_as_its_flag() {
    for (flag, arg) in flags() {
        let expected = format!("JETKEEPER_{}", flag.to_uppercase().replace('-', "_"));
        match arg.get_env() {
            Some(variable) => assert_eq!(variable.to_str(), Some(&*expected)),
            None => assert!(flag == "no-color", "--{flag} has no variable"),
        }
    }
}

/// The default file with everything in it that is commented out.
fn uncommented() -> String {
    let lines = DEFAULT_FILE
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
            // Below a key, spaces come first: `#  listen: …`, where an explanation has a capital.
            Some(rest) if is_key(rest) => rest.to_owned(),
            _ => line.to_owned(),
        });
    lines.map(|line| line + "\n").collect()
}

/// The configuration of a file with this text.
fn loaded(text: &str) -> Config {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("jetkeeper.yaml");
    std::fs::write(&file, text).unwrap();
    let overrides = Overrides {
        config: Some(file),
        ..Overrides::default()
    };
    Config::load(&overrides, &Environment::default()).unwrap()
}

fn is_key(text: &str) -> bool {
    let key = text.trim_start().trim_start_matches("- ");
    let key = key.split_once(':').map_or("", |(key, _)| key);
    let begins_small = key.starts_with(|c: char| c.is_ascii_lowercase());
    text.starts_with("  ") && begins_small && key.chars().all(|c| c.is_ascii_alphanumeric())
}

#[test]
fn the_default_file_has_every_key_explained_and_can_be_used() {
    loaded(DEFAULT_FILE);
    let whole = uncommented();
    loaded(&whole);

    let value: Value = serde_yaml::from_str(&whole).unwrap();
    let mut there = BTreeSet::new();
    collect(&value, "", &mut there);
    let known = keys()
        .into_iter()
        .filter(|key| !ALTERNATIVES.contains(&key.as_str()));
    assert_eq!(there, known.collect());

    let lines: Vec<&str> = whole.lines().map(str::trim).collect();
    for pair in lines.windows(2) {
        let is_key = !pair[1].is_empty() && !pair[1].starts_with('#');
        assert!(
            !is_key || pair[0].starts_with("# "),
            "not explained: {}",
            pair[1]
        );
    }
}

fn collect(value: &Value, at: &str, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = match at {
                    "" => key.clone(),
                    "clusters" => "clusters.*".to_owned(),
                    at => format!("{at}.{key}"),
                };
                collect(value, &key, keys);
            }
        }
        Value::Array(values) if values.iter().all(Value::is_object) => {
            for value in values {
                collect(value, &format!("{at}[]"), keys);
            }
        }
        _ => {
            keys.insert(at.to_owned());
        }
    }
}

#[test]
fn defaults_that_the_file_shows_are_those_in_force() {
    let whole: Value = serde_yaml::from_str(&uncommented()).unwrap();
    let config = loaded("");
    let shown = serde_json::to_value(ShownConfig::from(&config)).unwrap();
    assert_eq!(whole["prune"], shown["prune"]);
    assert_eq!(
        whole["notifications"]["settle"],
        shown["notifications"]["settle"]
    );
    assert_eq!(whole["http"]["allowRemote"], shown["http"]["allowRemote"]);
    let recheck = |value: &Value| {
        let text = value["artifacts"]["recheck"].as_str().unwrap().to_owned();
        text.parse::<Recheck>().unwrap()
    };
    assert_eq!(recheck(&whole), recheck(&shown));
}
