//! Whether what a document asks for may begin now, by the windows of its source.
//!
//! Held is what begins something because the YAML says so: a first submit, another version, a suspend, a resume, a
//! restart, an end, and to undo what a person did by hand. Not held is what was begun (it is brought to its end), and
//! what keeps alive what was there: a job that failed or was lost comes back as it was, a new version that failed is
//! rolled back. Entries of ours and surplus snapshots are kept in order at any time: that stops no job.

use super::super::draft::Draft;
use super::super::hold::{Reason, Release};
use super::super::outlook::outlook;
use super::super::record::{Attempt, BoundJob, Deed, OperationKind, StoppedBy};
use super::super::step::{Action, Step};
use super::super::windows;
use super::change::replacement_wanted;

/// Turns a step that begins something into a hold where it may not begin now.
pub(super) fn gate(draft: &mut Draft<'_>) {
    let Some(step) = draft.step.clone().filter(|step| begins(draft, step)) else {
        return;
    };
    let source = &draft.record.place.source;
    let Some(closed) = windows::closed(draft.input, source) else {
        return;
    };
    if draft.record.outside_windows {
        return;
    }
    let message = windows::waits(source, &closed, &outlook(&step));
    if closed.opens.is_none() {
        draft.wake_at(windows::look_again(draft.now()));
    }
    let begun = draft.ask_until(
        Reason::SyncWindow,
        Deed::Begin,
        Release::Confirm,
        closed.opens,
        message,
    );
    if begun {
        draft.edit().outside_windows = true;
        return;
    }
    draft.step = None;
    if matches!(step.action, Action::Submit(_)) {
        // It was made for the step that is not done.
        draft.edit().attempt = None;
    }
}

/// Whether the step begins something because its document says so.
fn begins(draft: &Draft<'_>, step: &Step) -> bool {
    let job = draft.record.job.as_ref();
    match &step.action {
        Action::Claim { attempt: None, .. }
        | Action::Anchor { .. }
        | Action::Release { .. }
        | Action::DeleteSnapshot { .. } => false,
        // Whatever it is for: the job runs as long as it isn't done.
        Action::Suspend { .. } | Action::Restart { .. } => true,
        Action::Claim {
            attempt: Some(attempt),
            ..
        } => starts(draft, attempt),
        Action::Submit(_) => {
            let recorded = draft.input.recorded.jobs.get(&draft.id.name);
            let begun = recorded.is_some_and(|record| record.attempt.is_some());
            let attempt = draft.record.attempt.as_ref();
            !begun && attempt.is_some_and(|attempt| starts(draft, attempt))
        }
        Action::Cancel { .. } | Action::Export(_) | Action::UpdateConfig { .. } => {
            let rolls_back = step.remember.operation == Some(OperationKind::Rollback);
            !rolls_back && !job.is_some_and(|job| is_under_way(draft, job))
        }
        Action::Resume { .. } => job.is_some_and(|job| {
            let recovers = match job.stopped_by {
                Some(StoppedBy::Failure) => true,
                Some(StoppedBy::Person) => undone_by_word(draft),
                Some(StoppedBy::Us) | None => false,
            };
            !recovers && !is_under_way(draft, job)
        }),
    }
}

/// Whether a submit is more than to bring back what was there, and more than the rest of what was begun.
fn starts(draft: &Draft<'_>, attempt: &Attempt) -> bool {
    let Some(job) = draft.record.job.as_ref() else {
        return true;
    };
    let operation = draft.record.operation.as_ref();
    if operation.is_some_and(|it| it.is_upgrade() && it.job == job.id) {
        return false;
    }
    let was_lost = job.gone || job.stopped_by == Some(StoppedBy::Failure);
    let comes_back = was_lost || undone_by_word(draft);
    !comes_back
        || (replacement_wanted(draft, job) && Some(&attempt.deployed) != job.deployed.as_ref())
}

/// Whether an operation has begun with this job.
fn is_under_way(draft: &Draft<'_>, job: &BoundJob) -> bool {
    let operation = draft.record.operation.as_ref();
    operation.is_some_and(|operation| operation.job == job.id)
}

/// Whether a person said that what was done by hand be undone.
fn undone_by_word(draft: &Draft<'_>) -> bool {
    let drift = draft.record.drift.as_ref();
    drift.is_some_and(|drift| drift.confirmed)
}
