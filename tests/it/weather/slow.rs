//! A `main` that takes its time. It keeps a thread of its member, so each test has a member of its own.

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;
use crate::support::member::Member;

#[test]
fn a_main_slower_than_its_limit_is_found_later_and_not_run_again() {
    let member = Member::options().start();
    let mut stage = Stage::on(&member);
    let name = stage.name("slow");
    stage.declare_slow(&name, &["timeouts: {submit: 10s}"]);
    stage.start();

    let words = [
        "the upload had no answer",
        "main may still be running",
        "confirm only if",
    ];
    stage.until_held(&name, Reason::OutcomeUnknown, &words);
    stage.until_main_begins(&member, &name);
    stage.reconcile();
    assert!(stage.person.jobs(&name).is_empty());
    assert_eq!(stage.submits(&name), 1);

    member.let_main_go(&name);
    let job = stage.until_at_rest(&name, Phase::Running);
    assert_eq!(stage.person.only_job(&name).job_id, job.status.id);
    assert_eq!(stage.submits(&name), 1);
}

#[test]
fn a_main_that_never_returns_has_made_its_job() {
    let member = Member::options().start();
    let mut stage = Stage::on(&member);
    let name = stage.name("endless");
    stage.declare(&name, "NeverEnds", &["timeouts: {submit: 10s}"]);
    stage.start();

    let job = stage.until_at_rest(&name, Phase::Running);
    stage.reconcile();
    assert_eq!(stage.person.only_job(&name).job_id, job.status.id);
    assert_eq!(stage.submits(&name), 1);

    stage.declare(
        &name,
        "NeverEnds",
        &["timeouts: {submit: 10s}", "state: Suspended"],
    );
    stage.until_at_rest(&name, Phase::Suspended);
    stage.person.only_job(&name);
}

#[test]
fn one_slow_main_holds_up_no_other_job() {
    let member = Member::options().start();
    let mut stage = Stage::on(&member);
    let (slow, quick) = (stage.name("slow"), stage.name("quick"));
    stage.declare_slow(&slow, &[]);
    stage.start();
    stage.until_main_begins(&member, &slow);
    stage.declare(&quick, "Stateless", &[]);
    stage.until_at_rest(&quick, Phase::Running);
    stage.until_held(&slow, Reason::StepInFlight, &["submit job"]);
    assert!(stage.person.jobs(&slow).is_empty(), "main still waits");
}
