//! Upgrades, ends and new beginnings of a job whose counts must go on.

use jetkeeper::hazelcast::JobStatus;
use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::counting::{Counting, jar};

#[test]
fn an_upgrade_keeps_every_count() {
    let counting = Counting::start("upgraded", &[]);
    let first = counting.stage.until_at_rest(&counting.name, Phase::Running);
    let before = counting.counts();

    counting
        .stage
        .write("jars/counter.jar", jar("counter-v2.jar"));

    counting
        .stage
        .until_event(&counting.name, EventKind::UpgradeStable);
    let second = counting.stage.until_at_rest(&counting.name, Phase::Running);
    assert_ne!(first.status.id, second.status.id);
    counting.is_continuous();
    // Version 2 counts by a thousand, on top of what version 1 had counted.
    let highest = counting.counts().highest();
    assert!(
        highest > 1000 && highest % 1000 >= before.highest() % 1000,
        "{highest}"
    );
    assert_eq!(counting.stage.steps("suspend job"), 1);
    assert_eq!(counting.stage.steps("export snapshot"), 1);
    assert_eq!(counting.stage.submits(&counting.name), 2);
}

#[test]
fn a_version_that_fails_is_rolled_back_and_not_tried_again() {
    let counting = Counting::start("rolled-back", &[]);
    let spec = [
        "jarName: pipelines.jar",
        "mainClass: jetkeeper.pipelines.Failing",
    ];
    counting.stage.declare_as(&counting.name, &spec);

    counting
        .stage
        .until_event(&counting.name, EventKind::RolledBack);
    let words = ["rolled back", "not tried again"];
    counting
        .stage
        .until_held(&counting.name, Reason::RolledBack, &words);
    counting.is_continuous();
    let jobs = counting.stage.person.jobs(&counting.name);
    let active = jobs.iter().filter(|job| !job.status.is_terminal()).count();
    assert_eq!((active, jobs.len()), (1, 3), "{jobs:?}");
    counting.stage.reconcile();
    assert_eq!(counting.stage.submits(&counting.name), 3);

    // The document goes back to the version that runs: nothing is held, nothing is done.
    counting.declare(&[]);
    counting.stage.until_at_rest(&counting.name, Phase::Running);
    assert_eq!(counting.stage.submits(&counting.name), 3);
}

#[test]
fn cancelled_with_its_state_it_goes_on_when_it_is_wanted_again() {
    let counting = Counting::start("back-again", &[]);
    counting.declare(&["state: Canceled"]);
    counting
        .stage
        .until_at_rest(&counting.name, Phase::Canceled);
    assert_eq!(counting.stage.steps("export snapshot"), 1);
    let job = counting.stage.person.only_job(&counting.name);
    assert!(job.user_cancelled, "{job:?}");

    counting.declare(&[]);
    counting.stage.until_at_rest(&counting.name, Phase::Running);
    counting.is_continuous();
}

#[test]
fn deleted_with_its_state_it_leaves_a_snapshot_to_start_from() {
    let counting = Counting::start("deleted", &[]);
    counting.stage.write("other.yaml", other_job(&counting));
    counting.stage.remove(&format!("{}.yaml", counting.name));
    counting.stage.until("its record is dropped", || {
        counting.stage.job(&counting.name).is_none()
    });
    let job = counting.stage.person.only_job(&counting.name);
    assert_eq!(job.status, JobStatus::Failed);

    let snapshot = counting.stage.person.snapshot_of(job.job_id);
    counting.declare(&[&format!("initialSnapshotName: {snapshot}")]);
    counting.stage.until_at_rest(&counting.name, Phase::Running);
    counting.is_continuous();
}

/// A document that keeps the source from being empty.
fn other_job(counting: &Counting) -> String {
    let name = counting.stage.name("bystander");
    format!(
        "apiVersion: hazelcast.com/v1alpha1\nkind: JetJob\nmetadata:\n  name: {name}\nspec:\n  \
         hazelcastResourceName: hazelcast\n  state: Suspended\n  jarName: counter.jar\n"
    )
}
