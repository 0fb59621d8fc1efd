//! The status that users read.

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::jar::JarView;
use jetkeeper::plan::job::JobStatus;
use jetkeeper::plan::observed::{ClusterView, Link, Seen};
use jetkeeper::plan::record::{Condition, ConditionStatus, ConditionType};
use jetkeeper::plan::status::{JobStatusReport, LifecycleState, Phase};
use jetkeeper::plan::step::Outcome;
use serde_json::json;

use super::observe::running;
use super::scene::{Scene, hold, seconds};

fn condition(status: &JobStatusReport, kind: ConditionType) -> Condition {
    let mut found = status.conditions.iter();
    found.find(|one| one.kind == kind).unwrap().clone()
}

/// Ready and Reconciled, in short.
fn verdicts(status: &JobStatusReport) -> (ConditionStatus, ConditionStatus) {
    let of = |kind| condition(status, kind).status;
    (of(ConditionType::Ready), of(ConditionType::Reconciled))
}

const YES: ConditionStatus = ConditionStatus::True;
const NO: ConditionStatus = ConditionStatus::False;

#[test]
fn phases_say_what_the_job_does() {
    for (status, phase, lifecycle) in [
        (
            JobStatus::NotRunning,
            Phase::NotRunning,
            LifecycleState::Deployed,
        ),
        (
            JobStatus::Starting,
            Phase::Starting,
            LifecycleState::Deployed,
        ),
        (JobStatus::Running, Phase::Running, LifecycleState::Stable),
        (
            JobStatus::Completing,
            Phase::Completing,
            LifecycleState::Deployed,
        ),
        (
            JobStatus::SuspendedExportingSnapshot,
            Phase::SuspendedExportingSnapshot,
            LifecycleState::Deployed,
        ),
        (
            JobStatus::Completed,
            Phase::Completed,
            LifecycleState::Stable,
        ),
    ] {
        let (mut scene, job) = running(json!({}));
        scene.job(job, |job| job.status = status);
        scene.learn();
        let found = scene.status("orders");
        assert_eq!(
            (found.phase, found.lifecycle_state),
            (phase, lifecycle),
            "{status}"
        );
    }
}

#[test]
fn ends_are_told_apart() {
    let (mut scene, job) = running(json!({"deletionPolicy": "Cancel"}));
    let mut failed = scene.clone();
    failed.fail(job);
    failed.learn();
    let status = failed.status("orders");
    assert_eq!(status.phase, Phase::ExecutionFailed);
    assert_eq!(status.lifecycle_state, LifecycleState::Failed);
    assert!(status.failure_text.unwrap().contains("/ by zero"));
    assert_eq!(status.completion_time, Some(failed.now));

    let mut lost = scene.clone();
    lost.lose(job);
    lost.learn();
    assert_eq!(lost.status("orders").phase, Phase::Failed);

    scene.declare(
        "orders",
        json!({"deletionPolicy": "Cancel", "state": "Canceled"}),
    );
    scene.settle();
    let status = scene.status("orders");
    assert_eq!(status.phase, Phase::Canceled);
    assert_eq!(verdicts(&status), (YES, YES));
    assert_eq!(
        condition(&status, ConditionType::Ready).reason,
        Reason::Ended
    );
}

#[test]
fn suspensions_have_a_cause() {
    let (mut scene, job) = running(json!({}));
    let mut failed = scene.clone();
    failed.suspend_by_failure(job);
    failed.learn();
    let cause = failed.status("orders").suspension_cause.unwrap();
    assert!(cause.contains("IOException"), "{cause}");

    scene.declare("orders", json!({"state": "Suspended"}));
    scene.settle();
    let status = scene.status("orders");
    assert_eq!(
        status.suspension_cause.as_deref(),
        Some("Requested by user")
    );
    assert_eq!(status.phase, Phase::Suspended);
    assert_eq!(status.lifecycle_state, LifecycleState::Suspended);
    assert_eq!(verdicts(&status), (YES, YES));
}

#[test]
fn a_start_rewrites_no_record_before_its_cluster_answered_or_did_not() {
    let (mut scene, _) = running(json!({}));
    let known = scene.view().clone();
    *scene.view() = ClusterView::unknown(scene.now);
    let plan = scene.plan();
    assert!(plan.jobs.is_empty(), "{:#?}", plan.jobs);
    assert_eq!(verdicts(&scene.status("orders")), (YES, YES));

    let mut answered = scene.clone();
    *answered.view() = known;
    answered.assert_at_rest();

    scene.view().link = Link::Down {
        since: scene.now,
        error: Some("connection refused".to_owned()),
    };
    scene.learn();
    let ready = condition(&scene.status("orders"), ConditionType::Ready).status;
    assert_eq!(ready, ConditionStatus::Unknown);
}

#[test]
fn a_job_that_was_never_submitted_says_why() {
    let mut scene = Scene::with(json!({"state": "Suspended"}));
    scene.learn();
    let status = scene.status("orders");
    assert_eq!((status.id, status.phase), (0, Phase::NotRunning));
    assert_eq!(status.lifecycle_state, LifecycleState::Created);
    let ready = condition(&status, ConditionType::Ready);
    assert_eq!(ready.status, YES);
    assert!(ready.message.contains("no job"), "{}", ready.message);

    let mut scene = Scene::with(json!({}));
    scene.foreign_job("orders", JobStatus::Running);
    scene.learn();
    let status = scene.status("orders");
    // It never ran, so nothing of it failed.
    assert_eq!(status.phase, Phase::NotRunning);
    assert_eq!(status.lifecycle_state, LifecycleState::Failed);
    assert_eq!(verdicts(&status), (NO, NO));
    assert_eq!(
        condition(&status, ConditionType::Ready).reason,
        Reason::Conflict
    );
    assert_eq!(status.holds.len(), 1);
}

#[test]
fn the_worst_hold_is_the_one_that_conditions_speak_of() {
    let (mut scene, job) = running(json!({}));
    scene.suspend_by_hand(job);
    scene.learn();
    scene.break_document("orders");
    scene.learn();
    let status = scene.status("orders");
    assert_eq!(status.holds.len(), 2);
    let reconciled = condition(&status, ConditionType::Reconciled);
    assert_eq!(reconciled.reason, Reason::Faulty);
}

#[test]
fn drift_and_standstill_have_conditions() {
    let (mut scene, job) = running(json!({}));
    let mut drifted = scene.clone();
    drifted.suspend_by_hand(job);
    drifted.learn();
    let found = condition(&drifted.status("orders"), ConditionType::Drifted);
    assert_eq!((found.status, found.reason), (YES, Reason::Drifted));

    scene.job(job, |job| job.status = JobStatus::Starting);
    // Advice is for a start that is slow, not for each.
    let plan = scene.learn();
    assert_eq!(plan.next_wake, Some(scene.now + seconds(10)));
    let said = hold(&plan, Reason::JobStarting).message;
    assert!(!said.contains("the members log"), "{said}");
    scene.pass_time(seconds(10));
    let plan = scene.learn();
    assert_eq!(plan.next_wake, Some(scene.now + seconds(290)));
    let said = hold(&plan, Reason::JobStarting).message;
    assert!(said.contains("the members log"), "{said}");
    let found = condition(&scene.status("orders"), ConditionType::Stalled);
    assert_eq!(found.status, NO);
    scene.pass_time(seconds(290));
    scene.learn();
    let found = condition(&scene.status("orders"), ConditionType::Stalled);
    assert_eq!((found.status, found.reason), (YES, Reason::Stalled));
    scene.assert_at_rest();
}

#[test]
fn nobody_knows_whether_a_job_runs_on_a_cluster_that_can_not_be_seen() {
    let (mut scene, job) = running(json!({}));
    let mut ended = scene.clone();
    let now = scene.now;
    let down = Link::Down {
        since: now,
        error: None,
    };
    scene.view().link = down.clone();
    scene.learn();
    let status = scene.status("orders");
    assert_eq!(status.phase, Phase::Running, "the last that was seen");
    let ready = condition(&status, ConditionType::Ready);
    assert_eq!(ready.status, ConditionStatus::Unknown);
    assert_eq!(ready.reason, Reason::ClusterUnreachable);

    ended.job(job, |job| job.status = JobStatus::Completed);
    ended.settle();
    ended.view().link = down;
    ended.learn();
    let ready = condition(&ended.status("orders"), ConditionType::Ready);
    assert_eq!(ready.status, YES, "what has ended stays so");
}

#[test]
fn a_cluster_that_can_not_be_seen_for_a_moment_moves_no_condition_s_time() {
    let (mut scene, job) = running(json!({}));
    let times = |scene: &Scene| {
        let conditions = scene.status("orders").conditions.into_iter();
        let times = conditions.map(|one| (one.kind, one.status, one.last_transition_time));
        times.collect::<Vec<_>>()
    };
    let before = times(&scene);
    // As after a start of the daemon: connecting, then listing.
    let seen = scene.view().clone();
    scene.pass_time(seconds(60));
    let away = scene.now;
    scene.view().link = Link::Down {
        since: away,
        error: None,
    };
    scene.learn();
    let status = scene.status("orders");
    let ready = condition(&status, ConditionType::Ready);
    assert_eq!(
        (ready.status, ready.last_transition_time),
        (ConditionStatus::Unknown, away)
    );
    assert_eq!(
        condition(&status, ConditionType::Reconciled).status,
        ConditionStatus::Unknown
    );
    scene.pass_time(seconds(1));
    *scene.view() = seen.clone();
    scene.view().jobs = Seen::Unknown;
    scene.learn();
    let ready = condition(&scene.status("orders"), ConditionType::Ready);
    assert_eq!(ready.last_transition_time, away, "Unknown since then");
    scene.pass_time(seconds(1));
    *scene.view() = seen;
    scene.learn();
    assert_eq!(times(&scene), before);
    scene.assert_at_rest();

    // What happened meanwhile is seen now.
    scene.view().link = Link::Down {
        since: away,
        error: None,
    };
    scene.learn();
    scene.view().link = Link::Up;
    scene.suspend_by_hand(job);
    scene.learn();
    let ready = condition(&scene.status("orders"), ConditionType::Ready);
    assert_eq!((ready.status, ready.last_transition_time), (NO, scene.now));
}

#[test]
fn a_job_cancelled_by_hand_is_not_called_failed() {
    let (mut scene, job) = running(json!({}));
    scene.cancel_by_hand(job);
    let plan = scene.learn();
    let drifted = condition(&scene.status("orders"), ConditionType::Drifted);
    assert_eq!(drifted.message, "cancelled by hand");
    let told = plan.events.iter().map(|event| event.message.as_str());
    let told = told.chain(plan.holds.iter().map(|hold| hold.message.as_str()));
    for words in told {
        assert!(!words.contains("FAILED"), "{words}");
    }
}

#[test]
fn a_condition_s_time_moves_only_when_its_verdict_changes() {
    let (mut scene, job) = running(json!({}));
    let ready = |scene: &Scene| condition(&scene.status("orders"), ConditionType::Ready);
    let since = ready(&scene).last_transition_time;
    scene.pass_time(seconds(5));
    scene.declare("orders", json!({"timeouts": {"start": "1m"}}));
    scene.settle();
    let now = ready(&scene);
    assert_eq!(now.last_transition_time, since);
    assert_eq!(now.observed_generation, 2);

    scene.suspend_by_hand(job);
    scene.learn();
    let drifted = ready(&scene);
    assert_eq!(
        (drifted.status, drifted.last_transition_time),
        (NO, scene.now)
    );
    let since = scene.now;
    scene.pass_time(seconds(5));
    scene.break_document("orders");
    scene.learn();
    let other = ready(&scene);
    assert_ne!(other.reason, drifted.reason);
    assert_eq!(other.last_transition_time, since);
}

#[test]
fn a_generation_is_observed_once_it_is_brought_about() {
    let (mut scene, _) = running(json!({}));
    scene.declare("orders", json!({"state": "Suspended"}));
    let seen = |scene: &Scene| scene.status("orders").observed_generation;
    let plan = scene.learn();
    assert_eq!(
        (seen(&scene), scene.recorded.jobs["orders"].generation),
        (1, 2)
    );
    scene.carry_out(&plan.steps[0]);
    scene.settle();
    assert_eq!(seen(&scene), 2);
}

#[test]
fn an_upgrade_and_a_removal_show_in_the_lifecycle() {
    let (mut scene, _) = running(json!({"upgradePolicy": {"mode": "Stateless"}}));
    scene.new_jar("orders", "2");
    scene.pass();
    scene.learn();
    assert_eq!(
        scene.status("orders").lifecycle_state,
        LifecycleState::Upgrading
    );
    scene.settle();
    let status = scene.status("orders");
    assert_eq!(status.lifecycle_state, LifecycleState::Stable);
    let deployed = scene.recorded.jobs["orders"].job.clone().unwrap().deployed;
    assert_eq!(status.jar.unwrap().sha256, deployed.unwrap().jar.unwrap());

    scene.delete("orders");
    scene.learn();
    assert_eq!(
        scene.status("orders").lifecycle_state,
        LifecycleState::Deleting
    );
}

#[test]
fn a_job_whose_document_is_gone_says_what_keeps_it() {
    let (mut scene, _) = running(json!({}));
    scene.delete("orders");
    scene.source("jobs").identified = false;
    let plan = scene.learn();
    assert_eq!(plan.holds.len(), 1);
    let status = scene.status("orders");
    assert_eq!(status.holds, plan.holds);
    let reconciled = condition(&status, ConditionType::Reconciled);
    assert_eq!(reconciled.reason, Reason::SourceUnidentified);
}

#[test]
fn a_job_left_by_its_policy_is_as_wanted() {
    for policy in ["Orphan", "Suspend"] {
        let (mut scene, _) = running(json!({"deletionPolicy": policy}));
        scene.declare(
            "orders",
            json!({"deletionPolicy": policy, "state": "Canceled"}),
        );
        scene.settle();
        assert_eq!(verdicts(&scene.status("orders")), (YES, YES), "{policy}");
    }
}

#[test]
fn the_last_status_is_what_was_told_last() {
    let (mut scene, _) = running(json!({}));
    scene.settle();
    let shown = scene.status("orders");
    let recorded = jetkeeper::plan::last_status(&scene.recorded.jobs["orders"]);
    assert_eq!(shown, recorded);
    scene.view().jobs = Seen::Unknown;
    let recorded = jetkeeper::plan::last_status(&scene.recorded.jobs["orders"]);
    assert_eq!(recorded.phase, Phase::Running);
}

#[test]
fn a_job_that_completed_before_its_document_changed_says_what_runs_it_again() {
    let says = |scene: &Scene| {
        let ready = condition(&scene.status("orders"), ConditionType::Ready);
        assert_eq!((ready.status, ready.reason), (YES, Reason::Ended));
        ready.message
    };
    let (mut scene, job) = running(json!({}));
    scene.job(job, |job| job.status = JobStatus::Completed);
    scene.settle();
    assert_eq!(says(&scene), "");
    let mut other_jar = scene.clone();

    scene.declare("orders", json!({"parameters": ["other"]}));
    assert_eq!(scene.settle(), [""; 0]);
    let told = says(&scene);
    assert!(told.contains("restartNonce or redeployNonce"), "{told}");
    scene.assert_at_rest();
    scene.declare("orders", json!({}));
    scene.settle();
    assert_eq!(says(&scene), "", "it ran as that");

    other_jar.new_jar("orders", "2");
    other_jar.settle();
    assert_eq!(says(&other_jar), told);
    // After a start of ours the jar is looked at first.
    let seen = other_jar.jars[&other_jar.jar_request("orders")].clone();
    let fetching = JarView::Fetching {
        since: other_jar.now,
        bytes: 0,
        total: None,
    };
    other_jar.set_jar("orders", fetching);
    other_jar.assert_at_rest();
    assert_eq!(says(&other_jar), told);
    other_jar.set_jar("orders", seen);
    other_jar.declare("orders", json!({"restartNonce": 1}));
    assert_eq!(other_jar.settle(), ["claim", "submit"]);
}

#[test]
fn an_exported_snapshot_that_members_may_have_cut_short_is_told_so() {
    for (chunks, bytes, told) in [
        (3, 300, false),
        (999, 999 * 131_000, false),
        // Many chunks that are not full: of many vertices with little state.
        (1_084, 1_084 * 500, false),
        (1_053, 1_053 * 131_000, true),
    ] {
        let (mut scene, _) = running(json!({}));
        scene.declare_snapshot("evening", &json!({"jetJobResourceName": "orders"}));
        let plan = scene.learn();
        scene.begin(&plan.steps[0]);
        let Outcome::Exported { mut facts } = scene.effect(&plan.steps[0]) else {
            panic!("{plan:#?}");
        };
        (facts.chunks, facts.bytes) = (chunks, bytes);
        scene.finish(&plan.steps[0], &Outcome::Exported { facts });
        let plan = scene.learn();
        let [event] = plan.events.as_slice() else {
            panic!("{plan:#?}");
        };
        let found = event
            .message
            .contains("may have left entries of the state out");
        assert_eq!(found, told, "{}", event.message);
    }
}
