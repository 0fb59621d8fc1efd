//! The status that users read: phase, lifecycle, conditions.

use super::draft::Draft;
use super::hold::{Hold, HoldClass, Reason};
use super::job::JobStatus;
use super::record::{
    Condition, ConditionStatus, ConditionType, JobRecord, OperationKind, RecordedStatus, StoppedBy,
};
use super::status::{JarReport, JobStatusReport, LifecycleState, Phase};
use crate::resources::jet_job::DesiredState;

/// Brings the recorded conditions up to date and makes the status of this pass.
pub(super) fn report(draft: &mut Draft<'_>) -> JobStatusReport {
    let holds = draft.holds().to_vec();
    let settled = draft.step.is_none() && holds.iter().all(is_notice);
    let status = conditions(draft, &holds, settled);
    if status != draft.record.status {
        draft.edit().status = status;
    }
    describe(&draft.record, holds, settled)
}

/// The status as it was recorded last, of a job that nobody looks at now. Holds are not recorded.
pub fn last_status(record: &JobRecord) -> JobStatusReport {
    let settled = record.status.conditions.iter().any(|condition| {
        condition.kind == ConditionType::Reconciled && condition.status == ConditionStatus::True
    });
    describe(record, Vec::new(), settled)
}

fn describe(record: &JobRecord, holds: Vec<Hold>, settled: bool) -> JobStatusReport {
    let job = record.job.as_ref();
    let suspended = job.filter(|job| job.status == JobStatus::Suspended);
    let failed = job.filter(|job| job.status == JobStatus::Failed);
    JobStatusReport {
        id: job.map_or(0, |job| job.id.0),
        job_id_text: job.map(|job| job.id),
        phase: phase(record, &holds),
        lifecycle_state: lifecycle(record, settled),
        observed_generation: record.status.observed_generation,
        submission_time: job.map(|job| job.submitted_at),
        completion_time: job.and_then(|job| job.completed_at),
        failure_text: failed.and_then(|job| job.failure.clone()),
        suspension_cause: suspended.map(|job| {
            job.failure
                .clone()
                .unwrap_or_else(|| "Requested by user".to_owned())
        }),
        jar: job
            .and_then(|job| job.deployed.as_ref()?.jar)
            .map(|sha256| JarReport { sha256 }),
        conditions: record.status.conditions.clone(),
        holds,
    }
}

/// A hold that only tells: the job is as its last good document asks.
fn is_notice(hold: &Hold) -> bool {
    matches!(hold.reason, Reason::ReconcileDisabled)
}

fn phase(record: &JobRecord, holds: &[Hold]) -> Phase {
    let Some(job) = &record.job else {
        let blocked = holds.iter().any(|hold| hold.class == HoldClass::Blocked);
        return if blocked {
            Phase::Failed
        } else {
            Phase::NotRunning
        };
    };
    if job.gone {
        return Phase::Failed;
    }
    match job.status {
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

fn lifecycle(record: &JobRecord, settled: bool) -> LifecycleState {
    if record.deletion.is_some() {
        return LifecycleState::Deleting;
    }
    let Some(job) = &record.job else {
        return LifecycleState::Created;
    };
    if record
        .operation
        .as_ref()
        .is_some_and(|operation| operation.kind == OperationKind::Replace)
    {
        return LifecycleState::Upgrading;
    }
    match job.status {
        JobStatus::Failed if job.stopped_by == Some(StoppedBy::Failure) => LifecycleState::Failed,
        JobStatus::Suspended if settled => LifecycleState::Suspended,
        JobStatus::Running if settled => LifecycleState::Stable,
        _ => LifecycleState::Deployed,
    }
}

fn conditions(draft: &Draft<'_>, holds: &[Hold], settled: bool) -> RecordedStatus {
    let record = &draft.record;
    let generation = record.generation;
    let reconciled = settled && record.attempt.is_none();
    let observed = if reconciled {
        generation
    } else {
        record.status.observed_generation
    };
    let worst = holds.iter().max_by_key(|hold| weight(hold));
    let drift = record.drift.as_ref();
    let stalled = holds.iter().find(|hold| hold.reason == Reason::Stalled);
    let wanted = [
        ready(record, worst, settled),
        verdict(ConditionType::Reconciled, reconciled, worst),
        match drift {
            Some(drift) => (
                ConditionType::Drifted,
                ConditionStatus::True,
                Reason::Drifted,
                format!("{} by hand", drift.status),
            ),
            None => no(ConditionType::Drifted),
        },
        match stalled {
            Some(hold) => (
                ConditionType::Stalled,
                ConditionStatus::True,
                hold.reason,
                hold.message.clone(),
            ),
            None => no(ConditionType::Stalled),
        },
    ];
    let before = &record.status.conditions;
    let conditions = wanted.into_iter().map(|(kind, status, reason, message)| {
        let old = before.iter().find(|old| old.kind == kind);
        let same = old.filter(|old| old.status == status);
        Condition {
            kind,
            status,
            reason,
            message,
            last_transition_time: same.map_or(draft.now(), |old| old.last_transition_time),
            observed_generation: generation,
        }
    });
    RecordedStatus {
        observed_generation: observed,
        conditions: conditions.collect(),
    }
}

/// Which of several holds the conditions speak of.
fn weight(hold: &Hold) -> u8 {
    match hold.class {
        HoldClass::Waiting => 0,
        HoldClass::Policy => 1,
        HoldClass::Blocked => 2,
    }
}

type Verdict = (ConditionType, ConditionStatus, Reason, String);

fn no(kind: ConditionType) -> Verdict {
    (
        kind,
        ConditionStatus::False,
        Reason::AsDesired,
        String::new(),
    )
}

fn verdict(kind: ConditionType, holds: bool, worst: Option<&Hold>) -> Verdict {
    match (holds, worst) {
        (true, _) => (
            kind,
            ConditionStatus::True,
            Reason::AsDesired,
            String::new(),
        ),
        (false, Some(hold)) => (
            kind,
            ConditionStatus::False,
            hold.reason,
            hold.message.clone(),
        ),
        (false, None) => (
            kind,
            ConditionStatus::False,
            Reason::StepInFlight,
            "under way".to_owned(),
        ),
    }
}

fn ready(record: &JobRecord, worst: Option<&Hold>, settled: bool) -> Verdict {
    let status = record
        .job
        .as_ref()
        .filter(|job| !job.gone)
        .map(|job| job.status);
    let unreachable = worst.is_some_and(|hold| {
        matches!(
            hold.reason,
            Reason::ClusterUnreachable | Reason::ClusterUnknown
        )
    });
    if unreachable && let Some(hold) = worst {
        let kind = ConditionType::Ready;
        return (
            kind,
            ConditionStatus::Unknown,
            hold.reason,
            hold.message.clone(),
        );
    }
    let as_wanted = match record.spec.state {
        DesiredState::Running | DesiredState::Restarted => {
            matches!(status, Some(JobStatus::Running | JobStatus::Completed))
        }
        DesiredState::Suspended => matches!(status, None | Some(JobStatus::Suspended)),
        DesiredState::Canceled => status.is_none_or(JobStatus::is_terminal),
    };
    let ended = as_wanted && status.is_some_and(JobStatus::is_terminal);
    match (as_wanted, ended) {
        (true, true) => (
            ConditionType::Ready,
            ConditionStatus::True,
            Reason::Ended,
            String::new(),
        ),
        (true, false) => verdict(ConditionType::Ready, true, None),
        (false, _) => verdict(ConditionType::Ready, false, worst.filter(|_| !settled)),
    }
}
