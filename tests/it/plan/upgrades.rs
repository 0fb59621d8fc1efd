//! Stateful upgrades: the whole way, each of its transitions with each bad outcome, and what happens to
//! the document or the job in between.

use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::jar::JarView;
use jetkeeper::plan::job::{JobId, JobStatus};
use jetkeeper::plan::observed::Link;
use jetkeeper::plan::record::{StoppedBy, UploadOutcome};
use jetkeeper::plan::step::{Action, Outcome, WhichSnapshot};
use jetkeeper::plan::{Plan, interest};
use serde_json::json;

use super::drive::{failed, stale, uploaded};
use super::observe::running;
use super::scene::{CLUSTER, Scene, hold, seconds, words};

const NOTHING: [&str; 0] = [];
/// The way of an upgrade.
pub(crate) const WAY: [&str; 5] = ["suspend", "export", "cancel", "claim", "submit"];
/// The same with what an earlier snapshot leaves behind.
const WAY_AGAIN: [&str; 6] = [
    "suspend",
    "export",
    "cancel",
    "claim",
    "submit",
    "delete snapshot",
];

/// A running job whose second version is on its way, so many steps of it done.
fn upgrading(steps: usize) -> (Scene, JobId) {
    let (mut scene, job) = running(json!({}));
    scene.new_jar("orders", "2");
    for verb in &WAY[..steps] {
        assert_eq!(words(&scene.pass()), *verb);
    }
    (scene, job)
}

fn export_of(plan: &Plan) -> (String, WhichSnapshot) {
    let [step] = plan.steps.as_slice() else {
        panic!("one step expected: {plan:#?}");
    };
    match &step.action {
        Action::Export(export) => (export.name.clone(), export.which),
        _ => panic!("no export: {plan:#?}"),
    }
}

fn kept(scene: &Scene) -> String {
    let kept = scene.recorded.jobs["orders"].kept.as_ref();
    kept.unwrap().name.clone()
}

fn started_from(scene: &Scene) -> Option<String> {
    let job = scene.recorded.jobs["orders"].job.as_ref();
    job.unwrap().started_from.clone()
}

fn follows_snapshots(scene: &Scene, job: JobId) -> bool {
    let interests = interest(&scene.desired, &scene.recorded, &scene.settings);
    interests[CLUSTER].standings.contains(&job)
}

#[test]
fn the_whole_way_ends_with_the_first_snapshot_of_the_new_version() {
    let (mut scene, old) = running(json!({}));
    scene.new_jar("orders", "2");
    let mut kinds = Vec::new();
    for verb in WAY {
        let plan = scene.pass();
        assert_eq!(words(&plan), verb);
        kinds.extend(plan.events.iter().map(|event| event.kind));
        let expected = plan.steps[0].expects.snapshot.as_ref();
        match verb {
            "cancel" => {
                let expected = expected.unwrap();
                assert_eq!(expected.last_of, Some(old), "nothing was made since");
                let expects = plan.steps[0].expects.job.clone();
                assert_eq!(expects, Some((old, vec![JobStatus::Suspended])));
            }
            "submit" => {
                let expected = expected.unwrap();
                assert_eq!((&expected.name, expected.last_of), (&kept(&scene), None));
                assert_eq!(expected.facts.as_ref().map(|facts| facts.job), Some(old));
            }
            _ => assert_eq!(expected, None),
        }
    }
    assert_eq!(scene.settle(), NOTHING);
    let new = scene.bound("orders").unwrap();
    assert_ne!(new, old);
    assert_eq!(started_from(&scene), Some(kept(&scene)));
    assert!(follows_snapshots(&scene, new));
    assert!(!kinds.contains(&EventKind::UpgradeStable));
    scene.commit_snapshot(new, &["counter", "more"]);
    let plan = scene.learn();
    kinds.extend(plan.events.iter().map(|event| event.kind));
    let of = |kind| kinds.iter().filter(|found| **found == kind).count();
    assert_eq!(of(EventKind::UpgradeStarted), 1, "{kinds:?}");
    assert_eq!(of(EventKind::UpgradeStable), 1, "{kinds:?}");
    assert_eq!(scene.settle(), NOTHING);
    assert_eq!(scene.recorded.jobs["orders"].operation, None);
    assert!(!follows_snapshots(&scene, new));
    assert!(scene.snapshots.contains_key(&kept(&scene)), "it is kept");
}

#[test]
fn a_new_version_without_a_guarantee_is_stable_once_it_runs() {
    let (mut scene, _) = upgrading(5);
    scene.learn();
    let new = scene.bound("orders").unwrap();
    scene.stateless(new);
    scene.learn();
    assert_eq!(scene.recorded.jobs["orders"].operation, None);
}

#[test]
fn a_refused_suspension_is_tried_again() {
    let (mut scene, _) = upgrading(0);
    let plan = scene.learn();
    scene.end_with(&plan, &failed(Reason::BackingOff, "not now"));
    assert_eq!(words(&scene.learn()), "BackingOff");
    let job = scene.recorded.jobs["orders"].job.clone().unwrap();
    assert_eq!(job.stopped_by, None);
    assert_eq!(scene.settle(), WAY);
}

/// A job that was suspended in vain, again and again, and runs.
fn suspended_in_vain() -> (Scene, JobId) {
    let (mut scene, job) = upgrading(0);
    for _ in 0..3 {
        let plan = scene.learn();
        assert_eq!(words(&plan), "suspend");
        // Its terminal snapshot fails, and so it runs again.
        scene.end_with(&plan, &Outcome::Done);
        scene.tick();
    }
    (scene, job)
}

#[test]
fn a_job_that_is_suspended_in_vain_is_left_running_for_an_hour() {
    let (mut scene, job) = suspended_in_vain();
    assert_eq!(words(&scene.learn()), "SnapshotNotCommitted");
    scene.assert_at_rest();
    assert_eq!(scene.jobs()[&job].status, JobStatus::Running);
    let mut changed = scene.clone();
    changed.declare("orders", json!({"parameters": ["b"]}));
    assert_eq!(changed.settle(), WAY);
    scene.pass_time(seconds(3599));
    assert_eq!(words(&scene.learn()), "SnapshotNotCommitted");
    scene.pass_time(seconds(1));
    assert_eq!(scene.settle(), WAY);
}

#[test]
fn an_export_that_fails_gives_the_job_back_and_holds_after_three_times() {
    for reason in [
        Reason::SnapshotNotCommitted,
        Reason::SnapshotFailed,
        Reason::SnapshotOvertaken,
        Reason::SnapshotDamaged,
        Reason::SnapshotMissing,
        Reason::HeapTooFull,
        Reason::BackingOff,
    ] {
        let (mut scene, job) = upgrading(0);
        for _ in 0..3 {
            assert_eq!(words(&scene.pass()), "suspend", "{reason}");
            let plan = scene.learn();
            assert_eq!(words(&plan), "export", "{reason}");
            scene.end_with(&plan, &failed(reason, "no"));
            assert_eq!(words(&scene.pass()), "resume", "{reason}");
        }
        let told = if reason.is_confirmable() {
            reason
        } else {
            Reason::SnapshotFailed
        };
        let held = hold(&scene.learn(), told);
        scene.assert_at_rest();
        assert_eq!(scene.jobs()[&job].status, JobStatus::Running, "{reason}");

        let mut later = scene.clone();
        later.pass_time(seconds(3600));
        assert_eq!(later.settle(), WAY, "{reason}");
        let mut changed = scene.clone();
        changed.declare("orders", json!({"upgradePolicy": {"timeout": "1m"}}));
        assert_eq!(changed.settle(), WAY, "{reason}");
        let mut canceled = scene.clone();
        canceled.declare("orders", json!({"state": "Canceled"}));
        assert_eq!(canceled.settle()[..2], WAY[..2], "{reason}");
        let mut back = scene.clone();
        back.new_jar("orders", "1");
        // What the exports may have left goes.
        assert_eq!(back.settle(), ["delete snapshot"], "{reason}");
        scene.confirm(&held, false);
        assert_eq!(words(&scene.learn()), told.as_str(), "the state may not go");
        scene.confirm(&held, true);
        assert_eq!(scene.settle()[..3], ["cancel", "claim", "submit"]);
        assert_eq!(started_from(&scene), None, "{reason}");
    }
}

#[test]
fn a_cluster_that_does_not_answer_says_nothing_about_the_snapshot() {
    let (mut scene, job) = upgrading(1);
    let unknown = Outcome::Unknown {
        message: "no answer".to_owned(),
    };
    let mut names = Vec::new();
    for _ in 0..4 {
        for outcome in [failed(Reason::ClusterUnreachable, "down"), unknown.clone()] {
            let plan = scene.learn();
            names.push(export_of(&plan).0);
            scene.end_with(&plan, &outcome);
            scene.pass_time(seconds(90));
        }
    }
    names.dedup();
    assert_eq!(names.len(), 1, "what was begun is gone on with: {names:?}");
    let before = scene.view().clone();
    let since = scene.now;
    scene.view().link = Link::Down { since, error: None };
    assert_eq!(words(&scene.learn()), "ClusterUnreachable");
    scene.assert_at_rest();
    scene.view().link = before.link;
    assert_eq!(scene.jobs()[&job].status, JobStatus::Suspended);
    assert_eq!(scene.settle(), WAY[1..]);
}

#[test]
fn a_job_that_somebody_resumed_is_not_cancelled_but_secured_anew() {
    let (mut scene, job) = upgrading(2);
    let first = kept(&scene);
    let plan = scene.learn();
    assert_eq!(words(&plan), "cancel");
    scene.end_with(&plan, &stale("it is RUNNING"));
    scene.job(job, |job| job.status = JobStatus::Running);
    assert_eq!(scene.settle(), WAY_AGAIN);
    assert_ne!(kept(&scene), first);
    assert_eq!(scene.snapshots.len(), 1);
}

#[test]
fn a_clock_that_is_put_back_names_no_snapshot_twice() {
    let (mut scene, _) = upgrading(1);
    let then = scene.now;
    let (first, _) = export_of(&scene.pass());
    let plan = scene.learn();
    assert_eq!(words(&plan), "cancel");
    scene.end_with(&plan, &stale("its last one is another"));
    scene.now = then;
    let (next, _) = export_of(&scene.learn());
    assert_ne!(next, first);
}

#[test]
fn a_snapshot_that_is_not_the_last_one_or_is_gone_is_made_again() {
    // Somebody resumed and suspended the job; somebody deleted the snapshot.
    for gone in [false, true] {
        let (mut scene, _) = upgrading(2);
        let plan = scene.learn();
        assert_eq!(words(&plan), "cancel");
        if gone {
            scene.snapshots.clear();
            scene.carry_out(&plan.steps[0]);
        } else {
            scene.end_with(&plan, &stale("its last one is another"));
        }
        assert_eq!(scene.settle(), WAY_AGAIN[1..], "gone: {gone}");
    }
}

#[test]
fn a_snapshot_that_is_gone_before_the_submit_is_told_and_nothing_starts_without_it() {
    let (mut scene, _) = upgrading(4);
    let there = std::mem::take(&mut scene.snapshots);
    let plan = scene.learn();
    assert_eq!(words(&plan), "submit");
    scene.carry_out(&plan.steps[0]);
    let plan = scene.learn();
    assert_eq!(words(&plan), "StateLost SnapshotMissing");
    scene.assert_at_rest();
    let mut given_up = scene.clone();
    given_up.confirm(&hold(&plan, Reason::StateLost), true);
    assert_eq!(given_up.settle(), ["submit"]);
    assert_eq!(started_from(&given_up), None);
    scene.snapshots = there;
    scene.pass_time(seconds(60));
    assert_eq!(scene.settle(), ["submit"]);
    assert_eq!(started_from(&scene), Some(kept(&scene)));
}

#[test]
fn a_cancel_without_an_answer_never_costs_the_snapshot() {
    for late in [false, true] {
        let (mut scene, _) = upgrading(2);
        let plan = scene.learn();
        let [cancel] = plan.steps.as_slice() else {
            panic!("{plan:#?}");
        };
        scene.begin(cancel);
        let unknown = Outcome::Unknown {
            message: "no answer".to_owned(),
        };
        scene.finish(cancel, &unknown);
        if late {
            // It is tried again, and then found to be done already.
            scene.pass_time(seconds(5));
            let again = scene.learn();
            assert_eq!(words(&again), "cancel");
            scene.effect(cancel);
            scene.end_with(&again, &stale("it is FAILED"));
        } else {
            scene.effect(cancel);
        }
        assert_eq!(scene.settle(), ["claim", "submit"], "late: {late}");
        assert_eq!(started_from(&scene), Some(kept(&scene)));
        assert!(scene.snapshots.contains_key(&kept(&scene)));
    }
}

#[test]
fn a_newer_document_before_the_cancel_takes_the_upgrade_over() {
    for steps in 1..=2 {
        let (mut scene, _) = upgrading(steps);
        scene.new_jar("orders", "3");
        assert_eq!(scene.settle(), WAY[steps..]);
        let record = &scene.recorded.jobs["orders"];
        let runs = record.job.as_ref().unwrap().deployed.clone().unwrap().jar;
        let third = &scene.jars[&scene.jar_request("orders")];
        assert!(matches!(third, JarView::Ready(facts) if Some(facts.digest) == runs));
    }
}

#[test]
fn going_back_to_the_old_version_before_the_cancel_resumes_it() {
    for steps in 1..=2 {
        let (mut scene, job) = upgrading(steps);
        scene.new_jar("orders", "1");
        assert_eq!(scene.settle(), ["resume"], "after {steps} steps");
        assert_eq!(scene.bound("orders"), Some(job));
        assert_eq!(scene.recorded.jobs["orders"].operation, None);
    }
    // An export that nobody knows the end of leaves nothing.
    let (mut scene, _) = upgrading(1);
    let plan = scene.learn();
    scene.end_with(
        &plan,
        &Outcome::Unknown {
            message: "no answer".to_owned(),
        },
    );
    scene.new_jar("orders", "1");
    assert_eq!(scene.settle(), ["resume", "delete snapshot"]);
}

#[test]
fn a_newer_document_after_the_cancel_queues_until_the_version_before_is_stable() {
    let (mut scene, _) = upgrading(5);
    scene.learn();
    let second = scene.bound("orders").unwrap();
    scene.new_jar("orders", "3");
    let plan = scene.learn();
    assert_eq!(words(&plan), "UpgradeQueued");
    assert!(plan.holds[0].passes_by_itself(), "its time is known");
    // One that makes no snapshot is not waited for longer than its timeout.
    let mut late = scene.clone();
    late.pass_time(seconds(300));
    assert_eq!(words(&late.learn()), "suspend");
    scene.commit_snapshot(second, &["counter"]);
    assert_eq!(scene.settle(), WAY_AGAIN);
    assert_eq!(scene.snapshots.len(), 1, "one is kept");
}

#[test]
fn only_the_newest_snapshot_is_kept_and_the_one_before_is_deleted_once() {
    let (mut scene, _) = upgrading(5);
    for version in ["3", "4"] {
        scene.settle();
        let job = scene.bound("orders").unwrap();
        scene.commit_snapshot(job, &["counter"]);
        scene.settle();
        scene.new_jar("orders", version);
        assert_eq!(scene.settle(), WAY_AGAIN);
        let names: Vec<&String> = scene.snapshots.keys().collect();
        assert_eq!(names, [&kept(&scene)]);
        assert!(scene.recorded.jobs["orders"].surplus.is_empty());
    }
}

#[test]
fn an_upgrade_of_a_job_that_is_suspended_by_the_yaml_waits_until_it_is_to_run() {
    let (mut scene, _) = running(json!({}));
    scene.declare("orders", json!({"state": "Suspended"}));
    scene.settle();
    scene.new_jar("orders", "2");
    assert_eq!(scene.settle(), NOTHING);
    scene.declare("orders", json!({}));
    let plan = scene.learn();
    assert_eq!(export_of(&plan).1, WhichSnapshot::Terminal);
    assert_eq!(scene.settle(), WAY[1..]);
}

#[test]
fn an_upgrade_of_a_job_that_a_person_suspended_needs_a_newer_document() {
    let (mut scene, job) = running(json!({}));
    scene.suspend_by_hand(job);
    scene.learn();
    scene.new_jar("orders", "2");
    assert_eq!(words(&scene.learn()), "Drifted");
    scene.declare("orders", json!({"parameters": ["b"]}));
    let plan = scene.learn();
    assert_eq!(export_of(&plan).1, WhichSnapshot::Terminal);
    assert_eq!(scene.settle(), WAY[1..]);
}

#[test]
fn an_upgrade_of_a_job_that_a_failure_suspended_takes_its_last_snapshot() {
    let (mut scene, job) = running(json!({}));
    scene.suspend_by_failure(job);
    assert_eq!(words(&scene.learn()), "JobFailed");
    scene.new_jar("orders", "2");
    let plan = scene.learn();
    assert_eq!(export_of(&plan).1, WhichSnapshot::Last);
    // It would only fail again, so it is not given back.
    let mut broken = scene.clone();
    for _ in 0..3 {
        let plan = broken.learn();
        assert_eq!(words(&plan), "export");
        broken.end_with(&plan, &failed(Reason::SnapshotFailed, "no"));
        broken.pass_time(seconds(60));
    }
    let held = hold(&broken.learn(), Reason::SnapshotRequired);
    broken.confirm(&held, true);
    assert_eq!(words(&broken.learn()), "cancel");
    assert_eq!(scene.settle(), WAY[1..]);
}

#[test]
fn an_upgrade_waits_for_a_job_that_starts() {
    let (mut scene, job) = running(json!({}));
    scene.job(job, |job| job.status = JobStatus::Starting);
    scene.new_jar("orders", "2");
    assert_eq!(words(&scene.learn()), "JobStarting");
    scene.tick();
    assert_eq!(scene.settle(), WAY);
}

/// A job that was submitted and doesn't start.
fn stuck(spec: serde_json::Value) -> (Scene, JobId) {
    let mut scene = Scene::with(spec);
    for verb in ["claim", "submit"] {
        let plan = scene.learn();
        assert_eq!(words(&plan), verb);
        scene.carry_out(&plan.steps[0]);
    }
    scene.learn();
    let job = scene.bound("orders").unwrap();
    scene.job(job, |job| job.status = JobStatus::Starting);
    assert_eq!(words(&scene.learn()), "JobStarting");
    (scene, job)
}

#[test]
fn a_newer_document_does_not_wait_for_a_job_that_never_started() {
    let (mut scene, job) = stuck(json!({}));
    scene.declare("orders", json!({"parameters": ["mended"]}));
    let plan = scene.learn();
    assert_eq!(words(&plan), "cancel");
    assert_eq!(plan.steps[0].expects.uncommitted, Some(job));
    assert_eq!(scene.settle(), ["cancel", "claim", "submit"]);
    assert_ne!(scene.bound("orders"), Some(job));
    assert_eq!(scene.recorded.jobs["orders"].operation, None);
}

#[test]
fn a_newer_document_waits_for_a_job_that_may_have_state() {
    let ran = running(json!({}));
    let committed = {
        let (mut scene, job) = stuck(json!({}));
        scene.commit_snapshot(job, &["counter"]);
        scene.learn();
        (scene, job)
    };
    for (mut scene, job) in [ran, committed] {
        scene.job(job, |job| job.status = JobStatus::Starting);
        scene.new_jar("orders", "2");
        assert_eq!(words(&scene.learn()), "JobStarting");
    }
    let (mut scene, _) = stuck(json!({"upgradePolicy": {"mode": "Forbid"}}));
    scene.new_jar("orders", "2");
    assert_eq!(words(&scene.learn()), "JobStarting");
    // What can't be had replaces nothing.
    let (mut scene, _) = stuck(json!({}));
    scene.new_jar("orders", "2");
    scene.set_jar(
        "orders",
        JarView::Fetching {
            since: scene.now,
            bytes: 0,
            total: None,
        },
    );
    assert_eq!(words(&scene.learn()), "JobStarting");
}

#[test]
fn an_upgrade_of_a_job_that_failed_never_starts_it_without_its_state() {
    let (mut scene, job) = running(json!({}));
    scene.new_jar("orders", "2");
    scene.fail(job);
    assert_eq!(words(&scene.learn()), "StateLost");
    scene.assert_at_rest();
}

#[test]
fn a_job_that_a_person_cancels_meanwhile_is_not_started_without_its_state() {
    for (steps, expected) in [(1, "StateLost"), (2, "claim")] {
        let (mut scene, job) = upgrading(steps);
        scene.learn();
        scene.cancel_by_hand(job);
        assert_eq!(words(&scene.learn()), expected, "after {steps} steps");
        let by = scene.recorded.jobs["orders"]
            .job
            .clone()
            .unwrap()
            .stopped_by;
        assert_eq!(by, Some(StoppedBy::Person));
        if expected == "claim" {
            assert_eq!(scene.settle(), ["claim", "submit"]);
            assert_eq!(started_from(&scene), Some(kept(&scene)));
        }
    }
}

#[test]
fn a_version_that_submits_nothing_is_taken_back() {
    for outcome in [UploadOutcome::Refused, UploadOutcome::Accepted] {
        let (mut scene, _) = upgrading(4);
        let before = scene.recorded.jobs["orders"].job.clone().unwrap().deployed;
        let plan = scene.learn();
        scene.end_with(&plan, &uploaded(outcome));
        scene.pass_time(seconds(1));
        let held = scene.learn();
        assert!(
            ["SubmitRefused", "NoJobSubmitted"].contains(&&*words(&held)),
            "{held:#?}"
        );
        let said = &held.holds[0].message;
        let due = "The version before is stopped, and is started again at 12:05:";
        assert!(said.contains(due), "{said}");
        scene.pass_time(seconds(300));
        assert_eq!(scene.settle(), ["claim", "submit"]);
        assert_eq!(started_from(&scene), Some(kept(&scene)));
        let runs = scene.recorded.jobs["orders"].job.clone().unwrap().deployed;
        assert_eq!(runs, before);
        let held = scene.learn();
        assert_eq!(words(&held), "RolledBack");
        let why = &scene.recorded.jobs["orders"].rejected.as_ref().unwrap().why;
        assert_eq!(why, "so it was said");
        assert!(held.holds[0].message.contains(why.as_str()), "{held:#?}");
    }
}

#[test]
fn a_redeploy_nonce_replaces_the_job_from_its_initial_snapshot() {
    let (mut scene, job) = running(json!({}));
    let facts = scene.foreign_facts();
    scene.snapshots.insert("s".to_owned(), facts);
    scene.declare("orders", json!({"initialSnapshotName": "s"}));
    assert_eq!(scene.settle(), NOTHING, "for fresh submits only");
    scene.declare(
        "orders",
        json!({"initialSnapshotName": "s", "redeployNonce": 1}),
    );
    assert_eq!(scene.settle(), WAY);
    assert_eq!(started_from(&scene).as_deref(), Some("s"));
    assert_ne!(scene.bound("orders"), Some(job));
    assert!(scene.snapshots.contains_key(&kept(&scene)), "its own stays");
    let new = scene.bound("orders").unwrap();
    scene.commit_snapshot(new, &["counter"]);
    assert_eq!(scene.settle(), NOTHING);
    assert!(scene.snapshots.contains_key("s"), "somebody else's");
}
