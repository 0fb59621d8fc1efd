//! Two keepers with one owner: the state of one was made anew while the other one runs.

use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::{Hold, Reason, Release};
use jetkeeper::plan::job::JobStatus;
use jetkeeper::plan::ownership::OwnershipEntry;
use jetkeeper::plan::record::SnapshotState;
use jetkeeper::plan::step::{Action, ExpectedKeeper};
use jetkeeper::plan::{Plan, step::Step};
use jetkeeper::resources::ResourceId;
use jetkeeper::resources::desired::Annotations;
use serde_json::json;

use super::drive::{failed, stale};
use super::observe::running;
use super::scene::{OWNER, Scene, hold, seconds, words};

const NOTHING: [&str; 0] = [];

/// What happens to a scene.
type Happens = fn(&mut Scene);

impl Scene {
    /// Both keepers look at one cluster: this one sees what the other one made of it.
    fn look_after(&mut self, other: &Scene) {
        self.views.clone_from(&other.views);
        self.snapshots.clone_from(&other.snapshots);
        self.next_job = other.next_job;
        self.now = self.now.max(other.now);
    }

    fn adopt(&mut self) {
        let orders = ResourceId::jet_job("orders");
        self.recorded.adoptions.insert(orders);
    }

    fn entry(&mut self) -> OwnershipEntry {
        self.entries()["orders"].clone()
    }

    /// The hold of the job that another keeper has.
    fn is_left_alone(&mut self) -> Hold {
        let plan = self.learn();
        assert_eq!(words(&plan), "Conflict", "{plan:#?}");
        let held = hold(&plan, Reason::Conflict);
        assert_eq!(held.release, Release::Adopt);
        held
    }
}

fn to_be_adopted() -> Annotations {
    Annotations {
        adopt: true,
        ..Annotations::default()
    }
}

/// One keeper runs `orders`; the records of a second one were made anew.
fn rebuilt() -> (Scene, Scene) {
    let (first, _) = running(json!({}));
    let second = rebuilt_beside(&first);
    (first, second)
}

fn rebuilt_beside(first: &Scene) -> Scene {
    let mut second = first.clone();
    second.recorded = Scene::new().recorded;
    "another".clone_into(&mut second.recorded.store_id);
    second.settings.rebuilding = true;
    second.learn();
    second.settings.rebuilding = false;
    second
}

/// The second one has taken the job over.
fn taken_over() -> (Scene, Scene) {
    let (mut first, mut second) = rebuilt();
    assert_eq!(second.settle(), ["claim"]);
    first.look_after(&second);
    (first, second)
}

fn only_step(plan: &Plan) -> &Step {
    let [step] = plan.steps.as_slice() else {
        panic!("one step expected: {plan:#?}");
    };
    step
}

#[test]
fn an_entry_names_its_keeper_and_steps_expect_that() {
    let mut scene = Scene::with(json!({}));
    let expected = |claimed| {
        let (owner, keeper) = (OWNER.to_owned(), "store".to_owned());
        Some(ExpectedKeeper {
            owner,
            keeper,
            claimed,
        })
    };
    let claim = scene.pass();
    assert_eq!(only_step(&claim).expects.keeper, None);
    assert_eq!(scene.entry().keeper, "store");
    let submit = scene.pass();
    assert_eq!(words(&submit), "submit");
    assert_eq!(only_step(&submit).expects.keeper, expected(true));
    scene.settle();
    scene.declare("orders", json!({"state": "Suspended"}));
    let suspend = scene.pass();
    assert_eq!(words(&suspend), "suspend");
    assert_eq!(only_step(&suspend).expects.keeper, expected(false));
}

#[test]
fn records_made_anew_take_their_job_over_before_anything_else() {
    let (mut first, mut second) = rebuilt();
    let before = first.entry();
    second.declare("orders", json!({"state": "Suspended"}));
    let plan = second.pass();
    let Action::Claim {
        entry, replaces, ..
    } = &only_step(&plan).action
    else {
        panic!("{plan:#?}");
    };
    assert_eq!(replaces.as_ref(), Some(&before));
    assert_eq!(entry.keeper, "another");
    assert_eq!(entry.attempt, before.attempt, "the job is found by it");
    assert_eq!(second.settle(), ["suspend"]);
}

#[test]
fn a_removed_document_is_taken_over_first_too() {
    let (_, mut second) = rebuilt();
    second.delete("orders");
    let steps = second.settle();
    assert_eq!(steps, ["claim", "suspend", "export", "cancel", "release"]);
}

#[test]
fn a_job_that_is_not_found_any_more_is_claimed_and_still_asked_about() {
    let (mut first, job) = running(json!({}));
    first.fail(job);
    first.settle();
    let entry = first.entry();
    first.jobs().clear();
    let mut second = rebuilt_beside(&first);
    second.record("orders", |record| {
        record.rebuilt = true;
        record.entry = Some(entry);
    });
    assert_eq!(second.settle(), ["claim"]);
    hold(&second.plan(), Reason::Rebuilt);
}

#[test]
fn a_take_over_that_fails_is_tried_again() {
    let (_, mut second) = rebuilt();
    let plan = second.learn();
    let unreachable = failed(Reason::ClusterUnreachable, "nobody answers");
    second.end_with(&plan, &unreachable);
    second.pass_time(seconds(60));
    assert_eq!(second.settle(), ["claim"]);
}

#[test]
fn a_take_over_that_comes_too_late_is_none() {
    let (mut first, mut second) = rebuilt();
    let plan = second.learn();
    first.new_jar("orders", "2");
    first.settle();
    second.end_with(&plan, &stale("another entry is in the map now"));
    second.look_after(&first);
    second.is_left_alone();
    // An annotation is about names that were never ours.
    second.annotate("orders", to_be_adopted());
    second.is_left_alone();
}

#[test]
fn the_first_keeper_does_nothing_more_with_a_job_that_was_taken_over() {
    let (first, _) = taken_over();
    let mut seen = first.clone();
    let held = seen.is_left_alone();
    for part in [
        "another jetkeeper with the same owner",
        "map jetkeeper.ownership, state another",
        "stop one of the two, or give them different owners",
        "`jetkeeper adopt orders`",
    ] {
        assert!(held.message.contains(part), "{part}: {held:?}");
    }
    assert_eq!(seen.settle(), NOTHING);

    let job = first.bound("orders").unwrap();
    let happenings: [(&str, Happens); 5] = [
        ("suspend", |scene| {
            scene.declare("orders", json!({"state": "Suspended"}));
        }),
        ("cancel", |scene| {
            scene.declare("orders", json!({"state": "Canceled"}));
        }),
        ("upgrade", |scene| scene.new_jar("orders", "2")),
        ("restart", |scene| {
            scene.declare("orders", json!({"restartNonce": 1}));
        }),
        ("rename", |scene| {
            scene.rename("orders", "orders-eu", json!({"name": "orders"}));
        }),
    ];
    for (what, happens) in happenings {
        let mut scene = first.clone();
        happens(&mut scene);
        assert_eq!(scene.settle(), NOTHING, "{what}");
        hold(&scene.plan(), Reason::Conflict);
    }
    // Its end is the other one's matter too.
    for spec in [
        json!({}),
        json!({"restartPolicy": {"type": "OnFailure"}}),
        json!({"driftPolicy": "Correct"}),
    ] {
        for ends in [Scene::fail, Scene::cancel_by_hand, Scene::lose] {
            let mut scene = first.clone();
            scene.declare("orders", spec.clone());
            ends(&mut scene, job);
            assert_eq!(scene.settle(), NOTHING, "{spec}");
            scene.is_left_alone();
        }
    }
}

#[test]
fn a_record_of_what_was_taken_over_goes_without_any_step() {
    let (mut first, mut second) = taken_over();
    first.record("orders", |record| {
        record.surplus.insert("orders.upgrade-1".to_owned());
    });
    first.delete("orders");
    assert_eq!(first.settle(), NOTHING);
    assert!(first.is_forgotten());
    assert_eq!(second.settle(), NOTHING);
}

#[test]
fn the_next_job_under_the_name_is_not_taken_for_ours() {
    let (mut first, mut second) = taken_over();
    let before = first.bound("orders");
    second.new_jar("orders", "2");
    second.settle();
    first.look_after(&second);
    first.is_left_alone();
    assert_eq!(first.settle(), NOTHING);
    assert_eq!(first.bound("orders"), before);
    assert_ne!(second.bound("orders"), before);

    // A person takes that job back, and none is started beside it.
    first.new_jar("orders", "2");
    first.adopt();
    assert_eq!(first.settle(), ["claim"]);
    assert_eq!(first.bound("orders"), second.bound("orders"));
    assert_eq!(first.entry().keeper, "store");
}

#[test]
fn each_take_over_needs_a_person() {
    let (mut first, mut second) = taken_over();
    for scene in [&mut first, &mut second] {
        scene.annotate("orders", to_be_adopted());
        scene.settle();
    }
    for _ in 0..2 {
        assert_eq!(first.settle(), NOTHING);
        first.is_left_alone();
        first.adopt();
        assert_eq!(first.settle(), ["claim"]);
        assert!(first.recorded.adoptions.is_empty());
        first.declare("orders", json!({"state": "Suspended"}));
        assert_eq!(first.settle(), ["suspend"]);
        first.declare("orders", json!({}));
        assert_eq!(first.settle(), ["resume"]);
        second.look_after(&first);
        assert_eq!(second.settle(), NOTHING);
        second.is_left_alone();
        std::mem::swap(&mut first, &mut second);
    }
}

#[test]
fn a_name_that_another_keeper_claimed_is_a_conflict_until_it_is_adopted() {
    let scene = || {
        let mut scene = Scene::with(json!({}));
        scene.add_entry("orders", OWNER, "orders");
        scene.entries().get_mut("orders").unwrap().keeper = "another".to_owned();
        scene
    };
    let mut commanded = scene();
    assert_eq!(commanded.settle(), NOTHING);
    let held = commanded.is_left_alone();
    let part = "another jetkeeper with the same owner";
    assert!(held.message.contains(part), "{held:?}");
    commanded.adopt();
    assert_eq!(commanded.settle(), ["claim", "submit"]);

    let mut annotated = scene();
    annotated.annotate("orders", to_be_adopted());
    assert_eq!(annotated.settle(), ["claim", "submit"]);

    // A job that it runs is told with whose it is.
    let mut runs = scene();
    runs.foreign_job("orders", JobStatus::Running);
    let held = runs.is_left_alone();
    assert!(held.message.contains(part), "{held:?}");
}

#[test]
fn an_entry_of_an_earlier_version_is_signed_once() {
    let (mut scene, job) = running(json!({}));
    scene.entries().get_mut("orders").unwrap().keeper.clear();
    let before = scene.entry();
    scene.record("orders", |record| record.entry = Some(before.clone()));
    scene.declare_snapshot("evening", &json!({}));
    let mut steps = scene.settle();
    steps.sort();
    assert_eq!(steps, ["claim", "export"]);
    let signed = OwnershipEntry {
        keeper: "store".to_owned(),
        epoch: before.epoch + 1,
        job_id: Some(job),
        ..before
    };
    assert_eq!(scene.entry(), signed);
}

#[test]
fn an_entry_that_counts_from_one_again_is_read() {
    let (mut first, mut second) = taken_over();
    second.declare("orders", json!({"deletionPolicy": "Orphan"}));
    second.settle();
    let entry = OwnershipEntry {
        epoch: 0,
        ..second.entry()
    };
    first.look_after(&second);
    first.entries().insert("orders".to_owned(), entry);
    // Until the map was read again, what was written last is what is known.
    first.view().ownership_asked_at = first.recorded.jobs["orders"].entry_since;
    assert_eq!(words(&first.plan()), "-");
    first.pass_time(seconds(60));
    first.view().ownership_asked_at = Some(first.now);
    first.is_left_alone();
}

#[test]
fn no_snapshot_is_made_of_a_job_that_another_one_keeps() {
    let (first, _) = taken_over();
    for spec in [json!({}), json!({"cancelJob": true})] {
        let mut scene = first.clone();
        scene.declare_snapshot("evening", &spec);
        assert_eq!(scene.settle(), NOTHING, "{spec}");
        let record = &scene.recorded.snapshots["evening"];
        assert_eq!(record.state, SnapshotState::Waiting);
        assert_eq!(record.reason, Reason::Conflict, "{record:?}");
        scene.adopt();
        let verbs: &[&str] = match spec.get("cancelJob") {
            None => &["claim", "export"],
            Some(_) => &["claim", "suspend", "export", "cancel"],
        };
        assert_eq!(scene.settle(), verbs);
    }
    // One that takes a job over does that first.
    let (_, mut second) = rebuilt();
    second.declare_snapshot("evening", &json!({}));
    assert_eq!(words(&second.plan()), "claim WaitingForJob");
    assert_eq!(second.settle(), ["claim", "export"]);
}

/// The last document of a snapshot is gone, and may be.
fn confirm_removal(scene: &mut Scene) {
    let held = hold(&scene.learn(), Reason::SourceMissing);
    scene.confirm(&held, false);
}

#[test]
fn no_snapshot_is_deleted_of_a_job_that_another_one_keeps() {
    let (mut first, _) = running(json!({}));
    first.declare_snapshot("evening", &json!({"deletionPolicy": "Delete"}));
    assert_eq!(first.settle(), ["export"]);
    let mut alone = first.clone();
    let mut second = rebuilt_beside(&first);
    second.desired.snapshots.clear();
    second.settle();
    first.look_after(&second);
    for with_job in [false, true] {
        let mut scene = first.clone();
        scene.desired.snapshots.remove("evening");
        scene.declare("bystander", json!({"state": "Suspended"}));
        if with_job {
            scene.remove("orders");
        }
        confirm_removal(&mut scene);
        let told = scene.learn().events;
        let kept = told.iter().any(|event| {
            event.kind == EventKind::Deleted && event.message.contains("evening stays")
        });
        assert!(kept, "{told:#?}");
        assert_eq!(scene.settle(), NOTHING);
        assert!(scene.recorded.snapshots.is_empty());
        assert!(scene.snapshots.contains_key("evening"));
    }
    alone.desired.snapshots.remove("evening");
    confirm_removal(&mut alone);
    assert_eq!(alone.settle(), ["delete snapshot"]);
}

#[test]
fn a_snapshot_of_the_state_is_left_to_whoever_keeps_the_job() {
    let (mut first, _) = taken_over();
    first.record("orders", |record| {
        record.surplus.insert("orders.upgrade-1".to_owned());
    });
    assert_eq!(first.settle(), NOTHING);
    first.adopt();
    assert_eq!(first.settle(), ["claim", "delete snapshot"]);
}
