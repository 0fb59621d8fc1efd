//! Records are made anew after the state was lost: what became of snapshots.

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::interest;
use jetkeeper::plan::job::{JobId, JobStatus};
use jetkeeper::plan::observed::Seen;
use jetkeeper::plan::record::SnapshotState;
use jetkeeper::plan::snapshot::{SnapshotFacts, SnapshotMark};
use jetkeeper::resources::ResourceId;
use serde_json::{Value, json};

use super::observe::running;
use super::scene::{CLUSTER, OWNER, Scene, hold, seconds, words};

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
    match found {
        Some((job, owner)) => {
            let resource = ResourceId::jet_job_snapshot("evening");
            look_at(scene, "evening", (job, owner, resource));
        }
        None => drop(scene.view().snapshots.insert("evening".to_owned(), None)),
    }
}

/// A look at this name shows a snapshot of this job, that this owner made for this resource.
fn look_at(scene: &mut Scene, name: &str, (job, owner, resource): (JobId, &str, ResourceId)) {
    let facts = SnapshotFacts {
        snapshot_id: 3,
        job,
        job_name: "orders".to_owned(),
        created_at: scene.now,
        chunks: 1,
        bytes: 1,
        stateful: ["counter".to_owned()].into(),
    };
    let mark = SnapshotMark {
        owner: owner.to_owned(),
        resource,
        job,
        begun_at: scene.now,
        fork: false,
    };
    scene.snapshots.insert(name.to_owned(), facts.clone());
    let view = scene.view();
    view.snapshots.insert(name.to_owned(), Some(facts));
    view.snapshot_marks.insert(name.to_owned(), mark);
}

fn state(scene: &Scene) -> SnapshotState {
    scene.recorded.snapshots["evening"].state
}

/// The rebuild is over; what is left to do then, once the job is claimed by the new records.
fn goes_on(scene: &mut Scene) -> Vec<String> {
    take_over(scene);
    scene.settle()
}

fn take_over(scene: &mut Scene) {
    scene.settings.rebuilding = false;
    let plan = scene.learn();
    assert!(words(&plan).starts_with("claim"), "{plan:#?}");
    scene.carry_out(&plan.steps[0]);
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

/// The scene of a job that was upgraded twice, by what its snapshots are called.
fn upgraded() -> (Scene, JobId) {
    let (mut scene, job) = lost(&json!({}));
    scene.desired.snapshots.remove("evening");
    let (ours, other) = (ResourceId::jet_job("orders"), ResourceId::jet_job("mail"));
    for (name, job, owner, resource) in [
        ("orders.upgrade-1", JobId(76), OWNER, &ours),
        ("orders.upgrade-2", JobId(77), OWNER, &ours),
        ("mail.upgrade-3", JobId(78), OWNER, &other),
        ("orders.upgrade-4", job, "somebody-else", &ours),
    ] {
        scene.pass_time(seconds(60));
        look_at(&mut scene, name, (job, owner, resource.clone()));
    }
    (scene, job)
}

fn kept(scene: &Scene) -> Option<&str> {
    let kept = scene.recorded.jobs["orders"].kept.as_ref();
    kept.map(|kept| kept.name.as_str())
}

#[test]
fn the_newest_snapshot_of_an_upgrade_is_kept_as_before_and_none_is_deleted() {
    let (mut scene, job) = upgraded();
    scene.learn();
    assert_eq!(scene.bound("orders"), Some(job));
    assert_eq!(kept(&scene), Some("orders.upgrade-2"));
    assert_eq!(goes_on(&mut scene), [""; 0]);
    assert_eq!(scene.snapshots.len(), 4);

    // The next upgrade's takes its place. What was found may be what a person was asked about, so it stays.
    for (version, made) in [("2", 5), ("3", 5)] {
        scene.new_jar("orders", version);
        scene.settle();
        let job = scene.bound("orders").unwrap();
        scene.commit_snapshot(job, &["counter"]);
        scene.settle();
        assert_ne!(kept(&scene), Some("orders.upgrade-2"));
        assert!(scene.snapshots.contains_key("orders.upgrade-2"));
        assert_eq!(
            scene.snapshots.len(),
            made,
            "only what was made since is deleted"
        );
    }
}

#[test]
fn a_job_that_was_stopped_starts_again_from_the_snapshot_of_its_end() {
    let (mut scene, job) = lost(&json!({}));
    scene.desired.snapshots.remove("evening");
    scene.declare("orders", json!({"state": "Canceled"}));
    scene.cancel_by_hand(job);
    let resource = ResourceId::jet_job("orders");
    look_at(&mut scene, "orders.cancel-1", (job, OWNER, resource));
    scene.learn();
    assert_eq!(goes_on(&mut scene), [""; 0]);
    scene.declare("orders", json!({}));
    assert_eq!(scene.settle(), ["claim", "submit"]);
    let record = &scene.recorded.jobs["orders"];
    let started_from = record
        .job
        .as_ref()
        .and_then(|job| job.started_from.as_deref());
    assert_eq!(started_from, Some("orders.cancel-1"));
}

#[test]
fn the_question_about_a_job_that_is_not_found_names_the_snapshot_of_its_state() {
    let mut scene = Scene::with(json!({}));
    scene.settings.rebuilding = true;
    let resource = ResourceId::jet_job("orders");
    look_at(&mut scene, "orders.delete-1", (JobId(77), OWNER, resource));
    scene.learn();
    scene.record("orders", |record| record.rebuilt = true);
    scene.settings.rebuilding = false;
    let asks = hold(&scene.learn(), Reason::Rebuilt);
    assert!(asks.message.contains("orders.delete-1"), "{asks:?}");
}

/// The scene of a version that was being started from the snapshot of its upgrade when the records were lost,
/// once it is found again, and asked to be another one.
fn found_starting(initial: Seen<Option<String>>) -> (Scene, JobId) {
    let (mut scene, job) = lost(&json!({}));
    scene.desired.snapshots.remove("evening");
    scene.job(job, |job| job.status = JobStatus::Starting);
    scene.job_config(job, |config| config.initial_snapshot = initial);
    let resource = ResourceId::jet_job("orders");
    look_at(&mut scene, UPGRADE, (JobId(76), OWNER, resource));
    scene.learn();
    take_over(&mut scene);
    assert_eq!(scene.bound("orders"), Some(job));
    assert_eq!(kept(&scene), Some(UPGRADE));
    scene.new_jar("orders", "2");
    (scene, job)
}

const UPGRADE: &str = "orders.upgrade-1";

fn from_upgrade() -> Seen<Option<String>> {
    Seen::Known(Some(UPGRADE.to_owned()))
}

#[test]
fn a_job_found_before_it_ran_is_not_replaced_without_the_state_it_was_started_from() {
    for initial in [from_upgrade(), Seen::Unknown] {
        let (mut scene, job) = found_starting(initial);
        assert_eq!(words(&scene.learn()), "JobStarting");
        let interests = interest(&scene.desired, &scene.recorded, &scene.settings);
        assert!(interests[CLUSTER].standings.contains(&job));
    }
    let (mut scene, _) = found_starting(Seen::Known(None));
    assert_eq!(words(&scene.learn()), "cancel");
}

#[test]
fn what_a_job_was_started_from_is_learnt_once_its_configuration_is_read() {
    let (mut scene, job) = found_starting(Seen::Unknown);
    scene.learn();
    assert!(
        scene.recorded.jobs["orders"]
            .job
            .clone()
            .unwrap()
            .start_unknown
    );
    scene.job_config(job, |config| config.initial_snapshot = from_upgrade());
    scene.learn();
    let bound = scene.recorded.jobs["orders"].job.clone().unwrap();
    assert_eq!(bound.started_from.as_deref(), Some(UPGRADE));
    assert!(!bound.start_unknown);
}

#[test]
fn a_job_found_before_it_ran_that_is_lost_starts_again_from_its_snapshot_or_asks() {
    let (mut scene, job) = found_starting(from_upgrade());
    scene.lose(job);
    assert_eq!(scene.settle(), ["claim", "submit"]);
    let bound = scene.recorded.jobs["orders"].job.clone().unwrap();
    assert_eq!(bound.started_from.as_deref(), Some(UPGRADE));

    let (mut scene, job) = found_starting(Seen::Unknown);
    scene.lose(job);
    let asks = hold(&scene.learn(), Reason::StateLost);
    assert!(asks.message.contains(UPGRADE), "{asks:?}");
}
