//! A member comes back empty: another cluster, and all state is gone.

use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;
use crate::support::member::Member;

#[test]
fn what_has_no_state_starts_again_and_what_had_state_waits_for_a_word() {
    let mut member = Member::options().start();
    let mut stage = Stage::on(&member);
    let (stateless, fresh) = (stage.name("stateless"), stage.name("fresh"));
    let (stateful, batch) = (stage.name("stateful"), stage.name("batch"));
    stage.declare(&stateless, "Stateless", &[]);
    let counts = format!("parameters: [{fresh}]");
    stage.declare(
        &fresh,
        "Counter",
        &[&counts, "onStateLoss: {mode: StartFresh}"],
    );
    let counts = format!("parameters: [{stateful}]");
    stage.declare(&stateful, "Counter", &[&counts]);
    stage.declare(&batch, "Batch", &[]);
    stage.start();
    let running = [&stateless, &fresh, &stateful];
    let before = running.map(|name| stage.until_at_rest(name, Phase::Running).status.id);
    stage.until_at_rest(&batch, Phase::Completed);

    member.kill();
    stage.until_held(&stateful, Reason::ClusterUnreachable, &[&member.address()]);
    member.restart();
    let words = [
        "its state is lost",
        "onStateLoss.mode: StartFresh",
        "--discard-state",
    ];
    let hold = stage.until_held(&stateful, Reason::StateLost, &words);
    let described = stage.described(&stateful);
    let command = format!("jetkeeper confirm {} --discard-state", hold.id);
    assert!(described.contains(&command), "{described}");
    for (name, before) in [(&stateless, before[0]), (&fresh, before[1])] {
        let job = stage.until_at_rest(name, Phase::Running);
        assert_ne!(job.status.id, before);
        assert_eq!(stage.person.only_job(name).job_id, job.status.id);
        assert_eq!(stage.submits(name), 2);
        assert_eq!(stage.count(name, EventKind::Lost), 1);
    }
    stage.reconcile();
    assert!(stage.person.jobs(&stateful).is_empty());
    assert_eq!(stage.submits(&stateful), 1);
    stage.until_at_rest(&batch, Phase::Completed);
    assert!(
        stage.person.jobs(&batch).is_empty(),
        "what completed stays so"
    );

    // A word that doesn't name the state is not enough.
    let refused = stage.cli(&["confirm", &hold.id.0]).code(1);
    assert!(refused.stderr.contains("--discard-state"), "{refused:?}");
    stage.confirm(&hold, &["--discard-state"]);
    stage.until_at_rest(&stateful, Phase::Running);
    stage.person.only_job(&stateful);
    assert_eq!(stage.submits(&stateful), 2);
}
