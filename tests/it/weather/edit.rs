//! Edits of documents, and what they do once.

use jetkeeper::hazelcast::JobStatus;
use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;

#[test]
fn a_restart_nonce_restarts_once() {
    let mut stage = Stage::shared();
    let name = stage.name("restarted");
    stage.declare(&name, "Counter", &[&format!("parameters: [{name}]")]);
    stage.start();
    stage.until_at_rest(&name, Phase::Running);
    let before = stage.person.only_job(&name);

    let parameters = format!("parameters: [{name}]");
    stage.declare(&name, "Counter", &[&parameters, "restartNonce: one"]);
    stage.until("another execution runs", || {
        let job = stage.person.only_job(&name);
        job.status == JobStatus::Running && job.execution_id != before.execution_id
    });
    let after = stage.person.only_job(&name);
    assert_eq!(after.job_id, before.job_id);
    stage.until_at_rest(&name, Phase::Running);
    stage.reconcile();
    stage.terminate().code(0);

    stage.start();
    stage.until_at_rest(&name, Phase::Running);
    stage.reconcile();
    assert_eq!(
        stage.person.only_job(&name).execution_id,
        after.execution_id
    );
    assert_eq!(stage.steps("restart job"), 1);
}

#[test]
fn the_state_restarted_restarts_once() {
    let mut stage = Stage::shared();
    let name = stage.name("restarted");
    stage.declare(&name, "Stateless", &["state: Restarted"]);
    stage.start();
    stage.until_at_rest(&name, Phase::Running);
    assert_eq!(
        stage.steps("restart job"),
        0,
        "a fresh job is no restart's business"
    );

    stage.declare(&name, "Stateless", &["state: Running"]);
    stage.until_job(&name, "is Running as generation 2", |job| {
        job.status.observed_generation == 2
    });
    let before = stage.person.only_job(&name);
    stage.declare(&name, "Stateless", &["state: Restarted"]);
    stage.until("another execution runs", || {
        let job = stage.person.only_job(&name);
        job.status == JobStatus::Running && job.execution_id != before.execution_id
    });
    stage.until_at_rest(&name, Phase::Running);
    stage.reconcile();
    assert_eq!(stage.steps("restart job"), 1);
}

#[test]
fn settings_are_changed_in_place() {
    let mut stage = Stage::shared();
    let name = stage.name("configured");
    let parameters = format!("parameters: [{name}]");
    stage.declare(&name, "Counter", &[&parameters]);
    stage.start();
    let job = stage.until_at_rest(&name, Phase::Running).status.id;
    assert_eq!(stage.person.config(job).snapshot_interval_millis, 1_000);

    stage.declare(
        &name,
        "Counter",
        &[&parameters, "jobConfig: {snapshotInterval: 7s}"],
    );
    stage.until_event(&name, EventKind::Configured);
    stage.until_at_rest(&name, Phase::Running);
    assert_eq!(stage.person.only_job(&name).job_id, job);
    assert_eq!(stage.person.config(job).snapshot_interval_millis, 7_000);
    let [suspends, updates, resumes] =
        ["suspend job", "change the configuration", "resume job"].map(|words| stage.steps(words));
    assert_eq!((suspends, updates, resumes), (1, 1, 1));
    assert_eq!(stage.count(&name, EventKind::Drifted), 0);
}

#[test]
fn cancelled_and_wanted_again_it_is_another_job() {
    let mut stage = Stage::shared();
    let name = stage.name("again");
    let parameters = format!("parameters: [{name}]");
    let spec = [&*parameters, "deletionPolicy: Cancel"];
    stage.declare(&name, "Counter", &spec);
    stage.start();
    let first = stage.until_at_rest(&name, Phase::Running).status.id;

    stage.declare(&name, "Counter", &[spec[0], spec[1], "state: Canceled"]);
    stage.until_at_rest(&name, Phase::Canceled);
    stage.reconcile();
    assert!(stage.person.only_job(&name).user_cancelled);

    stage.declare(&name, "Counter", &spec);
    let second = stage.until_at_rest(&name, Phase::Running).status.id;
    assert_ne!(first, second);
    stage.reconcile();
    assert_eq!(stage.person.jobs(&name).len(), 2);
    assert_eq!(stage.submits(&name), 2);
}

#[test]
fn a_job_whose_state_can_not_be_secured_is_not_cancelled_without_a_word() {
    let mut stage = Stage::shared();
    let name = stage.name("kept");
    let parameters = format!("parameters: [{name}]");
    stage.declare(&name, "NotSuspendable", &[&parameters]);
    stage.start();
    stage.until_at_rest(&name, Phase::Running);

    stage.declare(&name, "NotSuspendable", &[&parameters, "state: Canceled"]);
    let words = ["can't be suspended", "--discard-state"];
    let hold = stage.until_held(&name, Reason::SnapshotRequired, &words);
    stage.reconcile();
    assert_eq!(stage.person.only_job(&name).status, JobStatus::Running);
    assert_eq!(stage.steps("cancel job"), 0);

    stage.confirm(&hold, &["--discard-state"]);
    stage.until_at_rest(&name, Phase::Canceled);
    stage.person.only_job(&name);
}

#[test]
fn a_renamed_resource_keeps_its_job() {
    let mut stage = Stage::shared();
    let (name, other) = (stage.name("before"), stage.name("after"));
    let document = |resource: &str| {
        stage.declare(resource, "Stateless", &[&format!("name: {name}")]);
    };
    document(&name);
    stage.start();
    let job = stage.until_at_rest(&name, Phase::Running).status.id;
    let before = stage.person.only_job(&name);

    // In one revision: a document of another name takes the old one's file.
    let file = stage.source().join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(&file).unwrap();
    let resource = format!("metadata:\n  name: {name}");
    let renamed = text.replace(&resource, &format!("metadata:\n  name: {other}"));
    assert_ne!(renamed, text);
    stage.write(&format!("{name}.yaml"), renamed);

    let renamed = stage.until_at_rest(&other, Phase::Running);
    assert_eq!(renamed.status.id, job);
    assert!(stage.job(&name).is_none(), "the old name is forgotten");
    stage.reconcile();
    assert_eq!(stage.person.only_job(&name), before);
    assert_eq!(stage.submits(&name), 1);
    assert_eq!(stage.steps("cancel job"), 0);
}
