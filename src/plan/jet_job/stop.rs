//! Stopping a job: suspending it, or ending it as its `deletionPolicy` says.

use super::super::draft::Draft;
use super::super::hold::{Reason, Release};
use super::super::job::{Guarantee, JobStatus};
use super::super::record::{BoundJob, Deed, JobRecord, OperationKind};
use super::super::step::{Action, ExpectedSnapshot, Remember};
use super::jar::deployed_now;
use super::{secure, wait};
use crate::resources::jet_job::{DeletionPolicy, UpgradeMode};

/// Suspends a running job, if it may be suspended at all.
pub(super) fn suspend(draft: &mut Draft<'_>, job: &BoundJob, operation: Option<OperationKind>) {
    let config = draft.seen(job.id).and_then(|job| job.config.as_ref());
    let Some(config) = config else {
        let message = "the job's configuration is being asked for";
        draft.hold(Reason::ClusterUnknown, message);
        return;
    };
    if !config.suspendable {
        let message = "the job says that it can't be suspended (__jet.jobIsSuspendable); \
                       suspending it would cancel it";
        draft.hold(Reason::NotSuspendable, message);
        return;
    }
    let remember = Remember {
        operation,
        ..Remember::default()
    };
    let action = Action::Suspend { job: job.id };
    draft.act_on(job.id, &[JobStatus::Running], action, remember);
}

/// Whether the job's state may go: its document or a person says so, or it has none.
pub(super) fn state_may_go(draft: &Draft<'_>, job: &BoundJob) -> bool {
    stateless(job)
        || is_let_go(draft, Deed::Cancel)
        || draft.record.spec.deletion_policy == DeletionPolicy::Cancel
}

/// The same for an upgrade, where `upgradePolicy.mode` speaks instead of `deletionPolicy`.
pub(super) fn state_may_go_in_upgrade(draft: &Draft<'_>, job: &BoundJob) -> bool {
    stateless(job)
        || draft.record.spec.upgrade_policy.mode == UpgradeMode::Stateless
        || is_let_go(draft, deed_of_upgrade(draft))
}

fn stateless(job: &BoundJob) -> bool {
    job.guarantee == Some(Guarantee::None)
}

/// Whether a person said that the job's state may go for just this.
pub(super) fn is_let_go(draft: &Draft<'_>, deed: Deed) -> bool {
    draft.record.discard_for == Some(deed)
}

/// What a person is asked about before a job is replaced: the version with the jar that is there now.
pub(super) fn deed_of_upgrade(draft: &Draft<'_>) -> Deed {
    Deed::Replace(deployed_now(draft).and_then(|deployed| deployed.jar))
}

/// Brings the job to its end, as its `deletionPolicy` says. Done once it has ended or is left.
pub(super) fn for_good(draft: &mut Draft<'_>, job: &BoundJob, operation: OperationKind) {
    if !job.is_active()
        || finished_by_policy(&draft.record, job)
        || wait::still_looked_for(draft, job)
    {
        return;
    }
    let to_suspend = draft.record.spec.deletion_policy == DeletionPolicy::Suspend;
    match job.status {
        JobStatus::Completing | JobStatus::SuspendedExportingSnapshot => {
            wait::for_stop(draft, job);
        }
        JobStatus::Failed | JobStatus::Completed => {}
        JobStatus::Running if to_suspend => suspend(draft, job, Some(operation)),
        JobStatus::NotRunning | JobStatus::Starting if to_suspend || starts_soon(draft, job) => {
            wait::for_start(draft, job);
        }
        _ if state_may_go(draft, job) => cancel(draft, job, operation, None),
        JobStatus::NotRunning | JobStatus::Starting => {
            let message = "deletionPolicy Snapshot asks for a snapshot before the job is cancelled, and \
                           a job that doesn't start makes none; see why it doesn't, set \
                           deletionPolicy: Cancel, or confirm with --discard-state that its state may go";
            if ask_to_discard(draft, Deed::Cancel, message) {
                cancel(draft, job, operation, None);
            }
        }
        JobStatus::Running | JobStatus::Suspended => {
            let secured = secure::secured(draft, job, operation);
            // A person may have said just now that the state may go.
            if secured.is_some() || is_let_go(draft, Deed::Cancel) {
                cancel(draft, job, operation, secured);
            }
        }
    }
}

/// Whether a job that is starting is waited for, because its state may not go.
fn starts_soon(draft: &Draft<'_>, job: &BoundJob) -> bool {
    let limit = draft.record.spec.timeouts.start;
    !state_may_go(draft, job) && !wait::overdue(draft, job, limit)
}

/// Whether the policy leaves the job as it is now.
pub(in crate::plan) fn finished_by_policy(record: &JobRecord, job: &BoundJob) -> bool {
    match record.spec.deletion_policy {
        DeletionPolicy::Orphan => true,
        DeletionPolicy::Suspend => job.status == JobStatus::Suspended,
        DeletionPolicy::Snapshot | DeletionPolicy::Cancel => false,
    }
}

/// Holds until a person says that the state may go; remembers that word.
pub(super) fn ask_to_discard(draft: &mut Draft<'_>, deed: Deed, message: &str) -> bool {
    let confirmed = draft.ask(
        Reason::SnapshotRequired,
        deed,
        Release::DiscardState,
        message,
    );
    if confirmed {
        draft.edit().discard_for = Some(deed);
    }
    confirmed
}

/// Cancels a job whose state may go or is secured by a snapshot, in the way that its status allows.
pub(super) fn cancel(
    draft: &mut Draft<'_>,
    job: &BoundJob,
    operation: OperationKind,
    secured: Option<ExpectedSnapshot>,
) {
    // A graceful cancel lets sinks commit what they hold; without a guarantee there is nothing.
    let keeps_state = job.guarantee != Some(Guarantee::None);
    let forceful = job.status != JobStatus::Running || !keeps_state;
    let remember = Remember::of(operation);
    let action = Action::Cancel {
        job: job.id,
        forceful,
    };
    match secured {
        Some(snapshot) => draft.act_secured(job.id, &[job.status], action, remember, snapshot),
        None => draft.act_on(job.id, &[job.status], action, remember),
    }
}
