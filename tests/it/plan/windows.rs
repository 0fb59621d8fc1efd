//! What a source's windows hold until they open, and what they don't.

use std::sync::Arc;

use jetkeeper::plan::Planner;
use jetkeeper::plan::hold::{HoldClass, Reason, Release};
use jetkeeper::plan::record::{ConditionStatus, ConditionType};
use jetkeeper::resources::SourceName;
use jetkeeper::resources::sync_window::{SyncWindow, SyncWindowKind, SyncWindows};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::drive::stale;
use super::guards::due;
use super::observe::running;
use super::scene::{SOURCE, Scene, hold, words};
use super::upgrades::WAY;

const NOTHING: [&str; 0] = [];

type Change = fn(&mut Scene);

impl Scene {
    /// What this source asks for begins between 20:00 and 21:00 alone. It is noon.
    pub(super) fn close(&mut self, source: &str) {
        let nightly = SyncWindow::new(
            SyncWindowKind::Allow,
            "0 20 * * *",
            SignedDuration::from_hours(1),
            "UTC",
        );
        let windows = Arc::new(SyncWindows(vec![nightly.unwrap()]));
        let source = SourceName(source.to_owned());
        self.settings.sync_windows.insert(source, windows);
    }

    pub(super) fn open(&mut self) {
        self.settings.sync_windows.clear();
    }
}

fn opens() -> Timestamp {
    "2026-01-01T20:00:00Z".parse().unwrap()
}

/// A job that runs, whose document changes while nothing may begin.
fn changed(spec: Value, change: impl FnOnce(&mut Scene)) -> Scene {
    let (mut scene, _) = running(spec);
    scene.close(SOURCE);
    change(&mut scene);
    scene
}

#[test]
fn what_the_document_asks_for_waits_for_the_window() {
    for (verb, mut scene) in due() {
        scene.close(SOURCE);
        // What was claimed is submitted, and what was stopped gives up its name: both had begun.
        let begun = ["submit", "release"].contains(&verb);
        let expected = if begun { verb } else { "SyncWindow" };
        let mut planner = Planner::default();
        assert_eq!(words(&scene.plan_with(&mut planner)), expected, "{verb}");
        if begun {
            continue;
        }
        let plan = scene.learn();
        let held = hold(&plan, Reason::SyncWindow);
        assert_eq!(held.class, HoldClass::Policy);
        assert_eq!(held.release, Release::Confirm);
        assert_eq!(
            (held.deadline, plan.next_wake),
            (Some(opens()), Some(opens()))
        );
        let message = &held.message;
        let does = if verb == "update" { "change" } else { verb };
        assert!(message.contains("2026-01-01T20:00:00Z"), "{message}");
        assert!(
            message.contains(&format!("What waits: {does}")),
            "{message}"
        );
        // Nothing is left behind: later it is as if it had been asked for then.
        scene.assert_at_rest();
        scene.pass_time(opens().duration_since(scene.now));
        assert_eq!(words(&scene.plan_with(&mut planner)), verb);
        assert_eq!(words(&scene.plan()), verb);
    }
}

#[test]
fn the_windows_of_another_source_are_no_matter() {
    let mut scene = Scene::with(json!({}));
    scene.close("other");
    assert_eq!(scene.settle(), ["claim", "submit"]);
}

#[test]
fn a_job_that_is_held_runs_on_and_says_why_it_is_not_as_declared() {
    let mut scene = changed(json!({}), |scene| scene.new_jar("orders", "2"));
    assert_eq!(words(&scene.learn()), "SyncWindow");
    let status = scene.status("orders");
    let reconciled = status.conditions.iter();
    let mut reconciled = reconciled.filter(|it| it.kind == ConditionType::Reconciled);
    let reconciled = reconciled.next().unwrap();
    assert_eq!(reconciled.status, ConditionStatus::False);
    assert_eq!(reconciled.reason, Reason::SyncWindow);
    // Taken back, there is nothing to wait for.
    scene.new_jar("orders", "1");
    assert_eq!(scene.settle(), NOTHING);
}

#[test]
fn a_person_begins_it_at_once_and_it_goes_on_to_its_end() {
    let mut scene = changed(json!({}), |scene| scene.new_jar("orders", "2"));
    let held = hold(&scene.learn(), Reason::SyncWindow);
    scene.confirm(&held, false);
    let plan = scene.learn();
    assert_eq!(words(&plan), "suspend");
    // One word is enough, also where a step has to be tried again.
    scene.end_with(&plan, &stale("something changed"));
    assert_eq!(scene.settle(), WAY);
    let new = scene.bound("orders").unwrap();
    scene.commit_snapshot(new, &["counter"]);
    assert_eq!(scene.settle(), NOTHING);
    assert!(!scene.recorded.jobs["orders"].outside_windows);
    // It was about this document.
    scene.new_jar("orders", "3");
    assert_eq!(words(&scene.learn()), "SyncWindow");
}

#[test]
fn a_word_about_one_document_begins_no_other() {
    let mut scene = changed(json!({}), |scene| {
        scene.declare("orders", json!({"parameters": ["a"]}));
    });
    let held = hold(&scene.learn(), Reason::SyncWindow);
    scene.confirm(&held, false);
    scene.declare("orders", json!({"parameters": ["b"]}));
    let plan = scene.learn();
    assert_eq!(words(&plan), "SyncWindow");
    assert!(plan.spent_confirmations.contains(&held.id), "it is void");
}

#[test]
fn what_was_begun_is_brought_to_its_end() {
    let ways: [(&str, Change); 3] = [
        ("upgrade", |scene| scene.new_jar("orders", "2")),
        ("cancel", |scene| {
            scene.declare("orders", json!({"state": "Canceled"}));
        }),
        ("configure", |scene| {
            scene.declare("orders", json!({"jobConfig": {"timeout": "1h"}}));
        }),
    ];
    for (what, change) in ways {
        let (whole, _) = running(json!({}));
        let mut steps = whole.clone();
        change(&mut steps);
        let steps = steps.settle();
        for begun in 1..=steps.len() {
            let mut scene = whole.clone();
            change(&mut scene);
            for verb in &steps[..begun] {
                assert_eq!(words(&scene.pass()), *verb, "{what}");
            }
            scene.close(SOURCE);
            assert_eq!(scene.settle(), steps[begun..], "{what} after {begun} steps");
        }
    }
}

#[test]
fn what_is_taken_back_on_the_way_gives_the_job_back() {
    let (mut scene, job) = running(json!({}));
    scene.new_jar("orders", "2");
    assert_eq!(words(&scene.pass()), "suspend");
    scene.close(SOURCE);
    scene.new_jar("orders", "1");
    scene.settle();
    assert_eq!(scene.bound("orders"), Some(job));
    assert_eq!(words(&scene.learn()), "-");
}

#[test]
fn a_job_that_failed_or_was_lost_comes_back_as_it_was() {
    let spec = json!({"restartPolicy": {"type": "OnFailure", "backoff": "1s"}, "onStateLoss": {"mode": "StartFresh"}});
    let fates: [fn(&mut Scene, jetkeeper::plan::job::JobId); 2] = [Scene::fail, Scene::lose];
    for fate in fates {
        let (mut scene, job) = running(spec.clone());
        scene.close(SOURCE);
        fate(&mut scene, job);
        assert_eq!(scene.clone().settle(), ["claim", "submit"]);
        // As another version it is a change.
        scene.new_jar("orders", "2");
        scene.learn();
        scene.pass_time(SignedDuration::from_secs(5));
        assert_eq!(words(&scene.learn()), "SyncWindow");
        scene.open();
        assert_eq!(scene.settle(), ["claim", "submit"]);
    }
    let (mut scene, job) = running(spec);
    scene.close(SOURCE);
    scene.suspend_by_failure(job);
    assert_eq!(scene.settle(), ["resume"]);
}

#[test]
fn a_version_that_fails_is_rolled_back_at_any_time() {
    let (mut scene, _) = running(json!({}));
    scene.new_jar("orders", "2");
    assert_eq!(scene.settle(), WAY);
    scene.close(SOURCE);
    let new = scene.bound("orders").unwrap();
    scene.suspend_by_failure(new);
    scene.follow_snapshots(new);
    assert_eq!(scene.settle(), ["cancel", "claim", "submit"]);
}

#[test]
fn what_a_person_did_by_hand_is_undone_in_the_window_or_by_their_word() {
    let (mut scene, job) = running(json!({"driftPolicy": "Correct"}));
    scene.close(SOURCE);
    scene.suspend_by_hand(job);
    assert_eq!(words(&scene.learn()), "SyncWindow");
    scene.open();
    assert_eq!(scene.settle(), ["resume"]);

    let (mut scene, job) = running(json!({}));
    scene.close(SOURCE);
    scene.suspend_by_hand(job);
    let held = hold(&scene.learn(), Reason::Drifted);
    scene.confirm(&held, false);
    assert_eq!(scene.settle(), ["resume"]);
}

#[test]
fn a_snapshot_is_exported_at_any_time_unless_it_ends_its_job() {
    let (mut scene, _) = running(json!({}));
    scene.close(SOURCE);
    scene.declare_snapshot("before", &json!({}));
    scene.learn();
    assert_eq!(words(&scene.learn()), "export");
    let mut ending = running(json!({})).0;
    ending.close(SOURCE);
    ending.declare_snapshot("last", &json!({"cancelJob": true}));
    ending.learn();
    let plan = ending.learn();
    assert!(plan.steps.is_empty(), "{plan:#?}");
    let held = hold(&plan, Reason::SyncWindow);
    assert!(
        held.message.contains("suspend job orders"),
        "{}",
        held.message
    );
}

#[test]
fn a_window_that_never_opens_is_looked_at_again() {
    let mut scene = Scene::with(json!({}));
    let always = SyncWindow::new(
        SyncWindowKind::Deny,
        "0 * * * *",
        SignedDuration::from_hours(2),
        "UTC",
    );
    let windows = Arc::new(SyncWindows(vec![always.unwrap()]));
    let source = SourceName(SOURCE.to_owned());
    scene.settings.sync_windows.insert(source, windows);
    let plan = scene.learn();
    let held = hold(&plan, Reason::SyncWindow);
    assert_eq!(held.deadline, None);
    assert!(
        held.message.contains("Deny `0 * * * *` UTC for 2h"),
        "{}",
        held.message
    );
    let in_a_day = scene.now + SignedDuration::from_hours(24);
    assert_eq!(plan.next_wake, Some(in_a_day));
}
