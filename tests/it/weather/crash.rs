//! The daemon dies.

use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;
use crate::support::member::Member;

#[test]
fn killed_while_a_main_runs_it_finds_the_job_and_submits_none() {
    let member = Member::options().start();
    let mut stage = Stage::on(&member);
    let name = stage.name("slow");
    stage.declare_slow(&name, &[]);
    stage.start();
    stage.until_main_begins(&member, &name);
    stage.kill();
    assert!(stage.person.jobs(&name).is_empty(), "main still waits");

    stage.start();
    stage.until_held(&name, Reason::OutcomeUnknown, &["jetkeeper stopped"]);
    assert!(
        stage
            .log()
            .contains("was in flight when the last run ended")
    );
    member.let_main_go(&name);
    let job = stage.until_at_rest(&name, Phase::Running);
    stage.reconcile();
    assert_eq!(stage.person.only_job(&name).job_id, job.status.id);
    assert_eq!(stage.submits(&name), 1);
    assert_eq!(stage.count(&name, EventKind::Submitted), 1);
}

#[test]
fn killed_at_rest_it_does_nothing_when_it_is_back() {
    let mut stage = Stage::shared();
    let name = stage.name("orders");
    stage.declare(&name, "Stateless", &[]);
    stage.start();
    stage.until_at_rest(&name, Phase::Running);
    let before = stage.person.only_job(&name);
    stage.kill();

    stage.start();
    stage.until_at_rest(&name, Phase::Running);
    stage.reconcile();
    assert_eq!(stage.person.only_job(&name), before);
    assert_eq!((stage.steps("claim"), stage.steps("submit job")), (1, 1));
    let others = [
        "suspend", "resume", "restart", "cancel", "change", "renew", "give up",
    ];
    assert!(
        others.iter().all(|verb| stage.steps(verb) == 0),
        "{}",
        stage.log()
    );
}
