//! The latest pass in numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::engine::Published;
use crate::engine::published::SourceReport;
use crate::plan::record::{Condition, ConditionStatus, ConditionType, Pause};
use crate::resources::Severity;

/// A gauge and its series.
pub(super) struct Measure {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    /// Whether it counts seconds; its name then ends so.
    pub(super) seconds: bool,
    pub(super) values: Vec<(Labels, f64)>,
}

type Labels = Vec<(&'static str, String)>;

impl Measure {
    fn count(name: &'static str, help: &'static str, values: Vec<(Labels, f64)>) -> Self {
        Self {
            name,
            help,
            seconds: false,
            values,
        }
    }

    fn seconds(name: &'static str, help: &'static str, values: Vec<(Labels, f64)>) -> Self {
        Self {
            seconds: true,
            ..Self::count(name, help, values)
        }
    }
}

/// All of them, of a pass and an engine whose loop turned this long ago.
pub(super) fn measures(published: &Published, turned: Duration) -> Vec<Measure> {
    let mut measures = engine(published, turned);
    measures.extend(resources(published));
    measures.extend(jobs(published));
    measures.extend(sources(published));
    measures.extend(clusters(published));
    measures
}

fn engine(published: &Published, turned: Duration) -> Vec<Measure> {
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    let everything = published.pauses.iter().any(|(what, _)| what.is_none());
    vec![
        Measure::count(
            "jetkeeper_build_info",
            "1, with the version as a label",
            vec![(version, 1.0)],
        ),
        Measure::seconds(
            "jetkeeper_engine_turn_age",
            "How long ago the engine's loop turned; what feeds the watchdog. It turns at least once a minute",
            one(turned.as_secs_f64()),
        ),
        Measure::seconds(
            "jetkeeper_last_pass_timestamp",
            "When the latest pass was made",
            published.at.map(seconds).map_or(Vec::new(), one),
        ),
        Measure::count(
            "jetkeeper_settled",
            "Whether there is nothing left to do now: nothing planned, in flight or waiting",
            one(number(published.settled)),
        ),
        Measure::count(
            "jetkeeper_paused",
            "Whether everything is paused",
            one(number(everything)),
        ),
        Measure::seconds(
            "jetkeeper_pause_since_timestamp",
            "Since when something is paused, for each thing that is",
            pauses(published, |pause| Some(pause.since)),
        ),
        Measure::seconds(
            "jetkeeper_pause_until_timestamp",
            "When a pause ends by itself, for each that does",
            pauses(published, |pause| pause.until),
        ),
        Measure::count(
            "jetkeeper_steps_in_flight",
            "Steps that are being carried out",
            one(count(published.in_flight.len())),
        ),
    ]
}

/// A time of each pause, by what is paused: a person's words are no labels.
fn pauses(published: &Published, time: impl Fn(&Pause) -> Option<Timestamp>) -> Vec<(Labels, f64)> {
    let pauses = published.pauses.iter();
    let told = pauses.filter_map(|(what, pause)| {
        let what = what
            .as_ref()
            .map_or("everything".to_owned(), ToString::to_string);
        Some((vec![("what", what)], seconds(time(pause)?)))
    });
    told.collect()
}

fn resources(published: &Published) -> Vec<Measure> {
    let mut phases: BTreeMap<(&str, String), f64> = BTreeMap::new();
    let mut add = |kind, phase| *phases.entry((kind, phase)).or_default() += 1.0;
    for (_, job) in &published.jobs {
        add("JetJob", job.status.phase.to_string());
    }
    for snapshot in published.snapshots.values() {
        add("JetJobSnapshot", format!("{:?}", snapshot.status.state));
    }
    for cluster in published.hazelcasts.values() {
        add("Hazelcast", cluster.status.phase.clone());
    }
    let phases = phases.into_iter();
    let phases = phases
        .map(|((kind, phase), count)| (vec![("kind", kind.to_owned()), ("phase", phase)], count));
    let mut holds: BTreeMap<(String, String), f64> = BTreeMap::new();
    for hold in published.holds.iter() {
        let key = (format!("{:?}", hold.class), hold.reason.as_str());
        *holds.entry(key).or_default() += 1.0;
    }
    let holds = holds.into_iter();
    let holds =
        holds.map(|((class, reason), count)| (vec![("class", class), ("reason", reason)], count));
    vec![
        Measure::count(
            "jetkeeper_resources",
            "Resources by kind and phase",
            phases.collect(),
        ),
        Measure::count(
            "jetkeeper_holds",
            "What is held, by class and reason; docs/reasons.md tells what to do about each",
            holds.collect(),
        ),
    ]
}

fn jobs(published: &Published) -> Vec<Measure> {
    let mut drifted = 0.0;
    let mut unreconciled = 0.0;
    let mut snapshots = Vec::new();
    for (name, job) in &published.jobs {
        let status = &job.status;
        drifted += number(is(&status.conditions, ConditionType::Drifted));
        unreconciled += number(!is(&status.conditions, ConditionType::Reconciled));
        if let Some(last) = &status.last_snapshot {
            // Prometheus has a label `job` of its own.
            snapshots.push((vec![("jet_job", name.clone())], seconds(last.time)));
        }
    }
    vec![
        Measure::count(
            "jetkeeper_jobs_drifted",
            "Jobs that somebody changed by hand",
            one(drifted),
        ),
        Measure::count(
            "jetkeeper_jobs_unreconciled",
            "Jobs that don't do yet what their documents say",
            one(unreconciled),
        ),
        Measure::seconds(
            "jetkeeper_job_last_snapshot_timestamp",
            "When the newest exported snapshot of a job was taken, for each job that has one",
            snapshots,
        ),
    ]
}

fn sources(published: &Published) -> Vec<Measure> {
    let labels = |name: &crate::resources::SourceName| vec![("source", name.0.clone())];
    let sources = || published.sources.iter();
    let is_up = |source: &SourceReport| source.present && source.trouble.is_none();
    let up = sources().map(|(name, source)| (labels(name), number(is_up(source))));
    let present = sources().map(|(name, source)| (labels(name), number(source.present)));
    let errors = sources().map(|(name, source)| (labels(name), count(source.errors)));
    let seen = sources().filter_map(|(name, source)| {
        let seen = source.seen_at?;
        Some((labels(name), seconds(seen)))
    });
    let faults = published.faults.iter();
    let warnings = faults.filter(|fault| fault.severity == Severity::Warning);
    vec![
        Measure::count(
            "jetkeeper_source_up",
            "Whether a source could be read when it was tried last",
            up.collect(),
        ),
        Measure::count(
            "jetkeeper_source_in_force",
            "Whether anything of a source is in force; while it can't be read, what it showed last",
            present.collect(),
        ),
        Measure::count(
            "jetkeeper_source_errors",
            "Errors in the documents of a source",
            errors.collect(),
        ),
        Measure::seconds(
            "jetkeeper_source_revision_timestamp",
            "When the latest revision of a source was first seen",
            seen.collect(),
        ),
        Measure::count(
            "jetkeeper_warnings",
            "Warnings about documents of all sources",
            one(count(warnings.count())),
        ),
    ]
}

fn clusters(published: &Published) -> Vec<Measure> {
    let clusters = || published.hazelcasts.iter();
    let labels = |name: &String| vec![("cluster", name.clone())];
    let up = clusters().map(|(name, it)| (labels(name), number(it.status.phase == "Connected")));
    let members = clusters().map(|(name, it)| (labels(name), count(it.status.members)));
    vec![
        Measure::count(
            "jetkeeper_cluster_up",
            "Whether a cluster is connected",
            up.collect(),
        ),
        Measure::count(
            "jetkeeper_cluster_members",
            "Members of a cluster",
            members.collect(),
        ),
    ]
}

fn is(conditions: &[Condition], kind: ConditionType) -> bool {
    conditions
        .iter()
        .any(|it| it.kind == kind && it.status == ConditionStatus::True)
}

fn one(value: f64) -> Vec<(Labels, f64)> {
    vec![(Vec::new(), value)]
}

fn number(whether: bool) -> f64 {
    if whether { 1.0 } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 of a thing")]
fn count(things: usize) -> f64 {
    things as f64
}

fn seconds(time: Timestamp) -> f64 {
    time.as_duration().as_secs_f64()
}
