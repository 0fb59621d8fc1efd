//! A job that runs and should: changes of its document, restarts, its configuration.

use jiff::SignedDuration;

use super::super::draft::Draft;
use super::super::event::EventKind;
use super::super::hold::{Reason, Release};
use super::super::jar::JarView;
use super::super::job::JobStatus;
use super::super::observed::GONE_AFTER;
use super::super::record::{BoundJob, Deed, OperationKind};
use super::super::step::{Action, Remember};
use super::super::transition::{after, undo_restart};
use super::change::{replacement_wanted, restart_nonce_wanted, settings_wanted, settings_were_set};
use super::jar::checked_jar;
use super::{keeps_state, secure, stop, submit, upgrade};
use crate::resources::jet_job::{DesiredState, UpgradeMode};

/// How long after its start the settings of a job may still be read as they were before.
const SETTINGS_READ: SignedDuration = SignedDuration::from_secs(10);

/// Decides for a RUNNING job that should run.
pub(super) fn decide(draft: &mut Draft<'_>, job: &BoundJob) {
    if replacement_wanted(draft, job) {
        replace(draft, job);
        return;
    }
    report_jar(draft);
    if restart_is_sought(draft) {
        return;
    }
    if restart_wanted(draft) {
        restart(draft, job);
        return;
    }
    if settings_wanted(draft, job).is_some() {
        configure(draft, job);
        return;
    }
    settle(draft);
}

/// The job has what its document asks for: what led there is over, and a word about its state that
/// was not needed is void.
pub(super) fn settle(draft: &mut Draft<'_>) {
    surplus_deleted(draft);
    if let Some(operation) = &draft.record.operation {
        if operation.is_upgrade() && operation.kind != OperationKind::Replace {
            let judged = draft.record.job.as_ref().map(|job| job.id) != Some(operation.job);
            if judged {
                return;
            }
            // It was taken back before the job was cancelled.
        }
        if operation.kind == OperationKind::Configure {
            let message = "its configuration was changed in place";
            draft.tell(EventKind::Configured, message);
        }
        draft.edit().end_operation();
    }
    if draft.record.discard_for.is_some() {
        draft.edit().discard_for = None;
    }
    if draft.record.outside_windows {
        draft.edit().outside_windows = false;
    }
}

/// Deletes a snapshot that an earlier operation made, once nothing needs it any more; whether there
/// is none left to delete.
pub(super) fn surplus_deleted(draft: &mut Draft<'_>) -> bool {
    let record = &draft.record;
    let job = record.job.as_ref().filter(|job| job.is_active());
    let any = job.is_some_and(|job| job.start_unknown && !job.own_snapshot);
    let needed = |name: &String| {
        let kept = record.kept.as_ref().is_some_and(|kept| kept.name == *name);
        any || kept || record.pinned.contains(name) || record.needs_snapshot(name)
    };
    let surplus = record.surplus.iter().filter(|name| !needed(name));
    let surplus: Vec<String> = surplus.cloned().collect();
    if surplus.is_empty() {
        return true;
    }
    // Whether other jobs need it is in their records.
    draft.fleeting = true;
    let free = surplus.into_iter().find(|name| !others_need(draft, name));
    let Some(name) = free else {
        return true;
    };
    let maker = Some(draft.input.settings.maker(draft.id.clone()));
    draft.act_on_entry(Action::DeleteSnapshot { name, maker });
    false
}

/// Whether another job of the cluster was started from this snapshot, say, and has none of its own yet.
fn others_need(draft: &Draft<'_>, name: &str) -> bool {
    let cluster = &draft.record.spec.hazelcast_resource_name;
    let mut jobs = draft.input.recorded.jobs.iter();
    jobs.any(|(job, record)| {
        *job != draft.id.name
            && record.spec.hazelcast_resource_name == *cluster
            && record.needs_snapshot(name)
    })
}

/// A jar that can't be had stops nothing, but the next start would fail.
fn report_jar(draft: &mut Draft<'_>) {
    let broken = matches!(draft.jar(), Some((_, JarView::Unavailable { .. })));
    let pinned = draft.record.pin.is_some() && draft.in_force();
    if broken || pinned {
        // What it would be submitted with is of no use here, what is held is.
        let _deployed = checked_jar(draft);
    }
}

/// Whether a restart is still looked for whose request had no answer; holds if so. A request may reach the
/// master late, from a member that hangs, so that it is not seen to be done proves nothing: it is asked for
/// again by a person's word alone.
fn restart_is_sought(draft: &mut Draft<'_>) -> bool {
    let Some(sought) = draft.record.sought_restart else {
        return false;
    };
    let listed = draft.listed_at();
    if listed.is_none_or(|listed| listed.duration_since(sought.at) < GONE_AFTER) {
        draft.wake_at(after(sought.at, GONE_AFTER));
        let message = "the restart had no answer; its execution will tell whether it was done";
        draft.hold(Reason::OutcomeUnknown, message);
        return true;
    }
    let message = format!(
        "the restart had no answer, and job {} runs as before. It is asked for again only if you confirm; a \
         request that a member still has would restart it twice then. Or take restartNonce, or state: \
         Restarted, back",
        sought.job
    );
    let (reason, deed) = (Reason::OutcomeUnknown, Deed::Restart);
    if !draft.ask(reason, deed, Release::Confirm, message) {
        return true;
    }
    undo_restart(draft.edit());
    false
}

fn restart_wanted(draft: &Draft<'_>) -> bool {
    let record = &draft.record;
    let by_state = record.spec.state == DesiredState::Restarted && !record.restarted;
    by_state || restart_nonce_wanted(draft)
}

fn restart(draft: &mut Draft<'_>, job: &BoundJob) {
    let Some(execution_id) = draft.seen(job.id).map(|seen| seen.execution_id) else {
        return;
    };
    let remember = Remember {
        restart_nonce: draft.record.spec.restart_nonce.clone(),
        restarted: draft.record.spec.state == DesiredState::Restarted,
        ..Remember::default()
    };
    let action = Action::Restart {
        job: job.id,
        execution_id,
    };
    draft.act_on(job.id, &[JobStatus::Running], action, remember);
}

/// Suspends the job for a change of its settings: once a document, so that settings which a member
/// takes otherwise than asked, or a person changes back, never stop it again and again.
fn configure(draft: &mut Draft<'_>, job: &BoundJob) {
    if !settings_were_set(draft, job) {
        stop::suspend(draft, job, Some(OperationKind::Configure));
        return;
    }
    let read_by = after(job.status_since, SETTINGS_READ);
    if draft.now() < read_by {
        let message = "its settings are being read again";
        draft.hold_until(Reason::ClusterUnknown, read_by, message);
        return;
    }
    let message = "its settings are not those of jobConfig, although these were set on it; change \
                   the YAML, or confirm that it be suspended and they be set again";
    if draft.ask(Reason::Drifted, Deed::Configure, Release::Confirm, message)
        && let Some(job) = &mut draft.edit().job
    {
        job.configured = None;
        draft.wake_at(after(draft.now(), SignedDuration::from_millis(10)));
    }
}

/// Replaces a job that never ran, where its document asks for another version by now: what doesn't start is not
/// waited for in the way of what mends it. There is no state to lose: it started from none, and that it has
/// committed none is read again right before its end. Whether that is decided.
pub(super) fn replaced_unstarted(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    let starts = matches!(job.status, JobStatus::NotRunning | JobStatus::Starting);
    let from_none = job.started_from.is_none() && !job.start_unknown;
    let has_no_state = !job.ran && !job.own_snapshot && from_none;
    let may = draft.record.spec.upgrade_policy.mode != UpgradeMode::Forbid;
    if !starts || !has_no_state || !may || !replacement_wanted(draft, job) {
        return false;
    }
    if upgrade::rejected(draft) || checked_jar(draft).is_none() || !submit::may_follow(draft) {
        return true;
    }
    stop::cancel(draft, job, OperationKind::Replace, None);
    if let Some(step) = &mut draft.step {
        step.expects.uncommitted = Some(job.id);
    }
    true
}

/// Replaces the job by a new one; what the new one needs is checked before anything is stopped. Its state
/// goes with it, or is carried over in a snapshot.
pub(super) fn replace(draft: &mut Draft<'_>, job: &BoundJob) {
    if draft.record.spec.upgrade_policy.mode == UpgradeMode::Forbid {
        let message = "jar, main class or parameters changed, and upgradePolicy.mode is Forbid; the \
                       job goes on as it was submitted";
        draft.hold(Reason::UpgradeForbidden, message);
        return;
    }
    if upgrade::rejected(draft) || upgrade::queued(draft, job) {
        return;
    }
    if checked_jar(draft).is_none() || keeps_state(draft, job).is_none() {
        return;
    }
    if job.status == JobStatus::Running && !submit::may_follow(draft) {
        return;
    }
    if stop::state_may_go_in_upgrade(draft, job) {
        stop::cancel(draft, job, OperationKind::Replace, None);
        return;
    }
    let secured = secure::secured(draft, job, OperationKind::Upgrade);
    if secured.is_some() {
        stop::cancel(draft, job, OperationKind::Upgrade, secured);
    } else if stop::state_may_go_in_upgrade(draft, job) {
        stop::cancel(draft, job, OperationKind::Replace, None);
    }
}
