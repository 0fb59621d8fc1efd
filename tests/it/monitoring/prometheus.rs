//! A real Prometheus on loopback that looks at one daemon every second, and `promtool`.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};

use serde_json::Value;

use super::asked::RULES;
use super::server::Server;
use crate::support::fixture;
use crate::support::process::Process;
use crate::support::scratch::Scratch;
use crate::support::wait::{PATIENCE, within};

/// When it looked last, if it saw something: of `up == 1` itself Prometheus takes the time at which it is asked.
const LAST_LOOK: &str = "(timestamp(up) and up == 1)";

/// Killed on drop.
pub(crate) struct Prometheus {
    server: Server,
    /// When expressions are evaluated; now where it isn't said.
    at: Option<f64>,
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
        let args = [
            format!("--config.file={}", config.display()),
            format!(
                "--storage.tsdb.path={}",
                scratch.path().join("data").display()
            ),
        ];
        let server = Server::start("prometheus", scratch, &args);
        let prometheus = Self { server, at: None };
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
            let log = self.server.log();
            let targets = self.server.get("/api/v1/targets").body;
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
        let answer = self.server.get(path);
        let body: Value = serde_json::from_str(&answer.body)
            .unwrap_or_else(|error| panic!("{what}: {error}: {answer:?}"));
        assert_eq!(body["status"], "success", "{what}: {body}");
        body["data"].clone()
    }
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
