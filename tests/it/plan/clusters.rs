//! The document about a cluster, while it is there, has faults, or is gone.

use jetkeeper::plan::hold::{Reason, Release};
use jetkeeper::resources::ResourceId;
use serde_json::json;

use super::observe::running;
use super::scene::{CLUSTER, SOURCE, Scene, hold, member, place, words};

const NOTHING: [&str; 0] = [];

/// A scene in which `orders` runs on a cluster of two members whose document asks for both.
fn of_two_members() -> Scene {
    let (mut scene, _) = running(json!({"deletionPolicy": "Cancel"}));
    scene.view().members = [member(1), member(2)].into();
    scene.hazelcast(json!({"minMembers": 2, "addresses": ["10.0.0.1:5701"]}));
    assert_eq!(scene.settle(), NOTHING);
    scene
}

fn generation(scene: &Scene) -> Option<u64> {
    let document = scene.recorded.clusters[CLUSTER].document.as_ref();
    document.map(|document| document.generation)
}

fn remove_document(scene: &mut Scene) {
    scene.desired.hazelcasts.remove(CLUSTER);
}

#[test]
fn generations_count_changes_of_the_spec() {
    let mut scene = of_two_members();
    assert_eq!(generation(&scene), Some(1));
    scene.hazelcast(json!({"minMembers": 1}));
    scene.settle();
    assert_eq!(generation(&scene), Some(2));
}

#[test]
fn a_document_that_is_gone_stays_in_force_while_jobs_refer_to_the_cluster() {
    let mut scene = of_two_members();
    remove_document(&mut scene);
    let held = hold(&scene.learn(), Reason::Faulty);
    assert_eq!(*held.subjects, [ResourceId::hazelcast(CLUSTER)]);
    assert!(held.message.contains("generation 1"), "{held:?}");

    // It asks for two members, and there is one.
    scene.view().members = [member(1)].into();
    scene.declare("orders", json!({"state": "Suspended"}));
    let plan = scene.learn();
    assert_eq!(words(&plan), "Faulty ClusterUnsafe");
    let document = scene.recorded.clusters[CLUSTER].document.as_ref().unwrap();
    assert_eq!(document.spec.addresses, ["10.0.0.1:5701"]);
    scene.assert_at_rest();

    // A person may say that the defaults hold.
    assert_eq!(held.release, Release::Confirm);
    scene.confirm(&held, false);
    scene.learn();
    assert_eq!(generation(&scene), None);
    assert_eq!(words(&scene.learn()), "suspend");
}

#[test]
fn a_document_that_is_gone_with_its_jobs_is_in_force_until_they_are() {
    let mut scene = of_two_members();
    remove_document(&mut scene);
    scene.delete("orders");
    scene.desired.jobs.remove("zz-bystander");
    scene.declare("other", json!({"hazelcastResourceName": "elsewhere"}));
    scene.view().members = [member(1)].into();
    let plan = scene.learn();
    assert!(
        plan.holds
            .iter()
            .any(|hold| hold.reason == Reason::ClusterUnsafe),
        "{plan:#?}"
    );
    assert!(plan.steps.is_empty());
    scene.view().members = [member(1), member(2)].into();
    for _ in 0..3 {
        scene.pass();
    }
    assert!(!scene.recorded.jobs.contains_key("orders"));
    scene.learn();
    assert_eq!(generation(&scene), None);
}

#[test]
fn the_last_good_version_of_a_faulty_document_stays_in_force() {
    let mut scene = of_two_members();
    remove_document(&mut scene);
    let id = ResourceId::hazelcast(CLUSTER);
    scene.desired.faulty.insert(id, place(SOURCE, CLUSTER));
    let held = hold(&scene.learn(), Reason::Faulty);
    assert_eq!(held.release, Release::None);
    scene.declare("orders", json!({"state": "Suspended"}));
    assert_eq!(words(&scene.learn()), "suspend Faulty");
    scene.view().members = [member(1)].into();
    assert_eq!(words(&scene.learn()), "Faulty ClusterUnsafe");
}

#[test]
fn another_run_s_document_is_left_alone() {
    let mut scene = of_two_members();
    remove_document(&mut scene);
    scene.desired.sources.clear();
    scene.source("another");
    scene.remove("orders");
    assert_eq!(words(&scene.learn()), "-");
    assert_eq!(generation(&scene), Some(1));
}

#[test]
fn a_new_cluster_of_the_name_keeps_the_document() {
    let mut scene = of_two_members();
    remove_document(&mut scene);
    let other = uuid::Uuid::from_u128(0xc2);
    scene.view().cluster_id = Some(other);
    scene.view().jobs = jetkeeper::plan::observed::Seen::Known([].into());
    scene.learn();
    assert_eq!(scene.recorded.clusters[CLUSTER].cluster_id, other);
    assert_eq!(generation(&scene), Some(1));
}
