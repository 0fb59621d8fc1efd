//! What was observed becomes part of the record: which job is ours, what it does, who stopped it.

use std::sync::Arc;

use super::draft::Draft;
use super::event::EventKind;
use super::jar::JarView;
use super::job::{JobId, JobStatus, JobView};
use super::observed::Look;
use super::record::{BoundJob, Drift, JarPin, StoppedBy};
use super::upload::nonce_of;
use crate::resources::JarOrigin;
use crate::resources::jet_job::DesiredState;

/// Brings the record up to date with what is seen. Decides nothing.
pub(super) fn learn(draft: &mut Draft<'_>) {
    pin_remote_jar(draft);
    if draft.sight.is_none_or(|sight| sight.obstacle.is_some()) {
        return;
    }
    bind_attempt(draft);
    bind_lost_record(draft);
    follow_job(draft);
    judge_drift(draft);
}

/// Remembers the bytes that a remote jar had when it was fetched first.
fn pin_remote_jar(draft: &mut Draft<'_>) {
    let Some((request, JarView::Ready(facts))) = draft.jar() else {
        return;
    };
    let remote = matches!(
        request.origin,
        JarOrigin::Remote { .. } | JarOrigin::Bucket { .. }
    );
    let pinned = draft
        .record
        .pin
        .as_ref()
        .is_some_and(|pin| pin.origin == request.origin);
    if remote && !pinned {
        let digest = facts.digest;
        draft.edit().pin = Some(JarPin {
            origin: request.origin,
            digest,
        });
    }
}

/// Finds the job that our upload made, whatever the upload was answered with.
fn bind_attempt(draft: &mut Draft<'_>) {
    let Some(attempt) = draft.record.attempt.clone() else {
        return;
    };
    let cluster = draft.view().and_then(|view| view.cluster_id);
    if !attempt.uploading || cluster != Some(attempt.cluster_id) {
        return;
    }
    let ours = |job: &&&Arc<JobView>| {
        !attempt.known_ids.contains(&job.id) && made_by(job, &attempt.nonce, &attempt.deployed)
    };
    let found: Vec<&Arc<JobView>> = draft.namesakes().iter().filter(ours).copied().collect();
    let Some(job) = found
        .iter()
        .find(|job| !job.status.is_terminal())
        .or(found.first())
    else {
        return;
    };
    let bound = bind(draft, job, &attempt.nonce, Some(attempt.deployed.clone()));
    let record = draft.edit();
    record.job = Some(bound);
    record.attempt = None;
    record.operation = None;
    record.drift = None;
    record.discard_state = false;
    draft.tell(EventKind::Submitted, format!("submitted as job {}", job.id));
    tell_status(draft, job, None);
}

/// Whether this job is the one that an upload with this nonce made. A jar on the members has no
/// name of ours: there, a job that is new under our name and has that jar is taken.
fn made_by(job: &JobView, nonce: &str, deployed: &super::record::Deployed) -> bool {
    let Some(config) = &job.config else {
        return false;
    };
    match &deployed.jar_on_member {
        None => config.nonce.as_deref() == Some(nonce),
        Some(path) => {
            let file = path.rsplit('/').next().unwrap_or(path);
            config
                .resource_ids
                .iter()
                .any(|id| id.rsplit('/').next() == Some(file))
        }
    }
}

/// A job of ours whose record was lost: the ownership map and its jar's name say so.
fn bind_lost_record(draft: &mut Draft<'_>) {
    let uploaded = |attempt: &super::record::Attempt| attempt.uploading;
    if draft.record.job.is_some() || draft.record.attempt.as_ref().is_some_and(uploaded) {
        return;
    }
    let Some(ownership) = draft.view().and_then(|view| view.ownership.known()) else {
        return;
    };
    let Some(entry) = ownership.get(draft.job_name()) else {
        return;
    };
    if entry.owner != draft.input.settings.owner || entry.resource != draft.id {
        return;
    }
    let found = draft.namesakes().iter().find(|job| {
        let nonces = job.config.iter().flat_map(|config| &config.resource_ids);
        !entry.attempt.is_empty()
            && nonces
                .filter_map(|id| nonce_of(id))
                .any(|nonce| nonce == entry.attempt)
            || Some(job.id) == entry.job_id
    });
    let Some(job) = found.copied() else { return };
    let bound = bind(draft, job, &entry.attempt, None);
    let entry = entry.clone();
    let record = draft.edit();
    record.job = Some(bound);
    record.attempt = None;
    record.entry = Some(entry);
    record.restart_nonce = record.spec.restart_nonce.clone();
    record.redeploy_nonce = record.spec.redeploy_nonce.clone();
    record.restarted = record.spec.state == DesiredState::Restarted;
    draft.tell(EventKind::Adopted, format!("found again as job {}", job.id));
}

fn bind(
    draft: &Draft<'_>,
    job: &JobView,
    nonce: &str,
    deployed: Option<super::record::Deployed>,
) -> BoundJob {
    BoundJob {
        cluster_id: draft
            .view()
            .and_then(|view| view.cluster_id)
            .unwrap_or_default(),
        id: job.id,
        nonce: nonce.to_owned(),
        deployed,
        submitted_at: job.submitted_at,
        guarantee: job.config.as_ref().map(|config| config.guarantee),
        status: job.status,
        status_since: draft.now(),
        completed_at: job.completed_at,
        failure: failure_of(job),
        stopped_by: stopper(draft, job, None),
        gone: false,
    }
}

fn failure_of(job: &JobView) -> Option<String> {
    match job.status {
        JobStatus::Failed => job.failure.as_deref().map(str::to_owned),
        JobStatus::Suspended => job.suspension_failure.as_deref().map(str::to_owned),
        _ => None,
    }
}

/// Who stopped the job, where it is suspended or ended.
fn stopper(draft: &Draft<'_>, job: &JobView, before: Option<StoppedBy>) -> Option<StoppedBy> {
    let wanted = draft.record.spec.state;
    match job.status {
        JobStatus::Suspended if job.suspension_failure.is_some() => Some(StoppedBy::Failure),
        JobStatus::Suspended if before == Some(StoppedBy::Us) => before,
        JobStatus::Suspended if wanted == DesiredState::Suspended => Some(StoppedBy::Us),
        // A member left and autoScaling is off: the cause reads as if a person had asked.
        JobStatus::Suspended if job.user_requested == Some(false) => Some(StoppedBy::Failure),
        JobStatus::Failed if !job.user_cancelled => Some(StoppedBy::Failure),
        JobStatus::Suspended | JobStatus::Failed => Some(
            before
                .filter(|by| *by == StoppedBy::Us)
                .unwrap_or(StoppedBy::Person),
        ),
        _ => before.filter(|by| *by == StoppedBy::Us),
    }
}

fn follow_job(draft: &mut Draft<'_>) {
    let (Some(job), Some(view)) = (draft.record.job.clone(), draft.view()) else {
        return;
    };
    if view.cluster_id != Some(job.cluster_id) {
        if !job.gone && !job.status.is_terminal() {
            lose(draft, job.id, "its cluster is another one now");
        }
        return;
    }
    match view.look(job.id) {
        Look::Present(seen) => update(draft, &job, seen),
        Look::Gone if job.is_active() => lose(draft, job.id, "the cluster knows it no longer"),
        Look::Gone | Look::Unknown => {}
    }
}

fn lose(draft: &mut Draft<'_>, id: JobId, why: &str) {
    if let Some(job) = &mut draft.edit().job {
        job.gone = true;
    }
    draft.tell(EventKind::Lost, format!("job {id} is gone: {why}"));
}

fn update(draft: &mut Draft<'_>, before: &BoundJob, seen: &JobView) {
    let changed = before.status != seen.status;
    // Running again ends every stop; the same status keeps who stopped it.
    let stopped_before = match (changed, seen.status) {
        (true, JobStatus::Running) => None,
        _ => before.stopped_by,
    };
    let mut job = before.clone();
    job.gone = false;
    job.status = seen.status;
    if changed {
        job.status_since = draft.now();
    }
    job.submitted_at = seen.submitted_at;
    job.completed_at = seen.completed_at;
    job.failure = failure_of(seen).or(before.failure.clone().filter(|_| !changed));
    job.guarantee = seen
        .config
        .as_ref()
        .map(|config| config.guarantee)
        .or(before.guarantee);
    job.stopped_by = stopper(draft, seen, stopped_before);
    if job.deployed.is_none() {
        // Adopted or found again: what runs is taken for what is declared now.
        job.deployed = super::jet_job::deployed_now(draft);
    }
    if job != *before {
        draft.edit().job = Some(job);
    }
    if changed {
        tell_status(draft, seen, Some(before.status));
    }
}

fn tell_status(draft: &mut Draft<'_>, job: &JobView, before: Option<JobStatus>) {
    let id = job.id;
    let by = draft.record.job.as_ref().and_then(|job| job.stopped_by);
    let whose = if by == Some(StoppedBy::Person) {
        " by hand"
    } else {
        ""
    };
    let failure = job.failure.as_deref().or(job.suspension_failure.as_deref());
    let why = failure
        .and_then(|text| text.lines().next())
        .unwrap_or("no reason given");
    match job.status {
        JobStatus::Running if before == Some(JobStatus::Suspended) => {
            draft.tell(EventKind::Resumed, format!("RUNNING again (job {id})"));
        }
        JobStatus::Running => draft.tell(EventKind::Running, format!("RUNNING (job {id})")),
        JobStatus::Suspended if by == Some(StoppedBy::Failure) => {
            draft.tell(
                EventKind::Suspended,
                format!("SUSPENDED after a failure: {why}"),
            );
        }
        JobStatus::Suspended => {
            draft.tell(EventKind::Suspended, format!("SUSPENDED{whose} (job {id})"));
        }
        JobStatus::Failed if job.user_cancelled => {
            draft.tell(EventKind::Canceled, format!("cancelled{whose} (job {id})"));
        }
        JobStatus::Failed => draft.tell(EventKind::Failed, format!("FAILED: {why}")),
        JobStatus::Completed => draft.tell(EventKind::Completed, format!("COMPLETED (job {id})")),
        JobStatus::NotRunning
        | JobStatus::Starting
        | JobStatus::SuspendedExportingSnapshot
        | JobStatus::Completing => {}
    }
}

/// Notes what a person did by hand against the YAML, and forgets it once it is undone.
fn judge_drift(draft: &mut Draft<'_>) {
    let Some(job) = &draft.record.job else { return };
    let running_wanted = matches!(
        draft.record.spec.state,
        DesiredState::Running | DesiredState::Restarted
    );
    let drifted = running_wanted
        && !job.gone
        && job.stopped_by == Some(StoppedBy::Person)
        && matches!(job.status, JobStatus::Suspended | JobStatus::Failed);
    let status = job.status;
    match (&draft.record.drift, drifted) {
        (Some(drift), true) if drift.status == status => {}
        (_, true) => {
            let generation = draft.record.generation;
            let since = draft.now();
            draft.edit().drift = Some(Drift {
                status,
                generation,
                since,
                confirmed: false,
            });
            draft.tell(
                EventKind::Drifted,
                format!("{status} by hand, RUNNING is declared"),
            );
        }
        (Some(_), false) => draft.edit().drift = None,
        (None, false) => {}
    }
}
