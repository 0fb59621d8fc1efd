//! Jobs that fail, and jobs that end.

use jetkeeper::hazelcast::JobStatus;
use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;

const LIKING: &str = "is not to this job's liking";

#[test]
fn a_job_that_fails_is_started_again_as_often_as_it_may() {
    let mut stage = Stage::shared();
    let name = stage.name("failing");
    let policy = "restartPolicy: {type: OnFailure, maxRestarts: 2, backoff: 1s}";
    stage.declare(
        &name,
        "Failing",
        &[policy, "onStateLoss: {mode: StartFresh}"],
    );
    stage.start();

    let words = [LIKING, "restarted 2 times in a row", "confirm"];
    stage.until_held(&name, Reason::JobFailed, &words);
    assert_eq!(
        stage
            .until_phase(&name, Phase::ExecutionFailed)
            .status
            .holds
            .len(),
        1
    );
    stage.reconcile();
    let jobs = stage.person.jobs(&name);
    assert_eq!(jobs.len(), 3, "{jobs:?}");
    assert!(
        jobs.iter().all(|job| job.status == JobStatus::Failed),
        "{jobs:?}"
    );
    assert_eq!(stage.submits(&name), 3);
}

#[test]
fn a_job_that_fails_stays_failed_where_nothing_else_is_said() {
    let mut stage = Stage::shared();
    let name = stage.name("failing");
    stage.declare(&name, "Failing", &[]);
    stage.start();

    let words = [LIKING, "restartPolicy.type: OnFailure", "confirm"];
    stage.until_held(&name, Reason::JobFailed, &words);
    assert!(stage.described(&name).contains(LIKING));
    stage.reconcile();
    stage.person.only_job(&name);
    assert_eq!(stage.submits(&name), 1);
    assert_eq!(
        stage.count(&name, EventKind::Drifted),
        0,
        "a failure is no drift"
    );
}

#[test]
fn a_job_that_a_failure_suspended_is_resumed_and_keeps_its_state() {
    let mut stage = Stage::shared();
    let name = stage.name("failing");
    let policy = "restartPolicy: {type: OnFailure, maxRestarts: 1, backoff: 1s}";
    let parameters = "parameters: [\"0\", \"true\"]";
    stage.declare(&name, "Failing", &[parameters, policy]);
    stage.start();

    stage.until_held(&name, Reason::JobFailed, &["restarted 1 times in a row"]);
    stage.reconcile();
    let job = stage.person.only_job(&name);
    assert_eq!(job.status, JobStatus::Suspended);
    assert_eq!(stage.submits(&name), 1);
    assert_eq!(stage.steps(&format!("resume job {name}")), 1);
}

#[test]
fn a_batch_that_completed_is_not_run_again() {
    let mut stage = Stage::shared();
    let name = stage.name("batch");
    stage.declare(&name, "Batch", &[]);
    stage.start();
    stage.until_at_rest(&name, Phase::Completed);
    stage.reconcile();
    stage.terminate().code(0);

    stage.start();
    stage.until_at_rest(&name, Phase::Completed);
    stage.reconcile();
    assert_eq!(stage.person.only_job(&name).status, JobStatus::Completed);

    stage.declare(&name, "Batch", &["restartNonce: again"]);
    stage.until("it runs once more", || stage.person.jobs(&name).len() == 2);
    stage.until_at_rest(&name, Phase::Completed);
    stage.reconcile();
    assert_eq!(stage.person.jobs(&name).len(), 2);
    assert_eq!(stage.submits(&name), 2);
}
