//! New versions that don't stay: rolled back, or held.

use jetkeeper::plan::Planner;
use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::{Hold, Reason};
use jetkeeper::plan::job::{JobId, JobStatus};
use jetkeeper::plan::observed::{ClusterState, Link, Seen};
use jetkeeper::plan::record::UploadOutcome;
use serde_json::{Value, json};

use super::drive::{failed, stale, uploaded};
use super::observe::running;
use super::scene::{Scene, hold, seconds, words};
use super::upgrades::WAY;

const NOTHING: [&str; 0] = [];

/// A job that runs as its second version and has made no snapshot yet: the first one, and this one.
fn upgraded(spec: Value) -> (Scene, JobId, JobId) {
    let (mut scene, old) = running(spec);
    scene.new_jar("orders", "2");
    assert_eq!(scene.settle(), WAY);
    let new = scene.bound("orders").unwrap();
    (scene, old, new)
}

/// Makes passes until nothing is left to do; the events.
fn events(scene: &mut Scene) -> Vec<EventKind> {
    let mut kinds = Vec::new();
    for _ in 0..5 {
        let plan = scene.pass();
        kinds.extend(plan.events.iter().map(|event| event.kind));
    }
    kinds
}

/// The old version runs again, from the snapshot of the upgrade.
fn assert_rolled_back(scene: &mut Scene, old: JobId, new: JobId) {
    let record = &scene.recorded.jobs["orders"];
    let job = record.job.as_ref().unwrap();
    assert!(![old, new].contains(&job.id));
    let kept = record.kept.as_ref().unwrap();
    assert_eq!(job.started_from.as_ref(), Some(&kept.name));
    assert_eq!(kept.facts.job, old, "made of the old version");
    assert!(scene.snapshots.contains_key(&kept.name));
    let rejected = record.rejected.as_ref().unwrap();
    assert_ne!(job.deployed.as_ref(), Some(&rejected.deployed));
    assert_eq!(record.operation, None);
    assert_eq!(words(&scene.learn()), "RolledBack");
    scene.assert_at_rest();
}

#[test]
fn a_new_version_that_fails_is_rolled_back() {
    let (mut scene, old, new) = upgraded(json!({}));
    scene.fail(new);
    let mut done = scene.clone();
    assert_eq!(scene.settle(), ["claim", "submit"]);
    assert_rolled_back(&mut scene, old, new);
    let told = events(&mut done);
    let of = |kind| told.iter().filter(|found| **found == kind).count();
    assert_eq!(
        (of(EventKind::RolledBack), of(EventKind::UpgradeStable)),
        (1, 0)
    );
}

/// A new version that has run for longer than its snapshots are apart, and FAILED.
fn failed_late(follow: bool) -> (Scene, JobId, JobId) {
    let (mut scene, old, new) = upgraded(json!({}));
    if follow {
        scene.follow_snapshots(new);
    }
    scene.learn();
    scene.pass_time(seconds(60));
    scene.fail(new);
    (scene, old, new)
}

#[test]
fn the_configuration_of_a_new_version_that_failed_is_waited_for_but_not_for_ever() {
    let (mut scene, old, new) = upgraded(json!({}));
    let config = scene.jobs()[&new].config.clone();
    scene.job(new, |job| job.config = None);
    scene.fail(new);
    assert_eq!(words(&scene.learn()), "ClusterUnknown");
    let mut silent = scene.clone();
    silent.pass_time(seconds(10));
    hold(&silent.learn(), Reason::RolledBack);
    scene.job(new, |job| job.config = config);
    assert_eq!(scene.settle(), ["claim", "submit"]);
    assert_rolled_back(&mut scene, old, new);
}

#[test]
fn a_new_version_that_outlived_its_first_snapshot_is_rolled_back_only_by_a_person() {
    // Whatever was read of it before, it may have committed one between that and its end.
    let (mut followed, ..) = failed_late(true);
    hold(&followed.learn(), Reason::RolledBack);
    let (mut scene, old, new) = failed_late(false);
    let held = hold(&scene.learn(), Reason::RolledBack);
    assert!(
        held.message.contains("may have committed"),
        "{}",
        held.message
    );
    scene.assert_at_rest();
    let mut newer = scene.clone();
    newer.new_jar("orders", "3");
    assert_eq!(
        newer.settle(),
        ["claim", "submit"],
        "a newer document goes on"
    );
    scene.confirm(&held, false);
    assert_eq!(scene.settle(), ["claim", "submit"]);
    assert_rolled_back(&mut scene, old, new);
}

#[test]
fn a_new_version_that_a_failure_suspends_is_rolled_back() {
    let (mut scene, old, new) = upgraded(json!({}));
    scene.suspend_by_failure(new);
    let plan = scene.learn();
    assert_eq!(words(&plan), "cancel");
    assert_eq!(plan.steps[0].expects.uncommitted, Some(new));
    assert_eq!(scene.settle(), ["cancel", "claim", "submit"]);
    assert_rolled_back(&mut scene, old, new);
}

#[test]
fn a_new_version_that_committed_before_it_could_be_stopped_stays() {
    let (mut scene, _, new) = upgraded(json!({}));
    scene.suspend_by_failure(new);
    let plan = scene.learn();
    scene.end_with(&plan, &stale("it has committed a snapshot of its own"));
    scene.commit_snapshot(new, &["counter"]);
    scene.learn();
    assert_eq!(words(&scene.learn()), "JobFailed");
    scene.assert_at_rest();
}

/// A new version that was submitted and doesn't start.
fn starting() -> (Scene, JobId, JobId) {
    let (mut scene, old) = running(json!({}));
    scene.new_jar("orders", "2");
    for verb in &WAY[..4] {
        assert_eq!(words(&scene.pass()), *verb);
    }
    let plan = scene.learn();
    scene.carry_out(&plan.steps[0]);
    assert_eq!(words(&scene.learn()), "JobStarting");
    let new = scene.bound("orders").unwrap();
    (scene, old, new)
}

#[test]
fn a_new_version_that_does_not_run_within_its_timeout_is_rolled_back() {
    let (mut scene, old, new) = starting();
    scene.pass_time(seconds(299));
    assert_eq!(words(&scene.learn()), "JobStarting");
    scene.pass_time(seconds(1));
    assert_eq!(scene.settle(), ["cancel", "claim", "submit"]);
    assert_rolled_back(&mut scene, old, new);
}

#[test]
fn the_time_in_which_the_cluster_could_start_nothing_does_not_count() {
    let (mut scene, ..) = starting();
    let since = scene.now;
    scene.view().link = Link::Down { since, error: None };
    scene.learn();
    scene.pass_time(seconds(400));
    let now = scene.now;
    scene.view().link = Link::Up;
    scene.view().connected_at = Some(now);
    assert_eq!(words(&scene.learn()), "Stalled");
    scene.pass_time(seconds(299));
    assert_eq!(words(&scene.learn()), "Stalled");
    scene.view().state = Seen::Known(ClusterState::Passive);
    scene.pass_time(seconds(1));
    assert_eq!(words(&scene.learn()), "Stalled");
    scene.view().state = Seen::Known(ClusterState::Active);
    assert_eq!(words(&scene.learn()), "cancel");
}

#[test]
fn a_new_version_with_a_snapshot_of_its_own_is_not_rolled_back() {
    let (mut scene, _, new) = upgraded(json!({}));
    scene.commit_snapshot(new, &["counter"]);
    scene.fail(new);
    assert_eq!(words(&scene.learn()), "JobFailed");
    scene.assert_at_rest();
    assert_eq!(scene.recorded.jobs["orders"].rejected, None);
}

#[test]
fn nothing_is_rolled_back_where_the_document_says_so() {
    let (mut scene, _, new) = upgraded(json!({"upgradePolicy": {"rollback": false}}));
    scene.fail(new);
    let held = hold(&scene.learn(), Reason::JobFailed);
    scene.assert_at_rest();
    // Started again it goes on from the state that it was given.
    scene.confirm(&held, false);
    assert_eq!(scene.settle(), ["claim", "submit"]);
    let record = &scene.recorded.jobs["orders"];
    let from = record.job.as_ref().unwrap().started_from.as_ref();
    assert_eq!(from, record.kept.as_ref().map(|kept| &kept.name));
}

#[test]
fn nothing_is_rolled_back_where_it_is_not_known_to_what() {
    let (mut scene, _, new) = upgraded(json!({}));
    // The job before was adopted, and nobody knows its jar.
    scene.record("orders", |record| {
        let operation = record.operation.as_mut().unwrap();
        operation.from.as_mut().unwrap().jar = None;
    });
    scene.fail(new);
    assert_eq!(words(&scene.learn()), "JobFailed");
    scene.assert_at_rest();
}

#[test]
fn nothing_is_rolled_back_to_a_snapshot_that_the_new_version_did_not_start_from() {
    let (mut scene, _, new) = upgraded(json!({}));
    // The job was lost before its snapshot was whole, and a person let its state go.
    scene.record("orders", |record| {
        let operation = record.operation.as_mut().unwrap();
        operation.snapshot.as_mut().unwrap().facts = None;
        record.job.as_mut().unwrap().started_from = None;
    });
    scene.fail(new);
    let told = events(&mut scene);
    assert!(!told.contains(&EventKind::RolledBack), "{told:?}");
    let record = &scene.recorded.jobs["orders"];
    assert_eq!((&record.operation, &record.attempt), (&None, &None));
    assert_eq!(record.rejected, None);
    assert_eq!(scene.bound("orders"), Some(new));
}

#[test]
fn a_new_version_whose_upload_lacks_something_gives_way_to_the_old_one_in_time() {
    let (mut scene, old) = running(json!({}));
    scene.declare("orders", json!({"parameters": ["b"]}));
    for verb in &WAY[..4] {
        assert_eq!(words(&scene.pass()), *verb);
    }
    let missing = failed(Reason::SecretMissing, "there is no secret db.password");
    for _ in 0..2 {
        let plan = scene.learn();
        assert_eq!(words(&plan), "submit");
        scene.end_with(&plan, &missing);
        scene.pass_time(seconds(60));
    }
    // It is mended in time.
    assert_eq!(scene.clone().settle(), ["submit"]);
    scene.pass_time(seconds(300));
    let mut kept = scene.clone();
    kept.declare(
        "orders",
        json!({"parameters": ["b"], "upgradePolicy": {"rollback": false}}),
    );
    assert_eq!(kept.settle().last().unwrap(), "submit", "the new one");
    assert_eq!(scene.settle().last().unwrap(), "submit");
    let job = scene.recorded.jobs["orders"].job.as_ref().unwrap();
    assert_ne!(job.id, old);
    let parameters = &job.deployed.as_ref().unwrap().parameters;
    assert!(parameters.is_empty(), "the old version: {parameters:?}");
    let held = hold(&scene.learn(), Reason::RolledBack);
    assert!(held.message.contains("db.password"), "{}", held.message);
}

#[test]
fn a_version_that_was_rolled_back_is_not_tried_again_before_a_person_says_so() {
    let (mut scene, _, new) = upgraded(json!({}));
    scene.fail(new);
    scene.settle();
    let held = hold(&scene.learn(), Reason::RolledBack);
    assert!(
        held.message.starts_with("this version (jar, sha256 "),
        "{}",
        held.message
    );
    let mut other = scene.clone();
    other.new_jar("orders", "3");
    assert_eq!(other.settle()[..5], WAY);
    // Another document does not make it a better version.
    let mut same = scene.clone();
    same.declare("orders", json!({"upgradePolicy": {"timeout": "1m"}}));
    assert_eq!(words(&same.learn()), "RolledBack");
    scene.confirm(&held, false);
    assert_eq!(scene.settle()[..5], WAY);
    let newest = scene.bound("orders").unwrap();
    scene.commit_snapshot(newest, &["counter"]);
    scene.settle();
    assert_eq!(scene.recorded.jobs["orders"].rejected, None);
}

#[test]
fn a_failure_of_the_old_version_is_no_reason_to_try_the_new_one_again() {
    let (mut scene, _, new) = upgraded(json!({}));
    scene.fail(new);
    scene.settle();
    let old = scene.bound("orders").unwrap();
    scene.fail(old);
    assert_eq!(words(&scene.learn()), "RolledBack");
    scene.assert_at_rest();
}

#[test]
fn a_rollback_that_is_refused_is_not_repeated_blindly() {
    let (mut scene, _, new) = upgraded(json!({}));
    scene.fail(new);
    assert_eq!(words(&scene.pass()), "claim");
    let plan = scene.learn();
    assert_eq!(words(&plan), "submit");
    scene.end_with(&plan, &uploaded(UploadOutcome::Refused));
    scene.pass_time(seconds(1));
    let held = hold(&scene.learn(), Reason::SubmitRefused);
    scene.assert_at_rest();
    scene.confirm(&held, false);
    assert_eq!(scene.settle(), ["claim", "submit"]);
    assert_eq!(words(&scene.learn()), "RolledBack");
}

#[test]
fn upgrades_of_other_jobs_hold_while_a_version_is_rolled_back() {
    let mut scene = Scene::new();
    for name in ["a", "b"] {
        scene.declare(name, json!({}));
    }
    scene.settle();
    scene.new_jar("a", "2");
    assert_eq!(scene.settle(), WAY);
    let new = scene.bound("a").unwrap();
    scene.fail(new);
    assert_eq!(scene.settle(), ["claim", "submit"]);
    let mut planner = Planner::default();
    scene.plan_with(&mut planner);
    scene.new_jar("b", "2");
    let plan = scene.plan_with(&mut planner);
    assert_eq!(plan, scene.plan(), "as if planned anew");
    assert_eq!(words(&scene.learn()), "RolledBack RolledBack");
    scene.assert_at_rest();
    scene.new_jar("a", "1");
    let plan = scene.plan_with(&mut planner);
    assert_eq!(plan, scene.plan(), "as if planned anew");
    assert_eq!(scene.settle(), WAY);
}

#[test]
fn a_new_version_without_a_place_for_old_state_is_held_until_that_is_accepted() {
    let (mut scene, _, new) = upgraded(json!({}));
    scene.commit_snapshot(new, &["other"]);
    let held = hold(&scene.learn(), Reason::StateMismatch);
    assert!(held.message.contains("counter"), "{}", held.message);
    let old_state = scene.snapshots.keys().next().unwrap().clone();
    assert!(held.message.contains(&old_state), "{}", held.message);
    // Whatever comes after it, that state stays until somebody lets it go.
    let mut back = scene.clone();
    back.pass_time(seconds(300));
    back.new_jar("orders", "1");
    back.settle();
    let third = back.bound("orders").unwrap();
    back.commit_snapshot(third, &["other", "counter"]);
    back.settle();
    assert!(
        back.snapshots.contains_key(&old_state),
        "{:?}",
        back.snapshots
    );
    scene.assert_at_rest();
    assert!(!scene.snapshots.is_empty());
    // After a start of ours its vertices have to be asked for again.
    let standings = std::mem::take(&mut scene.view().standings);
    scene.learn();
    assert!(scene.recorded.jobs["orders"].is_judged());
    scene.view().standings = standings;
    scene.confirm(&held, false);
    let plan = scene.learn();
    assert_eq!(words(&plan), "-");
    let stable = |kind| kind == EventKind::UpgradeStable;
    assert!(plan.events.iter().any(|event| stable(event.kind)));
    assert_eq!(scene.settle(), NOTHING);

    let (mut scene, _, new) = upgraded(json!({"upgradePolicy": {"onStateMismatch": "Accept"}}));
    scene.commit_snapshot(new, &["other"]);
    assert_eq!(words(&scene.learn()), "-");
    assert_eq!(scene.recorded.jobs["orders"].operation, None);
}

#[test]
fn a_new_version_that_waits_for_its_first_snapshot_keeps_others_waiting() {
    let mut scene = Scene::new();
    for name in ["a", "b"] {
        scene.declare(name, json!({}));
    }
    scene.settle();
    for name in ["a", "b"] {
        scene.new_jar(name, "2");
    }
    for verb in WAY {
        assert_eq!(words(&scene.pass()), format!("{verb} UpgradeQueued"));
    }
    assert_eq!(words(&scene.pass()), "UpgradeQueued");
    let plan = scene.pass();
    assert_eq!(words(&plan), "UpgradeQueued");
    let new = scene.bound("a").unwrap();
    assert_eq!(scene.jobs()[&new].status, JobStatus::Running);
    // `apply` goes on waiting for that snapshot, which nothing else shows, as long as it is expected.
    assert!(plan.holds[0].passes_by_itself(), "{:?}", plan.holds);
    let mut late = scene.clone();
    late.pass_time(seconds(300));
    let plan = late.pass();
    assert_eq!(words(&plan), "UpgradeQueued");
    assert!(!plan.holds[0].passes_by_itself(), "{:?}", plan.holds);
    // Nor is it expected of a version that a person has to look at first.
    let mut mismatched = scene.clone();
    mismatched.commit_snapshot(new, &["other"]);
    mismatched.learn();
    let plan = mismatched.pass();
    assert_eq!(words(&plan), "StateMismatch UpgradeQueued");
    assert!(!plan.holds.iter().any(Hold::passes_by_itself));
    scene.commit_snapshot(new, &["counter"]);
    assert_eq!(scene.settle(), WAY);
}
