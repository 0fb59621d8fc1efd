//! A person's word that a job's state may go: what it is about, and when it is void.

use jetkeeper::plan::hold::Reason;
use serde_json::json;

use super::observe::running;
use super::scene::{hold, member, words};

#[test]
fn a_word_about_state_is_void_once_it_is_not_needed() {
    let (mut scene, job) = running(json!({}));
    scene.unsuspendable(job);
    scene.hazelcast(json!({"clusterName": "dev", "minMembers": 2}));
    scene.new_jar("orders", "2");
    scene.view().members.insert(member(2));
    let held = hold(&scene.learn(), Reason::SnapshotRequired);
    scene.confirm(&held, true);
    scene.view().members.remove(&member(2));
    // The cluster can't be trusted: the word stays until the step can begin.
    assert_eq!(words(&scene.learn()), "ClusterUnsafe");
    assert_eq!(words(&scene.learn()), "ClusterUnsafe");
    assert!(scene.recorded.jobs["orders"].discard_for.is_some());
    scene.new_jar("orders", "1");
    scene.learn();
    assert_eq!(scene.recorded.jobs["orders"].discard_for, None);
}

#[test]
fn a_word_about_state_is_for_the_version_that_it_was_asked_about() {
    let (mut scene, job) = running(json!({}));
    scene.unsuspendable(job);
    scene.hazelcast(json!({"clusterName": "dev", "minMembers": 2}));
    scene.new_jar("orders", "2");
    scene.view().members.insert(member(2));
    let held = hold(&scene.learn(), Reason::SnapshotRequired);
    scene.confirm(&held, true);
    scene.view().members.remove(&member(2));
    assert_eq!(words(&scene.learn()), "ClusterUnsafe");
    // Another version comes before the step can begin: nobody spoke of that.
    scene.new_jar("orders", "3");
    scene.view().members.insert(member(2));
    let other = hold(&scene.learn(), Reason::SnapshotRequired);
    assert_ne!(other.id, held.id);
    scene.assert_at_rest();
    scene.new_jar("orders", "2");
    assert_eq!(words(&scene.learn()), "cancel");
}
