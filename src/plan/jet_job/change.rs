//! What a job was submitted with beside what its document asks for now.

use super::super::draft::Draft;
use super::super::hold::{Reason, Release};
use super::super::jar::{JarProblem, JarView, MainClass};
use super::super::job::JobSettings;
use super::super::record::{BoundJob, Deployed};
use crate::resources::jet_job::JobConfigSpec;
use crate::resources::{Digest, JarOrigin};

/// What a submit would use now, where the jar is known; holds nothing.
pub(in crate::plan) fn deployed_now(draft: &Draft<'_>) -> Option<Deployed> {
    let (request, view) = draft.jar()?;
    let spec = &draft.record.spec;
    let (jar, jar_on_member) = match (view, &request.origin) {
        (JarView::Ready(facts), _) => (Some(pinned(draft, facts.digest)), None),
        (JarView::OnMember, JarOrigin::Member { path }) => (None, Some(path.clone())),
        _ => return None,
    };
    Some(Deployed {
        jar,
        jar_on_member,
        main_class: spec.main_class.clone(),
        parameters: spec.parameters.clone(),
        secret_parameters: spec.secret_parameters.clone(),
    })
}

/// The digest that is in force: a remote jar keeps the one it had first.
fn pinned(draft: &Draft<'_>, seen: Digest) -> Digest {
    draft.record.pin.as_ref().map_or(seen, |pin| pin.digest)
}

/// The jar, checked, or a hold that says what is wrong with it.
pub(super) fn checked_jar(draft: &mut Draft<'_>) -> Option<Deployed> {
    let Some((_, view)) = draft.jar() else {
        draft.hold(Reason::JarFetching, "the jar is being looked for");
        return None;
    };
    match view {
        JarView::OnMember => {}
        JarView::Fetching { bytes, total, .. } => {
            let of = total
                .map(|total| format!(" of {total}"))
                .unwrap_or_default();
            draft.hold(
                Reason::JarFetching,
                format!("fetching the jar: {bytes}{of} bytes"),
            );
            return None;
        }
        JarView::Unavailable {
            problem,
            message,
            retry_at,
        } => {
            let reason = match problem {
                JarProblem::NotFound | JarProblem::FetchFailed | JarProblem::Denied => {
                    Reason::JarNotFound
                }
                JarProblem::Unreadable
                | JarProblem::NotAJar
                | JarProblem::TooLarge
                | JarProblem::Unsupported => Reason::JarInvalid,
            };
            match retry_at {
                Some(at) => draft.hold_until(reason, *at, message.clone()),
                None => draft.hold(reason, message.clone()),
            }
            return None;
        }
        JarView::Ready(facts) => {
            let (digest, main_class) = (facts.digest, facts.main_class.clone());
            if !same_bytes(draft, digest) || !has_main(draft, &main_class) {
                return None;
            }
        }
    }
    deployed_now(draft)
}

fn same_bytes(draft: &mut Draft<'_>, digest: Digest) -> bool {
    let wanted = draft.record.spec.jar_sha256.clone();
    if let Some(wanted) = wanted.filter(|wanted| !wanted.eq_ignore_ascii_case(&digest.to_string()))
    {
        let message = format!("the jar's SHA-256 is {digest}, jarSha256 asks for {wanted}");
        draft.hold(Reason::JarDigestMismatch, message);
        return false;
    }
    let pin = draft.record.pin.as_ref().map(|pin| pin.digest);
    if pin.is_some_and(|pin| pin != digest) {
        let message = format!(
            "the bytes behind the jar's URL changed to {}; change the spec (jarSha256, say) or \
             confirm that the new ones may be used",
            digest.short()
        );
        if draft
            .ask(Reason::JarChanged, Release::Confirm, message)
            .is_none()
        {
            return false;
        }
        if let Some(pin) = &mut draft.edit().pin {
            pin.digest = digest;
        }
    }
    true
}

fn has_main(draft: &mut Draft<'_>, main_class: &MainClass) -> bool {
    let message = match main_class {
        MainClass::Found(_) => return true,
        MainClass::Absent(class) => format!("the jar has no class {class}; mend mainClass"),
        MainClass::Unspecified => {
            "neither mainClass nor the jar's manifest (Main-Class) names a class to run".to_owned()
        }
    };
    draft.hold(Reason::MainClassMissing, message);
    false
}

/// Whether the document asks for the job to be replaced: by other content, or by its nonce.
pub(super) fn replacement_wanted(draft: &Draft<'_>, job: &BoundJob) -> bool {
    redeploy_wanted(draft) || upgrade_wanted(draft, job)
}

/// Whether `redeployNonce` changed to another value since it was acted on.
pub(super) fn redeploy_wanted(draft: &Draft<'_>) -> bool {
    let (wanted, done) = (
        &draft.record.spec.redeploy_nonce,
        &draft.record.redeploy_nonce,
    );
    wanted.is_some() && wanted != done
}

/// Whether `restartNonce` changed to another value since it was acted on.
pub(super) fn restart_nonce_wanted(draft: &Draft<'_>) -> bool {
    let (wanted, done) = (
        &draft.record.spec.restart_nonce,
        &draft.record.restart_nonce,
    );
    wanted.is_some() && wanted != done
}

/// Whether jar, main class or parameters differ from what the job was submitted with.
pub(super) fn upgrade_wanted(draft: &Draft<'_>, job: &BoundJob) -> bool {
    match (deployed_now(draft), &job.deployed) {
        (Some(now), Some(then)) => now != *then,
        // The jar is not there now: what of the spec is known decides.
        (None, Some(then)) => {
            let spec = &draft.record.spec;
            spec.main_class != then.main_class
                || spec.parameters != then.parameters
                || spec.secret_parameters != then.secret_parameters
        }
        (_, None) => false,
    }
}

/// The settings that the job should have, where they differ from those it has.
pub(super) fn settings_wanted(draft: &Draft<'_>, job: &BoundJob) -> Option<JobSettings> {
    let view = draft.view()?.jobs.known()?.get(&job.id)?;
    let current = view.config.as_ref()?.settings;
    let wanted = merged(current, &draft.record.spec.job_config);
    (wanted != current).then_some(wanted)
}

fn merged(current: JobSettings, spec: &JobConfigSpec) -> JobSettings {
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
