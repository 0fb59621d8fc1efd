//! A `main` that takes its time.

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;
use crate::support::member::Member;

#[test]
fn a_main_slower_than_its_limit_is_found_later_and_not_run_again() {
    let mut stage = Stage::shared();
    let name = stage.name("slow");
    let parameters = format!("parameters: [\"4000\", {name}]");
    stage.declare(&name, "SlowMain", &[&parameters, "timeouts: {submit: 1s}"]);
    stage.start();

    let words = [
        "the upload had no answer",
        "main may still be running",
        "confirm only if",
    ];
    stage.until_held(&name, Reason::OutcomeUnknown, &words);
    assert!(stage.person.jobs(&name).is_empty());
    stage.reconcile();
    assert_eq!(stage.submits(&name), 1);

    let job = stage.until_at_rest(&name, Phase::Running);
    assert_eq!(stage.person.only_job(&name).job_id, job.status.id);
    assert_eq!(stage.submits(&name), 1);
}

#[test]
fn a_main_that_never_returns_has_made_its_job() {
    let mut stage = Stage::shared();
    let name = stage.name("endless");
    stage.declare(&name, "NeverEnds", &["timeouts: {submit: 2s}"]);
    stage.start();

    let job = stage.until_at_rest(&name, Phase::Running);
    stage.reconcile();
    assert_eq!(stage.person.only_job(&name).job_id, job.status.id);
    assert_eq!(stage.submits(&name), 1);

    stage.declare(
        &name,
        "NeverEnds",
        &["timeouts: {submit: 2s}", "state: Suspended"],
    );
    stage.until_at_rest(&name, Phase::Suspended);
    stage.person.only_job(&name);
}

#[test]
fn one_slow_main_holds_up_no_other_job() {
    let mut stage = Stage::shared();
    let (slow, quick) = (stage.name("slow"), stage.name("quick"));
    stage.declare(
        &slow,
        "SlowMain",
        &[&format!("parameters: [\"60000\", {slow}]")],
    );
    stage.start();
    stage.until_main_sleeps(Member::shared(), &slow);
    stage.declare(&quick, "Stateless", &[]);
    stage.until_at_rest(&quick, Phase::Running);
    stage.until_held(&slow, Reason::StepInFlight, &["submit job"]);
    assert!(stage.person.jobs(&slow).is_empty(), "main still sleeps");
}
