//! A master that has just come up lists what it has loaded by then: an empty list is no proof at first.

use jetkeeper::plan::job::JobStatus;
use jetkeeper::plan::record::UploadOutcome;
use serde_json::json;

use super::drive::uploaded;
use super::observe::running;
use super::scene::{OWNER, Scene, seconds, words};

/// The cluster was connected just now.
fn connect(scene: &mut Scene) {
    let now = scene.now;
    scene.view().connected_at = Some(now);
}

/// Nothing is done until the connection is ten seconds old; then this is.
fn waits_ten_seconds(mut scene: Scene, holds: &str, then: &str) {
    connect(&mut scene);
    let plan = scene.learn();
    assert_eq!(words(&plan), holds);
    assert_eq!(plan.next_wake, Some(scene.now + seconds(10)));
    scene.pass_time(seconds(9));
    assert_eq!(words(&scene.learn()), holds);
    let listed = scene.view().listed_at;
    scene.pass_time(seconds(1));
    let mut by_the_old_list = scene.clone();
    by_the_old_list.view().listed_at = listed;
    assert_eq!(words(&by_the_old_list.learn()), holds);
    assert_eq!(words(&scene.learn()), then);
}

#[test]
fn a_list_that_lacks_a_job_that_ran_starts_no_other_one_at_first() {
    let (mut scene, job) = running(json!({}));
    scene.declare("other", json!({}));
    let there = scene.clone();
    scene.jobs().remove(&job);
    waits_ten_seconds(scene, "LookingForJob ClusterUnsafe", "claim LookingForJob");
    // What was recorded is listed.
    let mut there = there;
    connect(&mut there);
    assert_eq!(words(&there.learn()), "claim");
}

#[test]
fn a_claim_whose_upload_was_given_up_may_have_made_a_job_that_is_not_listed_yet() {
    let mut scene = Scene::with(json!({}));
    let plan = scene.pass();
    assert_eq!(words(&plan), "claim");
    let plan = scene.learn();
    scene.end_with(&plan, &uploaded(UploadOutcome::Unknown));
    let mut sought = scene.clone();
    scene.record("orders", |record| record.attempt = None);
    // What ran under the name before and has ended is not what is missing.
    scene.foreign_job("orders", JobStatus::Failed);
    waits_ten_seconds(scene, "ClusterUnsafe", "claim");
    // One that is looked for is looked for as ever.
    connect(&mut sought);
    assert_eq!(words(&sought.learn()), "OutcomeUnknown");
}

#[test]
fn an_empty_list_beside_entries_of_others_is_no_proof_at_first() {
    let mut scene = Scene::with(json!({}));
    scene.add_entry("theirs", "keeper-2", "theirs");
    let mut with_jobs = scene.clone();
    waits_ten_seconds(scene, "ClusterUnsafe", "claim");
    // Their job may have ended long ago, where others are listed.
    with_jobs.foreign_job("mail", JobStatus::Running);
    connect(&mut with_jobs);
    let mut with_another = with_jobs.clone();
    assert_eq!(words(&with_jobs.learn()), "claim");
    // So may that of another keeper with our owner.
    with_another.add_entry("theirs", OWNER, "theirs");
    let theirs = with_another.entries().get_mut("theirs").unwrap();
    theirs.keeper = "another".to_owned();
    assert_eq!(words(&with_another.learn()), "claim");
}

#[test]
fn a_cluster_that_nobody_used_is_used_at_once() {
    let mut scene = Scene::with(json!({}));
    connect(&mut scene);
    assert_eq!(words(&scene.learn()), "claim");
    // Nor does a job that is known to have ended keep others waiting.
    let (mut ended, job) = running(json!({}));
    ended.job(job, |job| job.status = JobStatus::Completed);
    ended.settle();
    ended.jobs().remove(&job);
    ended.declare("other", json!({}));
    connect(&mut ended);
    assert!(ended.entries().values().all(|entry| entry.owner == OWNER));
    assert_eq!(words(&ended.learn()), "claim");
}
