//! The state is lost.

use std::fs;

use jetkeeper::hazelcast::JobStatus;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::record::SnapshotState;
use jetkeeper::plan::status::Phase;

use super::counting::Counting;
use super::stage::Stage;
use crate::support::program::Program;

#[test]
fn without_state_it_refuses_and_a_rebuild_finds_the_jobs_again() {
    let mut stage = Stage::shared();
    let (kept, never) = (stage.name("kept"), stage.name("never"));
    let parameters = format!("parameters: [{kept}]");
    stage.declare(&kept, "Counter", &[&parameters]);
    stage.start();
    stage.until_at_rest(&kept, Phase::Running);
    let before = stage.person.only_job(&kept);
    stage.terminate().code(0);
    fs::remove_dir_all(stage.state()).unwrap();
    stage.declare(&never, "Stateless", &[]);

    // Twice: the first refusal must not leave state that the second takes for its own.
    for _ in 0..2 {
        let refused = stage.run_to_its_end().code(1);
        for words in [
            "holds jobs of owner",
            "Nothing was done",
            "jetkeeper state rebuild",
        ] {
            assert!(refused.stderr.contains(words), "{refused:?}");
        }
        assert!(!refused.stderr.contains("step started"), "{refused:?}");
    }
    assert_eq!(stage.person.only_job(&kept), before);

    let rebuilt = Program::run(stage.keeping(&["state", "rebuild"], &[])).code(0);
    assert!(
        rebuilt
            .stdout
            .contains(&format!("JetJob/{kept}: found as job")),
        "{rebuilt:?}"
    );
    assert!(
        rebuilt
            .stdout
            .contains(&format!("JetJob/{never}: no job of it")),
        "{rebuilt:?}"
    );
    assert_eq!(
        stage.person.only_job(&kept),
        before,
        "a rebuild touches nothing"
    );
    assert!(stage.person.jobs(&never).is_empty());

    stage.start();
    let found = stage.until_at_rest(&kept, Phase::Running);
    assert_eq!(found.status.id, before.job_id);
    let hold = stage.until_held(
        &never,
        Reason::Rebuilt,
        &["confirm that it may be submitted"],
    );
    stage.reconcile();
    assert_eq!(stage.person.only_job(&kept), before);
    assert!(stage.person.jobs(&never).is_empty());
    assert_eq!(stage.submits(&kept), 1, "before the state was lost");

    stage.confirm(&hold, &[]);
    stage.until_at_rest(&never, Phase::Running);
    assert_eq!(stage.person.only_job(&never).status, JobStatus::Running);
    assert_eq!(stage.steps("cancel job"), 0);
}

#[test]
fn a_snapshot_that_ended_its_job_long_ago_does_not_end_it_again() {
    let mut counting = Counting::start("ended-once", &[]);
    let job = counting.name.clone();
    let (there, gone) = (counting.stage.name("there"), counting.stage.name("gone"));
    for (snapshot, nonce) in [(&there, "one"), (&gone, "two")] {
        let stage = &counting.stage;
        stage.declare_snapshot(snapshot, &job, &["cancelJob: true"]);
        stage.until_snapshot(snapshot, SnapshotState::Exported);
        stage.until_phase(&job, Phase::Canceled);
        let initial = format!("initialSnapshotResourceName: {snapshot}");
        counting.declare(&[&initial, &format!("redeployNonce: {nonce}")]);
        counting.stage.until_at_rest(&job, Phase::Running);
    }
    let stage = &mut counting.stage;
    let running = stage.person.only_active(&job);
    stage.person.destroy_snapshot(&gone);
    stage.terminate().code(0);
    fs::remove_dir_all(stage.state()).unwrap();

    // What a plan says where nothing is recorded.
    let planned = Program::run(stage.keeping(&["plan"], &[])).code(0);
    assert!(planned.stdout.contains("Rebuilt"), "{planned:?}");
    for step in ["suspend", "cancel", "export"] {
        assert!(
            !planned.stdout.contains(&format!(": {step} ")),
            "{planned:?}"
        );
    }

    let rebuilt = Program::run(stage.keeping(&["state", "rebuild"], &[])).code(0);
    for words in [
        format!("JetJobSnapshot/{there}: found, of job"),
        format!("JetJobSnapshot/{gone}: no snapshot of it; held"),
    ] {
        assert!(rebuilt.stdout.contains(&words), "{rebuilt:?}");
    }
    let stopped = |stage: &Stage| stage.all_steps("suspend") + stage.all_steps("cancel");
    let before = stopped(stage);
    stage.start();
    stage.until_at_rest(&job, Phase::Running);
    stage.until_snapshot(&there, SnapshotState::Exported);
    stage.until_snapshot_held(&gone, Reason::Rebuilt, &["confirm", "end the job"]);
    stage.reconcile();
    assert_eq!(stage.person.only_active(&job).job_id, running.job_id);
    assert_eq!(stopped(stage), before, "nothing was done");
    counting.is_continuous();
}

#[test]
fn a_job_that_was_stopped_goes_on_from_its_last_snapshot_after_a_rebuild() {
    let mut counting = Counting::start("stopped", &[]);
    let job = counting.name.clone();
    counting.declare(&["state: Canceled"]);
    let stage = &mut counting.stage;
    stage.until_phase(&job, Phase::Canceled);
    stage.terminate().code(0);
    fs::remove_dir_all(stage.state()).unwrap();

    let rebuilt = Program::run(stage.keeping(&["state", "rebuild"], &[])).code(0);
    let words = format!("its state of before is in snapshot {job}.cancel-");
    assert!(rebuilt.stdout.contains(&words), "{rebuilt:?}");
    counting.stage.start();
    counting.declare(&["state: Running"]);
    counting.stage.until_at_rest(&job, Phase::Running);
    counting.is_continuous();
}

#[test]
fn damaged_state_is_refused_and_a_rebuild_keeps_it_beside() {
    let mut stage = Stage::shared();
    let name = stage.name("kept");
    stage.declare(&name, "Stateless", &[]);
    stage.start();
    stage.until_at_rest(&name, Phase::Running);
    let before = stage.person.only_job(&name);
    stage.terminate().code(0);
    let store = stage.store_file();
    let length = fs::metadata(&store).unwrap().len();
    fs::write(&store, vec![0x5a; usize::try_from(length).unwrap()]).unwrap();

    let refused = stage.run_to_its_end().code(1);
    assert!(
        refused.stderr.contains("jetkeeper state rebuild"),
        "{refused:?}"
    );
    assert_eq!(stage.person.only_job(&name), before);

    let rebuilt = Program::run(stage.keeping(&["state", "rebuild"], &[])).code(0);
    assert!(rebuilt.stdout.contains("found as job"), "{rebuilt:?}");
    stage.start();
    stage.until_at_rest(&name, Phase::Running);
    stage.reconcile();
    assert_eq!(stage.person.only_job(&name), before);
    assert_eq!(stage.submits(&name), 1, "before the state was damaged");
}
