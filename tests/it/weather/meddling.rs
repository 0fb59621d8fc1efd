//! People who act on a job, or on a snapshot, while jetkeeper does.

use jetkeeper::hazelcast::JobStatus;
use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::record::SnapshotState;
use jetkeeper::plan::status::Phase;
use rustix::process::Signal;

use super::counting::{Counting, jar};
use crate::snapshots::counts::Counts;

impl Counting {
    /// Has a person do something to the job while the daemon is about to take this step.
    fn meddle_at(&self, step: &str, deed: impl FnOnce(i64)) {
        let job = self.stage.person.only_job(&self.name).job_id;
        self.stage.until_step_after(0, step);
        self.stage.signal(Signal::STOP);
        deed(job);
        self.stage.signal(Signal::CONT);
    }
}

#[test]
fn a_job_resumed_before_its_cancel_is_not_cancelled_with_an_old_snapshot() {
    for step in ["export snapshot", "cancel job"] {
        let counting = Counting::start("resumed-in-between", &[]);
        let stage = &counting.stage;
        stage.write("jars/counter.jar", jar("counter-v2.jar"));
        counting.meddle_at(step, |job| {
            if stage.person.try_resume(job) {
                stage.until("it counts meanwhile", || {
                    let jobs = stage.person.jobs(&counting.name);
                    jobs.iter().any(|job| job.status == JobStatus::Running)
                });
                counting.goes_on_by(40);
            }
        });
        stage.until_event(&counting.name, EventKind::UpgradeStable);
        stage.until_at_rest(&counting.name, Phase::Running);
        stage.person.only_active(&counting.name);
        counting.is_continuous();
    }
}

#[test]
fn a_job_cancelled_by_a_person_is_not_started_without_its_state() {
    let counting = Counting::start("cancelled-in-between", &[]);
    let stage = &counting.stage;
    stage.write("jars/counter.jar", jar("counter-v2.jar"));
    counting.meddle_at("export snapshot", |job| stage.person.cancel(job));
    // Either it was exported before and goes on from that, or its state is gone and a person is asked.
    let active = || {
        let jobs = stage.person.jobs(&counting.name);
        jobs.iter().any(|job| !job.status.is_terminal())
    };
    stage.until_job(&counting.name, "goes on, or its state is missed", |job| {
        let mut holds = job.status.holds.iter();
        active() || holds.any(|hold| hold.reason == Reason::StateLost)
    });
    stage.reconcile();
    if active() {
        counting.is_continuous();
    } else {
        assert_eq!(stage.submits(&counting.name), 1);
        counting.counts().assert_continuous();
    }
}

#[test]
fn a_job_suspended_while_its_snapshot_is_waited_for_is_exported_as_it_is() {
    let counting = Counting::start("suspended-in-between", &[]);
    let stage = &counting.stage;
    let snapshot = stage.name("snap");
    stage.declare_snapshot(&snapshot, &counting.name, &[]);
    counting.meddle_at("export snapshot", |job| stage.person.suspend(job));
    stage.until_snapshot(&snapshot, SnapshotState::Exported);
    stage.cli(&["snapshot", "verify", &snapshot]).code(0);
    let job = stage.person.only_job(&counting.name);
    assert_eq!(
        job.status,
        JobStatus::Suspended,
        "it is left as the person wants it"
    );
}

#[test]
fn what_vanished_is_not_exported_again_under_its_name() {
    let mut counting = Counting::start("vanished", &[]);
    let stage = &mut counting.stage;
    let snapshot = stage.name("snap");
    stage.declare_snapshot(&snapshot, &counting.name, &[]);
    stage.until_snapshot(&snapshot, SnapshotState::Exported);
    stage.person.destroy_snapshot(&snapshot);

    // Looked at once a minute, and at a start.
    stage.kill();
    stage.start();
    let words = ["not exported again"];
    stage.until_snapshot_held(&snapshot, Reason::SnapshotMissing, &words);
    let conditions = stage.snapshot(&snapshot).unwrap().status.conditions.clone();
    let available = serde_json::to_value(&conditions).unwrap();
    let available = available
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["type"] == "Available");
    assert_eq!(available.unwrap()["status"], "False", "{conditions:?}");
    stage.reconcile();
    assert_eq!(stage.steps_of_snapshots("export snapshot"), 1);
    assert_eq!(stage.person.snapshot_entries(&snapshot), 0);
}

#[test]
fn a_snapshot_that_a_job_needs_is_not_deleted_before() {
    let counting = Counting::start("needed", &[]);
    let stage = &counting.stage;
    let snapshot = stage.name("last");
    let spec = ["cancelJob: true", "deletionPolicy: Delete"];
    stage.declare_snapshot(&snapshot, &counting.name, &spec);
    stage.until_snapshot(&snapshot, SnapshotState::Exported);
    stage.until_phase(&counting.name, Phase::Canceled);

    // Without a guarantee it will never make a snapshot of its own.
    let restored = stage.name("restored");
    let file = counting.file.with_extension("restored");
    let parameters = format!("parameters: [counts, \"4\", NONE, {file:?}]");
    let initial = format!("initialSnapshotResourceName: {snapshot}");
    stage.declare_as(&restored, &["jarName: counter.jar", &parameters, &initial]);
    stage.until_at_rest(&restored, Phase::Running);
    stage.until("it counts on", || Counts::read(&file).lines() > 20);
    assert!(Counts::read(&file).lowest() > 10, "it began anew");

    // It is not the last one that the source declares.
    stage.declare_snapshot(&stage.name("other"), "nobody", &[]);
    stage.remove(&format!("{snapshot}.yaml"));
    // The job that it ended goes on from it, should it run again; so does the other one.
    let ended = &*counting.name;
    stage.until_snapshot_held(&snapshot, Reason::SnapshotUnderWay, &[ended]);
    stage.remove(&format!("{ended}.yaml"));
    stage.until_snapshot_held(&snapshot, Reason::SnapshotUnderWay, &[&restored]);
    stage.reconcile();
    assert!(stage.person.lists_snapshot(&snapshot));

    let canceled = [
        "jarName: counter.jar",
        &*parameters,
        &*initial,
        "state: Canceled",
    ];
    stage.declare_as(&restored, &canceled);
    stage.until_phase(&restored, Phase::Canceled);
    stage.until("it is deleted", || stage.snapshot(&snapshot).is_none());
    assert!(!stage.person.lists_snapshot(&snapshot));
    assert_eq!(stage.person.snapshot_entries(&snapshot), 0);
}
