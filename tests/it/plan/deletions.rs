//! Which jobs may go when their documents do: no mass deletion by accident.

use jetkeeper::plan::hold::{Reason, Release};
use jetkeeper::plan::observed::Link;
use jetkeeper::resources::ResourceId;
use serde_json::json;

use super::observe::running;
use super::scene::{SOURCE, Scene, hold, place, seconds, words};

/// This many jobs of no state, all running; removing them cancels them.
pub(super) fn many(count: usize) -> Scene {
    let mut scene = Scene::new();
    for number in 0..count {
        scene.declare(
            &format!("job-{number:02}"),
            json!({"deletionPolicy": "Cancel"}),
        );
    }
    scene.settle();
    scene
}

pub(super) fn remove(scene: &mut Scene, numbers: std::ops::Range<usize>) {
    for number in numbers {
        scene.remove(&format!("job-{number:02}"));
    }
}

#[test]
fn a_missing_source_deletes_nothing_until_confirmed() {
    let mut scene = many(2);
    remove(&mut scene, 0..2);
    scene.source(SOURCE).present = false;
    let held = hold(&scene.learn(), Reason::SourceMissing);
    assert_eq!((held.subjects.len(), held.release), (2, Release::Confirm));
    scene.assert_at_rest();
    scene.confirm(&held, false);
    let plan = scene.learn();
    assert_eq!(words(&plan), "cancel cancel");
    // That stays so for as long as it takes.
    assert_eq!(scene.settle().len(), 4);
    assert!(scene.recorded.jobs.is_empty());
}

#[test]
fn jobs_that_were_never_submitted_are_no_mass_deletion() {
    let mut scene = many(2);
    let never = |number| format!("never-{number:02}");
    for number in 0..20 {
        scene.declare(&never(number), json!({"state": "Suspended"}));
    }
    scene.settle();
    for number in 0..20 {
        scene.remove(&never(number));
    }
    assert_eq!(words(&scene.plan()), "-");
    scene.learn();
    assert_eq!(scene.recorded.jobs.len(), 2, "their records go");

    // They are not counted with others either.
    let mut scene = many(12);
    scene.declare("never", json!({"state": "Suspended"}));
    scene.settle();
    remove(&mut scene, 0..11);
    scene.remove("never");
    let held = hold(&scene.learn(), Reason::MassDeletion);
    assert_eq!(held.subjects.len(), 11);
    assert!(
        held.message.starts_with("11 of the 12 jobs"),
        "{}",
        held.message
    );
    assert!(!scene.recorded.jobs.contains_key("never"));
}

#[test]
fn nothing_is_deleted_while_a_document_can_not_be_identified() {
    let mut scene = many(2);
    remove(&mut scene, 0..1);
    scene.source(SOURCE).identified = false;
    let held = hold(&scene.learn(), Reason::SourceUnidentified);
    assert_eq!(held.release, Release::None);
    scene.assert_at_rest();
    scene.source(SOURCE).identified = true;
    assert_eq!(scene.settle(), ["cancel", "release"]);

    // Not even what was begun before.
    let mut scene = many(2);
    remove(&mut scene, 0..1);
    scene.learn();
    scene.source(SOURCE).identified = false;
    assert_eq!(words(&scene.learn()), "SourceUnidentified");
}

#[test]
fn deletions_beyond_the_limits_hold_until_confirmed() {
    // Of this many, that many; at most 10, or 25 % from four on.
    for (total, gone, held) in [
        (4, 3, false),
        (12, 3, false),
        (12, 4, true),
        (16, 4, false),
        (60, 10, false),
        (60, 11, true),
    ] {
        let mut scene = many(total);
        remove(&mut scene, 0..gone);
        let expected = if held {
            "MassDeletion".to_owned()
        } else {
            vec!["cancel"; gone].join(" ")
        };
        assert_eq!(words(&scene.learn()), expected, "{gone} of {total}");
    }
}

#[test]
fn a_confirmed_mass_deletion_goes_on_and_later_ones_are_judged_by_themselves() {
    let mut scene = many(12);
    remove(&mut scene, 0..4);
    let held = hold(&scene.learn(), Reason::MassDeletion);
    scene.confirm(&held, false);
    assert_eq!(words(&scene.learn()), "cancel cancel cancel cancel");
    // The first four are on their way, and are not counted again.
    remove(&mut scene, 4..8);
    assert_eq!(
        words(&scene.learn()),
        "cancel cancel cancel cancel MassDeletion"
    );
    let held = hold(&scene.plan(), Reason::MassDeletion);
    assert_eq!(held.subjects.len(), 4);
}

#[test]
fn a_confirmation_is_void_once_the_deletion_is_another_one() {
    let mut scene = many(12);
    remove(&mut scene, 0..4);
    let held = hold(&scene.learn(), Reason::MassDeletion);
    scene.confirm(&held, false);
    remove(&mut scene, 4..5);
    let plan = scene.learn();
    assert_eq!(words(&plan), "MassDeletion");
    assert!(
        scene.recorded.confirmations.is_empty(),
        "void, and forgotten"
    );
    assert_ne!(hold(&plan, Reason::MassDeletion).id, held.id);
}

#[test]
fn a_source_that_declares_no_job_any_more_deletes_nothing_until_confirmed() {
    for count in 1..4 {
        let mut scene = many(count);
        remove(&mut scene, 0..count);
        let held = hold(&scene.learn(), Reason::SourceMissing);
        assert_eq!(
            (held.subjects.len(), held.release),
            (count, Release::Confirm)
        );
        scene.assert_at_rest();
        scene.confirm(&held, false);
        assert_eq!(scene.settle().len(), 2 * count);
        assert!(scene.recorded.jobs.is_empty());
    }
}

#[test]
fn a_source_is_not_empty_while_a_document_of_a_job_is_there_even_a_broken_one() {
    let mut scene = many(2);
    remove(&mut scene, 0..1);
    scene.break_document("job-01");
    assert_eq!(words(&scene.learn()), "cancel Faulty");
}

#[test]
fn deletions_that_ended_count_for_an_hour() {
    let mut scene = many(12);
    for number in 0..3 {
        remove(&mut scene, number..number + 1);
        assert_eq!(scene.settle(), ["cancel", "release"]);
        scene.pass_time(seconds(600));
    }
    assert_eq!(scene.recorded.jobs.len(), 9);
    remove(&mut scene, 3..4);
    let held = hold(&scene.learn(), Reason::MassDeletion);
    assert_eq!(*held.subjects, [ResourceId::jet_job("job-03")]);
    assert!(held.message.contains("4 of the 12 jobs"), "{held:?}");
    scene.assert_at_rest();

    // What is held doesn't go by itself because time went by; a word lets it, and counting begins anew.
    scene.pass_time(seconds(7_200));
    assert_eq!(words(&scene.learn()), "MassDeletion");
    scene.confirm(&held, false);
    assert_eq!(scene.settle(), ["cancel", "release"]);
    remove(&mut scene, 4..5);
    assert_eq!(scene.settle(), ["cancel", "release"]);
}

#[test]
fn deletions_an_hour_apart_are_judged_by_themselves() {
    let mut scene = many(12);
    for number in 0..6 {
        remove(&mut scene, number..number + 1);
        assert_eq!(scene.settle(), ["cancel", "release"], "{number}");
        scene.pass_time(seconds(1_200));
    }
}

#[test]
fn documents_that_are_put_back_end_the_hold() {
    let mut scene = many(12);
    remove(&mut scene, 0..4);
    hold(&scene.learn(), Reason::MassDeletion);
    for name in ["job-00", "job-01", "job-02", "job-03"] {
        scene.declare(name, json!({"deletionPolicy": "Cancel"}));
    }
    let back = scene.settle();
    assert!(back.is_empty(), "{back:?}");
    let source = scene.recorded.sources.values().next().unwrap();
    assert_eq!((source.held_since, source.deletions.len()), (None, 0));
}

#[test]
fn a_renamed_document_with_a_fault_in_another_source_deletes_nothing() {
    let mut scene = many(2);
    scene.source("elsewhere");
    remove(&mut scene, 0..1);
    let renamed = ResourceId::jet_job("purchases");
    let there = place("elsewhere", "purchases");
    scene.desired.faulty.insert(renamed.clone(), there);
    let held = hold(&scene.learn(), Reason::SourceUnidentified);
    assert!(held.message.contains("source elsewhere"), "{held:?}");
    scene.assert_at_rest();
    scene.desired.faulty.remove(&renamed);
    assert_eq!(scene.settle(), ["cancel", "release"]);
}

#[test]
fn a_document_that_moved_to_where_it_can_not_be_identified_deletes_nothing() {
    let mut scene = many(2);
    scene.source("elsewhere").identified = false;
    remove(&mut scene, 0..1);
    assert_eq!(words(&scene.learn()), "SourceUnidentified");
    scene.source("elsewhere").identified = true;
    assert_eq!(scene.settle(), ["cancel", "release"]);
}

/// A job of a cluster that nobody reaches any more, whose document is gone.
fn of_a_cluster_that_is_gone() -> Scene {
    let (mut scene, _) = running(json!({}));
    scene.delete("orders");
    let since = scene.now;
    scene.view().link = Link::Down { since, error: None };
    scene
}

#[test]
fn a_job_of_a_cluster_that_is_gone_for_good_is_forgotten_by_a_person_s_word_alone() {
    let mut scene = of_a_cluster_that_is_gone();
    let plan = scene.learn();
    assert_eq!(words(&plan), "ClusterUnreachable ClusterUnreachable");
    assert_eq!(plan.next_wake, Some(scene.now + seconds(3600)));
    scene.now += seconds(3600);
    let asks = hold(&scene.learn(), Reason::Stalled);
    assert_eq!(asks.release, Release::DiscardState);
    for word in ["--discard-state", "job", "snapshots", "jetkeeper.ownership"] {
        assert!(asks.message.contains(word), "{asks:?}");
    }
    // Never by itself, nor by a word that says less.
    scene.now += seconds(360_000);
    scene.confirm(&asks, false);
    scene.learn();
    assert!(scene.recorded.jobs.contains_key("orders"));
    scene.confirm(&asks, true);
    let plan = scene.learn();
    assert!(plan.steps.is_empty(), "{plan:#?}");
    assert!(!scene.recorded.jobs.contains_key("orders"));
    let told = plan.events.iter().map(|event| event.message.as_str());
    assert!(told.into_iter().any(|told| told.contains("stays there")));
    scene.assert_at_rest();
}

#[test]
fn a_job_whose_cluster_has_no_addresses_any_more_is_asked_about_at_once() {
    let mut scene = of_a_cluster_that_is_gone();
    scene.views.clear();
    let asks = hold(&scene.learn(), Reason::Stalled);
    scene.confirm(&asks, true);
    assert!(scene.learn().steps.is_empty());
    assert!(!scene.recorded.jobs.contains_key("orders"));
}

#[test]
fn a_cluster_that_came_back_voids_the_word_that_it_was_gone() {
    let mut scene = of_a_cluster_that_is_gone();
    scene.now += seconds(3600);
    let asks = hold(&scene.learn(), Reason::Stalled);
    scene.confirm(&asks, true);
    scene.view().link = Link::Up;
    let plan = scene.learn();
    assert_eq!(words(&plan), "suspend");
    assert!(scene.recorded.confirmations.is_empty());
    // One that is declared is never asked about.
    let (mut declared, _) = running(json!({}));
    let since = declared.now;
    declared.view().link = Link::Down { since, error: None };
    declared.now += seconds(360_000);
    assert_eq!(words(&declared.learn()), "ClusterUnreachable");
}
