//! From a document to a job: claim, upload, bind; what an upload's outcome proves.

use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::{HoldClass, Reason, Release};
use jetkeeper::plan::job::{JobId, JobStatus};
use jetkeeper::plan::record::UploadOutcome;
use jetkeeper::plan::status::Phase;
use jetkeeper::plan::step::{Action, Outcome, Submit};
use jetkeeper::plan::upload::file_name;
use jetkeeper::resources::ResourceId;
use serde_json::json;

use super::drive::uploaded;
use super::observe::{config, running};
use super::scene::{OWNER, Scene, hold, member, seconds, words};

/// A scene whose name is claimed, the upload begun, and its end this.
fn after_upload(outcome: &Outcome) -> (Scene, Submit) {
    let mut scene = Scene::with(json!({}));
    scene.pass();
    let plan = scene.learn();
    let Action::Submit(submit) = plan.steps[0].action.clone() else {
        panic!("no upload: {plan:#?}");
    };
    scene.end_with(&plan, outcome);
    (scene, submit)
}

/// The job that this upload makes.
fn late_job(scene: &mut Scene, submit: &Submit) -> JobId {
    let name = format!("{}77.jar", file_name(&submit.nonce, &submit.jar.unwrap()));
    scene.add_job("orders", JobStatus::Running, config(&name))
}

#[test]
fn a_new_document_is_claimed_then_uploaded_then_bound() {
    let mut scene = Scene::with(json!({"mainClass": "Orders", "parameters": ["a"]}));
    let plan = scene.pass();
    let Action::Claim {
        entry, replaces, ..
    } = &plan.steps[0].action
    else {
        panic!("no claim: {plan:#?}");
    };
    assert_eq!((entry.owner.as_str(), entry.epoch), (OWNER, 1));
    assert_eq!(entry.resource, ResourceId::jet_job("orders"));
    assert_eq!(*replaces, None);

    let plan = scene.pass();
    let step = &plan.steps[0];
    let Action::Submit(submit) = &step.action else {
        panic!("no upload: {plan:#?}");
    };
    assert_eq!(submit.nonce, entry.attempt);
    assert_eq!(submit.main_class.as_deref(), Some("Orders"));
    assert_eq!(submit.parameters, ["a"]);
    assert_eq!(step.expects.only_active, Some([].into()));

    let plan = scene.learn();
    let kinds: Vec<EventKind> = plan.events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Submitted, EventKind::Running]);
    let record = &scene.recorded.jobs["orders"];
    assert_eq!(record.attempt, None);
    assert_eq!(record.job.as_ref().unwrap().nonce, submit.nonce);
    scene.assert_at_rest();
}

#[test]
fn the_job_is_found_whatever_the_upload_was_answered_with() {
    for outcome in [
        UploadOutcome::Accepted,
        UploadOutcome::Refused,
        UploadOutcome::Unknown,
    ] {
        let (mut scene, submit) = after_upload(&uploaded(outcome));
        let job = late_job(&mut scene, &submit);
        scene.tick();
        scene.settle();
        assert_eq!(scene.bound("orders"), Some(job), "{outcome:?}");
    }
}

#[test]
fn a_job_that_ended_at_once_is_found_too() {
    let (mut scene, submit) = after_upload(&uploaded(UploadOutcome::Accepted));
    let job = late_job(&mut scene, &submit);
    scene.fail(job);
    scene.tick();
    assert_eq!(words(&scene.learn()), "JobFailed");
    assert_eq!(scene.bound("orders"), Some(job));
}

#[test]
fn nothing_is_concluded_from_a_list_that_is_older_than_the_outcome() {
    for outcome in [
        UploadOutcome::Accepted,
        UploadOutcome::Refused,
        UploadOutcome::Unknown,
    ] {
        let (mut scene, _) = after_upload(&uploaded(outcome));
        assert_eq!(words(&scene.learn()), "OutcomeUnknown", "{outcome:?}");
    }
}

#[test]
fn a_clock_that_was_set_makes_no_list_younger_or_older() {
    let (mut scene, _) = after_upload(&uploaded(UploadOutcome::Accepted));
    let now = scene.now;
    scene.view().listed_at = Some(now + seconds(3_600));
    assert_eq!(words(&scene.learn()), "OutcomeUnknown", "as old as before");
    scene.tick();
    scene.view().listed_at = Some(now - seconds(3_600));
    assert_eq!(words(&scene.learn()), "NoJobSubmitted", "asked for since");
}

#[test]
fn nothing_is_concluded_before_the_configuration_of_new_namesakes_was_read() {
    let (mut scene, submit) = after_upload(&uploaded(UploadOutcome::Accepted));
    let job = late_job(&mut scene, &submit);
    scene.job(job, |job| job.config = None);
    scene.tick();
    assert_eq!(words(&scene.learn()), "OutcomeUnknown");
}

#[test]
fn an_accepted_upload_without_a_job_is_held_and_tried_again_on_demand() {
    let (mut scene, _) = after_upload(&uploaded(UploadOutcome::Accepted));
    scene.tick();
    let held = hold(&scene.learn(), Reason::NoJobSubmitted);
    assert_eq!(held.release, Release::Confirm);
    scene.assert_at_rest();
    scene.confirm(&held, false);
    assert_eq!(scene.settle(), ["claim", "submit"]);
}

#[test]
fn a_refused_upload_is_held_for_its_reason_and_tried_again_on_demand() {
    let refused = Outcome::Uploaded {
        outcome: UploadOutcome::Refused,
        reason: Some(Reason::MainClassMissing),
        message: "the jar lacks the main class X".to_owned(),
        member: Some(member(1)),
    };
    let (mut scene, _) = after_upload(&refused);
    scene.tick();
    let held = hold(&scene.learn(), Reason::MainClassMissing);
    assert!(held.message.contains("lacks the main class X"));
    scene.assert_at_rest();
    let mut mended = scene.clone();
    scene.confirm(&held, false);
    assert_eq!(scene.settle(), ["claim", "submit"]);
    // Another jar needs no word.
    mended.new_jar("orders", "2");
    assert_eq!(mended.settle(), ["claim", "submit"]);
}

#[test]
fn an_upload_that_the_cluster_could_not_take_is_tried_again_by_itself() {
    let refused = Outcome::Uploaded {
        outcome: UploadOutcome::Refused,
        reason: Some(Reason::ClusterUnsafe),
        message: "migrating".to_owned(),
        member: Some(member(1)),
    };
    let (mut scene, _) = after_upload(&refused);
    scene.tick();
    assert_eq!(scene.settle(), ["claim", "submit"]);
}

#[test]
fn an_upload_that_ran_nothing_is_tried_again_with_growing_pauses() {
    let mut scene = Scene::with(json!({}));
    let mut pauses = Vec::new();
    for _ in 0..5 {
        let began = scene.now;
        let plan = loop {
            let plan = scene.learn();
            match plan.steps.first().map(|step| &step.action) {
                Some(Action::Submit(_)) => break plan,
                Some(_) => scene.carry_out(&plan.steps[0]),
                None => scene.pass_time(seconds(1)),
            }
        };
        pauses.push(scene.now.duration_since(began).as_secs());
        scene.end_with(&plan, &uploaded(UploadOutcome::NotRun));
        assert_eq!(scene.recorded.jobs["orders"].attempt, None);
    }
    assert!(pauses.is_sorted() && pauses[4] >= 8, "{pauses:?}");
    assert_eq!(scene.settle(), ["claim", "submit"]);
}

#[test]
fn an_unknown_upload_is_repeated_only_once_its_member_is_gone_and_two_looks_showed_nothing() {
    let (mut scene, _) = after_upload(&uploaded(UploadOutcome::Unknown));
    scene.pass_time(seconds(60));
    let held = hold(&scene.learn(), Reason::OutcomeUnknown);
    assert_eq!(held.release, Release::Confirm);
    assert_eq!(held.class, HoldClass::Blocked, "a person has to look");
    assert_eq!(scene.status("orders").phase, Phase::NotRunning);

    let (mut scene, _) = after_upload(&uploaded(UploadOutcome::Unknown));
    scene.view().members = [member(2)].into();
    scene.tick();
    let plan = scene.learn();
    assert_eq!(words(&plan), "OutcomeUnknown");
    assert_eq!(plan.next_wake, Some(scene.now + seconds(9)));
    scene.pass_time(seconds(9));
    assert_eq!(scene.settle(), ["claim", "submit"]);
}

#[test]
fn an_unknown_upload_is_repeated_once_a_person_says_that_no_job_will_come() {
    let (mut scene, _) = after_upload(&uploaded(UploadOutcome::Unknown));
    scene.tick();
    let held = hold(&scene.learn(), Reason::OutcomeUnknown);
    scene.confirm(&held, false);
    assert_eq!(scene.settle(), ["claim", "submit"]);
}

#[test]
fn a_crash_in_the_middle_of_an_upload_is_an_unknown_upload() {
    let crashed = Outcome::Unknown {
        message: "jetkeeper stopped".to_owned(),
    };
    let (mut scene, submit) = after_upload(&crashed);
    scene.tick();
    assert_eq!(words(&scene.learn()), "OutcomeUnknown");
    late_job(&mut scene, &submit);
    assert_eq!(scene.settle(), [""; 0]);
}

#[test]
fn a_job_that_comes_after_its_upload_was_given_up_is_taken_not_doubled() {
    let (mut scene, submit) = after_upload(&uploaded(UploadOutcome::Unknown));
    scene.tick();
    let held = hold(&scene.learn(), Reason::OutcomeUnknown);
    scene.confirm(&held, false);
    scene.learn();
    let job = late_job(&mut scene, &submit);
    assert_eq!(scene.settle(), [""; 0]);
    assert_eq!(scene.bound("orders"), Some(job));
}

#[test]
fn a_new_document_does_not_wait_for_an_upload_that_made_nothing() {
    for outcome in [UploadOutcome::Accepted, UploadOutcome::Refused] {
        let (mut scene, _) = after_upload(&uploaded(outcome));
        scene.tick();
        scene.declare("orders", json!({"parameters": ["b"]}));
        assert_eq!(scene.settle(), ["claim", "submit"], "{outcome:?}");
    }
}

#[test]
fn a_claimed_name_is_not_uploaded_to_once_the_document_wants_no_job() {
    for state in ["Suspended", "Canceled"] {
        let mut scene = Scene::with(json!({}));
        scene.pass();
        scene.declare("orders", json!({"state": state}));
        assert_eq!(scene.settle(), [""; 0], "{state}");
        assert_eq!(scene.recorded.jobs["orders"].attempt, None);
    }
}

#[test]
fn a_claimed_name_is_claimed_anew_for_a_changed_document() {
    let mut scene = Scene::with(json!({}));
    scene.pass();
    scene.new_jar("orders", "2");
    assert_eq!(scene.settle(), ["claim", "submit"]);
    let mut scene = Scene::with(json!({}));
    scene.pass();
    scene.declare("orders", json!({"parameters": ["b"]}));
    assert_eq!(scene.settle(), ["claim", "submit"]);
}

#[test]
fn every_attempt_has_a_nonce_of_its_own() {
    let nonce = |scene: &Scene| match &scene.plan().steps[0].action {
        Action::Claim { entry, .. } => entry.attempt.clone(),
        other => panic!("no claim: {other:?}"),
    };
    let mut scene = Scene::with(json!({}));
    let first = nonce(&scene);
    assert_eq!(nonce(&scene), first, "the same input, the same plan");
    scene.pass();
    scene.new_jar("orders", "2");
    let second = nonce(&scene);
    assert_ne!(first, second);

    // A resource that is deleted and made again counts from the start, and has other nonces still.
    let (mut scene, _) = running(json!({"deletionPolicy": "Cancel"}));
    let first = scene.recorded.jobs["orders"].job.clone().unwrap().nonce;
    scene.delete("orders");
    scene.settle();
    scene.declare("orders", json!({}));
    scene.settle();
    let second = scene.recorded.jobs["orders"].job.clone().unwrap().nonce;
    assert_ne!(first, second);
}

#[test]
fn what_can_be_checked_is_checked_before_the_claim() {
    use jetkeeper::plan::jar::{JarFacts, JarProblem, JarView, MainClass};
    let unavailable = |problem| JarView::Unavailable {
        problem,
        message: "no".to_owned(),
        retry_at: None,
    };
    let fetching = JarView::Fetching {
        since: Scene::new().now,
        bytes: 1,
        total: None,
    };
    let with_main = |main_class| {
        JarView::Ready(JarFacts {
            digest: jetkeeper::resources::Digest::of(b"jar"),
            size: 3,
            main_class,
        })
    };
    for (jar, reason) in [
        (fetching, "JarFetching"),
        (unavailable(JarProblem::NotFound), "JarNotFound"),
        (unavailable(JarProblem::Denied), "JarNotFound"),
        (unavailable(JarProblem::NotAJar), "JarInvalid"),
        (unavailable(JarProblem::TooLarge), "JarInvalid"),
        (with_main(MainClass::Unspecified), "MainClassMissing"),
        (
            with_main(MainClass::Absent("X".to_owned())),
            "MainClassMissing",
        ),
    ] {
        let mut scene = Scene::with(json!({}));
        scene.set_jar("orders", jar.clone());
        assert_eq!(words(&scene.learn()), reason, "{jar:?}");
    }
    let wrong = "0".repeat(64);
    let scene = Scene::with(json!({"jarSha256": wrong}));
    assert_eq!(words(&scene.plan()), "JarDigestMismatch");
    let scene = Scene::with(json!({"initialSnapshotResourceName": "s"}));
    assert_eq!(words(&scene.plan()), "WaitingForSnapshot");
}

#[test]
fn remote_bytes_are_pinned_until_the_document_changes_or_a_person_agrees() {
    use super::scene::ready;
    use jetkeeper::resources::Digest;
    let url = json!({"remoteURL": "https://host/orders.jar"});
    let (mut scene, _) = running(url.clone());
    let pinned = scene.recorded.jobs["orders"].pin.clone().unwrap().digest;
    let newer = Digest::of(b"newer");
    scene.set_jar("orders", ready(&newer));
    let held = hold(&scene.learn(), Reason::JarChanged);
    assert_eq!(
        scene.recorded.jobs["orders"].pin.clone().unwrap().digest,
        pinned
    );
    scene.assert_at_rest();
    let mut changed = scene.clone();
    scene.confirm(&held, false);
    scene.learn();
    assert_eq!(words(&scene.learn()), "suspend");
    changed.declare(
        "orders",
        json!({"remoteURL": "https://host/orders.jar", "restartNonce": 1}),
    );
    changed.learn();
    assert_eq!(
        changed.recorded.jobs["orders"].pin.clone().unwrap().digest,
        newer
    );
}

#[test]
fn secrets_are_references_in_records_and_steps() {
    let secret = json!({"secretParameters": [{"index": 0, "secretName": "db", "key": "password"}]});
    let mut scene = Scene::with(secret);
    scene.pass();
    let plan = scene.learn();
    let Action::Submit(submit) = &plan.steps[0].action else {
        panic!("no upload: {plan:#?}");
    };
    assert_eq!(submit.parameters, [""; 0]);
    assert_eq!(submit.secret_parameters[0].secret_name, "db");
    let missing = Outcome::Failed {
        reason: Reason::SecretMissing,
        message: "no file db.password".to_owned(),
    };
    scene.end_with(&plan, &missing);
    scene.pass();
    let held = hold(&scene.learn(), Reason::SecretMissing);
    assert!(held.deadline.is_some());
}
