//! A snapshot for which its job has to be stopped: `cancelJob`, or `pauseToCopy` after the job's own
//! snapshots overtook the copy. The job's plan makes it, as it secures state for other reasons.

use std::collections::BTreeMap;

use super::super::draft::Draft;
use super::super::job::{Guarantee, JobStatus};
use super::super::record::{
    BoundJob, Deed, EndedBy, OperationKind, Recorded, SnapshotRecord, StoppedBy,
};
use super::super::step::{Action, Remember};
use super::change::{redeploy_wanted, replacement_wanted, restart_nonce_wanted};
use super::{jet_job_snapshot_by_its_job, secure, stop};

/// The snapshots that plans of jobs have to make, the first of each job, by the job's name.
pub(in crate::plan) fn stops_for(recorded: &Recorded) -> BTreeMap<&str, (&str, &SnapshotRecord)> {
    let made_by_jobs = recorded.snapshots.iter().rev().filter(|(_, record)| {
        record.is_open()
            && jet_job_snapshot_by_its_job(record)
            && record.reason != super::Reason::Conflict
    });
    let by_job = made_by_jobs.map(|(name, record)| {
        let job = record.spec.jet_job_resource_name.as_str();
        (job, (name.as_str(), &**record))
    });
    by_job.collect()
}

/// Goes on with a snapshot that stops the job; whether there is nothing else to decide now.
pub(super) fn decided(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    let operation = draft.record.operation.as_ref();
    let pausing = operation.filter(|it| it.kind == OperationKind::Pause && it.job == job.id);
    if pausing.is_some_and(|it| it.snapshot_of(job.id).is_some() || draft.stops_for.is_none()) {
        return goes_on(draft, job);
    }
    let Some((_, snapshot)) = draft.stops_for else {
        return false;
    };
    let stopped = matches!(job.status, JobStatus::Running | JobStatus::Suspended);
    if !stopped || job.guarantee == Some(Guarantee::None) {
        return false;
    }
    if !snapshot.spec.cancel_job {
        let _secured = secure::secured(draft, job, OperationKind::Pause);
        return true;
    }
    let secured = secure::secured(draft, job, OperationKind::End);
    if secured.is_some() || stop::is_let_go(draft, Deed::Cancel) {
        stop::cancel(draft, job, OperationKind::End, secured);
    }
    true
}

/// The pause is over: a job that was suspended for it runs again, unless its document says otherwise now.
fn goes_on(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    let to_run = draft.record.spec.state.runs();
    if job.status != JobStatus::Suspended || !to_run || !secure::suspended_for_it(draft, job) {
        draft.edit().end_operation();
        return false;
    }
    let remember = Remember::of(OperationKind::Pause);
    let action = Action::Resume { job: job.id };
    draft.act_on(job.id, &[JobStatus::Suspended], action, remember);
    true
}

/// Remembers that a snapshot ended the job on purpose.
pub(super) fn note_end(draft: &mut Draft<'_>, job: &BoundJob) {
    let operation = draft.record.operation.as_ref();
    let ending = operation.filter(|it| it.kind == OperationKind::End && it.job == job.id);
    if ending.is_none() || job.is_active() {
        return;
    }
    // One that failed, or that somebody else cancelled, before we asked was not ended by it.
    let asked = job.cancel.is_some() && job.stopped_by == Some(StoppedBy::Us);
    let generation = draft.record.generation;
    let record = draft.edit();
    if asked {
        record.ended_by = Some(EndedBy {
            job: job.id,
            generation,
        });
    }
    record.end_operation();
}

/// Whether a snapshot ended the job, and its document asks for no other one since.
pub(super) fn stays_ended(draft: &Draft<'_>, job: &BoundJob) -> bool {
    draft.record.is_ended_by_snapshot(job.id)
        && !redeploy_wanted(draft)
        && !restart_nonce_wanted(draft)
        && !replacement_wanted(draft, job)
}
