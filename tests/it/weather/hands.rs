//! People who do things by hand.

use jetkeeper::hazelcast::JobStatus;
use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;

#[test]
fn somebody_elses_job_of_the_name_is_left_alone_until_it_is_adopted() {
    let mut stage = Stage::shared();
    let name = stage.name("theirs");
    stage.person.submit(&name, "Stateless");
    let theirs = stage.person.only_job(&name);
    stage.declare(&name, "Stateless", &[]);
    stage.start();

    let command = format!("jetkeeper adopt {name}");
    let words = ["was not submitted by this keeper", "cancel it", &command];
    stage.until_held(&name, Reason::Conflict, &words);
    stage.reconcile();
    assert_eq!(stage.submits(&name), 0);
    assert_eq!(
        stage.person.only_job(&name).execution_id,
        theirs.execution_id
    );

    let adopted = stage.cli(&["adopt", &name]).code(0);
    assert!(adopted.stderr.contains(&name), "{adopted:?}");
    let job = stage.until_at_rest(&name, Phase::Running);
    assert_eq!(job.status.id, theirs.job_id);
    assert_eq!(
        stage.person.only_job(&name).execution_id,
        theirs.execution_id
    );

    // It is ours now.
    stage.declare(&name, "Stateless", &["state: Suspended"]);
    stage.until_at_rest(&name, Phase::Suspended);
    assert_eq!(stage.person.only_job(&name).status, JobStatus::Suspended);
    assert_eq!(stage.submits(&name), 0);
}

#[test]
fn a_conflict_passes_when_the_other_job_goes() {
    let mut stage = Stage::shared();
    let name = stage.name("theirs");
    stage.person.submit(&name, "Stateless");
    let theirs = stage.person.only_job(&name);
    stage.declare(&name, "Stateless", &[]);
    stage.start();
    stage.until_held(&name, Reason::Conflict, &[]);

    stage.person.cancel(theirs.job_id);
    let job = stage.until_at_rest(&name, Phase::Running);
    assert_ne!(job.status.id, theirs.job_id);
    assert_eq!(stage.person.jobs(&name).len(), 2);
    assert_eq!(stage.submits(&name), 1);
}

#[test]
fn a_name_of_another_owner_is_left_alone_until_it_is_adopted() {
    let (mut one, mut two) = (Stage::shared(), Stage::shared());
    let name = one.name("shared");
    one.declare(&name, "Stateless", &["state: Suspended"]);
    one.declare(&name, "Stateless", &["deletionPolicy: Orphan"]);
    one.start();
    one.until_at_rest(&name, Phase::Running);
    one.person.cancel(one.person.only_job(&name).job_id);
    one.until_held(&name, Reason::Drifted, &["by hand"]);
    one.terminate().code(0);

    two.declare(&name, "Stateless", &[]);
    two.start();
    let words = ["belongs to", "owner", "jetkeeper adopt"];
    two.until_held(&name, Reason::Conflict, &words);
    two.reconcile();
    assert_eq!(two.submits(&name), 0);

    two.cli(&["adopt", &name]).code(0);
    two.until_at_rest(&name, Phase::Running);
    assert_eq!(two.person.jobs(&name).len(), 2);

    // The first one comes back, and touches nothing.
    one.start();
    one.until_held(&name, Reason::Conflict, &[]);
    one.reconcile();
    assert_eq!(two.person.jobs(&name).len(), 2);
    assert_eq!(one.submits(&name), 1);
}

#[test]
fn a_suspend_by_hand_is_shown_and_left_under_warn() {
    let mut stage = Stage::shared();
    let name = stage.name("drifting");
    stage.declare(&name, "Stateless", &[]);
    stage.start();
    let job = stage.until_at_rest(&name, Phase::Running).status.id;

    stage.person.suspend(job);
    let words = [
        "SUSPENDED by hand",
        "RUNNING is declared",
        "driftPolicy: Correct",
    ];
    stage.until_held(&name, Reason::Drifted, &words);
    stage.reconcile();
    assert_eq!(stage.person.only_job(&name).status, JobStatus::Suspended);
    assert_eq!(stage.steps("resume job"), 0);

    // The person undoes it.
    stage.person.resume(job);
    stage.until_at_rest(&name, Phase::Running);

    // Another time somebody tells the keeper to undo it.
    stage.person.suspend(job);
    let hold = stage.until_held(&name, Reason::Drifted, &words);
    stage.confirm(&hold, &[]);
    stage.until_at_rest(&name, Phase::Running);
    assert_eq!(stage.person.only_job(&name).job_id, job);
    assert_eq!(stage.steps("resume job"), 1);
    assert_eq!(stage.count(&name, EventKind::Drifted), 2);
}

#[test]
fn a_cancel_by_hand_is_shown_and_left_under_warn() {
    let mut stage = Stage::shared();
    let name = stage.name("drifting");
    stage.declare(&name, "Stateless", &[]);
    stage.start();
    let job = stage.until_at_rest(&name, Phase::Running).status.id;

    stage.person.cancel(job);
    let words = ["cancelled by hand", "RUNNING is declared", "confirm"];
    let hold = stage.until_held(&name, Reason::Drifted, &words);
    stage.reconcile();
    stage.person.only_job(&name);
    assert_eq!(stage.submits(&name), 1);

    stage.confirm(&hold, &[]);
    stage.until_at_rest(&name, Phase::Running);
    assert_eq!(stage.person.jobs(&name).len(), 2);
    assert_eq!(stage.submits(&name), 2);
}

#[test]
fn a_suspend_by_hand_is_undone_under_correct() {
    let mut stage = Stage::shared();
    let name = stage.name("corrected");
    stage.declare(&name, "Stateless", &["driftPolicy: Correct"]);
    stage.start();
    let job = stage.until_at_rest(&name, Phase::Running).status.id;
    let before = stage.person.only_job(&name).execution_id;

    stage.person.suspend(job);
    stage.until("the job is resumed", || {
        let job = stage.person.only_job(&name);
        job.status == JobStatus::Running && job.execution_id != before
    });
    stage.until_at_rest(&name, Phase::Running);
    assert_eq!(stage.person.only_job(&name).job_id, job);
    assert_eq!(stage.count(&name, EventKind::Drifted), 1);
    assert_eq!(stage.submits(&name), 1);
}
