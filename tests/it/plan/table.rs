//! The decision table of the design, cell by cell, and what each policy makes of its cells.

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::job::JobStatus;
use jetkeeper::plan::step::Action;
use serde_json::{Value, json};

use super::observe::running;
use super::scene::{Scene, hold, seconds, words};

/// What is done in each cell: the verb of a step, the reason of a hold, `-` for nothing at all,
/// `dropped` where the record goes. The job is stateful; no policy is set but deletionPolicy, after
/// the plus.
const TABLE: &str = "
observed                     | Running     | Suspended   | Canceled+Snapshot | Canceled+Cancel | removed+Snapshot | removed+Cancel
never submitted              | claim       | -           | -                 | -               | dropped          | dropped
NOT_RUNNING                  | JobStarting | JobStarting | JobStarting       | cancel          | JobStarting      | cancel
STARTING                     | JobStarting | JobStarting | JobStarting       | cancel          | JobStarting      | cancel
RUNNING                      | -           | suspend     | suspend           | cancel          | suspend          | cancel
SUSPENDED by us              | resume      | -           | export            | cancel          | export           | cancel
SUSPENDED as the YAML says   | resume      | -           | export            | cancel          | export           | cancel
SUSPENDED by a person        | Drifted     | -           | export            | cancel          | export           | cancel
cancelled by a person        | Drifted     | JobFailed   | -                 | -               | release          | release
SUSPENDED after a failure    | JobFailed   | -           | export            | cancel          | export           | cancel
SUSPENDED as a member left   | JobFailed   | -           | export            | cancel          | export           | cancel
COMPLETING                   | JobCompleting | JobCompleting | JobCompleting | JobCompleting   | JobCompleting    | JobCompleting
COMPLETING for long          | Stalled     | Stalled     | Stalled           | Stalled         | Stalled          | Stalled
FAILED                       | JobFailed   | JobFailed   | -                 | -               | release          | release
COMPLETED                    | -           | -           | -                 | -               | release          | release
gone                         | StateLost   | StateLost   | -                 | -               | release          | release
list lacks it                | LookingForJob | LookingForJob | LookingForJob | LookingForJob   | LookingForJob    | LookingForJob
";

/// A job in this row, under a document that says Running until then.
fn in_row(row: &str, spec: &Value) -> Scene {
    if row == "never submitted" {
        let mut scene = Scene::with(spec.clone());
        scene.learn();
        return scene;
    }
    let (mut scene, job) = running(spec.clone());
    let set = |scene: &mut Scene, status| scene.job(job, |job| job.status = status);
    match row {
        "NOT_RUNNING" => set(&mut scene, JobStatus::NotRunning),
        "STARTING" => set(&mut scene, JobStatus::Starting),
        "RUNNING" => {}
        "SUSPENDED by us" => {
            scene.declare("orders", with(spec, json!({"state": "Suspended"})));
            assert_eq!(scene.settle(), ["suspend"]);
        }
        "SUSPENDED as the YAML says" => {
            scene.declare("orders", with(spec, json!({"state": "Suspended"})));
            scene.suspend_by_hand(job);
        }
        "SUSPENDED by a person" => scene.suspend_by_hand(job),
        "cancelled by a person" => scene.cancel_by_hand(job),
        "SUSPENDED after a failure" => scene.suspend_by_failure(job),
        "SUSPENDED as a member left" => scene.job(job, |job| {
            job.status = JobStatus::Suspended;
            job.user_requested = Some(false);
        }),
        "COMPLETING" | "COMPLETING for long" => set(&mut scene, JobStatus::Completing),
        "FAILED" => scene.fail(job),
        "COMPLETED" => set(&mut scene, JobStatus::Completed),
        "gone" => scene.lose(job),
        "list lacks it" => drop(scene.jobs().remove(&job)),
        _ => panic!("no row {row}"),
    }
    scene.learn();
    if row == "COMPLETING for long" {
        scene.pass_time(seconds(300));
    }
    scene
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "callers write json! in place"
)]
fn with(spec: &Value, more: Value) -> Value {
    let mut spec = spec.clone();
    let fields = more.as_object().unwrap().clone();
    spec.as_object_mut().unwrap().extend(fields);
    spec
}

/// What is done in a cell.
fn decide(row: &str, column: &str) -> String {
    let (wanted, policy) = column.split_once('+').unwrap_or((column, "Snapshot"));
    let spec = json!({"deletionPolicy": policy});
    let mut scene = in_row(row, &spec);
    if wanted == "removed" {
        scene.delete("orders");
    } else {
        scene.declare("orders", with(&spec, json!({"state": wanted})));
    }
    let plan = scene.learn();
    if scene.recorded.jobs.contains_key("orders") {
        words(&plan)
    } else {
        "dropped".to_owned()
    }
}

#[test]
fn every_cell_of_the_decision_table_holds() {
    let mut lines = TABLE.trim().lines().map(|line| {
        let cells = line.split('|').map(str::trim);
        cells.collect::<Vec<&str>>()
    });
    let columns = lines.next().unwrap();
    let mut wrong = Vec::new();
    for cells in lines {
        for (column, expected) in columns.iter().zip(&cells).skip(1) {
            let row = cells[0];
            let found = decide(row, column);
            if found != *expected {
                wrong.push(format!("{row} × {column}: {found}, expected {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// From every row, under every wanted state, everything that may be done is done in a few passes,
/// and then nothing is left to do: a plan that changes nothing.
#[test]
fn every_row_comes_to_rest_under_every_wanted_state() {
    let free = json!({
        "deletionPolicy": "Cancel", "driftPolicy": "Correct",
        "restartPolicy": {"type": "OnFailure"}, "onStateLoss": {"mode": "StartFresh"},
    });
    let rows = TABLE.trim().lines().skip(1);
    for row in rows.map(|line| line.split('|').next().unwrap().trim()) {
        if row.starts_with("COMPLETING") || row == "list lacks it" {
            continue;
        }
        for (wanted, end) in [
            ("Running", "RUNNING"),
            ("Suspended", "SUSPENDED"),
            ("Canceled", "FAILED"),
        ] {
            let mut scene = in_row(row, &free);
            scene.declare("orders", with(&free, json!({"state": wanted})));
            let verbs = scene.settle();
            let job = scene.recorded.jobs["orders"].job.as_ref();
            let status = job.map_or("-", |job| {
                if job.gone {
                    "gone"
                } else {
                    job.status.as_str()
                }
            });
            let ended = match (row, wanted) {
                ("never submitted", "Suspended" | "Canceled") => "-",
                ("gone", "Suspended" | "Canceled") => "gone",
                ("FAILED" | "cancelled by a person", "Suspended") => "FAILED",
                ("COMPLETED", _) => "COMPLETED",
                _ => end,
            };
            assert_eq!(status, ended, "{row} × {wanted} took {verbs:?}");
        }
    }
}

#[test]
fn removing_the_document_ends_with_no_record_and_no_entry() {
    let spec = json!({"deletionPolicy": "Cancel"});
    let rows = TABLE.trim().lines().skip(1);
    for row in rows.map(|line| line.split('|').next().unwrap().trim()) {
        if row.starts_with("COMPLETING") || row == "list lacks it" {
            continue;
        }
        let mut scene = in_row(row, &spec);
        scene.delete("orders");
        let verbs = scene.settle();
        assert!(scene.is_forgotten(), "{row}: {verbs:?}");
        assert!(scene.entries().is_empty(), "{row}: {verbs:?}");
    }
}

fn cancel_is_forceful(scene: &Scene) -> bool {
    let plan = scene.plan();
    match plan.steps.first().map(|step| &step.action) {
        Some(Action::Cancel { forceful, .. }) => *forceful,
        _ => panic!("no cancel: {plan:#?}"),
    }
}

#[test]
fn only_a_running_job_with_a_guarantee_is_cancelled_gracefully() {
    let spec = json!({"deletionPolicy": "Cancel"});
    let canceled = with(&spec, json!({"state": "Canceled"}));
    for (row, forceful) in [
        ("RUNNING", false),
        ("STARTING", true),
        ("NOT_RUNNING", true),
        ("SUSPENDED by us", true),
        ("SUSPENDED by a person", true),
        ("SUSPENDED after a failure", true),
    ] {
        let mut scene = in_row(row, &spec);
        scene.declare("orders", canceled.clone());
        assert_eq!(cancel_is_forceful(&scene), forceful, "{row}");
    }
    let (mut scene, job) = running(json!({}));
    scene.stateless(job);
    scene.declare("orders", json!({"state": "Canceled"}));
    assert!(cancel_is_forceful(&scene));
}

#[test]
fn deletion_policy_snapshot_cancels_what_has_no_state() {
    let (mut scene, job) = running(json!({}));
    scene.stateless(job);
    scene.delete("orders");
    assert_eq!(scene.settle(), ["cancel", "release"]);
}

#[test]
fn deletion_policy_snapshot_holds_until_the_state_may_go() {
    for removed in [true, false] {
        let (mut scene, job) = running(json!({}));
        scene.unsuspendable(job);
        if removed {
            scene.delete("orders");
        } else {
            scene.declare("orders", json!({"state": "Canceled"}));
        }
        let held = hold(&scene.learn(), Reason::SnapshotRequired);
        scene.confirm(&held, false);
        assert_eq!(words(&scene.learn()), "SnapshotRequired");
        scene.confirm(&held, true);
        let verbs = scene.settle();
        assert_eq!(verbs[0], "cancel");
    }
}

#[test]
fn a_job_that_never_starts_can_be_given_up() {
    let (mut scene, job) = running(json!({}));
    scene.job(job, |job| job.status = JobStatus::NotRunning);
    scene.declare("orders", json!({"state": "Canceled"}));
    assert_eq!(words(&scene.learn()), "JobStarting");
    scene.pass_time(seconds(300));
    let held = hold(&scene.learn(), Reason::SnapshotRequired);
    scene.confirm(&held, true);
    assert_eq!(words(&scene.learn()), "cancel");
}

#[test]
fn deletion_policy_suspend_suspends_and_leaves_the_job() {
    for stateless in [false, true] {
        let (mut scene, job) = running(json!({"deletionPolicy": "Suspend"}));
        if stateless {
            scene.stateless(job);
        }
        scene.job(job, |job| job.status = JobStatus::Starting);
        scene.declare(
            "orders",
            json!({"deletionPolicy": "Suspend", "state": "Canceled"}),
        );
        assert_eq!(words(&scene.learn()), "JobStarting");
        assert_eq!(scene.settle(), ["suspend"]);
        assert_eq!(scene.jobs()[&job].status, JobStatus::Suspended);
        scene.delete("orders");
        assert_eq!(scene.settle(), ["release"]);
        assert_eq!(scene.jobs()[&job].status, JobStatus::Suspended);
    }
}

#[test]
fn a_job_left_suspended_by_its_policy_runs_again_when_declared_again() {
    let (mut scene, _) = running(json!({"deletionPolicy": "Suspend"}));
    scene.declare(
        "orders",
        json!({"deletionPolicy": "Suspend", "state": "Canceled"}),
    );
    assert_eq!(scene.settle(), ["suspend"]);
    scene.declare("orders", json!({"deletionPolicy": "Suspend"}));
    assert_eq!(scene.settle(), ["resume"]);
}

#[test]
fn deletion_policy_orphan_leaves_the_job_as_it_is() {
    let (mut scene, job) = running(json!({"deletionPolicy": "Orphan"}));
    scene.declare(
        "orders",
        json!({"deletionPolicy": "Orphan", "state": "Canceled"}),
    );
    assert_eq!(scene.settle(), [""; 0]);
    scene.delete("orders");
    assert_eq!(scene.settle(), ["release"]);
    assert_eq!(scene.jobs()[&job].status, JobStatus::Running);
}

#[test]
fn drift_policy_correct_undoes_a_suspension() {
    let (mut scene, job) = running(json!({"driftPolicy": "Correct"}));
    scene.suspend_by_hand(job);
    assert_eq!(scene.settle(), ["resume"]);
}

#[test]
fn drift_is_held_until_confirmed_changed_or_undone() {
    let drifted = || {
        let (mut scene, job) = running(json!({}));
        scene.suspend_by_hand(job);
        let held = hold(&scene.learn(), Reason::Drifted);
        (scene, job, held)
    };
    let (mut scene, _, held) = drifted();
    scene.confirm(&held, false);
    assert_eq!(scene.settle(), ["resume"]);

    let (mut scene, _, _) = drifted();
    scene.declare("orders", json!({"upgradePolicy": {"timeout": "1m"}}));
    assert_eq!(scene.settle(), ["resume"]);

    let (mut scene, job, _) = drifted();
    scene.job(job, |job| job.status = JobStatus::Running);
    assert_eq!(scene.settle(), [""; 0]);
    assert_eq!(scene.recorded.jobs["orders"].drift, None);

    let (mut scene, _, _) = drifted();
    scene.declare("orders", json!({"state": "Suspended"}));
    assert_eq!(scene.settle(), [""; 0]);
}

#[test]
fn a_job_cancelled_by_hand_is_never_silently_started_without_its_state() {
    let (mut scene, job) = running(json!({}));
    scene.cancel_by_hand(job);
    let held = hold(&scene.learn(), Reason::Drifted);
    scene.confirm(&held, false);
    let held = hold(&scene.learn(), Reason::StateLost);
    scene.assert_at_rest();
    scene.confirm(&held, true);
    assert_eq!(scene.settle(), ["claim", "submit"]);
}

#[test]
fn a_version_that_was_wanted_before_is_no_answer_to_a_cancel_by_hand() {
    let (mut scene, job) = running(json!({}));
    scene.suspend_by_hand(job);
    let suspended = hold(&scene.learn(), Reason::Drifted);
    scene.new_jar("orders", "2");
    assert_eq!(words(&scene.learn()), "Drifted");
    scene.cancel_by_hand(job);
    let cancelled = hold(&scene.learn(), Reason::Drifted);
    assert_eq!(words(&scene.plan()), "Drifted");
    scene.assert_at_rest();
    // A word that the job be resumed lets none be started anew.
    scene.confirm(&suspended, false);
    assert_eq!(words(&scene.learn()), "Drifted");
    scene.confirm(&cancelled, false);
    assert_eq!(words(&scene.learn()), "StateLost");
    // One that comes after it is.
    scene.declare("orders", json!({"parameters": ["2"]}));
    assert_eq!(words(&scene.learn()), "StateLost");
}

#[test]
fn a_cancelled_job_declared_running_again_is_submitted_afresh() {
    // Cancelled by us, and by a person while the YAML said Canceled.
    for by_hand in [false, true] {
        let (mut scene, job) = running(json!({"deletionPolicy": "Cancel"}));
        scene.declare(
            "orders",
            json!({"deletionPolicy": "Cancel", "state": "Canceled"}),
        );
        if by_hand {
            scene.cancel_by_hand(job);
        }
        scene.settle();
        scene.declare("orders", json!({"deletionPolicy": "Cancel"}));
        assert_eq!(scene.settle(), ["claim", "submit"], "by hand: {by_hand}");
    }
}

#[test]
fn a_person_who_cancels_a_job_that_we_resumed_is_seen() {
    let (mut scene, job) = running(json!({}));
    scene.declare("orders", json!({"state": "Suspended"}));
    scene.settle();
    scene.declare("orders", json!({}));
    let plan = scene.learn();
    scene.carry_out(&plan.steps[0]);
    scene.learn();
    scene.cancel_by_hand(job);
    assert_eq!(words(&scene.learn()), "Drifted");
}

#[test]
fn restart_policy_never_holds_until_confirmed() {
    let (mut scene, job) = running(json!({}));
    scene.stateless(job);
    scene.fail(job);
    let held = hold(&scene.learn(), Reason::JobFailed);
    assert!(held.message.contains("/ by zero"), "{}", held.message);
    scene.assert_at_rest();
    scene.confirm(&held, false);
    assert_eq!(scene.settle(), ["claim", "submit"]);
}

#[test]
fn restart_policy_on_failure_resumes_a_suspended_job_after_its_pause() {
    let (mut scene, job) =
        running(json!({"restartPolicy": {"type": "OnFailure", "backoff": "10s"}}));
    scene.suspend_by_failure(job);
    let plan = scene.learn();
    assert_eq!(words(&plan), "BackingOff");
    assert_eq!(plan.next_wake, Some(scene.now + seconds(10)));
    scene.pass_time(seconds(9));
    assert_eq!(words(&scene.learn()), "BackingOff");
    scene.pass_time(seconds(1));
    assert_eq!(words(&scene.learn()), "resume");
}

#[test]
fn restart_policy_on_failure_never_drops_state() {
    let (mut scene, job) =
        running(json!({"restartPolicy": {"type": "OnFailure", "backoff": "1s"}}));
    scene.fail(job);
    scene.learn();
    scene.pass_time(seconds(1));
    assert_eq!(words(&scene.learn()), "StateLost");
}

#[test]
fn the_restart_budget_survives_new_jobs_and_is_forgiven_after_a_calm_time() {
    let policy = json!({"restartPolicy": {"type": "OnFailure", "maxRestarts": 2, "backoff": "1s"}});
    let (mut scene, job) = running(policy);
    scene.stateless(job);
    for round in 1..=2 {
        let job = scene.bound("orders").unwrap();
        scene.job_config(job, |config| {
            config.guarantee = jetkeeper::plan::job::Guarantee::None;
        });
        scene.fail(job);
        assert_eq!(scene.settle(), ["claim", "submit"], "round {round}");
        assert_eq!(scene.recorded.jobs["orders"].restarts.count, round);
    }
    let job = scene.bound("orders").unwrap();
    scene.stateless(job);
    let calm = scene.clone();
    scene.fail(job);
    assert_eq!(words(&scene.learn()), "JobFailed");

    let mut scene = calm;
    scene.pass_time(seconds(11));
    scene.fail(job);
    assert_eq!(words(&scene.learn()), "BackingOff");
}

#[test]
fn on_state_loss_decides_what_follows_a_lost_job() {
    for (mode, stateless, expected) in [
        ("Restore", false, "StateLost"),
        ("Restore", true, "claim"),
        ("Hold", false, "StateLost"),
        ("Hold", true, "StateLost"),
        ("StartFresh", false, "claim"),
        ("StartFresh", true, "claim"),
    ] {
        let (mut scene, job) = running(json!({"onStateLoss": {"mode": mode}}));
        if stateless {
            scene.stateless(job);
        }
        scene.lose(job);
        let found = words(&scene.learn());
        assert_eq!(found, expected, "{mode}, stateless: {stateless}");
    }
}

#[test]
fn a_lost_job_starts_afresh_once_a_person_said_that_its_state_may_go() {
    let (mut scene, job) = running(json!({}));
    scene.lose(job);
    let held = hold(&scene.learn(), Reason::StateLost);
    scene.confirm(&held, false);
    assert_eq!(words(&scene.learn()), "StateLost");
    scene.confirm(&held, true);
    assert_eq!(scene.settle(), ["claim", "submit"]);
    assert_eq!(scene.recorded.jobs["orders"].discard_for, None);
}

#[test]
fn a_completed_job_is_submitted_again_only_by_a_nonce() {
    let completed = || {
        let (mut scene, job) = running(json!({}));
        scene.job(job, |job| job.status = JobStatus::Completed);
        scene.settle();
        scene
    };
    let mut scene = completed();
    scene.declare("orders", json!({"parameters": ["other"]}));
    assert_eq!(scene.settle(), [""; 0]);
    for nonce in ["restartNonce", "redeployNonce"] {
        let mut scene = completed();
        scene.declare("orders", json!({nonce: 1}));
        assert_eq!(scene.settle(), ["claim", "submit"], "{nonce}");
        let mut scene = completed();
        scene.declare("orders", json!({nonce: 1, "state": "Suspended"}));
        assert_eq!(scene.settle(), [""; 0], "{nonce}");
    }
}
