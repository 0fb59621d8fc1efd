//! Jobs that end with a snapshot, and jobs that start from one.

use std::sync::Arc;

use jetkeeper::plan::Plan;
use jetkeeper::plan::hold::{HoldClass, Reason};
use jetkeeper::plan::job::JobId;
use jetkeeper::plan::step::Outcome;
use jetkeeper::resources::ResourceId;
use serde_json::{Value, json};

use super::drive::failed;
use super::observe::running;
use super::scene::{Scene, hold, seconds, words};
use super::upgrades::WAY;

const NOTHING: [&str; 0] = [];

fn started_from(scene: &Scene) -> Option<&str> {
    let job = scene.recorded.jobs["orders"].job.as_ref().unwrap();
    job.started_from.as_deref()
}

#[test]
fn a_canceled_job_goes_on_from_the_snapshot_of_its_cancel() {
    let (mut scene, job) = running(json!({}));
    scene.declare("orders", json!({"state": "Canceled"}));
    assert_eq!(scene.settle(), ["suspend", "export", "cancel"]);
    assert_eq!(scene.settle(), NOTHING);
    scene.declare("orders", json!({}));
    assert_eq!(scene.settle(), ["claim", "submit"]);
    let from = started_from(&scene).unwrap();
    assert!(from.starts_with("orders.cancel-"), "{from}");
    assert_eq!(scene.snapshots[from].job, job);
    // And once more: the snapshot before goes when nothing needs it.
    let new = scene.bound("orders").unwrap();
    scene.commit_snapshot(new, &["counter"]);
    scene.declare("orders", json!({"state": "Canceled"}));
    scene.settle();
    scene.declare("orders", json!({}));
    assert_eq!(scene.settle(), ["claim", "submit", "delete snapshot"]);
    assert_eq!(scene.snapshots.len(), 1);
}

#[test]
fn a_job_that_a_person_cancelled_before_its_snapshot_was_made_is_not_started_without_it() {
    let (mut scene, job) = running(json!({}));
    scene.declare("orders", json!({"state": "Canceled"}));
    assert_eq!(words(&scene.pass()), "suspend");
    scene.learn();
    scene.cancel_by_hand(job);
    scene.settle();
    scene.declare("orders", json!({}));
    assert_eq!(words(&scene.learn()), "StateLost");
    scene.assert_at_rest();
}

#[test]
fn a_job_whose_state_was_let_go_starts_afresh_whatever_is_declared_then() {
    let (mut scene, _) = running(json!({}));
    let canceled = json!({"state": "Canceled", "deletionPolicy": "Cancel"});
    scene.declare("orders", canceled);
    assert_eq!(scene.settle(), ["cancel"]);
    scene.declare("orders", json!({}));
    assert_eq!(scene.settle(), ["claim", "submit"]);
    assert_eq!(started_from(&scene), None);
}

#[test]
fn a_removed_job_leaves_the_snapshot_of_its_end() {
    let (mut scene, job) = running(json!({}));
    scene.delete("orders");
    assert_eq!(scene.settle(), ["suspend", "export", "cancel", "release"]);
    assert!(scene.is_forgotten());
    let (name, facts) = scene.snapshots.iter().next().unwrap();
    assert!(name.starts_with("orders.delete-"), "{name}");
    assert_eq!(facts.job, job);
}

#[test]
fn a_removed_job_leaves_no_snapshot_that_nothing_needs() {
    let (mut scene, _) = running(json!({}));
    scene.new_jar("orders", "2");
    assert_eq!(scene.settle(), WAY);
    scene.delete("orders");
    let way = ["suspend", "export", "cancel", "delete snapshot", "release"];
    assert_eq!(scene.settle(), way);
    assert_eq!(scene.snapshots.len(), 1);
    assert!(scene.is_forgotten());
}

#[test]
fn a_snapshot_that_is_begun_is_not_gone_on_with_under_another_name() {
    let (mut scene, _) = running(json!({}));
    scene.new_jar("orders", "2");
    scene.pass();
    let plan = scene.learn();
    scene.end_with(&plan, &failed(Reason::ClusterUnreachable, "down"));
    scene.rename("orders", "purchases", json!({"name": "orders"}));
    let verbs = scene.settle();
    assert_eq!(verbs[..3], ["claim", "export", "cancel"], "{verbs:?}");
    let kept = scene.recorded.jobs["purchases"].kept.as_ref().unwrap();
    assert!(kept.name.starts_with("purchases."), "{}", kept.name);
    assert_eq!(scene.snapshots.len(), 1);
}

/// A job that was upgraded, has a snapshot of its own, and is lost.
fn lost(spec: Value) -> Scene {
    let (mut scene, _) = running(spec);
    scene.new_jar("orders", "2");
    scene.settle();
    let job = scene.bound("orders").unwrap();
    scene.commit_snapshot(job, &["counter"]);
    scene.settle();
    scene.lose(job);
    scene
}

#[test]
fn a_lost_job_is_restored_from_its_newest_snapshot_that_is_young_enough() {
    for (mode, hours, expected) in [
        ("Restore", 23, "claim"),
        ("Restore", 25, "StateLost"),
        ("Hold", 0, "StateLost"),
    ] {
        let mut scene = lost(json!({"onStateLoss": {"mode": mode}}));
        scene.pass_time(seconds(hours * 3600));
        assert_eq!(words(&scene.learn()), expected, "{mode} after {hours} h");
        if expected == "claim" {
            assert_eq!(scene.settle(), ["claim", "submit"]);
            let kept = scene.recorded.jobs["orders"].kept.as_ref().unwrap();
            assert_eq!(started_from(&scene), Some(kept.name.as_str()));
        }
    }
    let mut scene = lost(json!({"onStateLoss": {"mode": "StartFresh"}}));
    assert_eq!(scene.settle(), ["claim", "submit"]);
    assert_eq!(started_from(&scene), None);
}

#[test]
fn a_lost_job_that_is_not_restored_says_what_its_newest_snapshot_lacks() {
    let mut scene = lost(json!({"onStateLoss": {"maxSnapshotAge": "1h"}}));
    scene.pass_time(seconds(3700));
    let told = |scene: &mut Scene| hold(&scene.learn(), Reason::StateLost).message;
    let kept = scene.recorded.jobs["orders"].kept.clone().unwrap().name;
    let old = told(&mut scene);
    let expected =
        format!("its state is lost with it: its newest snapshot {kept} is of 2026-01-01T12:");
    assert!(
        old.starts_with(&expected) && old.contains("maxSnapshotAge"),
        "{old}"
    );

    let mut scene = lost(json!({"onStateLoss": {"mode": "Hold"}}));
    let held = told(&mut scene);
    assert!(held.contains("onStateLoss.mode is Hold"), "{held}");

    let (mut scene, job) = running(json!({}));
    scene.lose(job);
    let none = told(&mut scene);
    assert!(
        none.contains("no snapshot of it is on the cluster"),
        "{none}"
    );
}

#[test]
fn a_first_submit_starts_from_the_snapshot_that_its_document_names() {
    let mut scene = Scene::with(json!({"initialSnapshotName": "s"}));
    let there = scene.foreign_facts();
    scene.snapshots.insert("s".to_owned(), there);
    assert_eq!(scene.settle(), ["claim", "submit"]);
    assert_eq!(started_from(&scene), Some("s"));
}

#[test]
fn a_snapshot_that_is_not_there_is_waited_for_and_nothing_is_written_meanwhile() {
    let mut scene = Scene::with(json!({"initialSnapshotName": "s"}));
    let held = hold(&scene.learn(), Reason::WaitingForSnapshot);
    assert_eq!((held.class, held.deadline), (HoldClass::Waiting, None));
    assert!(held.message.contains("snapshot s"), "{}", held.message);
    for _ in 0..3 {
        scene.pass_time(seconds(3600));
        scene.assert_at_rest();
    }
    assert!(scene.entries().is_empty(), "the name is not even claimed");
    let there = scene.foreign_facts();
    scene.snapshots.insert("s".to_owned(), there);
    assert_eq!(scene.settle(), ["claim", "submit"]);
    assert_eq!(started_from(&scene), Some("s"));
}

#[test]
fn a_snapshot_that_vanishes_before_the_upload_is_told_and_the_claim_is_not_written_again_and_again()
{
    let mut scene = Scene::with(json!({"initialSnapshotName": "s"}));
    let there = scene.foreign_facts();
    let snapshots = &mut scene.view().snapshots;
    snapshots.insert("s".to_owned(), Some(there));
    assert_eq!(words(&scene.pass()), "claim");
    assert_eq!(words(&scene.pass()), "submit");
    let claimed = scene.entries().clone();
    for _ in 0..5 {
        scene.pass_time(seconds(90));
        let plan = scene.learn();
        assert_eq!(words(&plan), "submit");
        scene.carry_out(&plan.steps[0]);
        assert_eq!(words(&scene.learn()), "SnapshotMissing");
        scene.assert_at_rest();
    }
    assert_eq!(*scene.entries(), claimed);
    let there = scene.foreign_facts();
    scene.snapshots.insert("s".to_owned(), there);
    scene.pass_time(seconds(90));
    assert_eq!(scene.settle(), ["submit"]);
    assert_eq!(started_from(&scene), Some("s"));
}

#[test]
fn a_fork_whose_job_is_active_is_started_from_only_by_a_person_s_word() {
    let mut scene = Scene::with(json!({"initialSnapshotName": "s"}));
    let there = scene.foreign_facts();
    scene.snapshots.insert("s".to_owned(), there);
    let in_use = failed(Reason::ForkedStateInUse, "job 77 is active");
    scene.pass();
    let plan = scene.learn();
    let expected = plan.steps[0].expects.snapshot.as_ref().unwrap();
    assert!(!expected.fork_allowed);
    scene.end_with(&plan, &in_use);
    let held = hold(&scene.learn(), Reason::ForkedStateInUse);
    scene.assert_at_rest();
    // Without that word it is tried again: the job may have ended.
    let mut later = scene.clone();
    later.pass_time(seconds(60));
    assert_eq!(later.settle(), ["submit"]);
    scene.confirm(&held, false);
    let plan = scene.learn();
    assert_eq!(words(&plan), "submit");
    let expected = plan.steps[0].expects.snapshot.as_ref().unwrap();
    assert!(expected.fork_allowed);
    scene.end_with(&plan, &Outcome::Done);
}

#[test]
fn a_snapshot_of_a_resource_is_never_deleted_with_those_that_nothing_needs() {
    let (mut scene, _) = running(json!({}));
    scene.declare_snapshot("evening", &json!({"cancelJob": true}));
    assert_eq!(scene.settle(), ["suspend", "export", "cancel"]);
    assert!(scene.snapshots.contains_key("evening"));
    scene.declare("orders", json!({"redeployNonce": 1}));
    assert_eq!(scene.settle(), ["claim", "submit"]);
    assert_eq!(started_from(&scene), Some("evening"));
    let job = scene.bound("orders").unwrap();
    scene.commit_snapshot(job, &["counter"]);
    scene.settle();
    scene.delete("orders");
    let way = ["suspend", "export", "cancel", "release"];
    assert_eq!(scene.settle(), way);
    assert!(
        scene.snapshots.contains_key("evening"),
        "{:?}",
        scene.snapshots
    );
}

#[test]
fn a_job_that_failed_before_a_snapshot_ended_it_was_not_ended_by_it() {
    for by_hand in [false, true] {
        let (mut scene, job) = running(json!({}));
        scene.declare_snapshot("evening", &json!({"cancelJob": true}));
        scene.learn();
        let plan = scene.pass();
        assert_eq!(plan.steps[0].verb(), "suspend");
        if by_hand {
            scene.cancel_by_hand(job);
        } else {
            scene.fail(job);
        }
        scene.learn();
        let holds = scene.learn().holds;
        let of_job = holds
            .iter()
            .filter(|hold| *hold.subjects == [ResourceId::jet_job("orders")]);
        assert_ne!(of_job.count(), 0, "by hand: {by_hand}");
        assert_eq!(scene.recorded.jobs["orders"].ended_by, None);
    }
}

#[test]
fn a_word_that_a_snapshot_s_job_may_lose_its_state_cancels_it_and_lets_no_other_state_go() {
    let (mut scene, job) = running(json!({}));
    scene.unsuspendable(job);
    scene.declare_snapshot("evening", &json!({"cancelJob": true}));
    scene.learn();
    let held = hold(&scene.learn(), Reason::SnapshotRequired);
    scene.confirm(&held, true);
    assert_eq!(scene.pass().steps[0].verb(), "cancel");
    scene.learn();
    assert!(scene.recorded.jobs["orders"].ended_by.is_some());
}

#[test]
fn a_snapshot_of_long_ago_is_not_gone_on_from_because_a_person_cancelled_the_job() {
    let (mut scene, job) = running(json!({}));
    // An upgrade that is taken back once its snapshot is there.
    scene.new_jar("orders", "2");
    assert_eq!(words(&scene.pass()), "suspend");
    assert_eq!(words(&scene.pass()), "export");
    scene.new_jar("orders", "1");
    assert_eq!(scene.settle(), ["resume"]);
    scene.pass_time(seconds(30 * 24 * 3600));
    scene.declare(
        "orders",
        json!({"state": "Canceled", "deletionPolicy": "Orphan"}),
    );
    scene.cancel_by_hand(job);
    scene.settle();
    scene.declare("orders", json!({}));
    assert_eq!(words(&scene.learn()), "StateLost");
}

#[test]
fn a_job_cancelled_by_hand_is_told_with_the_snapshot_that_it_would_start_from() {
    let told = |scene: &mut Scene| hold(&scene.learn(), Reason::Drifted).message;
    let (mut scene, job) = running(json!({}));
    let mut never = scene.clone();
    never.cancel_by_hand(job);
    let said = told(&mut never);
    assert!(
        said.contains("No snapshot of it is on the cluster"),
        "{said}"
    );

    // An upgrade that is taken back once its snapshot is there.
    scene.new_jar("orders", "2");
    for verb in ["suspend", "export"] {
        assert_eq!(words(&scene.pass()), verb);
    }
    scene.new_jar("orders", "1");
    assert_eq!(scene.settle(), ["resume"]);
    let snapshot = scene.recorded.jobs["orders"].kept.clone().unwrap();
    let taken = snapshot.facts.created_at;
    scene.now = taken + seconds(12 * 60 + 3);
    scene.cancel_by_hand(job);
    let (mut old, mut later) = (scene.clone(), scene.clone());
    let at = taken.strftime("%Y-%m-%dT%H:%M:%SZ");
    let newest = format!("{}, of {at}, 12m 3s before it was cancelled", snapshot.name);
    let said = told(&mut scene);
    assert!(
        said.ends_with(&format!("start from its newest snapshot {newest}")),
        "{said}"
    );
    scene.assert_at_rest();
    // However long nobody does anything about it, it is the same hold in the same words.
    later.learn();
    later.pass_time(seconds(3600));
    assert_eq!(told(&mut later), said);

    old.declare("orders", json!({"onStateLoss": {"maxSnapshotAge": "1m"}}));
    let said = told(&mut old);
    assert!(
        said.contains("It would start from none") && said.ends_with(&newest),
        "{said}"
    );
}

/// A job whose cancel is on its way while its document changes back.
fn taken_back_in_flight() -> (Scene, JobId, Plan) {
    let (mut scene, job) = running(json!({}));
    scene.declare("orders", json!({"state": "Canceled"}));
    for verb in ["suspend", "export"] {
        assert_eq!(words(&scene.pass()), verb);
    }
    let plan = scene.learn();
    assert_eq!(words(&plan), "cancel");
    scene.begin(&plan.steps[0]);
    scene.declare("orders", json!({}));
    scene.recorded.in_flight.insert(
        ResourceId::jet_job("orders"),
        Arc::new(plan.steps[0].clone()),
    );
    assert_eq!(words(&scene.learn()), "StepInFlight");
    scene.recorded.in_flight.clear();
    (scene, job, plan)
}

#[test]
fn a_cancel_of_ours_that_nobody_wants_any_more_is_not_taken_for_a_persons() {
    let (mut scene, job, plan) = taken_back_in_flight();
    let outcome = scene.effect(&plan.steps[0]);
    scene.finish(&plan.steps[0], &outcome);
    assert_eq!(scene.settle(), ["claim", "submit"]);
    let from = started_from(&scene).unwrap();
    assert_eq!(scene.snapshots[from].job, job);
}

#[test]
fn a_cancel_that_may_still_come_is_waited_for_and_forgotten_when_it_never_does() {
    let (mut scene, job, plan) = taken_back_in_flight();
    let outcome = Outcome::Unknown {
        message: "no answer".to_owned(),
    };
    scene.finish(&plan.steps[0], &outcome);
    assert_eq!(words(&scene.learn()), "JobCompleting");
    let mut late = scene.clone();
    scene.effect(&plan.steps[0]);
    scene.pass_time(seconds(5));
    assert_eq!(scene.settle(), ["claim", "submit"], "it came late");
    // It never comes, and somebody else's cancel long after is somebody else's.
    late.pass_time(seconds(300));
    assert_eq!(late.settle(), ["resume"]);
    late.cancel_by_hand(job);
    assert_eq!(words(&late.learn()), "Drifted");
}
