//! What our job does, and who stopped it.

use std::sync::Arc;

use jiff::Timestamp;

use super::tell;
use crate::plan::draft::Draft;
use crate::plan::event::EventKind;
use crate::plan::jet_job::jar_as_declared;
use crate::plan::job::{JobId, JobStatus, JobView};
use crate::plan::observed::Look;
use crate::plan::record::{BoundJob, CancelAsked, StoppedBy};
use crate::plan::transition::after;
use crate::resources::jet_job::DesiredState;

/// Follows the job that is ours.
pub(super) fn follow_job(draft: &mut Draft<'_>) {
    let (Some(job), Some(view)) = (&draft.record.job, draft.view()) else {
        return;
    };
    if view.cluster_id != Some(job.cluster_id) {
        if job.is_active() {
            let id = job.id;
            lose(draft, id, "its cluster is another one now");
        }
        return;
    }
    match view.look(job.id) {
        Look::Present(seen) => {
            update(draft, seen);
            wake_when_over(draft);
        }
        Look::Gone if job.is_active() => {
            let id = job.id;
            lose(draft, id, "the cluster knows it no longer");
        }
        Look::Gone | Look::Unknown => {}
    }
}

fn lose(draft: &mut Draft<'_>, id: JobId, why: &str) {
    let record = draft.edit();
    record.retry = None;
    record.sought_restart = None;
    if let Some(job) = &mut record.job {
        job.gone = true;
    }
    draft.tell(EventKind::Lost, format!("job {id} is gone: {why}"));
}

fn update(draft: &mut Draft<'_>, seen: &JobView) {
    let Some(before) = draft.record.job.as_ref() else {
        return;
    };
    let changed = before.status != seen.status;
    let ran_before = before.ran;
    let by_hand = restarted_by_hand(before, seen);
    let next = next_of(draft, before, seen);
    if next == *before {
        return;
    }
    let record = draft.edit();
    record.job = Some(next);
    if by_hand {
        // There is nothing to undo: the job goes on with the state that it had.
        let message = format!("restarted by hand (job {})", seen.id);
        draft.tell(EventKind::Drifted, message);
    }
    let record = draft.edit();
    if changed {
        // What failed then is another question now, and so is what a person said about it.
        record.retry = None;
        record.restarts.confirmed = false;
        tell::status(draft, seen, ran_before);
    }
}

/// Whether a member told of a restart that we did not ask for. One of ours whose event was lost with
/// the connection excuses one of somebody else's.
fn restarted_by_hand(before: &BoundJob, seen: &JobView) -> bool {
    is_restarted_anew(before, seen) && !before.restart_asked
}

fn is_restarted_anew(before: &BoundJob, seen: &JobView) -> bool {
    seen.restarted.is_some() && seen.restarted != before.restarted
}

fn next_of(draft: &Draft<'_>, before: &BoundJob, seen: &JobView) -> BoundJob {
    let changed = before.status != seen.status;
    let mut job = before.clone();
    job.gone = false;
    job.status = seen.status;
    if changed {
        job.status_since = draft.now();
        job.failure = None;
    }
    job.ran |= seen.status == JobStatus::Running;
    if is_restarted_anew(before, seen) {
        job.restarted = seen.restarted;
        job.restart_asked = false;
    }
    job.submitted_at = seen.submitted_at;
    job.completed_at = seen.completed_at;
    job.failure = failure_of(seen).or(job.failure);
    if let Some(config) = &seen.config {
        job.guarantee = Some(config.guarantee);
    }
    job.stopped_by = stopper(draft, seen, Some(before));
    if job.stopped_by != Some(StoppedBy::Us) {
        job.suspend_asked = None;
    }
    let standing = draft.view().and_then(|view| view.standings.get(&job.id));
    job.own_snapshot |= standing.is_some_and(|standing| standing.committed.is_some());
    // Its configuration may come later than its end.
    job.ended_uncommitted = ended_uncommitted(seen) || (job.ended_uncommitted && !changed);
    let in_flight = draft.input.recorded.in_flight.contains_key(&draft.id);
    job.cancel
        .take_if(|cancel| !in_flight && is_in_vain(draft, seen, cancel));
    if let Some(deployed) = &mut job.deployed
        && let Some((jar, jar_on_member)) = jar_as_declared(draft, seen, deployed)
    {
        deployed.jar = jar;
        deployed.jar_on_member = jar_on_member;
    }
    job
}

/// Whether it is known of a job that FAILED that it had committed no snapshot: it lasted shorter than the time
/// from one snapshot to the next, by the members' clocks. What was read of its snapshots before proves
/// nothing, for it may have committed one between that and its end.
pub(super) fn ended_uncommitted(seen: &JobView) -> bool {
    let lasted = seen
        .completed_at
        .map(|end| end.duration_since(seen.submitted_at));
    let config = seen.config.as_ref();
    let interval = config.map(|config| config.settings.snapshot_interval);
    let shorter = matches!((lasted, interval), (Some(lasted), Some(interval)) if lasted < interval);
    seen.status == JobStatus::Failed && shorter
}

/// Whether a cancel that may have been carried out was not: the job still is there long after.
fn is_in_vain(draft: &Draft<'_>, seen: &JobView, cancel: &CancelAsked) -> bool {
    let stays = runs(seen.status) || seen.status == JobStatus::Suspended;
    stays && cancel.sent_at.is_some_and(|sent| is_over(draft, sent))
}

/// The same of a suspension that nothing under way waits for: whoever suspends the job later, we don't.
fn was_never_suspended(draft: &Draft<'_>, before: &BoundJob) -> bool {
    let operation = draft.record.operation.as_ref();
    let waits = operation.is_some_and(|operation| operation.job == before.id)
        || draft.input.recorded.in_flight.contains_key(&draft.id);
    let over = before
        .suspend_asked
        .is_some_and(|asked| is_over(draft, asked));
    runs(before.status) && !waits && over
}

fn runs(status: JobStatus) -> bool {
    matches!(
        status,
        JobStatus::NotRunning | JobStatus::Starting | JobStatus::Running
    )
}

/// Plans again when what was asked of the job should have been done.
fn wake_when_over(draft: &mut Draft<'_>) {
    let Some(job) = &draft.record.job else {
        return;
    };
    let suspend = job.suspend_asked.filter(|_| runs(job.status));
    let cancel = job.cancel.and_then(|cancel| cancel.sent_at);
    let cancel = cancel.filter(|_| !job.status.is_terminal());
    for asked in [suspend, cancel].into_iter().flatten() {
        draft.wake_at(after(asked, draft.record.spec.timeouts.suspend));
    }
}

/// Whether what was asked for then should have been done by now.
fn is_over(draft: &Draft<'_>, asked: Timestamp) -> bool {
    draft.now() >= after(asked, draft.record.spec.timeouts.suspend)
}

pub(super) fn failure_of(job: &JobView) -> Option<Arc<str>> {
    match job.status {
        JobStatus::Failed => job.failure.clone(),
        JobStatus::Suspended => job.suspension_failure.clone(),
        _ => None,
    }
}

/// Who stopped the job, where it is suspended or ended, or on its way there.
pub(super) fn stopper(
    draft: &Draft<'_>,
    job: &JobView,
    before: Option<&BoundJob>,
) -> Option<StoppedBy> {
    let known = before
        .filter(|before| !was_never_suspended(draft, before))
        .and_then(|before| before.stopped_by);
    let changed = before.is_none_or(|before| before.status != job.status);
    match job.status {
        JobStatus::Suspended => Some(suspended_by(draft, job, known, changed)),
        JobStatus::Failed => Some(ended_by(draft, job, known)),
        JobStatus::Completing | JobStatus::SuspendedExportingSnapshot => known,
        // It runs again, whoever stopped it.
        JobStatus::NotRunning | JobStatus::Starting | JobStatus::Running if !changed => known,
        JobStatus::NotRunning | JobStatus::Starting | JobStatus::Running | JobStatus::Completed => {
            None
        }
    }
}

fn suspended_by(
    draft: &Draft<'_>,
    job: &JobView,
    known: Option<StoppedBy>,
    changed: bool,
) -> StoppedBy {
    let wanted = draft.record.spec.state == DesiredState::Suspended;
    match known {
        _ if job.suspension_failure.is_some() => StoppedBy::Failure,
        Some(StoppedBy::Us) => StoppedBy::Us,
        Some(StoppedBy::Failure) if !changed => StoppedBy::Failure,
        _ if wanted => StoppedBy::Us,
        Some(by) if !changed => by,
        // A member left and autoScaling is off: the cause reads as if a person had asked.
        _ if job.user_requested == Some(false) => StoppedBy::Failure,
        _ => StoppedBy::Person,
    }
}

fn ended_by(draft: &Draft<'_>, job: &JobView, known: Option<StoppedBy>) -> StoppedBy {
    let record = &draft.record;
    let ended_before = record
        .job
        .as_ref()
        .is_some_and(|before| before.id == job.id && before.status == JobStatus::Failed);
    // A cancel of ours that is known not to have happened explains nothing.
    let bound = record.job.as_ref().filter(|bound| bound.id == job.id);
    let asked = bound.is_some_and(|bound| bound.cancel.is_some());
    let declared = record.spec.state == DesiredState::Canceled;
    match known {
        _ if !job.user_cancelled => StoppedBy::Failure,
        Some(StoppedBy::Us) if ended_before => StoppedBy::Us,
        _ if asked || declared => StoppedBy::Us,
        _ => StoppedBy::Person,
    }
}

/// Whether a restart was done whose request had no answer: only the job tells, and it may tell late. That it
/// is not wanted any more ends the search too.
pub(super) fn look_for_restart(draft: &mut Draft<'_>) {
    let Some(sought) = draft.record.sought_restart else {
        return;
    };
    let job = draft.record.job.as_ref();
    let same = job.filter(|job| job.id == sought.job && job.is_active());
    let seen = same.and_then(|job| draft.seen(job.id));
    if same.is_some() && seen.is_none() {
        return;
    }
    // The status of an event may come before the list that has the execution it is of.
    let unchanged = seen.is_some_and(|job| {
        job.execution_id == sought.execution_id
            && job.status == JobStatus::Running
            && job.restarted != Some(sought.execution_id)
    });
    if !unchanged || !draft.record.wants_sought_restart() {
        draft.edit().sought_restart = None;
    }
}
