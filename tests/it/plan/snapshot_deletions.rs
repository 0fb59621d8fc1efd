//! Snapshots that go from their clusters with their documents: no mass deletion of them by accident.

use std::sync::Arc;

use jetkeeper::plan::hold::{Reason, Release};
use jetkeeper::plan::observed::Link;
use jetkeeper::plan::record::{SnapshotRecord, SnapshotState};
use jetkeeper::plan::step::Outcome;
use jetkeeper::resources::ResourceId;
use serde_json::json;

use super::observe::running;
use super::scene::{SOURCE, Scene, hold, place, seconds, words};

/// A job that runs, and this many snapshots of it that are exported and go with their documents.
fn exported(count: usize) -> Scene {
    exported_with(count, "Delete")
}

fn exported_with(count: usize, policy: &str) -> Scene {
    let (mut scene, _) = running(json!({}));
    for number in 0..count {
        scene.declare_snapshot(&name(number), &json!({"deletionPolicy": policy}));
        let plan = scene.learn();
        let [step] = plan.steps.as_slice() else {
            panic!("one export expected: {plan:#?}");
        };
        scene.begin(step);
        let made = scene.effect(step);
        scene.finish(step, &made);
        assert_eq!(words(&scene.learn()), "-");
        let record = &scene.recorded.snapshots[&name(number)];
        assert_eq!(record.state, SnapshotState::Exported);
    }
    scene
}

fn name(number: usize) -> String {
    format!("evening-{number:02}")
}

fn remove(scene: &mut Scene, numbers: std::ops::Range<usize>) {
    for number in numbers {
        scene.desired.snapshots.remove(&name(number));
    }
}

/// Carries out what is planned until nothing is; how many snapshots were deleted.
fn delete_all(scene: &mut Scene) -> usize {
    let mut count = 0;
    loop {
        let plan = scene.learn();
        let steps = plan.steps.iter();
        let deletes: Vec<_> = steps
            .filter(|step| step.verb() == "delete snapshot")
            .collect();
        if deletes.is_empty() {
            return count;
        }
        for step in deletes {
            count += 1;
            scene.begin(step);
            scene.finish(step, &Outcome::Done);
        }
    }
}

#[test]
fn a_source_that_lost_its_jobs_and_snapshots_deletes_neither_until_confirmed() {
    let mut scene = exported(5);
    remove(&mut scene, 0..5);
    // A document of another kind is left, so the source is there.
    scene.remove("orders");
    let plan = scene.learn();
    assert_eq!(words(&plan), "SourceMissing");
    let held = hold(&plan, Reason::SourceMissing);
    assert_eq!((held.subjects.len(), held.release), (6, Release::Confirm));
    assert!(held.message.contains("1 job and 5 snapshots"), "{held:?}");
    let status = &plan.snapshot_statuses[&name(0)];
    assert_eq!(status.holds[0].id, held.id, "each says what holds it");
    assert!(scene.recorded.snapshots.values().all(|it| !it.deleting));
    scene.confirm(&held, false);
    let plan = scene.learn();
    let begun = scene.recorded.snapshots.values();
    assert!(begun.into_iter().all(|it| it.deleting), "{plan:#?}");
}

#[test]
fn snapshots_alone_that_vanish_all_at_once_wait_for_the_same_word() {
    for count in [1, 3] {
        let mut scene = exported(count);
        remove(&mut scene, 0..count);
        let held = hold(&scene.learn(), Reason::SourceMissing);
        assert!(held.message.contains("no snapshot any more"), "{held:?}");
        assert_eq!(delete_all(&mut scene), 0);
        scene.confirm(&held, false);
        assert_eq!(delete_all(&mut scene), count);
        assert!(scene.recorded.snapshots.is_empty());
        assert_eq!(words(&scene.plan()), "-");
    }
}

#[test]
fn what_was_begun_stops_while_its_source_is_missing_or_can_not_be_identified() {
    let mut scene = exported(2);
    remove(&mut scene, 0..1);
    assert_eq!(words(&scene.learn()), "delete snapshot");
    scene.source(SOURCE).identified = false;
    assert_eq!(words(&scene.learn()), "SourceUnidentified");
    scene.source(SOURCE).identified = true;
    scene.source(SOURCE).present = false;
    assert_eq!(words(&scene.learn()), "SourceMissing");
    scene.source(SOURCE).present = true;
    assert_eq!(delete_all(&mut scene), 1);
}

#[test]
fn one_that_may_have_moved_to_where_it_can_not_be_identified_is_not_deleted() {
    let mut scene = exported(2);
    scene.source("elsewhere").identified = false;
    remove(&mut scene, 0..1);
    let held = hold(&scene.learn(), Reason::SourceUnidentified);
    assert!(held.message.contains("source elsewhere"), "{held:?}");
    assert_eq!(delete_all(&mut scene), 0);

    // Or under another name, in a document with faults.
    scene.source("elsewhere").identified = true;
    let renamed = ResourceId::jet_job_snapshot("renamed");
    let there = place("elsewhere", "renamed");
    scene.desired.faulty.insert(renamed.clone(), there);
    hold(&scene.learn(), Reason::SourceUnidentified);
    assert_eq!(delete_all(&mut scene), 0);
    scene.desired.faulty.remove(&renamed);
    assert_eq!(delete_all(&mut scene), 1);
}

#[test]
fn snapshots_count_with_the_jobs_and_have_a_percentage_of_their_own() {
    // Of 12 snapshots 4 are more than a quarter.
    let mut scene = exported(12);
    remove(&mut scene, 0..4);
    let held = hold(&scene.learn(), Reason::MassDeletion);
    assert!(
        held.message.starts_with("4 of the 12 snapshots"),
        "{held:?}"
    );
    assert_eq!(delete_all(&mut scene), 0);
    scene.confirm(&held, false);
    assert_eq!(delete_all(&mut scene), 4);

    // One by one is no way round; a job goes within the same number.
    let mut scene = exported(12);
    scene.settings.max_deletions = 2;
    scene.declare("other", json!({"state": "Suspended"}));
    for number in 0..2 {
        remove(&mut scene, number..number + 1);
        assert_eq!(delete_all(&mut scene), 1);
        scene.pass_time(seconds(600));
    }
    scene.remove("orders");
    let held = hold(&scene.learn(), Reason::MassDeletion);
    assert!(held.message.contains("1 of the 1 job and 2"), "{held:?}");
}

#[test]
fn the_windows_of_the_source_hold_the_deletion() {
    let mut scene = exported(2);
    scene.close(SOURCE);
    remove(&mut scene, 0..1);
    let held = hold(&scene.learn(), Reason::SyncWindow);
    assert_eq!(held.release, Release::Confirm);
    assert!(held.deadline.is_some());
    assert!(held.message.contains(&name(0)), "{held:?}");
    assert_eq!(delete_all(&mut scene), 0);
    let exported = SnapshotState::Exported;
    assert_eq!(scene.recorded.snapshots[&name(0)].state, exported);

    let mut opened = scene.clone();
    opened.open();
    assert_eq!(delete_all(&mut opened), 1);
    scene.confirm(&held, false);
    assert_eq!(delete_all(&mut scene), 1);
}

#[test]
fn a_document_that_comes_back_voids_what_was_confirmed() {
    let mut scene = exported(2);
    let documents = scene.desired.snapshots.clone();
    remove(&mut scene, 0..2);
    let held = hold(&scene.learn(), Reason::SourceMissing);
    scene.confirm(&held, false);
    scene.learn();
    scene.desired.snapshots = documents;
    assert_eq!(words(&scene.learn()), "-");
    let records = scene.recorded.snapshots.values();
    let is_void = |record: &Arc<SnapshotRecord>| !record.deleting && !record.deletion_confirmed;
    assert!(records.into_iter().all(is_void));
    remove(&mut scene, 0..2);
    hold(&scene.learn(), Reason::SourceMissing);
}

#[test]
fn what_was_confirmed_and_takes_its_time_holds_up_no_other_removal() {
    let mut scene = exported(1);
    scene.declare("other", json!({"deletionPolicy": "Cancel"}));
    scene.settle();
    scene.close(SOURCE);
    remove(&mut scene, 0..1);
    let held = hold(&scene.learn(), Reason::SourceMissing);
    scene.confirm(&held, false);
    assert_eq!(words(&scene.learn()), "SyncWindow");
    scene.remove("other");
    assert_eq!(words(&scene.learn()), "SyncWindow SyncWindow");
    scene.open();
    assert_eq!(words(&scene.learn()), "cancel delete snapshot");
}

#[test]
fn those_that_stay_on_their_cluster_are_forgotten_without_ado() {
    let mut scene = exported_with(12, "Retain");
    scene.close(SOURCE);
    remove(&mut scene, 0..12);
    assert_eq!(words(&scene.learn()), "-");
    assert!(scene.recorded.snapshots.is_empty());
}

/// One that is to be deleted from a cluster that nobody reaches any more.
fn of_a_cluster_that_is_gone() -> Scene {
    let mut scene = exported(2);
    remove(&mut scene, 0..1);
    let since = scene.now;
    scene.view().link = Link::Down { since, error: None };
    scene
}

#[test]
fn one_of_a_cluster_that_is_gone_for_good_is_forgotten_by_a_person_s_word_alone() {
    let mut scene = of_a_cluster_that_is_gone();
    let plan = scene.learn();
    assert!(plan.holds.iter().all(|hold| hold.release == Release::None));
    assert_eq!(plan.next_wake, Some(scene.now + seconds(3600)));
    scene.now += seconds(3600);
    let asks = hold(&scene.learn(), Reason::Stalled);
    assert_eq!(asks.release, Release::DiscardState);
    assert_eq!(*asks.subjects, [ResourceId::jet_job_snapshot(name(0))]);
    for word in ["--discard-state", "dev", &name(0)] {
        assert!(asks.message.contains(word), "{asks:?}");
    }
    // Never by itself, nor by a word that says less.
    scene.now += seconds(360_000);
    scene.confirm(&asks, false);
    scene.learn();
    assert!(scene.recorded.snapshots.contains_key(&name(0)));
    scene.confirm(&asks, true);
    let plan = scene.learn();
    assert!(plan.steps.is_empty(), "{plan:#?}");
    assert!(!scene.recorded.snapshots.contains_key(&name(0)));
    assert!(scene.recorded.snapshots.contains_key(&name(1)));
    let told = plan.events.iter().map(|event| event.message.as_str());
    assert!(told.into_iter().any(|told| told.contains("stays there")));
}

#[test]
fn one_that_was_withdrawn_is_asked_about_at_once_where_its_cluster_has_no_addresses_any_more() {
    let mut scene = of_a_cluster_that_is_gone();
    // `jetkeeper snapshot delete` of one that has no document.
    let record = scene.recorded.snapshots.get_mut(&name(0)).unwrap();
    let record = Arc::make_mut(record);
    (record.commanded, record.deleting) = (true, true);
    scene.views.clear();
    let asks = hold(&scene.learn(), Reason::Stalled);
    scene.confirm(&asks, true);
    assert!(scene.learn().steps.is_empty());
    assert!(!scene.recorded.snapshots.contains_key(&name(0)));
}

#[test]
fn a_cluster_that_came_back_voids_the_word_that_its_snapshot_may_be_forgotten() {
    let mut scene = of_a_cluster_that_is_gone();
    scene.now += seconds(3600);
    let asks = hold(&scene.learn(), Reason::Stalled);
    scene.confirm(&asks, true);
    scene.view().link = Link::Up;
    assert_eq!(delete_all(&mut scene), 1);
    assert!(scene.recorded.confirmations.is_empty());
}
