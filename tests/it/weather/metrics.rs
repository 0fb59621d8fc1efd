//! What monitoring sees of a real job: the numbers, and what Prometheus makes of them.

use std::path::Path;
use std::time::Duration;

use jetkeeper::plan::hold::Reason;

use super::counting::{Counting, jar};
use super::monitored;
use super::stage::Stage;
use crate::git::remote::Remote;
use crate::monitoring::asked::rules;
use crate::monitoring::prometheus::Prometheus;
use crate::notifications::receiver::Receiver;
use crate::support::http::{address_in, ask, get};
use crate::support::openmetrics::Metrics;
use crate::support::sources::read;
use crate::support::unique;

/// Has the daemon go on with monitoring, and with one of everything that has metrics.
fn watch(counting: &mut Counting, more: &Remote, receiver: &Receiver) {
    let (stage, job) = (&mut counting.stage, &counting.name);
    let snapshot = unique("measured-snapshot");
    more.write(
        "snapshot.yaml",
        format!(
            "apiVersion: hazelcast.com/v1alpha1\nkind: JetJobSnapshot\nmetadata: {{name: {snapshot}}}\n\
             spec: {{jetJobResourceName: {job}}}\n"
        ),
    );
    more.push();
    stage.secret("hook", "token", "hush-hush-hush");
    stage.secret("chat", "url", &receiver.url("/"));
    stage.terminate();
    let config = format!(
        "sources:\n  - {{name: local, directory: {{path: source}}}}\n  \
         - {{name: more, git: {{url: {:?}}}, webhook: {{type: GitHub, secretName: hook}}}}\n\
         secrets: {{directory: secrets}}\nhttp: {{listen: \"127.0.0.1:0\"}}\n\
         webhooks: {{listen: \"127.0.0.1:0\"}}\n\
         notifications:\n  settle: 1s\n  receivers: [{{name: chat, slack: {{secretName: chat}}}}]\n",
        more.url()
    );
    stage.start_configured(&config);
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story, from its start to its end"
)]
fn the_numbers_tell_what_happened_and_prometheus_finds_all_that_is_asked_for() {
    let mut counting = Counting::start("measured", &[]);
    let (more, receiver) = (Remote::new(), Receiver::start("200 OK", Duration::ZERO));
    watch(&mut counting, &more, &receiver);
    let (stage, name) = (&counting.stage, &counting.name);
    stage.until("monitoring is answered", || {
        address_in(&stage.log()).is_some()
    });
    let address = address_in(&stage.log()).unwrap();
    stage.until("it is ready", || get(&address, "/readyz").code == 200);
    let measured = || Metrics::read(&get(&address, "/metrics").body);
    let mut prometheus = Prometheus::scraping(&address);
    let told = || {
        let labels = [("receiver", "chat"), ("outcome", "sent")];
        measured().value("jetkeeper_notification_requests_total", &labels)
    };
    // On a busy machine something may have been told of the start already.
    let told_before = told();
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
        &[("jet_job", name)],
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
    call_the_webhook(stage);
    stage.until("a receiver is told of the hold", || told() > told_before);

    monitored::it_is_read(&prometheus, measured);
    let answer = get(&address, "/metrics");
    let metrics = Metrics::read(&answer.body);
    monitored::its_rules_are_well(&prometheus);
    prometheus.stay();
    monitored::its_names_are_in_order(&answer.body, &metrics);
    monitored::it_answers_what_is_asked(&prometheus, &metrics);
    monitored::what_tests_make_up_looks_like_it(&prometheus);
    every_metric_is_documented(&metrics);
}

/// As somebody does who doesn't know the secret.
fn call_the_webhook(stage: &Stage) {
    let log = stage.log();
    let (_, rest) = log.split_once("webhooks are taken on http://").unwrap();
    let address = rest.lines().next().unwrap();
    assert_eq!(ask(address, "POST", "/hooks/more", address).code, 401);
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
    for rule in rules() {
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
