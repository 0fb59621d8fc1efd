//! A job that is paused for a copy of its state runs again only where it was suspended for that.

use std::sync::Arc;

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::job::JobStatus;
use jetkeeper::plan::record::SnapshotState;
use serde_json::json;

use super::drive::failed;
use super::observe::running;
use super::scene::{Scene, seconds, words};

/// A snapshot whose copies of the running job were overtaken, and for which it may be paused.
fn overtaken(scene: &mut Scene) {
    scene.declare_snapshot("evening", &json!({"pauseToCopy": "Allowed"}));
    scene.learn();
    let evening = scene.recorded.snapshots.get_mut("evening").unwrap();
    Arc::make_mut(evening).overtaken = true;
}

fn is_exported(scene: &Scene) -> bool {
    scene.recorded.snapshots["evening"].state == SnapshotState::Exported
}

#[test]
fn a_job_that_runs_is_suspended_copied_and_resumed() {
    let (mut scene, job) = running(json!({}));
    overtaken(&mut scene);
    assert_eq!(scene.settle(), ["suspend", "export", "resume"]);
    assert!(is_exported(&scene));
    assert_eq!(scene.jobs()[&job].status, JobStatus::Running);
}

#[test]
fn a_job_that_somebody_or_its_failure_suspended_is_copied_and_left_so() {
    let meddle: [fn(&mut Scene); 3] = [
        |scene| scene.suspend_by_hand(scene.bound("orders").unwrap()),
        |scene| scene.suspend_by_failure(scene.bound("orders").unwrap()),
        |scene| {
            scene.declare("orders", json!({"state": "Suspended"}));
            scene.settle();
        },
    ];
    for meddle in meddle {
        let (mut scene, job) = running(json!({}));
        meddle(&mut scene);
        scene.learn();
        overtaken(&mut scene);
        assert_eq!(scene.settle(), ["export"]);
        assert!(is_exported(&scene));
        assert_eq!(scene.jobs()[&job].status, JobStatus::Suspended);
        assert_eq!(scene.recorded.jobs["orders"].operation, None);
    }
}

#[test]
fn a_job_that_was_suspended_before_stays_so_where_its_copy_fails() {
    let (mut scene, job) = running(json!({}));
    scene.declare("orders", json!({"state": "Suspended"}));
    assert_eq!(scene.settle(), ["suspend"]);
    scene.pass_time(seconds(60));
    overtaken(&mut scene);
    for _ in 0..3 {
        let plan = scene.learn();
        assert_eq!(words(&plan), "export SnapshotUnderWay");
        scene.end_with(&plan, &failed(Reason::HeapTooFull, "no room"));
        scene.pass_time(seconds(60));
    }
    let plan = scene.learn();
    assert!(plan.steps.is_empty(), "{plan:#?}");
    assert_eq!(scene.jobs()[&job].status, JobStatus::Suspended);
}

#[test]
fn a_job_that_is_to_stay_suspended_now_is_not_resumed() {
    let (mut scene, job) = running(json!({}));
    overtaken(&mut scene);
    assert_eq!(words(&scene.pass()), "suspend SnapshotUnderWay");
    scene.declare("orders", json!({"state": "Suspended"}));
    assert_eq!(scene.settle(), ["export"]);
    assert_eq!(scene.jobs()[&job].status, JobStatus::Suspended);
}
