//! The conditions of a status. Their times move only when their verdict changes.

use crate::plan::draft::Draft;
use crate::plan::hold::{Hold, HoldClass, Reason};
use crate::plan::jet_job::finished_by_policy;
use crate::plan::job::JobStatus;
use crate::plan::record::{
    BoundJob, Condition, ConditionStatus, ConditionType, JobRecord, RecordedStatus,
};
use crate::plan::step::Step;
use crate::resources::jet_job::DesiredState;

/// What a condition says: whether it holds, why in one word, and in words.
type Verdict = (ConditionStatus, Reason, String);

/// The conditions as they are now.
pub(super) fn conditions(draft: &Draft<'_>, holds: &[Hold], settled: bool) -> RecordedStatus {
    let record = &draft.record;
    let reconciled = settled && record.attempt.is_none();
    let why = Why {
        worst: holds.iter().max_by_key(|hold| weight(hold)),
        step: draft.step.as_ref(),
    };
    let wanted = [
        (ConditionType::Ready, ready(draft, &why)),
        (
            ConditionType::Reconciled,
            if reconciled { yes("") } else { not_yet(&why) },
        ),
        (ConditionType::Drifted, drifted(record)),
        (ConditionType::Stalled, stalled(holds)),
    ];
    let before = &record.status.conditions;
    let conditions = wanted.into_iter().map(|(kind, (status, reason, message))| {
        let old = before.iter().find(|old| old.kind == kind);
        let same = old.filter(|old| old.status == status);
        Condition {
            kind,
            status,
            reason,
            message,
            last_transition_time: same.map_or(draft.now(), |old| old.last_transition_time),
            observed_generation: record.generation,
        }
    });
    RecordedStatus {
        observed_generation: if reconciled {
            record.generation
        } else {
            record.status.observed_generation
        },
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

fn yes(message: &str) -> Verdict {
    (ConditionStatus::True, Reason::AsDesired, message.to_owned())
}

fn no() -> Verdict {
    (ConditionStatus::False, Reason::AsDesired, String::new())
}

/// Why something is not as it should be.
struct Why<'a> {
    worst: Option<&'a Hold>,
    /// What is to be done about it.
    step: Option<&'a Step>,
}

fn not_yet(why: &Why<'_>) -> Verdict {
    let (reason, message) = match (why.worst, why.step) {
        (Some(hold), _) => (hold.reason, hold.message.clone()),
        // In the words of the hold that follows, so that the start of a step changes no condition.
        (None, Some(step)) => (Reason::StepInFlight, step.under_way()),
        (None, None) => (Reason::StepInFlight, "under way".to_owned()),
    };
    (ConditionStatus::False, reason, message)
}

fn drifted(record: &JobRecord) -> Verdict {
    match &record.drift {
        None => no(),
        Some(drift) => {
            let message = format!("{} by hand", drift.status);
            (ConditionStatus::True, Reason::Drifted, message)
        }
    }
}

fn stalled(holds: &[Hold]) -> Verdict {
    match holds.iter().find(|hold| hold.reason == Reason::Stalled) {
        None => no(),
        Some(hold) => (ConditionStatus::True, hold.reason, hold.message.clone()),
    }
}

fn ready(draft: &Draft<'_>, why: &Why<'_>) -> Verdict {
    let record = &draft.record;
    let unseen = draft.sight.is_none_or(|sight| sight.obstacle.is_some());
    // What has ended stays so, whether its cluster answers or not.
    let may_run = record.attempt.is_some() || record.job.as_ref().is_some_and(BoundJob::is_active);
    if unseen && may_run {
        let (_, reason, message) = not_yet(why);
        return (ConditionStatus::Unknown, reason, message);
    }
    let job = record.job.as_ref().filter(|job| !job.gone);
    match as_wanted(record, job) {
        None => not_yet(why),
        Some(verdict) => verdict,
    }
}

/// Whether the job does what its document says.
fn as_wanted(record: &JobRecord, job: Option<&BoundJob>) -> Option<Verdict> {
    let status = job.map(|job| job.status);
    let ended = || Some((ConditionStatus::True, Reason::Ended, String::new()));
    match (record.spec.state, status) {
        (DesiredState::Running | DesiredState::Restarted, Some(JobStatus::Running))
        | (DesiredState::Suspended, Some(JobStatus::Suspended)) => Some(yes("")),
        (_, Some(JobStatus::Completed)) => ended(),
        (DesiredState::Suspended | DesiredState::Canceled, None) => {
            Some(yes("there is no job, and none is asked for"))
        }
        (DesiredState::Canceled, Some(status)) if status.is_terminal() => ended(),
        (DesiredState::Canceled, Some(_)) => job
            .filter(|job| finished_by_policy(record, job))
            .map(|_| yes("left as it is by its deletionPolicy")),
        _ => None,
    }
}
