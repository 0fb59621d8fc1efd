//! The decision table of a `JetJob`: one step at most, or a hold that says why not.
//!
//! ```text
//! observed \ wanted   Running                Suspended   Canceled           document gone
//! never submitted     submit                 –           –                  give up the name
//! starting            wait                   wait        wait, or cancel    wait, or cancel
//! RUNNING             change, restart, –     suspend     deletionPolicy     deletionPolicy
//! SUSPENDED           resume, drift, policy  –           deletionPolicy     deletionPolicy
//! COMPLETING          wait                   wait        wait               wait
//! FAILED              policy, state loss     hold        –                  give up the name
//! COMPLETED           –                      –           –                  give up the name
//! gone                state loss             hold        –                  give up the name
//! ```

mod change;
mod delete;
mod ended;
mod running;
mod stop;
mod submit;
mod suspended;

use jiff::Timestamp;

pub(super) use change::deployed_now;

use super::cluster::{Obstacle, guard};
use super::draft::Draft;
use super::hold::{Reason, Release};
use super::job::JobStatus;
use super::record::{BoundJob, OperationKind, StoppedBy};
use crate::resources::jet_job::DesiredState;

/// Decides what is done for one job.
pub(super) fn decide(draft: &mut Draft<'_>) {
    if let Some(step) = draft.input.recorded.in_flight.get(&draft.id) {
        draft.hold(Reason::StepInFlight, format!("under way: {step}"));
        return;
    }
    if left_alone(draft) || !cluster_known(draft) {
        return;
    }
    if draft.record.deletion.is_some() && draft.may_delete {
        delete::decide(draft);
        return;
    }
    if draft.record.rebuilt {
        let message = "this record was rebuilt from the cluster, which has no job of it; confirm \
                       that it may be submitted";
        if draft
            .ask(Reason::Rebuilt, Release::Confirm, message)
            .is_none()
        {
            return;
        }
        draft.edit().rebuilt = false;
    }
    if backing_off(draft) {
        return;
    }
    if draft.record.attempt.is_some() {
        submit::go_on(draft);
    } else {
        by_status(draft);
    }
}

fn by_status(draft: &mut Draft<'_>) {
    let Some(job) = draft.record.job.clone() else {
        match draft.record.spec.state {
            DesiredState::Running | DesiredState::Restarted => submit::start(draft, false),
            DesiredState::Suspended | DesiredState::Canceled => {}
        }
        return;
    };
    forget_overtaken_operation(draft, &job);
    if conflicting_namesake(draft, &job) || resource_renamed(draft) {
        return;
    }
    let wanted = draft.record.spec.state;
    if wanted == DesiredState::Canceled {
        stop::for_good(draft, &job, OperationKind::Cancel);
        return;
    }
    if job.gone {
        ended::gone(draft, &job);
        return;
    }
    if still_looked_for(draft, &job) {
        return;
    }
    match (job.status, wanted) {
        (JobStatus::NotRunning | JobStatus::Starting, _) => wait_for_start(draft, &job),
        (JobStatus::Completing | JobStatus::SuspendedExportingSnapshot, _) => {
            wait_for_stop(draft, &job);
        }
        (JobStatus::Running, DesiredState::Suspended) => stop::suspend(draft, &job, None),
        (JobStatus::Running, _) => running::decide(draft, &job),
        (JobStatus::Suspended, DesiredState::Suspended) => suspended::stay(draft, &job),
        (JobStatus::Suspended, _) => suspended::run(draft, &job),
        (JobStatus::Failed, DesiredState::Suspended) => {
            draft.hold(
                Reason::JobFailed,
                "the job ended; there is nothing to suspend",
            );
        }
        (JobStatus::Failed, _) => ended::failed(draft, &job),
        (JobStatus::Completed, _) => ended::completed(draft),
    }
}

/// An operation whose job ended is over, unless it goes on with the next submit. One that stayed
/// would keep other jobs' upgrades waiting.
fn forget_overtaken_operation(draft: &mut Draft<'_>, job: &BoundJob) {
    let Some(operation) = &draft.record.operation else {
        return;
    };
    let goes_on = operation.kind == OperationKind::Replace
        && job.stopped_by == Some(StoppedBy::Us)
        && matches!(
            draft.record.spec.state,
            DesiredState::Running | DesiredState::Restarted
        );
    if !job.is_active() && !goes_on {
        draft.edit().operation = None;
    }
}

/// Whether a person wants this resource left alone.
fn left_alone(draft: &mut Draft<'_>) -> bool {
    if draft.record.annotations.reconcile_disabled {
        let message = "jetkeeper.io/reconcile: disabled; observed only";
        draft.hold(Reason::ReconcileDisabled, message);
        return true;
    }
    if draft.record.deletion.is_none()
        && !declared(draft)
        && draft.record.annotations.prune_disabled
    {
        let message = "its document is gone; jetkeeper.io/prune: disabled keeps the job as it is";
        draft.hold(Reason::PruneDisabled, message);
        return true;
    }
    let own = Some(draft.id.clone());
    for key in [None, own] {
        let Some(pause) = draft.input.recorded.pauses.get(&key) else {
            continue;
        };
        if pause.until.is_some_and(|until| until <= draft.now()) {
            continue;
        }
        let message = format!("paused by {}: {}", pause.by, pause.reason);
        match pause.until {
            Some(until) => draft.hold_until(Reason::Paused, until, message),
            None => draft.hold(Reason::Paused, message),
        }
        return true;
    }
    // A document that is gone but may not be deleted now is held for its whole source.
    !declared(draft) && !draft.may_delete
}

/// Whether a document, good or faulty, declares the job.
fn declared(draft: &Draft<'_>) -> bool {
    let desired = draft.input.desired;
    desired.jobs.contains_key(&draft.id.name) || desired.faulty.contains_key(&draft.id)
}

fn cluster_known(draft: &mut Draft<'_>) -> bool {
    let Some(sight) = draft.sight else {
        let cluster = draft.record.spec.hazelcast_resource_name.clone();
        let message = format!(
            "cluster {cluster} has no addresses: declare a Hazelcast resource {cluster} with \
             `addresses`, or give --cluster {cluster}=HOST:PORT"
        );
        draft.hold(Reason::ClusterMismatch, message);
        return false;
    };
    match sight.obstacle.clone() {
        None => true,
        Some(obstacle) => {
            hold_for(draft, obstacle);
            false
        }
    }
}

fn hold_for(draft: &mut Draft<'_>, obstacle: Obstacle) {
    match obstacle.until {
        Some(until) => draft.hold_until(obstacle.reason, until, obstacle.message),
        None => draft.hold(obstacle.reason, obstacle.message),
    }
}

/// Whether the cluster can be trusted with an effect that stops or starts a job; holds if not.
fn trusted(draft: &mut Draft<'_>) -> bool {
    let Some(view) = draft.view() else {
        return false;
    };
    let name = draft.record.spec.hazelcast_resource_name.clone();
    match guard(&name, view, &draft.cluster_spec(), draft.now()) {
        Ok(()) => true,
        Err(obstacle) => {
            hold_for(draft, obstacle);
            false
        }
    }
}

fn backing_off(draft: &mut Draft<'_>) -> bool {
    let Some(retry) = draft.record.retry.clone() else {
        return false;
    };
    if retry.at <= draft.now() {
        return false;
    }
    let message = format!(
        "{} failed {} time{}, tried again at {}: {}",
        retry.verb,
        retry.count,
        if retry.count == 1 { "" } else { "s" },
        retry.at.strftime("%H:%M:%S"),
        retry.message
    );
    draft.hold_until(Reason::BackingOff, retry.at, message);
    true
}

/// An active job of our name that isn't ours, beside ours that ended.
fn conflicting_namesake(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    if job.is_active() {
        return false;
    }
    let other = draft
        .namesakes()
        .iter()
        .find(|other| other.id != job.id && !other.status.is_terminal());
    let Some(other) = other.map(|other| other.id) else {
        return false;
    };
    submit::conflict(draft, other);
    true
}

/// After a rename, the ownership entry still names the old resource.
fn resource_renamed(draft: &mut Draft<'_>) -> bool {
    let renamed = draft
        .record
        .entry
        .as_ref()
        .is_some_and(|entry| entry.resource != draft.id);
    if renamed {
        submit::renew_claim(draft);
    }
    renamed
}

/// Whether the list lacks our job and nothing is proven yet.
fn still_looked_for(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    let unknown = draft
        .view()
        .is_none_or(|view| matches!(view.look(job.id), super::observed::Look::Unknown));
    if unknown && !job.status.is_terminal() {
        let message = format!(
            "job {} is not in the cluster's list; asking for it by id",
            job.id
        );
        draft.hold(Reason::LookingForJob, message);
        return true;
    }
    false
}

fn wait_for_start(draft: &mut Draft<'_>, job: &BoundJob) {
    let limit = draft.record.spec.timeouts.start;
    let message = format!(
        "job {} is {} since {}; the members log why it doesn't start",
        job.id,
        job.status,
        clock(job.status_since)
    );
    wait(draft, job.status_since, limit, Reason::JobStarting, message);
}

fn wait_for_stop(draft: &mut Draft<'_>, job: &BoundJob) {
    let limit = draft.record.spec.timeouts.suspend;
    let message = format!(
        "job {} is {} since {}; a job that stays so may need a member to be restarted",
        job.id,
        job.status,
        clock(job.status_since)
    );
    wait(
        draft,
        job.status_since,
        limit,
        Reason::JobCompleting,
        message,
    );
}

/// Waits up to a limit, then says that it takes too long and goes on waiting.
fn wait(
    draft: &mut Draft<'_>,
    since: Timestamp,
    limit: jiff::SignedDuration,
    reason: Reason,
    message: String,
) {
    if draft.overdue(since, limit) {
        draft.hold(Reason::Stalled, message);
    } else {
        draft.hold_until(reason, super::transition::after(since, limit), message);
    }
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}
