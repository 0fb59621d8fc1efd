//! Snapshots that something still needs, and losses that are told as such.

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::observed::Seen;
use jetkeeper::plan::step::Outcome;
use jetkeeper::plan::{Plan, Planner};
use jiff::SignedDuration;
use serde_json::json;

use super::drive::failed;
use super::observe::running;
use super::scene::{Scene, hold, seconds, words};

#[test]
fn a_snapshot_that_an_ended_job_goes_on_from_is_not_deleted_with_its_document() {
    let (mut scene, _) = running(json!({}));
    let evening = json!({"cancelJob": true, "deletionPolicy": "Delete"});
    scene.declare_snapshot("evening", &evening);
    assert_eq!(scene.settle(), ["suspend", "export", "cancel"]);
    // In one commit the job is to run again, which has to wait, and the snapshot's document goes.
    scene.view().upload_enabled = Seen::Known(false);
    scene.new_jar("orders", "2");
    scene.desired.snapshots.remove("evening");
    // It is the last one of its source.
    let held = hold(&scene.learn(), Reason::SourceMissing);
    scene.confirm(&held, false);
    for _ in 0..3 {
        let plan = scene.pass();
        assert!(plan.steps.is_empty(), "{plan:#?}");
    }
    hold(&scene.learn(), Reason::SnapshotUnderWay);
    scene.view().upload_enabled = Seen::Known(true);
    for verb in ["claim", "submit"] {
        assert!(words(&scene.pass()).starts_with(verb));
    }
    for _ in 0..3 {
        let plan = scene.pass();
        assert!(plan.steps.is_empty(), "{plan:#?}");
    }
    let job = scene.recorded.jobs["orders"].job.clone().unwrap();
    assert_eq!(job.started_from.as_deref(), Some("evening"));
    scene.commit_snapshot(job.id, &["counter"]);
    assert_eq!(scene.settle(), ["delete snapshot"]);
    assert!(scene.recorded.snapshots.is_empty());
}

#[test]
fn a_surplus_snapshot_that_another_job_was_started_from_stays_until_that_made_its_own() {
    let (mut scene, _) = running(json!({}));
    let commit = |scene: &mut Scene, name: &str| {
        let job = scene.bound(name).unwrap();
        scene.commit_snapshot(job, &["counter"]);
    };
    scene.new_jar("orders", "2");
    scene.settle();
    commit(&mut scene, "orders");
    let first = scene.recorded.jobs["orders"].kept.clone().unwrap().name;
    scene.declare("mail", json!({"initialSnapshotName": first}));
    assert_eq!(words(&scene.pass()), "claim");
    assert!(scene.recorded.jobs["mail"].needs_snapshot(&first));
    scene.settle();
    let mail = scene.recorded.jobs["mail"].job.clone().unwrap();
    assert_eq!(mail.started_from.as_deref(), Some(first.as_str()));

    scene.new_jar("orders", "3");
    let verbs = scene.settle();
    assert_eq!(verbs, ["suspend", "export", "cancel", "claim", "submit"]);
    commit(&mut scene, "orders");
    assert_eq!(scene.settle(), [""; 0]);
    assert!(scene.snapshots.contains_key(&first));

    // A planner that planned before sees it too, although nothing of this job changed.
    let mut planner = Planner::default();
    assert_eq!(words(&scene.plan_with(&mut planner)), "-");
    commit(&mut scene, "mail");
    let plan = scene.plan_with(&mut planner);
    assert_eq!(words(&plan), "-");
    scene.remember(&plan);
    assert_eq!(words(&scene.plan_with(&mut planner)), "delete snapshot");
    assert_eq!(scene.settle(), ["delete snapshot"]);
    assert!(!scene.snapshots.contains_key(&first));
}

#[test]
fn a_replacement_that_never_happened_excuses_no_later_loss() {
    let stateless = json!({"upgradePolicy": {"mode": "Stateless"}});
    let (mut scene, job) = running(stateless);
    scene.new_jar("orders", "2");
    let plan = scene.learn();
    assert_eq!(words(&plan), "cancel");
    scene.end_with(&plan, &failed(Reason::ClusterUnreachable, "down"));
    scene.declare("orders", json!({}));
    scene.lose(job);
    scene.pass_time(seconds(60));
    assert_eq!(words(&scene.learn()), "StateLost");
    scene.assert_at_rest();
}

#[test]
fn a_clock_that_is_put_back_makes_no_pause_longer() {
    let mut scene = Scene::with(json!({}));
    let plan = scene.learn();
    assert_eq!(words(&plan), "claim");
    scene.end_with(&plan, &failed(Reason::ClusterUnreachable, "down"));
    assert_eq!(words(&scene.learn()), "BackingOff");
    scene.now -= SignedDuration::from_hours(24);
    let plan = scene.plan();
    assert!(!plan.steps.is_empty(), "{:#?}", plan.holds);
}

#[test]
fn a_word_about_a_fork_means_one_start() {
    let mut scene = Scene::with(json!({}));
    scene.settle();
    scene.record("orders", |record| record.fork_allowed = true);
    let mut edited = scene.clone();
    edited.declare("orders", json!({"parameters": ["b"]}));
    edited.learn();
    assert!(!edited.recorded.jobs["orders"].fork_allowed);
    scene.new_jar("orders", "2");
    scene.settle();
    assert!(!scene.recorded.jobs["orders"].fork_allowed);
}

#[test]
fn a_job_that_is_left_running_keeps_no_other_from_being_upgraded() {
    let mut scene = Scene::new();
    for name in ["a", "b"] {
        scene.declare(name, json!({}));
    }
    scene.settle();
    scene.new_jar("a", "2");
    for _ in 0..3 {
        assert_eq!(words(&scene.pass()), "suspend");
        let plan = scene.learn();
        scene.end_with(&plan, &failed(Reason::SnapshotFailed, "no"));
        assert_eq!(words(&scene.pass()), "resume");
    }
    hold(&scene.learn(), Reason::SnapshotFailed);
    scene.new_jar("b", "2");
    let verbs = scene.settle();
    assert_eq!(verbs[..3], ["suspend", "export", "cancel"], "{verbs:?}");
}

#[test]
fn a_snapshot_that_members_may_have_cut_short_is_told_so_once() {
    for (chunks, told) in [(999, 0), (1_053, 1)] {
        let (mut scene, _) = running(json!({}));
        scene.new_jar("orders", "2");
        assert_eq!(words(&scene.pass()), "suspend");
        let plan = scene.learn();
        scene.begin(&plan.steps[0]);
        let Outcome::Exported { mut facts } = scene.effect(&plan.steps[0]) else {
            panic!("{plan:#?}");
        };
        (facts.chunks, facts.bytes) = (chunks, chunks * 131_000);
        scene.finish(&plan.steps[0], &Outcome::Exported { facts });
        let cautions = |plan: &Plan| {
            let events = plan.events.iter();
            let said = events.filter(|event| event.message.contains("may have left entries"));
            said.count()
        };
        assert_eq!(cautions(&scene.learn()), told);
        assert_eq!(cautions(&scene.learn()), 0);
    }
}
