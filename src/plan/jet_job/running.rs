//! A job that runs and should: changes of its document, restarts, its configuration.

use super::super::draft::Draft;
use super::super::event::EventKind;
use super::super::hold::Reason;
use super::super::job::JobStatus;
use super::super::record::{BoundJob, OperationKind};
use super::super::step::{Action, Remember};
use super::change::{
    checked_jar, redeploy_wanted, replacement_wanted, restart_nonce_wanted, settings_wanted,
};
use super::stop;
use super::trusted;
use crate::resources::jet_job::{DesiredState, UpgradeMode};

/// Decides for a RUNNING job that should run.
pub(super) fn decide(draft: &mut Draft<'_>, job: &BoundJob) {
    if replacement_wanted(draft, job) {
        replace(draft, job);
        return;
    }
    report_jar(draft);
    if restart_wanted(draft) {
        restart(draft, job);
        return;
    }
    if settings_wanted(draft, job).is_some() {
        stop::suspend(draft, job, Some(OperationKind::Configure));
        return;
    }
    end_operation(draft);
}

/// The job has what its document asks for: an operation that led there is over.
pub(super) fn end_operation(draft: &mut Draft<'_>) {
    let Some(operation) = draft.record.operation.clone() else {
        return;
    };
    if operation.kind == OperationKind::Configure {
        draft.tell(
            EventKind::Configured,
            "its configuration was changed in place",
        );
    }
    draft.edit().operation = None;
}

/// A jar that can't be had stops nothing, but the next start would fail.
fn report_jar(draft: &mut Draft<'_>) {
    use super::super::jar::JarView;
    let broken = matches!(draft.jar(), Some((_, JarView::Unavailable { .. })));
    let pinned = draft.record.pin.is_some();
    if broken || pinned {
        let _deployed = checked_jar(draft);
    }
}

fn restart_wanted(draft: &Draft<'_>) -> bool {
    let record = &draft.record;
    let by_state = record.spec.state == DesiredState::Restarted && !record.restarted;
    by_state || restart_nonce_wanted(draft)
}

fn restart(draft: &mut Draft<'_>, job: &BoundJob) {
    let view = draft
        .view()
        .and_then(|view| view.jobs.known()?.get(&job.id));
    let Some(execution_id) = view.map(|view| view.execution_id) else {
        return;
    };
    if !trusted(draft) {
        return;
    }
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

/// Replaces the job by a new one, where its state may go: the new jar was checked before.
pub(super) fn replace(draft: &mut Draft<'_>, job: &BoundJob) {
    if draft.record.spec.upgrade_policy.mode == UpgradeMode::Forbid {
        let message = "jar, main class or parameters changed, and upgradePolicy.mode is Forbid; the \
                       job goes on as it was submitted";
        draft.hold(Reason::UpgradeForbidden, message);
        return;
    }
    if checked_jar(draft).is_none() {
        return;
    }
    if job.guarantee.is_none() {
        draft.hold(
            Reason::ClusterUnknown,
            "the job's configuration is being asked for",
        );
        return;
    }
    if !stop::state_may_go_in_upgrade(draft, job) {
        let message = "the change needs a stateful upgrade, which this version can't make yet; set \
                       upgradePolicy.mode: Stateless, or confirm with --discard-state that the new \
                       version may start without state. The job goes on as it was submitted";
        if !stop::ask_to_discard(draft, message) {
            return;
        }
    }
    let remember = Remember {
        operation: Some(OperationKind::Replace),
        redeploy_nonce: draft
            .record
            .spec
            .redeploy_nonce
            .clone()
            .filter(|_| redeploy_wanted(draft)),
        ..Remember::default()
    };
    let begins = draft.record.operation.is_none();
    stop::cancel(draft, job, remember);
    if begins && draft.step.is_some() {
        let text = format!(
            "generation {} replaces job {}",
            draft.record.generation, job.id
        );
        draft.tell(EventKind::UpgradeStarted, text);
    }
}
