//! The daemon is stopped, and two of them want one state.

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;
use rustix::process::Signal;

use super::stage::Stage;
use crate::support::member::Member;
use crate::support::program::Program;

fn until_stopping(stage: &Stage) {
    stage.until("the daemon is stopping", || {
        stage.log().contains("stopping; steps in flight get 30 s")
    });
}

/// The next run finds the job that was submitted, and submits no other.
fn assert_found(stage: &Stage, name: &str, job: i64) {
    let found = stage.until_at_rest(name, Phase::Running);
    assert_eq!(found.status.id, job);
    stage.reconcile();
    stage.person.only_job(name);
    assert_eq!(stage.submits(name), 1);
}

#[test]
fn a_step_in_flight_may_end_before_the_daemon_does() {
    let member = Member::options().start();
    let mut stage = Stage::on(&member);
    let name = stage.name("slow");
    stage.declare_slow(&name, &[]);
    stage.start();
    stage.until_main_begins(&member, &name);
    stage.signal(Signal::TERM);
    until_stopping(&stage);
    member.let_main_go(&name);
    let stopped = stage.ended().code(0);
    assert!(stopped.stderr.contains("nothing was left"), "{stopped:?}");
    let job = stage.person.only_job(&name).job_id;

    stage.start();
    assert_found(&stage, &name, job);
}

#[test]
fn what_did_not_end_in_time_is_said_and_found_by_the_next_run() {
    let member = Member::options().start();
    let mut stage = Stage::on(&member);
    let name = stage.name("endless");
    stage.declare(&name, "NeverEnds", &[]);
    stage.start();
    stage.until_phase(&name, Phase::Running);
    let stopped = stage.terminate().code(0);
    let words = ["looked for by the next run", &name, "submit job"];
    for words in words {
        assert!(stopped.stderr.contains(words), "{stopped:?}");
    }
    let job = stage.person.only_job(&name).job_id;

    stage.start();
    assert_found(&stage, &name, job);
}

#[test]
fn a_second_ctrl_c_breaks_off_and_the_journal_stays_true() {
    let member = Member::options().start();
    let mut stage = Stage::on(&member);
    let name = stage.name("slow");
    stage.declare_slow(&name, &[]);
    stage.start();
    stage.until_main_begins(&member, &name);
    stage.signal(Signal::INT);
    until_stopping(&stage);
    stage.signal(Signal::INT);
    let broken = stage.ended().code(1);
    assert!(
        broken.stderr.contains("broken off by a second signal"),
        "{broken:?}"
    );
    assert!(
        broken.stderr.contains("the next run finds out"),
        "{broken:?}"
    );

    stage.start();
    stage.until_held(&name, Reason::OutcomeUnknown, &["jetkeeper stopped"]);
    assert!(stage.person.jobs(&name).is_empty(), "main still waits");
    member.let_main_go(&name);
    stage.until_at_rest(&name, Phase::Running);
    stage.reconcile();
    stage.person.only_job(&name);
    assert_eq!(stage.submits(&name), 1);
}

#[test]
fn one_state_has_one_daemon() {
    let mut stage = Stage::shared();
    let name = stage.name("orders");
    stage.declare(&name, "Stateless", &[]);
    stage.start();
    stage.until_at_rest(&name, Phase::Running);

    let state = stage.state().display().to_string();
    let second = stage.run_to_its_end().code(1);
    assert!(second.stderr.contains(&state), "{second:?}");
    assert!(second.stderr.contains("in use by process"), "{second:?}");
    for command in [&["apply"][..], &["state", "rebuild"]] {
        let refused = Program::run(stage.keeping(command, &[])).code(1);
        assert!(refused.stderr.contains("reconcile --wait"), "{refused:?}");
    }
    stage.reconcile();
    stage.until_at_rest(&name, Phase::Running);
    stage.person.only_job(&name);
    assert_eq!(stage.submits(&name), 1);
}
