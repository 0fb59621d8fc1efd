//! `JetJobSnapshot` documents on a real member.

use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::record::SnapshotState;
use jetkeeper::plan::status::Phase;

use super::counting::Counting;

#[test]
fn a_snapshot_is_exported_once_while_its_job_runs_on() {
    let counting = Counting::start("exported", &[]);
    let (stage, job) = (&counting.stage, &counting.name);
    let snapshot = stage.name("snap");
    stage.declare_snapshot(&snapshot, job, &[]);

    let exported = stage.until_snapshot(&snapshot, SnapshotState::Exported);
    let status = &exported.status;
    assert_eq!(status.fork, Some(true));
    assert!(status.num_chunks.unwrap() > 0 && status.num_bytes.unwrap() > 0);
    assert_eq!(status.hazelcast_resource_name.as_deref(), Some("hazelcast"));
    assert_eq!(stage.count(&snapshot, EventKind::SnapshotExported), 1);
    assert_eq!(stage.steps("suspend job"), 0);
    counting.is_continuous();

    // A job that starts from it beside its source could commit that one's transactions.
    let other = stage.name("restored");
    let file = counting.file.with_extension("other");
    let parameters = format!("parameters: [counts, \"4\", EXACTLY_ONCE, {file:?}]");
    let initial = format!("initialSnapshotResourceName: {snapshot}");
    stage.declare_as(&other, &["jarName: counter.jar", &parameters, &initial]);
    let hold = stage.until_held(&other, Reason::ForkedStateInUse, &["still active"]);
    stage.confirm(&hold, &[]);
    stage.until_at_rest(&other, Phase::Running);
    let counts = || crate::snapshots::counts::Counts::read(&file);
    stage.until("it counts on", || counts().lines() > 20);
    assert!(counts().lowest() > 10, "it began anew");

    stage.reconcile();
    assert_eq!(stage.count(&snapshot, EventKind::SnapshotExported), 1);
    assert_eq!(stage.steps_of_snapshots("export snapshot"), 1);
}

#[test]
fn a_job_without_guarantee_has_nothing_to_export() {
    let counting = Counting::start("kept-none", &[]);
    let stage = &counting.stage;
    let stateless = stage.name("stateless");
    stage.declare(&stateless, "Stateless", &[]);
    stage.until_at_rest(&stateless, Phase::Running);
    let snapshot = stage.name("snap");
    stage.declare_snapshot(&snapshot, &stateless, &[]);
    let failed = stage.until_snapshot(&snapshot, SnapshotState::Failed);
    assert!(failed.status.message.contains("NONE"), "{failed:?}");

    // Of a job that is not there it waits.
    let early = stage.name("early");
    stage.declare_snapshot(&early, "nobody", &[]);
    let waiting = stage.until_snapshot(&early, SnapshotState::Waiting);
    assert!(waiting.status.message.contains("nobody"), "{waiting:?}");
}

#[test]
fn a_snapshot_that_cancels_its_job_ends_it_for_good() {
    let counting = Counting::start("ended", &[]);
    let (stage, job) = (&counting.stage, &counting.name);
    let snapshot = stage.name("last");
    stage.declare_snapshot(&snapshot, job, &["cancelJob: true"]);

    let exported = stage.until_snapshot(&snapshot, SnapshotState::Exported);
    assert_eq!(exported.status.fork, Some(false));
    stage.until_phase(job, Phase::Canceled);
    stage.reconcile();
    assert!(stage.person.only_job(job).user_cancelled);
    assert_eq!(stage.count(job, EventKind::Drifted), 0);

    // Its own document changes: it goes on from there.
    let initial = format!("initialSnapshotResourceName: {snapshot}");
    counting.declare(&[&initial, "redeployNonce: again"]);
    stage.until_at_rest(job, Phase::Running);
    counting.is_continuous();
}

#[test]
fn a_snapshot_that_a_person_asked_for_is_forgotten_once_they_delete_it() {
    let counting = Counting::start("by-hand", &[]);
    let (stage, job) = (&counting.stage, &counting.name);
    let snapshot = stage.name("asked");
    let export = ["snapshot", "export", job, "--name", &snapshot];
    let told = stage.cli(&export).code(0).stderr;
    assert!(told.contains("is exported and read back"), "{told}");
    let described = stage.described(&format!("snapshots/{snapshot}"));
    assert!(
        described.contains("by `jetkeeper snapshot export`"),
        "{described}"
    );

    let delete = ["snapshot", "delete", &snapshot];
    let told = stage.cli(&delete).code(2).stderr;
    assert!(told.contains("--yes"), "{told}");
    stage
        .cli(&["snapshot", "delete", &snapshot, "--yes"])
        .code(0);
    assert!(!stage.person.lists_snapshot(&snapshot));
    stage.reconcile();
    stage.until("it is forgotten", || stage.snapshot(&snapshot).is_none());
}

#[test]
fn a_suspended_jobs_state_is_exported_as_it_is_and_deleted_with_its_document() {
    let counting = Counting::start("resting", &[]);
    let (stage, job) = (&counting.stage, &counting.name);
    counting.declare(&["state: Suspended"]);
    stage.until_at_rest(job, Phase::Suspended);
    let snapshot = stage.name("rest");
    stage.declare_snapshot(&snapshot, job, &["deletionPolicy: Delete"]);
    let exported = stage.until_snapshot(&snapshot, SnapshotState::Exported);
    assert_eq!(exported.status.fork, Some(false));
    assert_eq!(stage.job(job).unwrap().status.phase, Phase::Suspended);

    // Once resumed that job goes on from the same state, with the same transactions.
    for (other, initial) in [
        (
            "by-resource",
            format!("initialSnapshotResourceName: {snapshot}"),
        ),
        ("by-name", format!("initialSnapshotName: {snapshot}")),
    ] {
        let other = stage.name(other);
        let file = counting.file.with_extension("other");
        let parameters = format!("parameters: [counts, \"4\", EXACTLY_ONCE, {file:?}]");
        stage.declare_as(&other, &["jarName: counter.jar", &parameters, &initial]);
        stage.until_held(&other, Reason::ForkedStateInUse, &["still active"]);
        stage.remove(&format!("{other}.yaml"));
        stage.until("it is forgotten", || stage.job(&other).is_none());
        assert!(!file.exists(), "it ran");
    }

    // It is not the last one that the source declares.
    stage.declare_snapshot(&stage.name("other"), "nobody", &[]);
    stage.remove(&format!("{snapshot}.yaml"));
    stage.until("it is forgotten", || stage.snapshot(&snapshot).is_none());
    assert!(!stage.person.lists_snapshot(&snapshot));
}
