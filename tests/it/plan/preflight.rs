//! What a new version needs is looked at before the old one is stopped for it.

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::observed::Seen;
use serde_json::json;

use super::observe::running;
use super::scene::{hold, words};
use super::upgrades::WAY;

#[test]
fn nothing_is_stopped_for_a_version_that_members_would_not_take() {
    let (mut scene, _) = running(json!({}));
    scene.view().upload_enabled = Seen::Known(false);
    scene.new_jar("orders", "2");
    assert_eq!(words(&scene.learn()), "ResourceUploadDisabled");
    scene.assert_at_rest();
    scene.view().upload_enabled = Seen::Known(true);
    assert_eq!(scene.settle(), WAY);
}

#[test]
fn nothing_is_stopped_while_the_name_could_not_be_claimed() {
    let (mut scene, _) = running(json!({}));
    let fault = Some("it could lose entries".to_owned());
    scene.view().ownership_map_fault = Seen::Known(fault);
    scene.new_jar("orders", "2");
    let plan = scene.learn();
    assert!(plan.steps.is_empty(), "{plan:#?}");
    assert_eq!(plan.holds.len(), 1, "{plan:#?}");
    scene.assert_at_rest();
}

#[test]
fn nothing_is_stopped_for_an_initial_snapshot_that_is_not_there() {
    let (mut scene, _) = running(json!({}));
    let spec = json!({"initialSnapshotName": "s", "redeployNonce": 1});
    scene.declare("orders", spec);
    hold(&scene.learn(), Reason::WaitingForSnapshot);
    scene.assert_at_rest();
    let facts = scene.foreign_facts();
    scene.snapshots.insert("s".to_owned(), facts);
    assert_eq!(scene.settle(), WAY);
}

#[test]
fn a_job_runs_on_until_the_snapshot_of_its_own_that_it_is_to_start_from_is_made() {
    let (mut scene, job) = running(json!({}));
    scene.declare_snapshot("evening", &json!({}));
    let spec = json!({"initialSnapshotResourceName": "evening", "redeployNonce": 1});
    scene.declare("orders", spec);
    let way = ["export", "suspend", "export", "cancel", "claim", "submit"];
    assert_eq!(scene.settle(), way);
    assert_ne!(scene.bound("orders"), Some(job));
    let started = scene.recorded.jobs["orders"].job.as_ref().unwrap();
    assert_eq!(started.started_from.as_deref(), Some("evening"));
}
