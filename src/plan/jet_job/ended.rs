//! A job that failed, was cancelled, completed, or is gone.

use jiff::SignedDuration;

use super::super::draft::Draft;
use super::super::hold::{Reason, Release};
use super::super::record::{BoundJob, OperationKind, StoppedBy};
use super::super::transition::{after, backoff};
use super::change::{redeploy_wanted, replacement_wanted, restart_nonce_wanted};
use super::{stop, submit, suspended};
use crate::resources::jet_job::{RestartKind, StateLossMode};

const LONGEST_BACKOFF: SignedDuration = SignedDuration::from_hours(1);

/// A FAILED job that should run.
pub(super) fn failed(draft: &mut Draft<'_>, job: &BoundJob) {
    if job.stopped_by == Some(StoppedBy::Us) {
        // We cancelled it: to replace it, or because the YAML said Canceled then.
        submit::start(draft, false);
        return;
    }
    let asked = replacement_wanted(draft, job) || restart_nonce_wanted(draft);
    if job.stopped_by == Some(StoppedBy::Person) {
        if !asked && !suspended::drift_may_be_undone(draft, "submit it again by a changed nonce") {
            return;
        }
    } else if !asked && !failure_restart_due(draft, job) {
        return;
    }
    let after_failure = job.stopped_by == Some(StoppedBy::Failure) && !asked;
    if may_start_without_state(draft, job, asked) {
        submit::start(draft, after_failure);
    }
}

/// A COMPLETED job that should run: never again on its own.
pub(super) fn completed(draft: &mut Draft<'_>) {
    if redeploy_wanted(draft) || restart_nonce_wanted(draft) {
        submit::start(draft, false);
    }
}

/// A job that its cluster lost.
pub(super) fn gone(draft: &mut Draft<'_>, job: &BoundJob) {
    use crate::resources::jet_job::DesiredState;
    if draft.record.spec.state == DesiredState::Suspended {
        draft.hold(
            Reason::StateLost,
            "the cluster lost the job; there is nothing to suspend",
        );
        return;
    }
    let replaced = draft.record.operation.as_ref().is_some_and(|operation| {
        operation.kind == OperationKind::Replace && job.stopped_by == Some(StoppedBy::Us)
    });
    if replaced || may_start_without_state(draft, job, false) {
        submit::start(draft, false);
    }
}

/// Whether the job may be submitted without the state it had; holds if not.
fn may_start_without_state(draft: &mut Draft<'_>, job: &BoundJob, upgrade: bool) -> bool {
    let on_loss = draft.record.spec.on_state_loss.mode;
    let stateless = job
        .guarantee
        .is_some_and(|guarantee| !guarantee.keeps_state());
    let allowed = draft.record.discard_state
        || (upgrade && stop::state_may_go_in_upgrade(draft, job))
        || on_loss == StateLossMode::StartFresh
        || (stateless && on_loss != StateLossMode::Hold);
    if allowed {
        return true;
    }
    let message = "its state is lost with it, and there is no snapshot to start from; set \
                   onStateLoss.mode: StartFresh, or confirm with --discard-state that it may start \
                   without state";
    let confirmed = draft
        .ask(Reason::StateLost, Release::DiscardState, message)
        .is_some();
    if confirmed {
        draft.edit().discard_state = true;
    }
    confirmed
}

/// Whether `restartPolicy` restarts the job now; holds if not.
pub(super) fn failure_restart_due(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    let policy = draft.record.spec.restart_policy.clone();
    let failure = job.failure.as_deref().and_then(|text| text.lines().next());
    let failure = failure.unwrap_or("the members told no reason").to_owned();
    if policy.kind == RestartKind::Never {
        let message = format!(
            "{failure}; mend the pipeline and change its jar, set restartPolicy.type: OnFailure, or \
             confirm that it be started again"
        );
        return draft
            .ask(Reason::JobFailed, Release::Confirm, message)
            .is_some();
    }
    let restarts = draft.record.restarts.clone();
    let calm = policy.backoff.saturating_mul(10);
    let forgiven = restarts
        .last_at
        .is_none_or(|last| job.status_since.duration_since(last) > calm);
    let count = if forgiven { 0 } else { restarts.count };
    if forgiven && restarts.count > 0 {
        draft.edit().restarts.count = 0;
    }
    if count >= policy.max_restarts {
        let message = format!(
            "{failure}; restarted {count} times in a row (restartPolicy.maxRestarts); confirm that \
             it be started again"
        );
        return draft
            .ask(Reason::JobFailed, Release::Confirm, message)
            .is_some();
    }
    let due = after(
        job.status_since,
        backoff(policy.backoff, count, LONGEST_BACKOFF),
    );
    if draft.now() < due {
        draft.hold_until(
            Reason::BackingOff,
            due,
            format!("{failure}; restarted at {due}"),
        );
        return false;
    }
    true
}
