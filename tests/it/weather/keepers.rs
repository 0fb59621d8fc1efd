//! Two daemons with one owner and states of their own, on one cluster.

use std::fs;

use jetkeeper::hazelcast::JobStatus;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;
use crate::support::program::Program;

/// How often a daemon began to do something on the cluster.
fn steps(stage: &Stage) -> usize {
    let verbs = [
        "claim", "renew", "submit", "suspend", "resume", "restart", "cancel", "export", "delete",
    ];
    verbs.iter().map(|verb| stage.all_steps(verb)).sum()
}

#[test]
fn two_daemons_with_one_owner_never_keep_the_same_job() {
    let mut first = Stage::shared();
    let name = first.name("kept");
    let parameters = format!("parameters: [{name}]");
    let declare = |stage: &Stage, state: &str| {
        stage.declare(&name, "Counter", &[&parameters, &format!("state: {state}")]);
    };
    declare(&first, "Running");
    first.start();
    first.until_at_rest(&name, Phase::Running);
    let job = first.person.only_job(&name).job_id;

    let mut second = Stage::shared();
    second.have_owner_of(&first);
    declare(&second, "Running");
    let refused = second.run_to_its_end().code(1);
    let rebuild = second.keeping(&["state", "rebuild"], &[]);
    // All that was given, but for the colours.
    let command = format!("`jetkeeper {}`", rebuild[..rebuild.len() - 1].join(" "));
    for words in [
        "If another jetkeeper runs with this owner, they are its jobs",
        "`--owner NAME`",
        &command,
    ] {
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
    }

    let rebuilt = Program::run(rebuild).code(0);
    let words = "any other jetkeeper with the owner";
    assert!(rebuilt.stderr.contains(words), "{rebuilt:?}");
    second.start();
    second.until_at_rest(&name, Phase::Running);
    assert_eq!(second.steps("renew the claim"), 1);

    // It has not read the map since, and looks right before it would suspend the job.
    let before = steps(&first) - first.steps("suspend");
    declare(&first, "Suspended");
    let words = [
        "another jetkeeper with the same owner",
        &format!("jetkeeper adopt {name}"),
    ];
    first.until_held(&name, Reason::Conflict, &words);
    assert_eq!(first.person.only_job(&name).status, JobStatus::Running);
    first.reconcile();
    declare(&first, "Canceled");
    first.reconcile();
    first.until_held(&name, Reason::Conflict, &words);
    assert_eq!(steps(&first) - first.steps("suspend"), before);
    assert!(first.steps("suspend") <= 1, "{}", first.log());
    let kept = first.person.only_job(&name);
    assert_eq!((kept.job_id, kept.status), (job, JobStatus::Running));

    declare(&second, "Suspended");
    second.until_at_rest(&name, Phase::Suspended);
    // A person gives it back.
    declare(&first, "Suspended");
    first.cli(&["adopt", &name]).code(0);
    first.until_at_rest(&name, Phase::Suspended);
    declare(&first, "Running");
    first.until_at_rest(&name, Phase::Running);
    second.reconcile();
    second.until_held(&name, Reason::Conflict, &words);
    let kept = first.person.only_job(&name);
    assert_eq!((kept.job_id, kept.status), (job, JobStatus::Running));
}

#[test]
fn a_name_without_a_job_is_taken_over_too_and_still_asked_about() {
    let mut stage = Stage::shared();
    let name = stage.name("refuses");
    stage.declare(&name, "ThrowingMain", &[]);
    stage.start();
    stage.until_held(&name, Reason::SubmitRefused, &["this main refuses"]);
    stage.terminate().code(0);
    fs::remove_dir_all(stage.state()).unwrap();
    Program::run(stage.keeping(&["state", "rebuild"], &[])).code(0);
    stage.start();
    stage.until_held(&name, Reason::Rebuilt, &["confirm"]);
    assert_eq!(stage.steps("renew the claim"), 1);
    assert_eq!(stage.submits(&name), 1, "before the state was lost");
}
