//! Documents that are new, changed, moved, renamed, faulty or gone, and what a person says of them.

use std::sync::Arc;

use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::{Hold, HoldClass, Reason, Release};
use jetkeeper::plan::record::Pause;
use jetkeeper::resources::desired::Annotations;
use jetkeeper::resources::{Fault, Place, ResourceId, Severity, SourceName};
use serde_json::json;

use super::deletions::{many, remove};
use super::observe::running;
use super::scene::{CLUSTER, SOURCE, Scene, hold, place, seconds, words};

const NOTHING: [&str; 0] = [];

fn pause(scene: &Scene, until: Option<i64>) -> Pause {
    Pause {
        reason: "maintenance".to_owned(),
        by: "ann".to_owned(),
        since: scene.now,
        until: until.map(|after| scene.now + seconds(after)),
    }
}

#[test]
fn generations_count_changes_of_the_document() {
    let (mut scene, _) = running(json!({}));
    assert_eq!(scene.recorded.jobs["orders"].generation, 1);
    scene.declare("orders", json!({"timeouts": {"start": "1m"}}));
    assert_eq!(scene.settle(), NOTHING);
    assert_eq!(scene.recorded.jobs["orders"].generation, 2);
    assert_eq!(scene.status("orders").observed_generation, 2);
}

#[test]
fn a_document_that_moves_is_not_deleted() {
    let (mut scene, job) = running(json!({"deletionPolicy": "Cancel"}));
    scene.source("elsewhere");
    let declared = Arc::make_mut(scene.desired.jobs.get_mut("orders").unwrap());
    declared.place = place("elsewhere", "orders");
    assert_eq!(scene.settle(), NOTHING);
    assert_eq!(scene.bound("orders"), Some(job));
    let record = &scene.recorded.jobs["orders"];
    assert_eq!(record.place, place("elsewhere", "orders"));
    assert_eq!(record.generation, 1);
}

#[test]
fn a_renamed_resource_keeps_its_job() {
    let (mut scene, job) = running(json!({"deletionPolicy": "Cancel"}));
    scene.rename(
        "orders",
        "purchases",
        json!({"deletionPolicy": "Cancel", "name": "orders"}),
    );
    let plan = scene.pass();
    assert!(
        plan.events
            .iter()
            .any(|event| event.kind == EventKind::Renamed)
    );
    assert_eq!(words(&plan), "claim", "the entry says the new name");
    assert_eq!(scene.settle(), NOTHING);
    assert_eq!(scene.bound("purchases"), Some(job));
    assert!(!scene.recorded.jobs.contains_key("orders"));
    let entry = &scene.entries()["orders"];
    assert_eq!(entry.resource, ResourceId::jet_job("purchases"));
}

#[test]
fn a_resource_renamed_while_its_attempt_is_open_keeps_the_attempt() {
    let mut scene = Scene::with(json!({}));
    scene.pass();
    let plan = scene.learn();
    scene.begin(&plan.steps[0]);
    scene.recorded.in_flight.insert(
        ResourceId::jet_job("orders"),
        Arc::new(plan.steps[0].clone()),
    );
    scene.rename("orders", "purchases", json!({"name": "orders"}));
    // While the upload is in flight the old name stays.
    assert_eq!(words(&scene.learn()), "StepInFlight");
    assert!(!scene.recorded.jobs.contains_key("purchases"));

    scene.recorded.in_flight.clear();
    let jetkeeper::plan::step::Action::Submit(submit) = &plan.steps[0].action else {
        panic!("no upload");
    };
    let outcome = scene.submit("orders", submit);
    scene.finish(&plan.steps[0], &outcome);
    assert_eq!(scene.settle(), ["claim"]);
    assert!(scene.bound("purchases").is_some());
}

#[test]
fn a_paused_resource_is_renamed_once_the_pause_ends() {
    let (mut scene, job) = running(json!({"deletionPolicy": "Cancel"}));
    let id = ResourceId::jet_job("orders");
    let pause = pause(&scene, None);
    scene.recorded.pauses.insert(Some(id), pause);
    scene.rename("orders", "purchases", json!({"name": "orders"}));
    assert_eq!(words(&scene.learn()), "Paused");
    scene.recorded.pauses.clear();
    assert_eq!(scene.settle(), ["claim"]);
    assert_eq!(scene.bound("purchases"), Some(job));
}

#[test]
fn names_that_two_resources_swap_are_held() {
    let mut scene = Scene::new();
    scene.declare("a", json!({"name": "x"}));
    scene.declare("b", json!({"name": "y"}));
    scene.settle();
    scene.declare("a", json!({"name": "y"}));
    scene.declare("b", json!({"name": "x"}));
    assert_eq!(words(&scene.learn()), "ImmutableField ImmutableField");
    scene.assert_at_rest();
}

#[test]
fn immutable_fields_hold_and_the_old_document_stays_in_force() {
    let (mut scene, job) = running(json!({}));
    for change in [
        json!({"name": "other"}),
        json!({"hazelcastResourceName": "other"}),
    ] {
        let mut scene = scene.clone();
        scene.declare("orders", change.clone());
        let held = hold(&scene.learn(), Reason::ImmutableField);
        assert!(
            held.message.contains("orders.yaml:1:1: spec."),
            "{}",
            held.message
        );
        assert_eq!(held.release, Release::None);
        scene.assert_at_rest();
        assert_eq!(scene.recorded.jobs["orders"].generation, 1);
        assert_eq!(scene.bound("orders"), Some(job));
    }
    // What the refused document says of its jar does not count either.
    scene.declare("orders", json!({"name": "other", "mainClass": "Other"}));
    scene.new_jar("orders", "2");
    assert_eq!(words(&scene.learn()), "ImmutableField");

    // Before anything was submitted it may change.
    let mut scene = Scene::with(json!({"state": "Suspended"}));
    scene.learn();
    scene.declare("orders", json!({"state": "Suspended", "name": "other"}));
    assert_eq!(scene.settle(), NOTHING);
    assert_eq!(scene.recorded.jobs["orders"].generation, 2);
}

#[test]
fn a_document_that_was_never_good_is_held_with_what_is_wrong_and_where() {
    let mut scene = Scene::with(json!({}));
    scene.settle();
    let faulty = ResourceId::jet_job("returns");
    let there = place(SOURCE, "returns");
    scene.desired.faulty.insert(faulty.clone(), there.clone());
    let fault = |line, message: &str| Fault {
        severity: Severity::Error,
        place: Place {
            line,
            ..there.clone()
        },
        resource: Some(faulty.clone()),
        message: message.to_owned(),
        help: None,
        snippet: None,
    };
    scene.desired.faults = vec![
        fault(7, "unknown field `jarNam` in `spec`"),
        fault(9, "two"),
    ];
    let held = hold(&scene.learn(), Reason::Faulty);
    assert_eq!(&*held.subjects, [faulty]);
    assert_eq!(held.class, HoldClass::Blocked);
    assert_eq!(
        held.message,
        "returns.yaml:7:1: unknown field `jarNam` in `spec`, and one more fault; nothing is done for it \
         until that is mended (`jetkeeper validate PATH` shows more)"
    );
    // That of one that was good before says what is in force.
    scene.break_document("orders");
    let plan = scene.learn();
    let orders = plan
        .holds
        .iter()
        .find(|hold| hold.subjects[0].name == "orders");
    let orders = &orders.unwrap().message;
    assert!(
        orders.starts_with("orders.yaml:1:1 has faults; generation 1 stays in force"),
        "{orders}"
    );
    scene.assert_at_rest();
}

#[test]
fn a_faulty_document_stops_only_itself() {
    let (mut scene, job) = running(json!({"deletionPolicy": "Cancel"}));
    scene.declare("other", json!({}));
    scene.break_document("orders");
    assert_eq!(scene.settle(), ["claim", "submit"]);
    let held = hold(&scene.plan(), Reason::Faulty);
    assert!(held.message.contains("orders.yaml:1:1"), "{}", held.message);
    assert_eq!(scene.bound("orders"), Some(job));
}

#[test]
fn the_last_good_version_of_a_faulty_document_stays_in_force() {
    let (mut scene, job) = running(json!({"driftPolicy": "Correct"}));
    scene.break_document("orders");
    scene.suspend_by_hand(job);
    assert_eq!(scene.settle(), ["resume"]);
    // Without a document there is no jar; that is no second hold.
    scene.stateless(job);
    scene.cancel_by_hand(job);
    assert_eq!(words(&scene.learn()), "Faulty");
    scene.assert_at_rest();
}

#[test]
fn a_faulty_document_ends_a_deletion_that_was_begun() {
    let (mut scene, job) = running(json!({}));
    scene.unsuspendable(job);
    scene.delete("orders");
    assert_eq!(words(&scene.learn()), "SnapshotRequired");
    scene.break_document("orders");
    assert_eq!(words(&scene.learn()), "Faulty");
    assert_eq!(scene.recorded.jobs["orders"].deletion, None);
}

#[test]
fn a_document_that_comes_back_ends_its_deletion() {
    let (mut scene, job) = running(json!({}));
    scene.unsuspendable(job);
    scene.delete("orders");
    let held = hold(&scene.learn(), Reason::SnapshotRequired);
    scene.confirm(&held, true);
    assert_eq!(words(&scene.learn()), "cancel");
    // The cancel is not begun, and the document is there again.
    scene.declare("orders", json!({}));
    assert_eq!(scene.settle(), NOTHING);
    assert_eq!(scene.bound("orders"), Some(job));
    assert_eq!(scene.recorded.jobs["orders"].discard_for, None);

    // After the cancel it is submitted again.
    let (mut scene, _) = running(json!({"deletionPolicy": "Cancel"}));
    scene.delete("orders");
    scene.pass();
    scene.declare("orders", json!({"deletionPolicy": "Cancel"}));
    assert_eq!(scene.settle(), ["claim", "submit"]);

    // And after its name was given up, too, with an entry of its own.
    let (mut scene, _) = running(json!({"deletionPolicy": "Cancel"}));
    scene.delete("orders");
    scene.pass();
    let plan = scene.learn();
    assert_eq!(words(&plan), "release");
    scene.carry_out(&plan.steps[0]);
    scene.declare("orders", json!({"deletionPolicy": "Cancel"}));
    assert_eq!(scene.settle(), ["claim", "submit"]);
    scene.delete("orders");
    assert_eq!(scene.settle(), ["cancel", "release"]);
    assert!(scene.entries().is_empty());
}

#[test]
fn a_release_that_another_entry_refused_is_read_again() {
    let (mut scene, _) = running(json!({"deletionPolicy": "Orphan"}));
    scene.delete("orders");
    let plan = scene.learn();
    assert_eq!(words(&plan), "release");
    // Its answer was lost, and the entry is gone.
    let unknown = jetkeeper::plan::step::Outcome::Unknown {
        message: "no answer".to_owned(),
    };
    scene.end_with(&plan, &unknown);
    scene.entries().clear();
    scene.pass_time(seconds(2));
    assert_eq!(scene.settle(), ["release"]);
    assert!(scene.is_forgotten());
}

#[test]
fn removal_waits_for_the_outcome_of_an_upload() {
    let mut scene = Scene::with(json!({"deletionPolicy": "Cancel"}));
    scene.pass();
    let plan = scene.learn();
    let unknown = jetkeeper::plan::step::Outcome::Unknown {
        message: "no answer".to_owned(),
    };
    scene.end_with(&plan, &unknown);
    scene.delete("orders");
    scene.tick();
    assert_eq!(words(&scene.learn()), "OutcomeUnknown");
    let jetkeeper::plan::step::Action::Submit(submit) = &plan.steps[0].action else {
        panic!("no upload");
    };
    scene.submit("orders", submit);
    assert_eq!(scene.settle(), ["cancel", "release"]);
}

#[test]
fn a_record_of_which_nothing_was_done_goes_without_its_cluster() {
    let mut scene = Scene::with(json!({"hazelcastResourceName": "nowhere"}));
    scene.learn();
    scene.delete("orders");
    scene.learn();
    assert!(scene.is_forgotten());
}

#[test]
fn a_confirmation_waits_while_its_hold_can_not_be_seen() {
    let (mut scene, job) = running(json!({}));
    scene.suspend_by_hand(job);
    let held = hold(&scene.learn(), Reason::Drifted);
    scene.confirm(&held, false);
    let seen = scene.view().jobs.clone();
    scene.view().jobs = jetkeeper::plan::observed::Seen::Unknown;
    assert_eq!(words(&scene.learn()), "ClusterUnknown");
    assert_eq!(scene.recorded.confirmations.len(), 1);
    scene.view().jobs = seen;
    assert_eq!(words(&scene.learn()), "resume");
    assert!(scene.recorded.confirmations.is_empty());
}

#[test]
fn a_confirmation_of_what_is_held_no_longer_is_void() {
    let (mut scene, job) = running(json!({}));
    scene.suspend_by_hand(job);
    let held = hold(&scene.learn(), Reason::Drifted);
    scene.job(job, |job| {
        job.status = jetkeeper::plan::job::JobStatus::Running;
    });
    scene.learn();
    scene.confirm(&held, false);
    scene.learn();
    assert!(scene.recorded.confirmations.is_empty());
}

#[test]
fn another_run_s_source_is_left_alone() {
    let (mut scene, _) = running(json!({"deletionPolicy": "Cancel"}));
    scene.desired.sources.clear();
    scene.source("another");
    scene.remove("orders");
    let plan = scene.plan();
    assert_eq!(words(&plan), "-");
    assert!(plan.statuses.is_empty());
    scene.assert_at_rest();
    assert_eq!(
        scene.recorded.jobs["orders"].place.source,
        SourceName(SOURCE.to_owned())
    );
}

#[test]
fn annotations_leave_a_job_alone() {
    let (mut scene, _) = running(json!({}));
    let disabled = Annotations {
        reconcile_disabled: true,
        ..Annotations::default()
    };
    scene.annotate("orders", disabled);
    scene.declare("orders", json!({"state": "Suspended"}));
    scene.annotate("orders", scene.desired.jobs["orders"].annotations.clone());
    assert_eq!(words(&scene.learn()), "ReconcileDisabled");
    scene.assert_at_rest();
    scene.delete("orders");
    assert_eq!(words(&scene.learn()), "ReconcileDisabled");

    let mut scene = many(12);
    for number in 0..12 {
        let kept = Annotations {
            prune_disabled: true,
            ..Annotations::default()
        };
        scene.annotate(&format!("job-{number:02}"), kept);
    }
    scene.settle();
    remove(&mut scene, 0..12);
    let plan = scene.learn();
    assert_eq!(words(&plan), ["PruneDisabled"; 12].join(" "));
    scene.assert_at_rest();
}

#[test]
fn pauses_hold_one_job_or_everything_until_they_end() {
    let mut scene = Scene::with(json!({}));
    scene.declare("other", json!({}));
    let one = pause(&scene, Some(60));
    let id = ResourceId::jet_job("orders");
    scene.recorded.pauses.insert(Some(id), one);
    let plan = scene.learn();
    assert_eq!(words(&plan), "claim Paused");
    assert_eq!(plan.next_wake, Some(scene.now + seconds(60)));
    let held: &Hold = &hold(&plan, Reason::Paused);
    assert_eq!(held.release, Release::Unpause);
    scene.pass_time(seconds(60));
    assert_eq!(words(&scene.learn()), "claim claim");
    let all = pause(&scene, None);
    scene.recorded.pauses.insert(None, all);
    assert_eq!(words(&scene.learn()), "Paused Paused");
}

#[test]
fn a_step_in_flight_is_waited_for() {
    let mut scene = Scene::with(json!({}));
    let plan = scene.learn();
    let step = Arc::new(plan.steps[0].clone());
    scene.begin(&step);
    scene.recorded.in_flight.insert(step.resource.clone(), step);
    let plan = scene.learn();
    assert_eq!(words(&plan), "StepInFlight");
    assert!(plan.holds[0].message.contains("claim the name orders"));
}

#[test]
fn an_entry_left_by_a_resource_that_has_another_name_now_is_taken_over() {
    let mut scene = Scene::with(json!({}));
    scene.add_entry("orders", super::scene::OWNER, "before");
    assert_eq!(scene.settle(), ["claim", "submit"]);
    assert_eq!(scene.entries()["orders"].epoch, 10);
    assert_eq!(scene.recorded.clusters.len(), 1);
    assert!(scene.recorded.clusters.contains_key(CLUSTER));
}
