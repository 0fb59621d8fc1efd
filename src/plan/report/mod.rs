//! The status that users read: phase, lifecycle, conditions.

mod condition;

use std::sync::Arc;

use super::draft::Draft;
use super::hold::{Hold, HoldClass, Reason};
use super::job::JobStatus;
use super::observed::Link;
use super::record::{ConditionStatus, ConditionType, JobRecord, Operation, StoppedBy};
use super::status::{JarReport, JobStatusReport, LastSnapshot, LifecycleState, Phase};
use crate::resources::jet_job::DesiredState;

/// Brings the recorded conditions up to date and makes the status of this pass.
pub(super) fn report(draft: &mut Draft<'_>) -> JobStatusReport {
    let holds = draft.all_holds();
    let settled = draft.step.is_none() && holds.is_empty();
    if !stays_as_told(draft) {
        let status = condition::conditions(draft, &holds, settled);
        if status != draft.record.status {
            draft.edit().status = status;
        }
    }
    let last_snapshot = last_snapshot(draft);
    describe(&draft.record, holds, last_snapshot, settled)
}

/// The newest of what was exported of the job, and of what was kept of its state before.
fn last_snapshot(draft: &Draft<'_>) -> Option<LastSnapshot> {
    let job = draft.record.job.as_ref();
    let exported = job.and_then(|job| draft.sight?.exported(job.id));
    let kept = draft.record.kept.as_ref();
    let kept = kept.map(|kept| (kept.name.as_str(), &kept.facts));
    let newest = exported.into_iter().chain(kept);
    let (name, facts) = newest.max_by_key(|(_, facts)| facts.created_at)?;
    Some(LastSnapshot {
        name: name.to_owned(),
        time: facts.created_at,
    })
}

/// Whether what users were told last stands: this run has neither reached the cluster nor failed to,
/// and nothing else is new. Else every start would rewrite every record, and rewrite it back.
fn stays_as_told(draft: &Draft<'_>) -> bool {
    let untried = draft.view().is_some_and(|view| {
        view.cluster_id.is_none() && matches!(view.link, Link::Down { error: None, .. })
    });
    let before = draft.input.recorded.jobs.get(&draft.id.name);
    let same = before.is_some_and(|before| Arc::ptr_eq(before, &draft.record));
    untried && same && !draft.record.status.conditions.is_empty()
}

/// The status as it was recorded last, of a job that nobody looks at now. Holds are not recorded.
pub fn last_status(record: &JobRecord) -> JobStatusReport {
    let settled = record.status.conditions.iter().any(|condition| {
        condition.kind == ConditionType::Reconciled && condition.status == ConditionStatus::True
    });
    describe(record, Vec::new(), None, settled)
}

fn describe(
    record: &JobRecord,
    holds: Vec<Hold>,
    last_snapshot: Option<LastSnapshot>,
    settled: bool,
) -> JobStatusReport {
    let job = record.job.as_ref();
    let suspended = job.filter(|job| job.status == JobStatus::Suspended);
    let failed = job.filter(|job| job.status == JobStatus::Failed);
    JobStatusReport {
        id: job.map_or(0, |job| job.id.0),
        job_id_text: job.map(|job| job.id),
        phase: phase(record),
        lifecycle_state: lifecycle(record, &holds, settled),
        observed_generation: record.status.observed_generation,
        submission_time: job.map(|job| job.submitted_at),
        completion_time: job.and_then(|job| job.completed_at),
        // What we cancelled tells of that as of a failure.
        failure_text: failed
            .filter(|job| job.stopped_by != Some(StoppedBy::Us))
            .and_then(|job| job.failure.clone()),
        suspension_cause: suspended.map(|job| {
            job.failure
                .clone()
                .unwrap_or_else(|| "Requested by user".into())
        }),
        // Of a job that somebody else submitted, nobody told us the jar.
        jar: job
            .filter(|job| !job.nonce.is_empty())
            .and_then(|job| job.deployed.as_ref()?.jar)
            .map(|sha256| JarReport { sha256 }),
        last_snapshot,
        conditions: record.status.conditions.clone(),
        holds,
    }
}

/// Whether something about the job needs somebody; a document with faults leaves it as it was.
fn blocked(holds: &[Hold]) -> bool {
    // An upload without an answer may have made a job.
    let kept = [Reason::Faulty, Reason::OutcomeUnknown];
    let blocks = |hold: &Hold| hold.class == HoldClass::Blocked && !kept.contains(&hold.reason);
    holds.iter().any(blocks)
}

fn phase(record: &JobRecord) -> Phase {
    // Nothing failed that never ran: conditions and holds say why there is no job.
    let Some(job) = &record.job else {
        return Phase::NotRunning;
    };
    let canceled = record.spec.state == DesiredState::Canceled;
    match job.status {
        _ if job.gone && canceled => Phase::Canceled,
        _ if job.gone => Phase::Failed,
        JobStatus::NotRunning => Phase::NotRunning,
        JobStatus::Starting => Phase::Starting,
        JobStatus::Running => Phase::Running,
        JobStatus::Suspended => Phase::Suspended,
        JobStatus::SuspendedExportingSnapshot => Phase::SuspendedExportingSnapshot,
        JobStatus::Completing => Phase::Completing,
        JobStatus::Failed if job.stopped_by == Some(StoppedBy::Failure) => Phase::ExecutionFailed,
        JobStatus::Failed => Phase::Canceled,
        JobStatus::Completed => Phase::Completed,
    }
}

fn lifecycle(record: &JobRecord, holds: &[Hold], settled: bool) -> LifecycleState {
    if record.deletion.is_some() {
        return LifecycleState::Deleting;
    }
    let Some(job) = &record.job else {
        return if blocked(holds) {
            LifecycleState::Failed
        } else {
            LifecycleState::Created
        };
    };
    let operation = record.operation.as_ref();
    if operation.is_some_and(Operation::is_upgrade) {
        return LifecycleState::Upgrading;
    }
    let wanted = record.spec.state;
    match job.status {
        _ if job.gone && wanted != DesiredState::Canceled => LifecycleState::Failed,
        JobStatus::Failed if job.stopped_by == Some(StoppedBy::Failure) => LifecycleState::Failed,
        JobStatus::Suspended if settled => LifecycleState::Suspended,
        JobStatus::Running | JobStatus::Completed if settled => LifecycleState::Stable,
        _ => LifecycleState::Deployed,
    }
}
