//! The conditions of a status. Their times move only when their verdict changes.

use crate::plan::draft::Draft;
use crate::plan::hold::{Hold, HoldClass, Reason};
use crate::plan::jet_job::{finished_by_policy, is_outdated};
use crate::plan::job::JobStatus;
use crate::plan::record::{
    BoundJob, Condition, ConditionStatus, ConditionType, JobRecord, LastKnown, RecordedStatus,
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
            reconciliation(draft, &why, reconciled),
        ),
        (ConditionType::Drifted, drifted(record)),
        (ConditionType::Stalled, stalled(holds)),
    ];
    let mut status = RecordedStatus {
        observed_generation: if reconciled {
            record.generation
        } else {
            record.status.observed_generation
        },
        ..RecordedStatus::default()
    };
    for (kind, verdict) in wanted {
        add(&mut status, draft, kind, verdict);
    }
    status
}

/// Adds a condition. Its time moves when its status changes; while nobody can know it, the status it
/// had before is kept in mind, for a cluster that can't be seen for a moment changes nothing.
fn add(status: &mut RecordedStatus, draft: &Draft<'_>, kind: ConditionType, verdict: Verdict) {
    let before = &draft.record.status;
    let (now_is, reason, message) = verdict;
    let old = before.conditions.iter().find(|old| old.kind == kind);
    let known = match old {
        Some(old) if old.status != ConditionStatus::Unknown => Some(LastKnown {
            kind,
            status: old.status,
            since: old.last_transition_time,
        }),
        _ => before
            .last_known
            .iter()
            .find(|known| known.kind == kind)
            .copied(),
    };
    let since = match old.filter(|old| old.status == now_is) {
        Some(same) => same.last_transition_time,
        None => known
            .filter(|known| known.status == now_is)
            .map_or(draft.now(), |known| known.since),
    };
    if now_is == ConditionStatus::Unknown {
        status.last_known.extend(known);
    }
    status.conditions.push(Condition {
        kind,
        status: now_is,
        reason,
        message,
        last_transition_time: since,
        observed_generation: draft.record.generation,
    });
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
        Some(drift) => (ConditionStatus::True, Reason::Drifted, drift.words()),
    }
}

fn stalled(holds: &[Hold]) -> Verdict {
    match holds.iter().find(|hold| hold.reason == Reason::Stalled) {
        None => no(),
        Some(hold) => (ConditionStatus::True, hold.reason, hold.message.clone()),
    }
}

/// Whether the cluster can't be seen, so that nobody knows what the job does.
fn unseen(draft: &Draft<'_>) -> bool {
    draft.sight.is_none_or(|sight| sight.obstacle.is_some())
}

fn reconciliation(draft: &Draft<'_>, why: &Why<'_>, reconciled: bool) -> Verdict {
    if reconciled {
        return yes("");
    }
    let record = &draft.record;
    let (status, reason, message) = not_yet(why);
    // What was applied may still be so.
    if unseen(draft) && record.status.observed_generation == record.generation {
        return (ConditionStatus::Unknown, reason, message);
    }
    (status, reason, message)
}

fn ready(draft: &Draft<'_>, why: &Why<'_>) -> Verdict {
    let record = &draft.record;
    // What has ended stays so, whether its cluster answers or not.
    let may_run = record.attempt.is_some() || record.job.as_ref().is_some_and(BoundJob::is_active);
    if unseen(draft) && may_run {
        let (_, reason, message) = not_yet(why);
        return (ConditionStatus::Unknown, reason, message);
    }
    let job = record.job.as_ref().filter(|job| !job.gone);
    match as_wanted(record, job) {
        None => not_yet(why),
        Some(verdict) => match completed_before(draft, job) {
            Some(message) => (verdict.0, verdict.1, message),
            None => verdict,
        },
    }
}

/// What is said of a job that completed as another version than the one that is declared now: whoever
/// declared that may wait for it to run.
fn completed_before(draft: &Draft<'_>, job: Option<&BoundJob>) -> Option<String> {
    let job = job.filter(|job| job.status == JobStatus::Completed)?;
    if !draft.record.spec.state.runs() {
        return None;
    }
    if !draft.is_jar_known() {
        // It stays as it was told, else each start of ours would take it back for a moment.
        let told = draft.record.status.conditions.iter();
        let mut told = told.filter(|it| it.kind == ConditionType::Ready);
        return told.next().map(|it| it.message.clone());
    }
    let message = "it completed before jar, main class or parameters changed, and a completed job is not run \
                   again by itself: another restartNonce or redeployNonce runs it with them";
    is_outdated(draft, job).then(|| message.to_owned())
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
        (_, Some(status))
            if status.is_terminal()
                && job.is_some_and(|job| record.is_ended_by_snapshot(job.id)) =>
        {
            let message = "a JetJobSnapshot with cancelJob ended it; it starts again when its document \
                           changes";
            Some((ConditionStatus::True, Reason::Ended, message.to_owned()))
        }
        (DesiredState::Canceled, Some(_)) => job
            .filter(|job| finished_by_policy(record, job))
            .map(|_| yes("left as it is by its deletionPolicy")),
        _ => None,
    }
}
