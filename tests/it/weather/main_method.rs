//! What jars and their `main` do wrong.

use jetkeeper::hazelcast::JobStatus;
use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;
use crate::support::fixture;
use crate::support::scratch::Scratch;

#[test]
fn a_main_that_joins_has_made_its_job() {
    let mut stage = Stage::shared();
    let name = stage.name("joining");
    stage.declare(&name, "Joining", &[]);
    stage.start();

    let job = stage.until_at_rest(&name, Phase::Running);
    let only = stage.person.only_job(&name);
    assert_eq!(
        (only.status, only.job_id),
        (JobStatus::Running, job.status.id)
    );
    stage.reconcile();
    stage.person.only_job(&name);
    assert_eq!(stage.submits(&name), 1);
    for kind in [EventKind::Held, EventKind::StepFailed] {
        assert_eq!(stage.count(&name, kind), 0, "{:?}", stage.events(&name));
    }
}

#[test]
fn a_main_that_throws_is_told_and_not_run_again_until_it_is_mended() {
    let mut stage = Stage::shared();
    let name = stage.name("throwing");
    stage.declare(&name, "ThrowingMain", &[]);
    stage.start();

    let words = ["this main refuses its parameters", "mend it, or confirm"];
    stage.until_held(&name, Reason::SubmitRefused, &words);
    assert!(
        stage
            .described(&name)
            .contains("this main refuses its parameters")
    );
    stage.reconcile();
    assert_eq!(stage.submits(&name), 1);
    assert!(stage.person.jobs(&name).is_empty());

    stage.declare(&name, "Stateless", &[]);
    stage.until_at_rest(&name, Phase::Running);
    stage.person.only_job(&name);
    assert_eq!(stage.submits(&name), 2);
}

#[test]
fn a_main_that_submits_nothing_is_run_again_only_by_a_persons_word() {
    let mut stage = Stage::shared();
    let name = stage.name("no-job");
    stage.declare(&name, "NoJob", &[]);
    stage.start();

    let words = [
        "main returned",
        &name,
        "members' log",
        "confirm to run it again",
    ];
    let hold = stage.until_held(&name, Reason::NoJobSubmitted, &words);
    let described = stage.described(&name);
    assert!(
        described.contains(&format!("jetkeeper confirm {}", hold.id)),
        "{described}"
    );
    stage.reconcile();
    assert_eq!(stage.submits(&name), 1);

    stage.confirm(&hold, &[]);
    stage.until("main is run again", || stage.submits(&name) == 2);
    stage.until_held(&name, Reason::NoJobSubmitted, &[]);
    stage.reconcile();
    assert_eq!(stage.submits(&name), 2);
    assert!(stage.person.jobs(&name).is_empty());
}

#[test]
fn of_two_jobs_the_one_with_the_name_is_ours() {
    let mut stage = Stage::shared();
    let name = stage.name("two-jobs");
    stage.declare(&name, "TwoJobs", &[]);
    stage.start();

    let job = stage.until_at_rest(&name, Phase::Running);
    let only = stage.person.only_job(&name);
    assert_eq!(
        (only.status, only.job_id),
        (JobStatus::Running, job.status.id)
    );
    stage.reconcile();
    stage.person.only_job(&name);
    assert_eq!(stage.submits(&name), 1);
}

#[test]
fn a_jar_that_is_none_is_never_sent() {
    let mut stage = Stage::shared();
    let name = stage.name("broken");
    stage.write("jars/broken.jar", "no jar at all");
    let spec = [
        "jarName: broken.jar",
        "mainClass: jetkeeper.pipelines.Stateless",
    ];
    stage.declare_as(&name, &spec);
    stage.start();

    stage.until_held(&name, Reason::JarInvalid, &["broken.jar"]);
    assert!(stage.described(&name).contains("broken.jar"));
    assert_eq!(stage.submits(&name), 0);

    let jar = std::fs::read(fixture("pipelines.jar")).unwrap();
    stage.write("jars/broken.jar", jar);
    stage.until_at_rest(&name, Phase::Running);
    stage.person.only_job(&name);
    assert_eq!(stage.submits(&name), 1);
}

#[test]
fn a_jar_that_is_missing_is_waited_for() {
    let mut stage = Stage::shared();
    let name = stage.name("missing");
    let spec = [
        "jarName: late.jar",
        "mainClass: jetkeeper.pipelines.Misspelt",
    ];
    stage.declare_as(&name, &spec);
    stage.start();

    stage.until_held(&name, Reason::JarNotFound, &["late.jar"]);
    let jar = std::fs::read(fixture("pipelines.jar")).unwrap();
    stage.write("jars/late.jar", jar);
    let words = ["no class jetkeeper.pipelines.Misspelt", "mend mainClass"];
    stage.until_held(&name, Reason::MainClassMissing, &words);
    assert_eq!(stage.submits(&name), 0);

    let spec = [
        "jarName: late.jar",
        "mainClass: jetkeeper.pipelines.Stateless",
    ];
    stage.declare_as(&name, &spec);
    stage.until_at_rest(&name, Phase::Running);
    stage.person.only_job(&name);
}

#[test]
fn a_jar_on_the_member_that_is_none_is_told_by_the_member() {
    let jars = Scratch::new();
    let text = jars.write("text.jar", "no jar at all");
    let nowhere = jars.path().join("nowhere.jar");
    let mut stage = Stage::shared();
    let (broken, absent) = (stage.name("broken"), stage.name("absent"));
    for (name, path) in [(&broken, &text), (&absent, &nowhere)] {
        let jar = format!("jarOnMember: {}", path.display());
        stage.declare_as(name, &[&jar, "mainClass: jetkeeper.pipelines.Stateless"]);
    }
    stage.start();

    let words = ["is no jar", "mend it, or confirm"];
    let hold = stage.until_held(&broken, Reason::JarInvalid, &words);
    stage.until_job(&absent, "is told that the file is missing", |job| {
        let holds = job.status.holds.iter();
        holds
            .clone()
            .any(|hold| hold.message.contains("every member needs it"))
    });
    assert_eq!(stage.submits(&broken), 1);

    std::fs::copy(fixture("pipelines.jar"), &text).unwrap();
    stage.confirm(&hold, &[]);
    stage.until_at_rest(&broken, Phase::Running);
    stage.person.only_job(&broken);
    assert_eq!(stage.submits(&broken), 2);
}

#[test]
fn a_job_that_cannot_be_suspended_is_not() {
    let mut stage = Stage::shared();
    let name = stage.name("restless");
    stage.declare(&name, "NotSuspendable", &[]);
    stage.start();
    stage.until_at_rest(&name, Phase::Running);
    let before = stage.person.only_job(&name);

    stage.declare(&name, "NotSuspendable", &["state: Suspended"]);
    let words = ["can't be suspended", "would cancel it"];
    stage.until_held(&name, Reason::NotSuspendable, &words);
    stage.reconcile();
    let after = stage.person.only_job(&name);
    assert_eq!(after, before, "it runs as before");

    stage.declare(
        &name,
        "NotSuspendable",
        &["state: Canceled", "deletionPolicy: Cancel"],
    );
    stage.until_at_rest(&name, Phase::Canceled);
    stage.person.only_job(&name);
}
