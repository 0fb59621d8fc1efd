//! A job that is suspended: as it should be, by a person, or by a failure.

use super::super::draft::Draft;
use super::super::hold::{Reason, Release};
use super::super::job::JobStatus;
use super::super::record::{BoundJob, Deed, OperationKind, StoppedBy};
use super::super::step::{Action, Remember};
use super::change::{replacement_wanted, restart_nonce_wanted, settings_wanted, settings_were_set};
use super::{ended, running};
use crate::resources::jet_job::{DesiredState, DriftPolicy};

/// It should be suspended: only its settings can be brought up to date.
pub(super) fn stay(draft: &mut Draft<'_>, job: &BoundJob) {
    if !settings_updated(draft, job) {
        running::settle(draft);
    }
}

/// It should run.
pub(super) fn run(draft: &mut Draft<'_>, job: &BoundJob) {
    let to_replace = replacement_wanted(draft, job);
    match job.stopped_by {
        Some(StoppedBy::Person)
            if !drift_may_be_undone(draft, Deed::Undo, "resume it by hand", "") =>
        {
            return;
        }
        // A document that asks for another version, or a restart, is the answer to the failure.
        Some(StoppedBy::Failure)
            if !to_replace
                && !restart_nonce_wanted(draft)
                && !ended::failure_restart_due(draft, job) =>
        {
            return;
        }
        _ => {}
    }
    if to_replace {
        running::replace(draft, job);
        return;
    }
    if settings_updated(draft, job) {
        return;
    }
    let remember = Remember {
        // A resumed job is a fresh execution: restarts asked for meanwhile are done.
        restart_nonce: draft.record.spec.restart_nonce.clone(),
        restarted: draft.record.spec.state == DesiredState::Restarted,
        failure_restart: job.stopped_by == Some(StoppedBy::Failure),
        ..Remember::default()
    };
    let action = Action::Resume { job: job.id };
    draft.act_on(job.id, &[JobStatus::Suspended], action, remember);
}

/// Plans the change of settings that a suspended job allows, if one is needed.
fn settings_updated(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    if settings_were_set(draft, job) {
        return false;
    }
    let Some(settings) = settings_wanted(draft, job) else {
        return false;
    };
    let remember = Remember::of(OperationKind::Configure);
    let action = Action::UpdateConfig {
        job: job.id,
        settings,
    };
    draft.act_on(job.id, &[JobStatus::Suspended], action, remember);
    true
}

/// Whether what a person did by hand may be undone: by policy, by a newer document, by their word.
pub(super) fn drift_may_be_undone(
    draft: &mut Draft<'_>,
    deed: Deed,
    how: &str,
    then: &str,
) -> bool {
    let Some(drift) = &draft.record.drift else {
        return true;
    };
    let by_document = draft.record.generation > drift.generation;
    if drift.confirmed || by_document || draft.record.spec.drift_policy == DriftPolicy::Correct {
        return true;
    }
    let message = format!(
        "{}, RUNNING is declared; {how}, change the YAML, confirm that it be undone, or set \
         driftPolicy: Correct{then}",
        drift.words()
    );
    let confirmed = draft.ask(Reason::Drifted, deed, Release::Confirm, message);
    if confirmed && let Some(drift) = &mut draft.edit().drift {
        drift.confirmed = true;
    }
    confirmed
}
