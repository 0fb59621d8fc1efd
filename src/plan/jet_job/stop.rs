//! Stopping a job: suspending it, or ending it as its `deletionPolicy` says.

use super::super::draft::Draft;
use super::super::hold::{Reason, Release};
use super::super::job::JobStatus;
use super::super::record::{BoundJob, OperationKind};
use super::super::step::{Action, Remember};
use super::{trusted, wait_for_start, wait_for_stop};
use crate::resources::jet_job::{DeletionPolicy, UpgradeMode};

/// Suspends a running job, if it may be suspended at all.
pub(super) fn suspend(draft: &mut Draft<'_>, job: &BoundJob, operation: Option<OperationKind>) {
    let config = draft
        .view()
        .and_then(|view| view.jobs.known()?.get(&job.id)?.config.clone());
    match config {
        None => {
            draft.hold(
                Reason::ClusterUnknown,
                "the job's configuration is being asked for",
            );
            return;
        }
        Some(config) if !config.suspendable => {
            let message = "the job says that it can't be suspended (__jet.jobIsSuspendable); \
                           suspending it would cancel it";
            draft.hold(Reason::NotSuspendable, message);
            return;
        }
        Some(_) => {}
    }
    if trusted(draft) {
        let remember = Remember {
            operation,
            ..Remember::default()
        };
        draft.act_on(
            job.id,
            &[JobStatus::Running],
            Action::Suspend { job: job.id },
            remember,
        );
    }
}

/// Whether the job's state may go: its document or a person says so, or it has none.
pub(super) fn state_may_go(draft: &Draft<'_>, job: &BoundJob) -> bool {
    draft.record.discard_state
        || job
            .guarantee
            .is_some_and(|guarantee| !guarantee.keeps_state())
        || draft.record.spec.deletion_policy == DeletionPolicy::Cancel
}

/// The same for an upgrade, where `upgradePolicy.mode` speaks instead of `deletionPolicy`.
pub(super) fn state_may_go_in_upgrade(draft: &Draft<'_>, job: &BoundJob) -> bool {
    draft.record.discard_state
        || job
            .guarantee
            .is_some_and(|guarantee| !guarantee.keeps_state())
        || draft.record.spec.upgrade_policy.mode == UpgradeMode::Stateless
}

/// Brings the job to its end, as its `deletionPolicy` says. Done once it has ended or is left.
pub(super) fn for_good(draft: &mut Draft<'_>, job: &BoundJob, operation: OperationKind) {
    if !job.is_active() || finished_by_policy(draft, job) {
        return;
    }
    if super::still_looked_for(draft, job) {
        return;
    }
    match job.status {
        JobStatus::Completing | JobStatus::SuspendedExportingSnapshot => wait_for_stop(draft, job),
        JobStatus::Failed | JobStatus::Completed => {}
        JobStatus::Running if draft.record.spec.deletion_policy == DeletionPolicy::Suspend => {
            suspend(draft, job, Some(operation));
        }
        JobStatus::NotRunning | JobStatus::Starting if !state_may_go(draft, job) => {
            wait_for_start(draft, job);
        }
        JobStatus::NotRunning | JobStatus::Starting | JobStatus::Running | JobStatus::Suspended => {
            if state_may_go(draft, job) || discarding_confirmed(draft, job) {
                cancel(
                    draft,
                    job,
                    Remember {
                        operation: Some(operation),
                        ..Remember::default()
                    },
                );
            }
        }
    }
}

/// Whether the policy leaves the job as it is now.
pub(super) fn finished_by_policy(draft: &Draft<'_>, job: &BoundJob) -> bool {
    match draft.record.spec.deletion_policy {
        DeletionPolicy::Orphan => true,
        DeletionPolicy::Suspend => job.status == JobStatus::Suspended,
        DeletionPolicy::Snapshot | DeletionPolicy::Cancel => false,
    }
}

/// Holds until a person says that the state may go; remembers that word.
fn discarding_confirmed(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    if job.guarantee.is_none() {
        draft.hold(
            Reason::ClusterUnknown,
            "the job's configuration is being asked for",
        );
        return false;
    }
    let message = "deletionPolicy Snapshot asks for a snapshot before the job is cancelled, which \
                   this version can't make yet; set deletionPolicy: Cancel, or confirm with \
                   --discard-state that its state may go";
    ask_to_discard(draft, message)
}

/// Holds until a person says that the state may go; remembers that word.
pub(super) fn ask_to_discard(draft: &mut Draft<'_>, message: &str) -> bool {
    let confirmed = draft
        .ask(Reason::SnapshotRequired, Release::DiscardState, message)
        .is_some();
    if confirmed {
        draft.edit().discard_state = true;
    }
    confirmed
}

/// Cancels a job whose state may go, in the way that its status allows.
pub(super) fn cancel(draft: &mut Draft<'_>, job: &BoundJob, remember: Remember) {
    if !trusted(draft) {
        return;
    }
    // A graceful cancel lets sinks commit what they hold; without a guarantee there is nothing.
    let keeps_state = job
        .guarantee
        .is_none_or(super::super::job::Guarantee::keeps_state);
    let forceful = job.status != JobStatus::Running || !keeps_state;
    draft.act_on(
        job.id,
        &[job.status],
        Action::Cancel {
            job: job.id,
            forceful,
        },
        remember,
    );
}
