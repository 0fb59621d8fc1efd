//! Documents that go, one by one and all at once.

use std::fs;

use jetkeeper::hazelcast::JobStatus;
use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;

fn jobs_of(stage: &mut Stage, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|_| stage.name("many")).collect();
    for name in &names {
        stage.declare(name, "Stateless", &["deletionPolicy: Cancel"]);
    }
    names
}

#[test]
fn many_deletions_at_once_wait_for_a_word() {
    let mut stage = Stage::shared();
    let names = jobs_of(&mut stage, 3);
    stage.start_with(&["--max-deletions", "1"]);
    for name in &names {
        stage.until_at_rest(name, Phase::Running);
    }

    for name in &names[1..] {
        stage.remove(&format!("{name}.yaml"));
    }
    let words = ["2 of the 3 jobs", "prune.maxDeletions"];
    let hold = stage.until_mass_deletion(Reason::MassDeletion, &words);
    stage.reconcile();
    for name in &names {
        assert_eq!(stage.person.only_job(name).status, JobStatus::Running);
    }
    assert_eq!(stage.steps("cancel job"), 0);

    stage.confirm(&hold, &[]);
    stage.until("both are gone", || {
        names[1..].iter().all(|name| stage.job(name).is_none())
    });
    for name in &names[1..] {
        assert!(stage.person.only_job(name).user_cancelled);
        assert_eq!(stage.count(name, EventKind::Deleted), 1);
    }
    stage.until_at_rest(&names[0], Phase::Running);
    assert_eq!(stage.person.only_job(&names[0]).status, JobStatus::Running);
}

#[test]
fn a_source_that_disappears_deletes_nothing() {
    let mut stage = Stage::shared();
    let names = jobs_of(&mut stage, 2);
    stage.start();
    for name in &names {
        stage.until_at_rest(name, Phase::Running);
    }

    let away = stage.source().with_file_name("away");
    fs::rename(stage.source(), &away).unwrap();
    let words = ["is missing or has no documents", "left as they are"];
    stage.until_mass_deletion(Reason::SourceMissing, &words);
    stage.reconcile();
    // A daemon that starts now deletes nothing either.
    stage.terminate().code(0);
    stage.start();
    stage.until_mass_deletion(Reason::SourceMissing, &words);
    for name in &names {
        assert_eq!(stage.person.only_job(name).status, JobStatus::Running);
    }

    fs::rename(&away, stage.source()).unwrap();
    for name in &names {
        stage.until_at_rest(name, Phase::Running);
        stage.person.only_job(name);
        assert_eq!(stage.submits(name), 1);
    }
    assert_eq!(stage.steps("cancel job"), 0);
}

#[test]
fn an_emptied_source_deletes_nothing() {
    let mut stage = Stage::shared();
    let names = jobs_of(&mut stage, 1);
    stage.start();
    stage.until_at_rest(&names[0], Phase::Running);
    for entry in fs::read_dir(stage.source()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
    let words = ["is missing or has no documents"];
    stage.until_mass_deletion(Reason::SourceMissing, &words);
    stage.reconcile();
    assert_eq!(stage.person.only_job(&names[0]).status, JobStatus::Running);
    assert_eq!(stage.steps("cancel job"), 0);
}

#[test]
fn a_broken_document_deletes_nothing_and_stops_nothing_else() {
    let mut stage = Stage::shared();
    let names = jobs_of(&mut stage, 2);
    stage.start();
    for name in &names {
        stage.until_at_rest(name, Phase::Running);
    }
    stage.write(&format!("{}.yaml", names[0]), "kind: [JetJob");
    stage.declare(
        &names[1],
        "Stateless",
        &["deletionPolicy: Cancel", "state: Suspended"],
    );
    stage.until_at_rest(&names[1], Phase::Suspended);
    stage.reconcile();
    assert_eq!(stage.person.only_job(&names[0]).status, JobStatus::Running);
    assert_eq!(stage.steps("cancel job"), 0);
    let log = stage.log();
    assert!(log.contains(&format!("{}.yaml:1", names[0])), "{log}");
}

#[test]
fn a_job_is_left_as_its_policy_says() {
    let mut stage = Stage::shared();
    let policies = ["Cancel", "Suspend", "Orphan", "Snapshot"];
    let names = policies.map(|policy| {
        let name = stage.name("policy");
        let (parameters, policy) = (
            format!("parameters: [{name}]"),
            format!("deletionPolicy: {policy}"),
        );
        stage.declare(&name, "Counter", &[&parameters, &policy]);
        name
    });
    // A source that declares no job at all any more would hold.
    let other = stage.name("stays");
    stage.declare(&other, "Stateless", &[]);
    stage.start_with(&["--max-deletions-percent", "100"]);
    for name in &names {
        stage.until_at_rest(name, Phase::Running);
    }
    for name in &names {
        stage.remove(&format!("{name}.yaml"));
    }
    for name in &names {
        stage.until(&format!("{name} is forgotten"), || {
            stage.job(name).is_none()
        });
    }
    let status = |name| stage.person.only_job(name).status;
    assert_eq!(status(&names[0]), JobStatus::Failed);
    assert_eq!(status(&names[1]), JobStatus::Suspended);
    assert_eq!(status(&names[2]), JobStatus::Running);
    assert_eq!(status(&names[3]), JobStatus::Failed);
    let job = stage.person.only_job(&names[3]).job_id;
    let snapshot = stage.person.snapshot_of(job);
    assert!(snapshot.starts_with(&names[3]), "{snapshot}");
}
