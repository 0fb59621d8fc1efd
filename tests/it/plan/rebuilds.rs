//! Records are made anew after the state was lost: what became of snapshots.

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::interest;
use jetkeeper::plan::job::JobId;
use jetkeeper::plan::record::SnapshotState;
use jetkeeper::plan::snapshot::{SnapshotFacts, SnapshotMark};
use jetkeeper::resources::ResourceId;
use serde_json::{Value, json};

use super::observe::running;
use super::scene::{CLUSTER, OWNER, Scene, hold, words};

/// `orders` runs, nothing is recorded any more, and `evening` is declared so.
fn lost(snapshot: &Value) -> (Scene, JobId) {
    let (found, job) = running(json!({}));
    let mut scene = Scene::with(json!({}));
    scene.views = found.views.clone();
    scene.next_job = found.next_job;
    "another".clone_into(&mut scene.recorded.store_id);
    scene.settings.rebuilding = true;
    scene.declare_snapshot("evening", snapshot);
    (scene, job)
}

/// A look at the snapshot's name shows one of this job, signed by this owner; or none.
fn look(scene: &mut Scene, found: Option<(JobId, &str)>) {
    let now = scene.now;
    let facts = found.map(|(job, _)| SnapshotFacts {
        snapshot_id: 3,
        job,
        job_name: "orders".to_owned(),
        created_at: now,
        chunks: 1,
        bytes: 1,
        stateful: ["counter".to_owned()].into(),
    });
    if let Some(facts) = &facts {
        scene.snapshots.insert("evening".to_owned(), facts.clone());
    }
    scene.view().snapshots.insert("evening".to_owned(), facts);
    if let Some((job, owner)) = found {
        let mark = SnapshotMark {
            owner: owner.to_owned(),
            resource: ResourceId::jet_job_snapshot("evening"),
            job,
            begun_at: now,
            fork: false,
        };
        scene
            .view()
            .snapshot_marks
            .insert("evening".to_owned(), mark);
    }
}

fn state(scene: &Scene) -> SnapshotState {
    scene.recorded.snapshots["evening"].state
}

/// The rebuild is over; what is left to do then.
fn goes_on(scene: &mut Scene) -> Vec<String> {
    scene.settings.rebuilding = false;
    scene.settle()
}

#[test]
fn a_snapshot_that_is_there_and_ours_is_final_and_ends_no_other_job() {
    let (mut scene, job) = lost(&json!({"cancelJob": true}));
    look(&mut scene, Some((JobId(77), OWNER)));
    scene.learn();
    assert_eq!(state(&scene), SnapshotState::Exported);
    let exported = scene.recorded.snapshots["evening"].exported.clone();
    assert_eq!(exported.unwrap().facts.job, JobId(77));
    assert_eq!(goes_on(&mut scene), [""; 0]);
    assert_eq!(scene.bound("orders"), Some(job));
}

#[test]
fn a_document_that_would_stop_its_job_waits_for_a_word_where_nothing_of_it_is_found() {
    let theirs = Some((JobId(77), "somebody-else"));
    for found in [None, theirs] {
        let (mut scene, _) = lost(&json!({"cancelJob": true}));
        look(&mut scene, found);
        hold(&scene.learn(), Reason::Rebuilt);
        assert_eq!(goes_on(&mut scene), [""; 0]);
        let held = hold(&scene.learn(), Reason::Rebuilt);
        assert!(held.message.contains("end the job"), "{held:?}");
        scene.view().snapshots.clear();
        scene.confirm(&held, false);
        assert_eq!(scene.settle(), ["suspend", "export", "cancel"]);
        assert_eq!(state(&scene), SnapshotState::Exported);
    }
}

#[test]
fn a_pause_waits_for_a_word_and_what_stops_nothing_is_exported() {
    let (mut scene, _) = lost(&json!({"pauseToCopy": "Allowed"}));
    look(&mut scene, None);
    let held = hold(&scene.learn(), Reason::Rebuilt);
    assert!(held.message.contains("pause the job"), "{held:?}");
    assert_eq!(goes_on(&mut scene), [""; 0]);

    let (mut scene, _) = lost(&json!({}));
    look(&mut scene, None);
    scene.learn();
    assert_eq!(goes_on(&mut scene), ["export"]);
}

#[test]
fn nothing_is_decided_before_its_name_was_looked_for() {
    let (scene, _) = lost(&json!({}));
    assert_eq!(words(&scene.plan()), "ClusterUnknown");
    let interests = interest(&scene.desired, &scene.recorded, &scene.settings);
    assert!(interests[CLUSTER].snapshots.contains("evening"));
}

#[test]
fn which_job_is_ours_is_not_decided_before_their_configurations_are_known() {
    let (mut scene, job) = lost(&json!({}));
    look(&mut scene, None);
    let config = scene.jobs()[&job].config.clone();
    scene.job(job, |job| job.config = None);
    // The entry may be older than the job's id.
    scene.entries().get_mut("orders").unwrap().job_id = None;
    assert_eq!(words(&scene.plan()), "ClusterUnknown WaitingForJob");
    scene.job(job, |job| job.config = config);
    assert_eq!(words(&scene.plan()), "export");
}

#[test]
fn a_record_made_anew_without_its_job_is_held_too() {
    let mut scene = Scene::with(json!({}));
    scene.settings.rebuilding = true;
    scene.declare_snapshot("evening", &json!({"cancelJob": true}));
    look(&mut scene, None);
    // What a plan without state shows: there is no job that it would end.
    assert_eq!(words(&scene.learn()), "claim WaitingForJob");
    let record = &scene.recorded.snapshots["evening"];
    assert!(record.made_anew().rebuilt);
}

#[test]
fn a_job_that_a_snapshot_ended_before_stays_ended() {
    let (mut scene, job) = lost(&json!({"cancelJob": true}));
    scene.cancel_by_hand(job);
    look(&mut scene, Some((job, OWNER)));
    scene.learn();
    let record = scene.recorded.jobs["orders"].clone();
    assert!(record.is_ended_by_snapshot(job), "{record:?}");
    assert_eq!(record.drift, None);
    assert_eq!(goes_on(&mut scene), [""; 0]);
    scene.declare("orders", json!({"redeployNonce": 1}));
    assert_eq!(scene.settle(), ["claim", "submit"]);
}
