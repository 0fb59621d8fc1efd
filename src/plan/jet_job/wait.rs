//! Waiting for what the members do, and saying when that takes too long.

use jiff::{SignedDuration, Timestamp};

use super::super::draft::Draft;
use super::super::hold::Reason;
use super::super::observed::Look;
use super::super::record::BoundJob;
use super::super::transition::after;

/// What takes longer than this is worth a look by a person.
const SLOW: SignedDuration = SignedDuration::from_secs(10);

/// Whether the list lacks our job and nothing is proven yet.
pub(super) fn still_looked_for(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    let unknown = draft
        .view()
        .is_none_or(|view| matches!(view.look(job.id), Look::Unknown));
    if job.is_active() && unknown {
        let message = format!(
            "job {} is not in the cluster's list; asking for it by id",
            job.id
        );
        draft.hold(Reason::LookingForJob, message);
        return true;
    }
    false
}

/// Waits until the job runs; whether that took longer than it may.
pub(super) fn for_start(draft: &mut Draft<'_>, job: &BoundJob) {
    let limit = draft.record.spec.timeouts.start;
    let advice = "the members log why it doesn't start";
    wait(draft, job, limit, Reason::JobStarting, advice);
}

/// Waits until the job has stopped.
pub(super) fn for_stop(draft: &mut Draft<'_>, job: &BoundJob) {
    let limit = draft.record.spec.timeouts.suspend;
    let advice = "a job that stays so may need a member to be restarted";
    wait(draft, job, limit, Reason::JobCompleting, advice);
}

/// Whether the job may still end by a cancel that nobody wants any more. It is started again then, so
/// nothing else is begun before it has ended or the wait is over.
pub(super) fn for_cancel(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    let operation = draft.record.operation.as_ref();
    let goes_on = operation.is_some_and(|it| it.job == job.id && it.cancels());
    let sent_at = job.cancel.and_then(|cancel| cancel.sent_at);
    let Some(sent_at) = sent_at.filter(|_| job.is_active() && !goes_on) else {
        return false;
    };
    let message = format!(
        "job {} was told to end, for what is not wanted any more; if it ends, it is started again",
        job.id
    );
    let until = after(sent_at, draft.record.spec.timeouts.suspend);
    draft.hold_until(Reason::JobCompleting, until, message);
    true
}

/// Whether the job has been in its status for longer than this.
pub(super) fn overdue(draft: &Draft<'_>, job: &BoundJob, limit: SignedDuration) -> bool {
    draft.now() >= after(job.status_since, limit)
}

/// Waits up to a limit, then says that it takes too long and goes on waiting. Advice is for what is slow.
fn wait(
    draft: &mut Draft<'_>,
    job: &BoundJob,
    limit: SignedDuration,
    reason: Reason,
    advice: &str,
) {
    let since = clock(job.status_since);
    let mut message = format!("job {} is {} since {since}", job.id, job.status);
    if overdue(draft, job, SLOW.min(limit)) {
        message = format!("{message}; {advice}");
    } else {
        draft.wake_at(after(job.status_since, SLOW));
    }
    if overdue(draft, job, limit) {
        draft.hold(Reason::Stalled, message);
    } else {
        draft.hold_until(reason, after(job.status_since, limit), message);
    }
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}
