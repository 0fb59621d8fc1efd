//! Snapshots that a person asked for by command and wants no more.

use std::sync::Arc;

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::record::{SnapshotRecord, SnapshotState};
use jetkeeper::plan::step::{Action, Outcome};
use jetkeeper::resources::ResourceId;
use serde_json::json;

use super::drive::failed;
use super::observe::running;
use super::scene::{OWNER, Scene, hold, seconds, words};

const NAME: &str = "friday";

/// A person asks for a snapshot of `orders`.
fn ask(scene: &mut Scene) {
    let spec = serde_json::from_value(json!({"jetJobResourceName": "orders"})).unwrap();
    let record = SnapshotRecord::commanded(spec);
    change(scene, |_| record);
}

fn change(scene: &mut Scene, change: impl FnOnce(Option<&SnapshotRecord>) -> SnapshotRecord) {
    let snapshots = &mut scene.recorded.snapshots;
    let record = change(snapshots.get(NAME).map(|record| &**record));
    snapshots.insert(NAME.to_owned(), Arc::new(record));
}

fn withdraw(scene: &mut Scene) {
    change(scene, |record| record.unwrap().withdrawn());
}

/// What is told when the record goes, which it does in this pass.
fn farewell(scene: &mut Scene) -> String {
    let plan = scene.learn();
    assert_eq!(words(&plan), "-");
    assert!(scene.recorded.snapshots.is_empty());
    let [event] = plan.events.as_slice() else {
        panic!("one event expected: {plan:#?}");
    };
    event.message.clone()
}

#[test]
fn one_that_waits_goes_without_a_trace() {
    let mut scene = Scene::with(json!({"state": "Suspended"}));
    ask(&mut scene);
    assert_eq!(words(&scene.learn()), "WaitingForJob");
    withdraw(&mut scene);
    assert_eq!(
        farewell(&mut scene),
        "it was withdrawn (`jetkeeper snapshot delete`); no snapshot was exported"
    );
}

#[test]
fn nobody_waits_for_a_snapshot_of_a_job_that_somebody_ended() {
    let (mut scene, job) = running(json!({}));
    scene.cancel_by_hand(job);
    scene.learn();
    ask(&mut scene);
    let failed = hold(&scene.learn(), Reason::SnapshotFailed);
    assert!(failed.message.contains("the job has ended"), "{failed:?}");
    assert!(!failed.passes_by_itself());
    // One that failed may be restarted, and a document goes on wanting its snapshot.
    let (mut scene, job) = running(json!({}));
    scene.fail(job);
    scene.learn();
    ask(&mut scene);
    hold(&scene.learn(), Reason::WaitingForJob);
    let (mut scene, job) = running(json!({}));
    scene.cancel_by_hand(job);
    scene.declare_snapshot("evening", &json!({"jetJobResourceName": "orders"}));
    hold(&scene.learn(), Reason::WaitingForJob);
}

#[test]
fn one_that_failed_deletes_nothing_that_may_be_somebody_else_s() {
    let (mut scene, _) = running(json!({}));
    ask(&mut scene);
    let plan = scene.learn();
    scene.begin(&plan.steps[0]);
    let taken = failed(Reason::Conflict, "somebody else's snapshot has the name");
    scene.finish(&plan.steps[0], &taken);
    assert_eq!(words(&scene.learn()), "Conflict");
    withdraw(&mut scene);
    assert!(farewell(&mut scene).ends_with("no snapshot was exported"));
}

#[test]
fn one_of_unknown_outcome_leaves_what_another_signed_under_its_name() {
    let (mut scene, _) = running(json!({}));
    ask(&mut scene);
    let plan = scene.learn();
    scene.begin(&plan.steps[0]);
    let lost = Outcome::Unknown {
        message: "no answer".to_owned(),
    };
    scene.finish(&plan.steps[0], &lost);
    withdraw(&mut scene);
    scene.pass_time(seconds(600));
    let plan = scene.learn();
    assert_eq!(words(&plan), "delete snapshot");
    let Action::DeleteSnapshot {
        maker: Some(maker), ..
    } = &plan.steps[0].action
    else {
        panic!("{plan:#?}");
    };
    let resource = ResourceId::jet_job_snapshot(NAME);
    assert_eq!((&*maker.owner, &maker.resource), (OWNER, &resource));
    scene.begin(&plan.steps[0]);
    let foreign = failed(Reason::Conflict, "it is not signed by us");
    scene.finish(&plan.steps[0], &foreign);
    assert!(farewell(&mut scene).ends_with("no snapshot was exported"));
}

#[test]
fn one_that_is_exported_is_deleted_from_its_cluster_and_said_to_be() {
    let (mut scene, _) = running(json!({}));
    ask(&mut scene);
    let plan = scene.learn();
    scene.begin(&plan.steps[0]);
    let exported = scene.effect(&plan.steps[0]);
    scene.finish(&plan.steps[0], &exported);
    scene.learn();
    assert_eq!(
        scene.recorded.snapshots[NAME].state,
        SnapshotState::Exported
    );
    withdraw(&mut scene);
    let plan = scene.learn();
    assert_eq!(words(&plan), "delete snapshot");
    scene.begin(&plan.steps[0]);
    scene.finish(&plan.steps[0], &Outcome::Done);
    assert_eq!(
        farewell(&mut scene),
        "it was withdrawn (`jetkeeper snapshot delete`); snapshot friday is deleted from its cluster"
    );
}
