//! SIGKILL at every step that an upgrade, a rollback, an end with state and an export take: one run
//! each, in which the daemon dies again and again. Whether the step's effect happened before it died is
//! left to chance; what holds afterwards is not.

use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::record::SnapshotState;
use jetkeeper::plan::status::Phase;

use super::counting::{Counting, jar};

impl Counting {
    /// Kills the daemon as soon as it begins each of these steps, one after the other, and starts it
    /// again.
    fn die_at(&mut self, steps: &[&str]) {
        for step in steps {
            let jobs = self.jobs_submitted();
            let before = if *step == "submit job" { jobs } else { 0 };
            self.stage.until_step_after(before, step);
            self.stage.kill();
            self.stage.start();
            if *step == "submit job" {
                self.release_upload(jobs);
            }
        }
    }

    /// How many jobs of the name there were.
    fn jobs_submitted(&self) -> usize {
        self.stage.person.jobs(&self.name).len()
    }

    /// An upload that broke off is held until its job is found. Where it never left, a person says so.
    fn release_upload(&self, jobs_before: usize) {
        let (stage, name) = (&self.stage, &self.name);
        stage.until("the upload is found, or held and released", || {
            if self.jobs_submitted() > jobs_before {
                return true;
            }
            let holds = stage.job(name).map(|job| job.status.holds.clone());
            let unknown = holds.into_iter().flatten().find(|hold| {
                hold.reason == Reason::OutcomeUnknown && hold.message.contains("confirm only")
            });
            if let Some(hold) = &unknown {
                stage.confirm(hold, &[]);
            }
            unknown.is_some()
        });
    }

    /// One job runs under the name, none is left suspended, and no count was lost.
    fn is_well(&self) {
        self.stage.until_at_rest(&self.name, Phase::Running);
        self.stage.person.only_active(&self.name);
        self.is_continuous();
    }
}

#[test]
fn killed_at_each_step_of_an_upgrade() {
    let mut counting = Counting::start("killed-upgrading", &[]);
    counting
        .stage
        .write("jars/counter.jar", jar("counter-v2.jar"));
    counting.die_at(&["suspend job", "export snapshot", "cancel job", "submit job"]);
    counting
        .stage
        .until_event(&counting.name, EventKind::UpgradeStable);
    counting.is_well();
    assert!(counting.counts().highest() > 1000);
    assert_eq!(counting.jobs_submitted(), 2);
}

#[test]
fn killed_at_each_step_of_a_rollback() {
    let mut counting = Counting::start("killed-rolling-back", &[]);
    let spec = [
        "jarName: pipelines.jar",
        "mainClass: jetkeeper.pipelines.Failing",
    ];
    counting.stage.declare_as(&counting.name, &spec);
    counting.die_at(&["export snapshot", "cancel job", "submit job"]);
    counting.stage.until("the new version has failed", || {
        counting.jobs_submitted() >= 2
    });
    counting.die_at(&["submit job"]);
    counting
        .stage
        .until_event(&counting.name, EventKind::RolledBack);
    counting
        .stage
        .until_held(&counting.name, Reason::RolledBack, &["not tried again"]);
    counting.stage.person.only_active(&counting.name);
    counting.is_continuous();
    assert_eq!(counting.jobs_submitted(), 3);
}

#[test]
fn killed_at_each_step_of_an_end_with_its_state() {
    let mut counting = Counting::start("killed-ending", &[]);
    counting.declare(&["state: Canceled"]);
    counting.die_at(&["suspend job", "export snapshot", "cancel job"]);
    counting
        .stage
        .until_at_rest(&counting.name, Phase::Canceled);
    let job = counting.stage.person.only_job(&counting.name);
    assert!(job.status.is_terminal(), "{job:?}");
    let snapshot = counting.stage.person.snapshot_of(job.job_id);
    counting
        .stage
        .cli(&["snapshot", "verify", &snapshot])
        .code(0);

    counting.declare(&[]);
    counting.is_well();
}

#[test]
fn killed_again_and_again_it_exports_once() {
    let mut counting = Counting::start("killed-exporting", &[]);
    let snapshot = counting.stage.name("snap");
    counting
        .stage
        .declare_snapshot(&snapshot, &counting.name, &[]);
    for tries in 0..3 {
        counting.stage.until_step_after(tries, "export snapshot");
        counting.stage.kill();
        counting.stage.start();
        let state = counting.stage.snapshot(&snapshot).map(|it| it.status.state);
        if state == Some(SnapshotState::Exported) {
            break;
        }
    }
    counting
        .stage
        .until_snapshot(&snapshot, SnapshotState::Exported);
    assert_eq!(
        counting.stage.count(&snapshot, EventKind::SnapshotExported),
        1
    );
    counting
        .stage
        .cli(&["snapshot", "verify", &snapshot])
        .code(0);
    counting.is_well();
    assert_eq!(counting.jobs_submitted(), 1);
}
