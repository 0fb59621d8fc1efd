//! Whose name it is: jobs that others submitted, conflicts, adoption, claims that were not written.

use jetkeeper::plan::hold::{Reason, Release};
use jetkeeper::plan::job::JobStatus;
use jetkeeper::plan::old_name;
use jetkeeper::plan::step::Outcome;
use jetkeeper::resources::ResourceId;
use jetkeeper::resources::desired::Annotations;
use serde_json::json;

use super::drive::stale;
use super::observe::{config, running};
use super::scene::{OWNER, Scene, hold, words};

#[test]
fn a_job_that_was_there_before_the_upload_is_never_taken_for_its_job() {
    let mut scene = Scene::with(json!({"jarOnMember": "/opt/jars/orders.jar"}));
    let before = scene.add_job("orders", JobStatus::Completed, config("orders.jar"));
    scene.settle();
    let job = scene.bound("orders").unwrap();
    assert_ne!(job, before);
}

#[test]
fn a_new_name_without_spec_name_is_told_from_a_rename() {
    let (mut scene, _) = running(json!({"parameters": ["a"]}));
    scene.rename("orders", "orders-eu", json!({"parameters": ["a"]}));
    scene.declare("bystander", json!({}));
    let plan = scene.learn();
    let old = |name: &str| {
        let step = plan.steps.iter().find(|step| step.resource.name == name);
        old_name(step.unwrap(), &scene.desired, &scene.recorded)
    };
    assert_eq!(old("orders-eu").as_deref(), Some("orders"));
    assert_eq!(old("bystander"), None, "it says something else");

    // With the old name in `spec.name` it is a rename, and nothing is submitted.
    let (mut scene, _) = running(json!({}));
    scene.rename("orders", "orders-eu", json!({"name": "orders"}));
    assert!(!scene.settle().contains(&"submit".to_owned()));
}

#[test]
fn a_foreign_job_of_the_name_is_left_alone_until_it_is_gone() {
    let mut scene = Scene::with(json!({}));
    let theirs = scene.foreign_job("orders", JobStatus::Running);
    let held = hold(&scene.learn(), Reason::Conflict);
    assert_eq!(held.release, Release::Adopt);
    scene.assert_at_rest();
    scene.job(theirs, |job| job.status = JobStatus::Completed);
    assert_eq!(scene.settle(), ["claim", "submit"]);
}

#[test]
fn a_foreign_job_that_appears_between_claim_and_upload_stops_the_upload() {
    let mut scene = Scene::with(json!({}));
    scene.pass();
    scene.foreign_job("orders", JobStatus::Running);
    assert_eq!(words(&scene.learn()), "Conflict");
}

#[test]
fn a_namesake_is_no_conflict_before_its_configuration_was_read() {
    let mut scene = Scene::with(json!({}));
    let theirs = scene.foreign_job("orders", JobStatus::Running);
    scene.job(theirs, |job| job.config = None);
    assert_eq!(words(&scene.learn()), "ClusterUnknown");
}

#[test]
fn a_foreign_owner_keeps_its_name_until_it_is_adopted() {
    let mut scene = Scene::with(json!({}));
    scene.add_entry("orders", "keeper-2", "orders");
    let held = hold(&scene.learn(), Reason::Conflict);
    assert_eq!(held.release, Release::Adopt);
    scene
        .recorded
        .adoptions
        .insert(ResourceId::jet_job("orders"));
    assert_eq!(scene.settle(), ["claim", "submit"]);
    assert_eq!(scene.entries()["orders"].owner, OWNER);
    assert!(scene.recorded.adoptions.is_empty());
}

#[test]
fn a_conflict_names_the_owner_where_there_is_one() {
    let mut scene = Scene::with(json!({}));
    scene.foreign_job("orders", JobStatus::Running);
    let held = hold(&scene.learn(), Reason::Conflict);
    assert!(held.message.contains("not submitted by this keeper"));
    scene.add_entry("orders", "keeper-2", "returns");
    let held = hold(&scene.learn(), Reason::Conflict);
    let expected = "belongs to JetJob/returns of owner keeper-2";
    assert!(held.message.contains(expected), "{}", held.message);
}

#[test]
fn an_adopted_job_is_kept_as_it_runs() {
    for by_annotation in [true, false] {
        let mut scene =
            Scene::with(json!({"restartNonce": 1, "redeployNonce": 1, "state": "Restarted"}));
        let theirs = scene.foreign_job("orders", JobStatus::Running);
        if by_annotation {
            let adopt = Annotations {
                adopt: true,
                ..Annotations::default()
            };
            scene.annotate("orders", adopt);
        } else {
            let id = ResourceId::jet_job("orders");
            scene.recorded.adoptions.insert(id);
        }
        assert_eq!(scene.settle(), ["claim"]);
        assert_eq!(scene.bound("orders"), Some(theirs));
        let told = scene.status("orders").jar;
        assert_eq!(told, None, "nobody knows with which jar it was submitted");
        assert_eq!(scene.jobs()[&theirs].execution_id, theirs.0 * 100);
        assert!(scene.recorded.adoptions.is_empty());
    }
}

#[test]
fn an_adoption_waits_for_the_cluster_and_is_void_where_there_is_nothing_to_adopt() {
    let id = ResourceId::jet_job("orders");
    let mut scene = Scene::with(json!({}));
    scene.recorded.adoptions.insert(id);
    let mut unseen = scene.clone();
    unseen.view().jobs = jetkeeper::plan::observed::Seen::Unknown;
    assert!(unseen.plan().spent_adoptions.is_empty());
    scene.settle();
    assert!(scene.recorded.adoptions.is_empty());
}

#[test]
fn an_adopted_job_is_replaced_only_when_its_document_changes() {
    let mut scene = Scene::with(json!({"parameters": ["a"]}));
    scene.foreign_job("orders", JobStatus::Running);
    let id = ResourceId::jet_job("orders");
    scene.recorded.adoptions.insert(id);
    // Its jar can't be had yet.
    let request = scene.jar_request("orders");
    let jar = scene.jars.remove(&request).unwrap();
    assert_eq!(scene.settle(), ["claim"]);
    let mut changed = scene.clone();
    scene.jars.insert(request.clone(), jar.clone());
    assert_eq!(scene.settle(), [""; 0]);
    changed.declare("orders", json!({"parameters": ["b"]}));
    changed.jars.insert(request, jar);
    assert_eq!(words(&changed.learn()), "suspend");
    let adopted = scene.bound("orders");
    scene.new_jar("orders", "2");
    assert_eq!(words(&scene.learn()), "suspend");
    assert_eq!(scene.bound("orders"), adopted);
}

#[test]
fn a_job_of_another_resource_of_ours_is_not_adopted() {
    let (mut scene, job) = running(json!({}));
    scene.declare("orders", json!({"name": "other"}));
    scene.declare("second", json!({"name": "orders"}));
    scene
        .recorded
        .adoptions
        .insert(ResourceId::jet_job("second"));
    let plan = scene.learn();
    assert_eq!(words(&plan), "ImmutableField Conflict");
    assert_eq!(scene.bound("orders"), Some(job));
    assert_eq!(scene.bound("second"), None);
}

#[test]
fn a_job_that_another_owner_took_over_is_left_alone() {
    let (mut scene, _) = running(json!({"deletionPolicy": "Cancel"}));
    scene.add_entry("orders", "keeper-2", "orders");
    for spec in [
        json!({"state": "Canceled", "deletionPolicy": "Cancel"}),
        json!({"state": "Suspended"}),
        json!({"restartNonce": 1}),
    ] {
        let mut scene = scene.clone();
        scene.declare("orders", spec);
        assert_eq!(words(&scene.learn()), "Conflict");
    }
    let mut removed = scene.clone();
    removed.delete("orders");
    assert_eq!(removed.settle(), [""; 0]);
    assert!(removed.is_forgotten());

    scene
        .recorded
        .adoptions
        .insert(ResourceId::jet_job("orders"));
    assert_eq!(scene.settle(), ["claim"]);
    assert_eq!(scene.entries()["orders"].owner, OWNER);
}

#[test]
fn a_stale_claim_reads_the_map_again() {
    let mut scene = Scene::with(json!({}));
    let plan = scene.learn();
    // Another keeper was faster.
    scene.end_with(&plan, &stale("another entry"));
    scene.add_entry("orders", "keeper-2", "orders");
    assert_eq!(words(&scene.learn()), "Conflict");
}

#[test]
fn a_claim_that_goes_on_being_stale_is_paused() {
    let mut scene = Scene::with(json!({}));
    let plan = scene.learn();
    scene.end_with(&plan, &stale("another entry"));
    let plan = scene.learn();
    assert_eq!(words(&plan), "claim");
    scene.end_with(&plan, &stale("another entry"));
    assert_eq!(words(&scene.learn()), "BackingOff");
}

#[test]
fn a_claim_of_unknown_outcome_is_seen_in_the_map_or_made_again() {
    let unknown = Outcome::Unknown {
        message: "no answer".to_owned(),
    };
    for written in [true, false] {
        let mut scene = Scene::with(json!({}));
        let plan = scene.learn();
        if written {
            scene.carry_out(&plan.steps[0]);
            scene.record("orders", |record| {
                record.entry = None;
                record.attempt.as_mut().unwrap().claimed = false;
            });
        } else {
            scene.end_with(&plan, &unknown);
        }
        let verbs = scene.settle();
        let expected: &[&str] = if written {
            &["submit"]
        } else {
            &["claim", "submit"]
        };
        assert_eq!(verbs, expected, "written: {written}");
    }
}
