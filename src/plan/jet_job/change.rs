//! What a job was submitted with beside what its document asks for now.

use super::super::draft::Draft;
use super::super::job::JobSettings;
use super::super::record::BoundJob;
use super::jar::{deployed_now, uploaded_with_another};
use crate::resources::jet_job::{JobConfigSpec, Nonce};

/// Whether the document asks for the job to be replaced: by other content, or by its nonce.
pub(super) fn replacement_wanted(draft: &Draft<'_>, job: &BoundJob) -> bool {
    redeploy_wanted(draft) || upgrade_wanted(draft, job)
}

/// Whether the document asks for a job that has ended to be started again: as another version, or by a nonce.
pub(in crate::plan) fn start_wanted(draft: &Draft<'_>, job: &BoundJob) -> bool {
    replacement_wanted(draft, job) || restart_nonce_wanted(draft)
}

/// Whether a job that has ended was another version than the document's, and nothing asks for that to run.
pub(in crate::plan) fn is_outdated(draft: &Draft<'_>, job: &BoundJob) -> bool {
    upgrade_wanted(draft, job) && !redeploy_wanted(draft) && !restart_nonce_wanted(draft)
}

/// Whether `redeployNonce` changed to another value since it was acted on.
pub(super) fn redeploy_wanted(draft: &Draft<'_>) -> bool {
    changed(
        draft.record.spec.redeploy_nonce.as_ref(),
        draft.record.redeploy_nonce.as_ref(),
    )
}

/// Whether `restartNonce` changed to another value since it was acted on.
pub(super) fn restart_nonce_wanted(draft: &Draft<'_>) -> bool {
    changed(
        draft.record.spec.restart_nonce.as_ref(),
        draft.record.restart_nonce.as_ref(),
    )
}

fn changed(wanted: Option<&Nonce>, done: Option<&Nonce>) -> bool {
    wanted.is_some() && wanted != done
}

/// Whether jar, main class or parameters differ from what the job was submitted with.
fn upgrade_wanted(draft: &Draft<'_>, job: &BoundJob) -> bool {
    let Some(then) = &job.deployed else {
        return false;
    };
    let spec = &draft.record.spec;
    if spec.main_class != then.main_class
        || spec.parameters != then.parameters
        || spec.secret_parameters != then.secret_parameters
    {
        return true;
    }
    // A jar that can't be had now is no change.
    let Some(now) = deployed_now(draft) else {
        return false;
    };
    if then.jar.is_some() || then.jar_on_member.is_some() {
        return (now.jar, &now.jar_on_member) != (then.jar, &then.jar_on_member);
    }
    let seen = draft.seen(job.id);
    seen.is_some_and(|seen| uploaded_with_another(seen, now.jar.as_ref()))
}

/// The settings that the job should have, where they differ from those it has.
pub(super) fn settings_wanted(draft: &Draft<'_>, job: &BoundJob) -> Option<JobSettings> {
    let asked = &draft.record.spec.job_config;
    if asked.is_empty() {
        return None;
    }
    let current = draft.seen(job.id)?.config.as_ref()?.settings;
    let wanted = merged(current, asked);
    (wanted != current).then_some(wanted)
}

/// Whether the document's settings were set on the job once already.
pub(super) fn settings_were_set(draft: &Draft<'_>, job: &BoundJob) -> bool {
    job.configured == Some(draft.record.generation)
}

fn merged(current: JobSettings, spec: &JobConfigSpec) -> JobSettings {
    // Field by field, so that a new one has to be thought of here.
    let JobConfigSpec {
        snapshot_interval,
        suspend_on_failure,
        auto_scaling,
        split_brain_protection,
        metrics_enabled,
        store_metrics_after_job_completion,
        max_processor_accumulated_records,
        timeout,
    } = spec;
    JobSettings {
        snapshot_interval: snapshot_interval.unwrap_or(current.snapshot_interval),
        suspend_on_failure: suspend_on_failure.unwrap_or(current.suspend_on_failure),
        auto_scaling: auto_scaling.unwrap_or(current.auto_scaling),
        split_brain_protection: split_brain_protection.unwrap_or(current.split_brain_protection),
        metrics_enabled: metrics_enabled.unwrap_or(current.metrics_enabled),
        store_metrics_after_job_completion: store_metrics_after_job_completion
            .unwrap_or(current.store_metrics_after_job_completion),
        max_processor_accumulated_records: max_processor_accumulated_records
            .unwrap_or(current.max_processor_accumulated_records),
        timeout: timeout.unwrap_or(current.timeout),
    }
}
