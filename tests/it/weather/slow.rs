//! A `main` that takes its time.

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;

#[test]
fn a_main_slower_than_its_limit_is_found_later_and_not_run_again() {
    let mut stage = Stage::shared();
    let name = stage.name("slow");
    let spec = ["parameters: [\"4000\"]", "timeouts: {submit: 1s}"];
    stage.declare(&name, "SlowMain", &spec);
    stage.start();

    let words = [
        "the upload had no answer",
        "main may still be running",
        "no job will come",
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
    stage.declare(&slow, "SlowMain", &["parameters: [\"10000\"]"]);
    stage.start();
    stage.until_held(&slow, Reason::StepInFlight, &["submit job"]);
    stage.declare(&quick, "Stateless", &[]);
    stage.until_at_rest(&quick, Phase::Running);
    assert!(stage.person.jobs(&slow).is_empty(), "main still sleeps");
}
