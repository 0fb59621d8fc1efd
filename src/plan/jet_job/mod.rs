//! The decision table of a `JetJob`: one step at most, or a hold that says why not.
//!
//! ```text
//! observed \ wanted   Running                Suspended   Canceled           document gone
//! never submitted     submit                 –           –                  give up the name
//! starting            wait, or replace       wait        wait, or cancel    wait, or cancel
//! RUNNING             change, restart, –     suspend     deletionPolicy     deletionPolicy
//! SUSPENDED           resume, drift, policy  –           deletionPolicy     deletionPolicy
//! COMPLETING          wait                   wait        wait               wait
//! FAILED              policy, state loss     hold        –                  give up the name
//! COMPLETED           –                      –           –                  give up the name
//! gone                state loss             hold        –                  give up the name
//! ```
//!
//! Whatever is decided goes through `window` and `gate` last: a source whose windows are closed, a cluster
//! that can't be trusted now, or a step that failed a moment ago, turns the step into a hold.

mod attempt;
mod change;
mod claim;
mod delete;
mod ended;
mod gate;
mod jar;
mod restore;
mod running;
mod secure;
mod snapshotted;
mod stop;
mod submit;
mod suspended;
mod upgrade;
mod wait;
mod window;

pub(super) use change::{is_outdated, start_wanted};
pub(super) use jar::{declared_now, jar_as_declared};
pub(super) use secure::is_left_running;
pub(super) use snapshotted::stops_for;
pub(super) use stop::finished_by_policy;
pub(super) use upgrade::{others_wait_until, still_rejected};

use super::cluster::Obstacle;
use super::draft::Draft;
use super::hold::{Reason, Release};
use super::jet_job_snapshot::by_its_job as jet_job_snapshot_by_its_job;
use super::job::JobStatus;
use super::pause;
use super::record::{BoundJob, Deed, OperationKind};
use crate::resources::jet_job::DesiredState;

/// Decides what is done for one job.
pub(super) fn decide(draft: &mut Draft<'_>) {
    if let Some(step) = draft.input.recorded.in_flight.get(&draft.id) {
        draft.undecided = true;
        draft.fleeting = true;
        draft.hold(Reason::StepInFlight, step.under_way());
        return;
    }
    if left_alone(draft) {
        draft.undecided = true;
        return;
    }
    let deleting = draft.record.deletion.is_some() && draft.may_delete;
    if deleting && delete::nothing_there(draft) {
        delete::drop_record(draft);
        return;
    }
    if deleting && delete::given_up(draft) {
        delete::forget(draft);
        return;
    }
    if !cluster_known(draft) {
        draft.undecided = true;
        return;
    }
    if deleting {
        delete::decide(draft);
    } else if !claim::elsewhere(draft) && !rebuilt(draft) {
        by_record(draft);
    }
    window::gate(draft);
    gate::gate(draft);
}

/// Goes on with an attempt to submit, else follows the table.
fn by_record(draft: &mut Draft<'_>) {
    let Some(attempt) = draft.record.attempt.clone() else {
        by_status(draft);
        return;
    };
    if draft.cluster_id() != Some(attempt.cluster_id) {
        // That cluster is gone with whatever the upload made there.
        attempt::give_up(draft, "its cluster is another one now");
    } else if attempt.uploading {
        attempt::look_for_job(draft, &attempt);
    } else if submit::still_wanted(draft, &attempt) {
        submit::upload(draft, &attempt);
    } else {
        draft.edit().attempt = None;
        by_status(draft);
    }
}

fn by_status(draft: &mut Draft<'_>) {
    if claim::adopted(draft) {
        return;
    }
    let wanted = draft.record.spec.state;
    let Some(job) = draft.record.job.clone() else {
        match wanted {
            DesiredState::Running | DesiredState::Restarted => submit::start_first(draft),
            // Nothing is submitted, but a job of the name that isn't ours is told.
            DesiredState::Suspended | DesiredState::Canceled => {
                claim::conflict(draft);
            }
        }
        return;
    };
    if claim::renewed(draft, &job) {
        return;
    }
    snapshotted::note_end(draft, &job);
    if job.is_active() && !job.gone && snapshotted::decided(draft, &job) {
        return;
    }
    if wanted == DesiredState::Canceled {
        stop::for_good(draft, &job, OperationKind::Cancel);
        return;
    }
    if claim::restored(draft, &job) {
        return;
    }
    if !job.is_active() && claim::conflict(draft) {
        return;
    }
    if job.gone {
        ended::gone(draft, &job);
        return;
    }
    if wait::still_looked_for(draft, &job) || wait::for_cancel(draft, &job) {
        return;
    }
    let runs = wanted != DesiredState::Suspended;
    if runs && (upgrade::followed(draft, &job) || running::replaced_unstarted(draft, &job)) {
        return;
    }
    match (job.status, wanted) {
        (JobStatus::NotRunning | JobStatus::Starting, _) => wait::for_start(draft, &job),
        (JobStatus::Completing | JobStatus::SuspendedExportingSnapshot, _) => {
            wait::for_stop(draft, &job);
        }
        (JobStatus::Running, DesiredState::Suspended) => stop::suspend(draft, &job, None),
        (JobStatus::Running, _) => running::decide(draft, &job),
        (JobStatus::Suspended, DesiredState::Suspended) => suspended::stay(draft, &job),
        (JobStatus::Suspended, _) => suspended::run(draft, &job),
        (JobStatus::Failed, DesiredState::Suspended) => {
            let message = "the job ended; there is nothing to suspend";
            draft.hold(Reason::JobFailed, message);
        }
        (JobStatus::Failed, _) if snapshotted::stays_ended(draft, &job) => {}
        (JobStatus::Failed, _) => ended::failed(draft, &job),
        (JobStatus::Completed, DesiredState::Suspended) => {}
        (JobStatus::Completed, _) => ended::completed(draft),
    }
}

/// Whether a person wants this resource left alone.
fn left_alone(draft: &mut Draft<'_>) -> bool {
    if draft.record.annotations.reconcile_disabled {
        let message = "jetkeeper.io/reconcile: disabled; observed only";
        draft.hold(Reason::ReconcileDisabled, message);
        return true;
    }
    if !declared(draft) && draft.record.annotations.prune_disabled {
        let message = "its document is gone; jetkeeper.io/prune: disabled keeps the job as it is";
        draft.hold(Reason::PruneDisabled, message);
        return true;
    }
    // A document that is gone but may not be deleted now is held for its whole source.
    paused(draft) || (!declared(draft) && !draft.may_delete)
}

fn paused(draft: &mut Draft<'_>) -> bool {
    let hold = pause::hold(draft.input.recorded, &draft.id, draft.now());
    let paused = hold.is_some();
    if let Some(hold) = hold {
        draft.push(hold);
    }
    paused
}

/// Whether a document, good or faulty, declares the job, or its new name is waited for.
fn declared(draft: &Draft<'_>) -> bool {
    let desired = draft.input.desired;
    desired.jobs.contains_key(&draft.id.name) || desired.faulty.contains_key(&draft.id)
}

fn cluster_known(draft: &mut Draft<'_>) -> bool {
    let Some(sight) = draft.sight else {
        let cluster = &draft.record.spec.hazelcast_resource_name;
        let message = format!(
            "cluster {cluster} has no addresses: declare a Hazelcast resource {cluster} with \
             `addresses`, or give --cluster {cluster}=CLUSTERNAME@HOST:PORT"
        );
        draft.hold(Reason::ClusterMismatch, message);
        return false;
    };
    match sight.obstacle_for(&draft.record.place.source).cloned() {
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

/// Whether the record was rebuilt without any trace of its job, and nobody confirmed it yet.
fn rebuilt(draft: &mut Draft<'_>) -> bool {
    if !draft.record.rebuilt {
        return false;
    }
    let kept = draft.record.kept.as_ref();
    let kept = kept.map(|kept| {
        format!(
            ". Its state of then is in snapshot {}: to start from that, name it first (initialSnapshotName)",
            kept.name
        )
    });
    let message = format!(
        "this record was rebuilt from the cluster, which has no job of it; confirm that it may be submitted{}",
        kept.unwrap_or_default()
    );
    if draft.ask(Reason::Rebuilt, Deed::Start, Release::Confirm, message) {
        draft.edit().rebuilt = false;
    }
    draft.record.rebuilt
}

/// What the job keeps; holds while its configuration is still to be read. None then, and where that
/// can't be known any more.
fn keeps_state(draft: &mut Draft<'_>, job: &BoundJob) -> Option<bool> {
    if job.guarantee.is_none() && draft.seen(job.id).is_some() {
        let message = "the job's configuration is being asked for";
        draft.hold(Reason::ClusterUnknown, message);
    }
    job.guarantee.map(super::job::Guarantee::keeps_state)
}
