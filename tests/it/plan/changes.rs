//! Changes of a document whose job is there: restarts, settings in place, upgrades.

use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::job::JobStatus;
use jetkeeper::plan::record::UploadOutcome;
use jetkeeper::plan::step::Outcome;
use serde_json::json;

use super::drive::{stale, uploaded};
use super::observe::running;
use super::scene::{Scene, hold, seconds, words};

const NOTHING: [&str; 0] = [];

#[test]
fn restarted_restarts_once_on_the_change_to_it() {
    let (mut scene, _) = running(json!({}));
    scene.declare("orders", json!({"state": "Restarted"}));
    assert_eq!(scene.settle(), ["restart"]);
    scene.declare(
        "orders",
        json!({"state": "Restarted", "timeouts": {"start": "1m"}}),
    );
    assert_eq!(scene.settle(), NOTHING);
    scene.declare("orders", json!({}));
    assert_eq!(scene.settle(), NOTHING);
    scene.declare("orders", json!({"state": "Restarted"}));
    assert_eq!(scene.settle(), ["restart"]);
}

#[test]
fn restart_nonce_restarts_when_it_changes_to_another_value() {
    let (mut scene, _) = running(json!({}));
    for (nonce, expected) in [
        (json!(1), &["restart"][..]),
        (json!(1), &[]),
        (json!(null), &[]),
        (json!(1), &[]),
        (json!("two"), &["restart"]),
        (json!(1), &["restart"]),
    ] {
        scene.declare("orders", json!({"restartNonce": nonce}));
        assert_eq!(scene.settle(), expected, "{nonce}");
    }
}

#[test]
fn a_restart_that_was_not_done_leaves_the_earlier_nonce_acted_on() {
    let failed = Outcome::Failed {
        reason: Reason::ClusterUnreachable,
        message: "no member answers".to_owned(),
    };
    for by_state in [false, true] {
        let (mut scene, _) = running(json!({"restartNonce": 1}));
        let state = if by_state { "Restarted" } else { "Running" };
        scene.declare("orders", json!({"restartNonce": 1, "state": state}));
        scene.settle();
        scene.declare("orders", json!({"restartNonce": 2, "state": state}));
        let plan = scene.learn();
        assert_eq!(words(&plan), "restart");
        scene.end_with(&plan, &failed);
        // What is declared again was acted on before.
        scene.declare("orders", json!({"restartNonce": 1, "state": state}));
        assert_eq!(scene.settle(), NOTHING, "{state}");
        scene.declare("orders", json!({"restartNonce": 2, "state": state}));
        assert_eq!(scene.settle(), ["restart"], "{state}");
    }
}

#[test]
fn a_cancel_by_hand_is_not_taken_for_one_of_ours_that_was_not_done() {
    let (mut scene, job) = running(json!({}));
    scene.stateless(job);
    scene.declare("orders", json!({"state": "Canceled"}));
    let plan = scene.learn();
    assert_eq!(words(&plan), "cancel");
    scene.end_with(&plan, &stale("the job is FAILED now"));
    scene.declare("orders", json!({}));
    scene.cancel_by_hand(job);
    assert_eq!(scene.settle(), NOTHING);
    assert_eq!(words(&scene.learn()), "Drifted");
}

#[test]
fn a_cancel_of_ours_without_an_answer_is_ours_when_it_was_done() {
    let (mut scene, job) = running(json!({}));
    scene.stateless(job);
    scene.declare("orders", json!({"state": "Canceled"}));
    let plan = scene.learn();
    let unknown = Outcome::Unknown {
        message: "no answer".to_owned(),
    };
    scene.end_with(&plan, &unknown);
    scene.declare("orders", json!({}));
    scene.cancel_by_hand(job);
    assert_eq!(scene.settle(), ["claim", "submit"]);
}

#[test]
fn a_fresh_job_is_not_restarted_for_what_was_declared_with_it() {
    let mut scene =
        Scene::with(json!({"state": "Restarted", "restartNonce": 7, "redeployNonce": 7}));
    assert_eq!(scene.settle(), ["claim", "submit"]);
}

#[test]
fn a_restart_of_a_suspended_job_is_its_resumption() {
    let (mut scene, _) = running(json!({}));
    scene.declare("orders", json!({"state": "Suspended"}));
    scene.settle();
    scene.declare("orders", json!({"state": "Restarted", "restartNonce": 1}));
    assert_eq!(scene.settle(), ["resume"]);
}

#[test]
fn a_refused_restart_is_tried_again_and_a_done_one_is_not() {
    let (mut scene, _) = running(json!({}));
    scene.declare("orders", json!({"restartNonce": 1}));
    let plan = scene.learn();
    let refused = Outcome::Failed {
        reason: Reason::ClusterUnsafe,
        message: "not now".to_owned(),
    };
    scene.end_with(&plan, &refused);
    assert_eq!(words(&scene.learn()), "BackingOff");
    assert_eq!(scene.settle(), ["restart"]);
}

#[test]
fn a_restart_without_an_answer_is_looked_for_never_repeated_blindly() {
    let unknown = Outcome::Unknown {
        message: "no answer".to_owned(),
    };
    for done in [true, false] {
        let (mut scene, job) = running(json!({}));
        scene.declare("orders", json!({"restartNonce": 1}));
        let plan = scene.learn();
        scene.end_with(&plan, &unknown);
        scene.tick();
        assert_eq!(words(&scene.learn()), "OutcomeUnknown");
        if done {
            scene.job(job, |job| job.execution_id += 1);
            assert_eq!(scene.settle(), NOTHING);
        } else {
            // However long nothing is seen of it: the request may arrive late.
            scene.pass_time(seconds(3600));
            let plan = scene.learn();
            assert_eq!(words(&plan), "OutcomeUnknown");
            scene.confirm(&plan.holds[0], false);
            assert_eq!(scene.settle(), ["restart"]);
        }
    }
}

#[test]
fn a_restart_that_a_member_told_of_before_the_list_did_is_not_repeated() {
    let mut scene = with_a_lost_restart(json!({"restartNonce": 1}));
    let job = scene.bound("orders").unwrap();
    // The job runs again by its events; the list was asked for before, and is answered after them.
    scene.job(job, |job| job.restarted = Some(job.execution_id));
    scene.pass_time(seconds(10));
    assert_eq!(scene.settle(), NOTHING);
    assert_eq!(words(&scene.plan()), "-");
}

#[test]
fn a_document_that_asks_for_another_restart_or_for_none_ends_the_search_for_one() {
    let by_nonce = json!({"restartNonce": 1});
    let by_state = json!({"state": "Restarted"});
    for (spec, next, verbs) in [
        (&by_nonce, json!({"restartNonce": 2}), &["restart"][..]),
        (&by_nonce, json!({}), &[]),
        (&by_state, json!({}), &[]),
        (&by_state, json!({"restartNonce": 1}), &["restart"]),
    ] {
        let mut scene = with_a_lost_restart(spec.clone());
        scene.pass_time(seconds(60));
        assert_eq!(words(&scene.learn()), "OutcomeUnknown");
        scene.declare("orders", next.clone());
        assert_eq!(scene.settle(), verbs, "{spec} then {next}");
        assert_eq!(words(&scene.plan()), "-", "{spec} then {next}");
    }
}

/// A job that runs, and whose document asked for a restart that had no answer.
fn with_a_lost_restart(spec: serde_json::Value) -> Scene {
    let (mut scene, _) = running(json!({}));
    scene.declare("orders", spec);
    let plan = scene.learn();
    assert_eq!(words(&plan), "restart");
    let message = "no answer".to_owned();
    scene.end_with(&plan, &Outcome::Unknown { message });
    scene
}

#[test]
fn settings_are_changed_in_place() {
    let (mut scene, job) = running(json!({}));
    scene.declare("orders", json!({"jobConfig": {"snapshotInterval": "5s"}}));
    assert_eq!(scene.settle(), ["suspend", "update", "resume"]);
    let config = scene.jobs()[&job].config.clone().unwrap();
    assert_eq!(config.settings.snapshot_interval, seconds(5));
    assert!(config.settings.auto_scaling);
}

#[test]
fn settings_of_a_fresh_job_are_set_once_it_runs() {
    let mut scene = Scene::with(json!({"jobConfig": {"suspendOnFailure": true}}));
    let verbs = scene.settle();
    assert_eq!(verbs, ["claim", "submit", "suspend", "update", "resume"]);
}

#[test]
fn settings_of_a_job_that_stays_suspended_are_changed_without_running_it() {
    let (mut scene, _) = running(json!({}));
    scene.declare("orders", json!({"state": "Suspended"}));
    scene.settle();
    scene.declare(
        "orders",
        json!({"state": "Suspended", "jobConfig": {"timeout": "1h"}}),
    );
    assert_eq!(scene.settle(), ["update"]);
    scene.declare("orders", json!({"jobConfig": {"timeout": "1h"}}));
    assert_eq!(scene.settle(), ["resume"]);
}

#[test]
fn settings_that_a_member_takes_otherwise_never_stop_the_job_again_and_again() {
    let (mut scene, job) = running(json!({}));
    scene.declare("orders", json!({"jobConfig": {"snapshotInterval": "5s"}}));
    scene.settle();
    scene.job_config(job, |config| config.settings.snapshot_interval = seconds(6));
    // Right after its start they may only be read late.
    assert_eq!(words(&scene.learn()), "ClusterUnknown");
    scene.pass_time(seconds(10));
    let held = hold(&scene.learn(), Reason::Drifted);
    scene.assert_at_rest();
    scene.confirm(&held, false);
    assert_eq!(scene.settle(), ["suspend", "update", "resume"]);
}

#[test]
fn a_job_that_can_not_be_suspended_is_not() {
    let (mut scene, job) = running(json!({}));
    scene.job_config(job, |config| config.suspendable = false);
    for spec in [
        json!({"jobConfig": {"snapshotInterval": "5s"}}),
        json!({"state": "Suspended"}),
        json!({"state": "Canceled", "deletionPolicy": "Suspend"}),
    ] {
        let mut scene = scene.clone();
        scene.declare("orders", spec);
        assert_eq!(words(&scene.learn()), "NotSuspendable");
    }
}

#[test]
fn a_pause_that_can_not_be_asks_for_no_word_about_the_state_which_it_does_not_end() {
    let (mut scene, job) = running(json!({}));
    scene.unsuspendable(job);
    scene.declare_snapshot("evening", &json!({"pauseToCopy": "Allowed"}));
    scene.learn();
    let evening = scene.recorded.snapshots.get_mut("evening").unwrap();
    std::sync::Arc::make_mut(evening).overtaken = true;
    let held = hold(&scene.learn(), Reason::SnapshotRequired);
    assert!(held.message.contains("can't be suspended"), "{held:?}");
    assert_eq!(
        held.release,
        jetkeeper::plan::hold::Release::None,
        "{held:?}"
    );
    assert!(!held.message.contains("discard-state"), "{held:?}");
}

#[test]
fn nothing_is_suspended_before_the_job_s_configuration_was_read() {
    let (mut scene, job) = running(json!({}));
    scene.job(job, |job| job.config = None);
    scene.declare("orders", json!({"state": "Suspended"}));
    assert_eq!(words(&scene.learn()), "ClusterUnknown");
}

#[test]
fn a_suspension_of_ours_without_an_answer_is_not_taken_for_a_person_s() {
    let (mut scene, job) = running(json!({}));
    scene.declare("orders", json!({"jobConfig": {"snapshotInterval": "5s"}}));
    let plan = scene.learn();
    let unknown = Outcome::Unknown {
        message: "no answer".to_owned(),
    };
    scene.end_with(&plan, &unknown);
    scene.pass_time(seconds(2));
    // It was done, which the view does not show yet, and so it is tried again.
    let plan = scene.learn();
    assert_eq!(words(&plan), "suspend");
    scene.end_with(&plan, &stale("it is SUSPENDED"));
    scene.suspend_by_hand(job);
    assert_eq!(scene.settle(), ["update", "resume"]);
}

#[test]
fn a_person_who_suspends_first_is_seen() {
    let (mut scene, job) = running(json!({}));
    scene.declare("orders", json!({"jobConfig": {"snapshotInterval": "5s"}}));
    let plan = scene.learn();
    scene.end_with(&plan, &stale("it is SUSPENDED"));
    scene.suspend_by_hand(job);
    assert_eq!(words(&scene.learn()), "Drifted");
}

#[test]
fn an_upgrade_without_state_replaces_the_job() {
    let stateless = json!({"upgradePolicy": {"mode": "Stateless"}});
    let mut changed = stateless.clone();
    changed["parameters"] = json!(["b"]);
    for by_jar in [true, false] {
        let (mut scene, old) = running(stateless.clone());
        if by_jar {
            scene.new_jar("orders", "2");
        } else {
            scene.declare("orders", changed.clone());
        }
        let mut kinds = Vec::new();
        for _ in 0..5 {
            let plan = scene.pass();
            kinds.extend(plan.events.iter().map(|event| event.kind));
        }
        let of = |kind| kinds.iter().filter(|found| **found == kind).count();
        assert_eq!(of(EventKind::UpgradeStarted), 1, "{kinds:?}");
        assert_eq!(of(EventKind::UpgradeStable), 1, "{kinds:?}");
        assert_eq!(scene.settle(), NOTHING);
        assert_ne!(scene.bound("orders"), Some(old));
        assert_eq!(scene.recorded.jobs["orders"].operation, None);
    }
}

#[test]
fn an_upgrade_of_a_job_without_state_needs_no_word() {
    let (mut scene, job) = running(json!({}));
    scene.stateless(job);
    scene.new_jar("orders", "2");
    assert_eq!(scene.settle(), ["cancel", "claim", "submit"]);
}

#[test]
fn an_upgrade_whose_state_can_not_be_secured_holds_and_leaves_the_job_as_it_is() {
    let (mut scene, job) = running(json!({}));
    scene.unsuspendable(job);
    scene.new_jar("orders", "2");
    let held = hold(&scene.learn(), Reason::SnapshotRequired);
    scene.assert_at_rest();
    assert_eq!(scene.jobs()[&job].status, JobStatus::Running);
    scene.confirm(&held, true);
    assert_eq!(scene.settle(), ["cancel", "claim", "submit"]);
    // The word was about that upgrade.
    let next = scene.bound("orders").unwrap();
    scene.unsuspendable(next);
    scene.new_jar("orders", "3");
    assert_eq!(words(&scene.learn()), "SnapshotRequired");
}

#[test]
fn a_word_about_one_deed_is_none_about_another() {
    let asked = |change: &dyn Fn(&mut Scene)| {
        let (mut scene, job) = running(json!({}));
        scene.unsuspendable(job);
        change(&mut scene);
        let held = hold(&scene.learn(), Reason::SnapshotRequired);
        (scene, held)
    };
    let (mut scene, second) = asked(&|scene| scene.new_jar("orders", "2"));
    scene.new_jar("orders", "3");
    let third = hold(&scene.learn(), Reason::SnapshotRequired);
    let (_, canceled) = asked(&|scene| scene.declare("orders", json!({"state": "Canceled"})));
    let (_, removed) = asked(&|scene| scene.delete("orders"));
    let ids = [&second, &third, &canceled, &removed].map(|hold| hold.id.clone());
    let different: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(different.len(), ids.len(), "{ids:?}");
    // Noted when the second version was held, given once the third is.
    scene.confirm(&second, true);
    assert_eq!(words(&scene.learn()), "SnapshotRequired");
    assert!(scene.recorded.confirmations.is_empty(), "void");
}

#[test]
fn a_word_is_none_about_the_job_that_follows() {
    let (mut scene, job) = running(json!({"deletionPolicy": "Snapshot"}));
    scene.cancel_by_hand(job);
    let held = hold(&scene.learn(), Reason::Drifted);
    scene.confirm(&held, false);
    scene.settle();
    let lost = hold(&scene.learn(), Reason::StateLost);
    scene.confirm(&lost, true);
    assert_eq!(scene.settle(), ["claim", "submit"]);
    let next = scene.bound("orders").unwrap();
    assert_ne!(next, job);
    scene.cancel_by_hand(next);
    let again = hold(&scene.learn(), Reason::Drifted);
    assert_ne!(again.id, held.id);
}

#[test]
fn upgrade_mode_forbid_holds() {
    let (mut scene, _) = running(json!({"upgradePolicy": {"mode": "Forbid"}}));
    scene.new_jar("orders", "2");
    assert_eq!(words(&scene.learn()), "UpgradeForbidden");
    scene.assert_at_rest();
}

#[test]
fn the_new_jar_is_checked_before_the_old_job_is_stopped() {
    use jetkeeper::plan::jar::{JarProblem, JarView};
    let (mut scene, _) = running(json!({"upgradePolicy": {"mode": "Stateless"}}));
    scene.declare(
        "orders",
        json!({"upgradePolicy": {"mode": "Stateless"}, "mainClass": "Other"}),
    );
    let broken = JarView::Unavailable {
        problem: JarProblem::NotAJar,
        message: "no zip".to_owned(),
        retry_at: None,
    };
    scene.set_jar("orders", broken);
    assert_eq!(words(&scene.learn()), "JarInvalid");
}

#[test]
fn a_jar_that_vanishes_changes_nothing_of_a_running_job_but_is_told() {
    use jetkeeper::plan::jar::{JarProblem, JarView};
    let (mut scene, _) = running(json!({}));
    let gone = JarView::Unavailable {
        problem: JarProblem::NotFound,
        message: "no file".to_owned(),
        retry_at: None,
    };
    scene.set_jar("orders", gone);
    assert_eq!(words(&scene.learn()), "JarNotFound");
    scene.assert_at_rest();
    scene.declare("orders", json!({"restartNonce": 1}));
    let plan = scene.learn();
    assert_eq!(words(&plan), "restart JarNotFound");
}

#[test]
fn redeploy_nonce_replaces_the_job_once() {
    let (mut scene, _) = running(json!({"upgradePolicy": {"mode": "Stateless"}}));
    let again = json!({"upgradePolicy": {"mode": "Stateless"}, "redeployNonce": 1});
    scene.declare("orders", again);
    assert_eq!(scene.settle(), ["cancel", "claim", "submit"]);
    assert_eq!(scene.settle(), NOTHING);
}

#[test]
fn a_nonce_is_not_done_before_its_job_is_there() {
    let (mut scene, job) = running(json!({}));
    scene.job(job, |job| job.status = JobStatus::Completed);
    scene.settle();
    scene.declare("orders", json!({"redeployNonce": 1}));
    scene.pass();
    let plan = scene.learn();
    scene.end_with(&plan, &uploaded(UploadOutcome::NotRun));
    assert_eq!(scene.settle(), ["claim", "submit"]);
    assert_eq!(scene.settle(), NOTHING);
}

#[test]
fn a_new_jar_is_the_answer_to_a_failure() {
    let (mut scene, job) = running(json!({"upgradePolicy": {"mode": "Stateless"}}));
    scene.fail(job);
    assert_eq!(words(&scene.learn()), "JobFailed");
    scene.new_jar("orders", "2");
    assert_eq!(scene.settle(), ["claim", "submit"]);

    let (mut scene, job) = running(json!({"upgradePolicy": {"mode": "Stateless"}}));
    scene.suspend_by_failure(job);
    assert_eq!(words(&scene.learn()), "JobFailed");
    scene.new_jar("orders", "2");
    assert_eq!(scene.settle(), ["cancel", "claim", "submit"]);
}

#[test]
fn a_word_about_a_failure_stays_until_the_job_is_submitted() {
    use jetkeeper::plan::jar::JarView;
    let (mut scene, job) = running(json!({}));
    scene.stateless(job);
    scene.fail(job);
    let held = hold(&scene.learn(), Reason::JobFailed);
    let request = scene.jar_request("orders");
    let fetching = JarView::Fetching {
        since: scene.now,
        bytes: 0,
        total: None,
    };
    let ready = scene.jars.insert(request.clone(), fetching).unwrap();
    scene.confirm(&held, false);
    assert_eq!(words(&scene.learn()), "JarFetching");
    assert_eq!(words(&scene.learn()), "JarFetching");
    scene.jars.insert(request, ready);
    scene.pass();
    let plan = scene.learn();
    assert_eq!(words(&plan), "submit");
    scene.end_with(&plan, &uploaded(UploadOutcome::NotRun));
    assert_eq!(scene.settle(), ["claim", "submit"]);
    // The next failure is another question.
    let job = scene.bound("orders").unwrap();
    scene.stateless(job);
    scene.fail(job);
    assert_eq!(words(&scene.learn()), "JobFailed");
}

#[test]
fn upgrades_of_a_cluster_queue() {
    let spec = json!({"upgradePolicy": {"mode": "Stateless"}});
    let mut scene = Scene::new();
    for name in ["a", "b", "c"] {
        scene.declare(name, spec.clone());
    }
    scene.settle();
    for name in ["a", "b", "c"] {
        scene.new_jar(name, "2");
    }
    let plan = scene.pass();
    assert_eq!(words(&plan), "cancel UpgradeQueued UpgradeQueued");
    let plan = scene.pass();
    assert_eq!(words(&plan), "claim UpgradeQueued UpgradeQueued");
    let plan = scene.pass();
    assert_eq!(words(&plan), "submit UpgradeQueued UpgradeQueued");
    let verbs = scene.settle();
    assert_eq!(
        verbs,
        ["cancel", "claim", "submit", "cancel", "claim", "submit"]
    );

    scene.hazelcast(json!({"clusterName": "dev", "maxConcurrentUpgrades": 2}));
    for name in ["a", "b", "c"] {
        scene.new_jar(name, "3");
    }
    assert_eq!(words(&scene.learn()), "cancel cancel UpgradeQueued");
}

#[test]
fn a_failed_step_does_not_hold_up_what_is_wanted_next() {
    let (mut scene, _) = running(json!({"deletionPolicy": "Cancel"}));
    scene.declare(
        "orders",
        json!({"deletionPolicy": "Cancel", "restartNonce": 1}),
    );
    let plan = scene.learn();
    let refused = Outcome::Failed {
        reason: Reason::BackingOff,
        message: "no".to_owned(),
    };
    scene.end_with(&plan, &refused);
    assert_eq!(words(&scene.learn()), "BackingOff");
    let mut removed = scene.clone();
    removed.delete("orders");
    assert_eq!(words(&removed.learn()), "cancel");
    scene.declare("orders", json!({"state": "Suspended"}));
    assert_eq!(words(&scene.learn()), "suspend");
}
