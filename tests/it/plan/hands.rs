//! What hands do to a job of ours or to its entry that leaves nothing to hold.

use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::job::{JobId, JobStatus};
use jetkeeper::plan::observed::Seen;
use jetkeeper::plan::step::Action;
use jetkeeper::plan::{Plan, step::Outcome};
use jiff::SignedDuration;
use serde_json::json;

use super::drive::stale;
use super::observe::running;
use super::scene::{Scene, seconds, words};

const NOTHING: [&str; 0] = [];

/// A member tells of a restart; the job runs again.
fn restart(scene: &mut Scene, job: JobId) {
    scene.job(job, |job| {
        job.restarted = Some(job.execution_id);
        job.execution_id += 1;
        job.status = JobStatus::NotRunning;
    });
}

fn drifts(plan: &Plan) -> Vec<&str> {
    let events = plan.events.iter();
    let drifted = events.filter(|event| event.kind == EventKind::Drifted);
    drifted.map(|event| event.message.as_str()).collect()
}

/// The map is read now.
fn read_map(scene: &mut Scene) {
    scene.pass_time(seconds(60));
    let now = scene.now;
    scene.view().ownership_asked_at = Some(now);
}

#[test]
fn a_restart_by_hand_is_told_once_and_nothing_is_held() {
    let (mut scene, job) = running(json!({}));
    for _ in 0..2 {
        restart(&mut scene, job);
        let plan = scene.learn();
        let told = drifts(&plan);
        assert!(
            matches!(told.as_slice(), [message] if message.starts_with("restarted by hand")),
            "{told:?}"
        );
        assert_eq!(scene.settle(), NOTHING);
        assert!(scene.plan().holds.is_empty());
    }
}

#[test]
fn a_suspension_that_was_never_carried_out_explains_no_later_one() {
    let (mut scene, job) = running(json!({}));
    scene.declare("orders", json!({"state": "Suspended"}));
    let plan = scene.learn();
    assert_eq!(words(&plan), "suspend");
    // It is accepted, and no member carries it out.
    scene.end_with(&plan, &Outcome::Done);
    scene.declare("orders", json!({}));
    scene.learn();
    let plan = scene.learn();
    assert_eq!(
        plan.next_wake,
        Some(scene.now + seconds(300)),
        "then it is over"
    );
    scene.pass_time(SignedDuration::from_mins(4));
    let mut soon = scene.clone();
    soon.suspend_by_hand(job);
    assert_eq!(words(&soon.learn()), "resume", "it may be ours");
    scene.pass_time(SignedDuration::from_mins(1));
    scene.suspend_by_hand(job);
    assert_eq!(words(&scene.learn()), "Drifted", "nobody else asked");
}

#[test]
fn a_restart_of_ours_is_none_by_hand() {
    let (mut scene, job) = running(json!({}));
    scene.declare("orders", json!({"restartNonce": 1}));
    let plan = scene.learn();
    assert_eq!(words(&plan), "restart");
    scene.begin(&plan.steps[0]);
    // A member tells of it before it answers.
    restart(&mut scene, job);
    assert_eq!(drifts(&scene.learn()), NOTHING);
    scene.finish(&plan.steps[0], &Outcome::Done);
    assert_eq!(scene.settle(), NOTHING);
    restart(&mut scene, job);
    assert_eq!(drifts(&scene.learn()).len(), 1, "the next one is");

    // One that was not done excuses nobody.
    scene.settle();
    scene.declare("orders", json!({"restartNonce": 2}));
    let plan = scene.learn();
    scene.end_with(&plan, &stale("it is COMPLETING"));
    restart(&mut scene, job);
    assert_eq!(drifts(&scene.learn()).len(), 1);
}

#[test]
fn an_entry_of_ours_that_vanished_is_written_again_where_none_took_its_place() {
    let (mut scene, job) = running(json!({}));
    let before = scene.entries()["orders"].clone();
    scene.entries().clear();
    read_map(&mut scene);
    let plan = scene.learn();
    assert_eq!(words(&plan), "claim");
    assert_eq!(drifts(&plan).len(), 1, "{plan:#?}");
    let Action::Claim {
        entry,
        replaces: None,
        attempt: None,
    } = &plan.steps[0].action
    else {
        panic!("{plan:#?}");
    };
    assert_eq!(entry.attempt, before.attempt);
    assert_eq!(entry.job_id, Some(job));
    assert_eq!(scene.settle(), ["claim"]);
    read_map(&mut scene);
    assert_eq!(scene.settle(), NOTHING);
}

#[test]
fn a_map_that_was_read_before_the_entry_was_written_proves_nothing() {
    let (mut scene, _) = running(json!({}));
    let entries = std::mem::take(scene.entries());
    scene.view().ownership_asked_at = scene.recorded.jobs["orders"].entry_since;
    assert_eq!(scene.settle(), NOTHING);
    scene.view().ownership = Seen::Unknown;
    scene.view().ownership_asked_at = None;
    scene.learn();
    assert!(scene.recorded.jobs["orders"].entry.is_some());
    scene.view().ownership = Seen::Known(entries);
    assert_eq!(scene.settle(), NOTHING);
}

#[test]
fn an_entry_of_a_job_that_ended_or_goes_is_not_written_again() {
    let (mut ended, job) = running(json!({}));
    ended.job(job, |job| job.status = JobStatus::Completed);
    ended.settle();
    let (mut removed, _) = running(json!({"deletionPolicy": "Cancel"}));
    removed.delete("orders");
    removed.pass();
    // What is to be given up is looked for once, and is not there.
    for (mut scene, verb) in [(ended, None), (removed, Some("release"))] {
        scene.entries().clear();
        read_map(&mut scene);
        assert_eq!(scene.settle(), Vec::from_iter(verb));
    }
}
