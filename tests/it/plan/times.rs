//! The clock is put back: no wait takes longer than it would have from now on.

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::step::Outcome;
use jiff::SignedDuration;
use serde_json::json;

use super::drive::failed;
use super::observe::running;
use super::scene::{Scene, hold, seconds, words};

/// Somebody puts the clock back by an hour.
fn put_back(scene: &mut Scene) {
    scene.now -= SignedDuration::from_hours(1);
    scene.pass_time(SignedDuration::ZERO);
}

fn unknown() -> Outcome {
    let message = "no answer".to_owned();
    Outcome::Unknown { message }
}

#[test]
fn a_cancel_that_nobody_wants_any_more_is_waited_for_no_longer() {
    let (mut scene, job) = running(json!({}));
    scene.stateless(job);
    scene.declare("orders", json!({"state": "Canceled"}));
    let plan = scene.learn();
    assert_eq!(words(&plan), "cancel");
    scene.end_with(&plan, &unknown());
    scene.declare("orders", json!({}));
    put_back(&mut scene);
    let limit = scene.recorded.jobs["orders"].spec.timeouts.suspend;
    let waits = hold(&scene.learn(), Reason::JobCompleting);
    assert_eq!(waits.deadline, Some(scene.now + limit));
    scene.assert_at_rest();
    scene.pass_time(limit);
    assert_eq!(words(&scene.learn()), "-");
}

#[test]
fn a_job_that_failed_is_restarted_after_its_pause() {
    let (mut scene, job) =
        running(json!({"restartPolicy": {"type": "OnFailure", "backoff": "10s"}}));
    scene.suspend_by_failure(job);
    assert_eq!(words(&scene.learn()), "BackingOff");
    put_back(&mut scene);
    assert_eq!(words(&scene.learn()), "BackingOff");
    scene.pass_time(seconds(10));
    assert_eq!(words(&scene.learn()), "resume");
}

#[test]
fn a_person_is_asked_about_a_restart_without_an_answer_all_the_same() {
    let (mut scene, _) = running(json!({}));
    scene.declare("orders", json!({"restartNonce": 1}));
    let plan = scene.learn();
    scene.end_with(&plan, &unknown());
    put_back(&mut scene);
    scene.learn();
    scene.pass_time(seconds(10));
    let asks = hold(&scene.learn(), Reason::OutcomeUnknown);
    scene.confirm(&asks, false);
    assert_eq!(scene.settle(), ["restart"]);
}

#[test]
fn a_step_that_failed_is_tried_again() {
    let (mut scene, _) = running(json!({}));
    scene.declare("orders", json!({"state": "Suspended"}));
    let plan = scene.learn();
    scene.end_with(&plan, &failed(Reason::ClusterUnsafe, "not now"));
    assert_eq!(words(&scene.learn()), "BackingOff");
    for back in [SignedDuration::from_mins(10), SignedDuration::from_hours(9)] {
        let mut scene = scene.clone();
        scene.now -= back;
        assert_eq!(words(&scene.learn()), "suspend");
    }
}
