//! A real Prometheus on loopback that looks at one daemon every second, and `promtool`.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::Stdio;

use serde_json::Value;

use super::asked::RULES;
use crate::support::fixture;
use crate::support::http::get_from_other;
use crate::support::process::Process;
use crate::support::scratch::Scratch;
use crate::support::wait::{PATIENCE, eventually, within};

/// When it looked last, if it saw something: of `up == 1` itself Prometheus takes the time at which it is asked.
const LAST_LOOK: &str = "(timestamp(up) and up == 1)";

/// Killed on drop.
pub(crate) struct Prometheus {
    address: String,
    scratch: Scratch,
    /// When expressions are evaluated; now where it isn't said.
    at: Option<f64>,
    _process: Process,
}

/// One of the series that an expression gave.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Prometheus {
    /// Starts one with our rules that scrapes this address, and waits until it has.
    pub(crate) fn scraping(target: &str) -> Self {
        let scratch = Scratch::new();
        let rules = format!("{}/{RULES}", env!("CARGO_MANIFEST_DIR"));
        // As docs/operations.md has it, but for the times.
        let config = scratch.write(
            "prometheus.yaml",
            format!(
                "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{rules:?}]\n\
                 scrape_configs:\n  - job_name: jetkeeper\n    static_configs: [{{targets: [{target:?}]}}]\n"
            ),
        );
        let log = scratch.path().join("log");
        let mut command = Process::command(fixture("prometheus/prometheus"));
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                scratch.path().join("data").display()
            ))
            .arg("--web.listen-address=127.0.0.1:0")
            .current_dir(scratch.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap());
        let mut process = Process::start(command);
        let said = || fs::read_to_string(&log).unwrap();
        eventually(PATIENCE, "Prometheus is ready", || {
            let ended = process.ended();
            assert!(ended.is_none(), "Prometheus ended: {}", said());
            let said = said();
            said.contains("Server is ready to receive web requests") && address_in(&said).is_some()
        });
        let address = address_in(&said()).unwrap();
        let prometheus = Self {
            address,
            scratch,
            at: None,
            _process: process,
        };
        prometheus.until("it has scraped", |it| !it.query("up == 1").is_empty());
        prometheus
    }

    /// Waits until it has looked at all that there is now.
    pub(crate) fn until_it_looked(&self) {
        let now = self.query("vector(time())")[0].value;
        let later = format!("{LAST_LOOK} > {now}");
        self.until("it looks again", |it| !it.query(&later).is_empty());
    }

    /// Has expressions evaluated as of its last look from now on: on a busy machine one of the next may come to nothing.
    pub(crate) fn stay(&mut self) {
        let at = Cell::new(None);
        self.until("its last look came to something", |it| {
            at.set(it.query(LAST_LOOK).first().map(|it| it.value));
            at.get().is_some()
        });
        self.at = at.get();
    }

    /// Waits for a condition; shows what it logged and what it thinks of its target where that never comes.
    pub(crate) fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        if !within(PATIENCE, || condition(self)) {
            let log = fs::read_to_string(self.scratch.path().join("log")).unwrap();
            let targets = get_from_other(&self.address, "/api/v1/targets").body;
            panic!("waited {PATIENCE:?} in vain: {what}\n{targets}\n{log}");
        }
    }

    /// What an expression gives now; panics where it is refused.
    pub(crate) fn query(&self, expression: &str) -> Vec<Series> {
        let bytes = expression.bytes().map(|byte| format!("%{byte:02X}"));
        let escaped: String = bytes.collect();
        let at = self.at.map(|at| format!("&time={at:.3}"));
        let path = format!("/api/v1/query?query={escaped}{}", at.unwrap_or_default());
        let data = self.get(&path, expression);
        assert_eq!(data["resultType"], "vector", "{expression}");
        let series = data["result"].as_array().unwrap().iter();
        let series = series.map(|it| Series {
            labels: serde_json::from_value(it["metric"].clone()).unwrap(),
            value: it["value"][1].as_str().unwrap().parse().unwrap(),
        });
        series.collect()
    }

    /// Asks for anything else that it tells: its targets, their metadata, its rules.
    pub(crate) fn get(&self, path: &str, what: &str) -> Value {
        let answer = get_from_other(&self.address, path);
        let body: Value = serde_json::from_str(&answer.body)
            .unwrap_or_else(|error| panic!("{what}: {error}: {answer:?}"));
        assert_eq!(body["status"], "success", "{what}: {body}");
        body["data"].clone()
    }
}

/// Where it listens: `… msg="Listening on" address=127.0.0.1:41207`, with other fields between.
fn address_in(log: &str) -> Option<String> {
    let line = log
        .lines()
        .find(|line| line.contains("msg=\"Listening on\""))?;
    let (_, address) = line.split_once(" address=")?;
    address.split_whitespace().next().map(str::to_owned)
}

/// What `promtool` says to these arguments and this on stdin; panics where it finds fault.
pub(crate) fn promtool(args: &[&str], input: &str) -> String {
    let scratch = Scratch::new();
    let output = scratch.write("output", "");
    let input = File::open(scratch.write("input", input)).unwrap();
    let both = File::options().append(true).open(&output).unwrap();
    let mut command = Process::command(fixture("prometheus/promtool"));
    command
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(input)
        .stdout(both.try_clone().unwrap())
        .stderr(both);
    let ended = Process::start(command).end_within(PATIENCE);
    let said = fs::read_to_string(&output).unwrap();
    let ended = ended.unwrap_or_else(|| panic!("promtool {args:?} does not end: {said}"));
    assert!(ended.success(), "promtool {args:?}: {said}");
    said
}
