//! Which job on the cluster is ours.

use std::sync::Arc;

use super::follow::{ended_uncommitted, failure_of, stopper};
use super::tell;
use crate::plan::draft::Draft;
use crate::plan::event::EventKind;
use crate::plan::jet_job::declared_now;
use crate::plan::job::{JobStatus, JobView};
use crate::plan::ownership::OwnershipEntry;
use crate::plan::record::{Attempt, BoundJob, Deployed, EndedBy, StoppedBy};
use crate::plan::transition::count_restart;
use crate::plan::upload::nonce_of;
use crate::resources::ResourceId;
use crate::resources::jet_job::DesiredState;

/// Finds the job that our upload made, whatever the upload was answered with.
pub(super) fn bind_attempt(draft: &mut Draft<'_>) {
    let attempt = draft.record.attempt.as_ref();
    let Some(attempt) = attempt.filter(|attempt| attempt.uploading) else {
        return;
    };
    if draft.cluster_id() != Some(attempt.cluster_id) {
        return;
    }
    let made = |job: &&&Arc<JobView>| made_by(job, attempt);
    let found = draft.namesakes().iter().filter(made);
    // Newest first; an active one is the one to keep.
    let Some(job) = found.min_by_key(|job| job.status.is_terminal()).copied() else {
        return;
    };
    let attempt = attempt.clone();
    let nonce = attempt.nonce.clone();
    let mut bound = bound(draft, job, nonce, Some(attempt.deployed));
    bound.started_from = attempt.snapshot.map(|snapshot| snapshot.name);
    bound.start_unknown = false;
    let now = draft.now();
    let record = draft.edit();
    take(record, bound);
    if attempt.fulfils.failure_restart {
        count_restart(record, now);
    }
    record.restart_nonce = attempt.fulfils.restart_nonce;
    record.redeploy_nonce = attempt.fulfils.redeploy_nonce;
    record.restarted = attempt.fulfils.restarted && record.spec.state == DesiredState::Restarted;
    draft.tell(EventKind::Submitted, format!("submitted as job {}", job.id));
    tell::status(draft, job, false);
}

/// Whether this job is the one that the attempt made. A jar on the members has no name of ours:
/// there, a job that is new under our name and has that jar is taken.
fn made_by(job: &JobView, attempt: &Attempt) -> bool {
    let Some(config) = &job.config else {
        return false;
    };
    if attempt.known_ids.contains(&job.id) {
        return false;
    }
    match &attempt.deployed.jar_on_member {
        None => config.nonce.as_deref() == Some(attempt.nonce.as_str()),
        Some(path) => {
            let file = path.rsplit('/').next().unwrap_or(path);
            let mut ids = config.resource_ids.iter();
            ids.any(|id| id.rsplit('/').next() == Some(file))
        }
    }
}

/// The job that our entry in the ownership map speaks of: adopted, found again after the record was
/// lost, or made late by an upload that was given up.
pub(super) fn bind_by_entry(draft: &mut Draft<'_>) {
    let record = &draft.record;
    let bound_to = record.job.as_ref();
    let uploading = record
        .attempt
        .as_ref()
        .is_some_and(|attempt| attempt.uploading);
    if uploading || bound_to.is_some_and(BoundJob::is_active) || record.released {
        return;
    }
    let Some(entry) = draft.entry() else { return };
    if !draft.keeper().is_us() || entry.resource != draft.id {
        return;
    }
    // An ended job counts only where nothing is known of any other.
    let never_bound = bound_to.is_none() && record.attempts == 0;
    let fits = |job: &&&Arc<JobView>| {
        named_by(job, entry)
            && bound_to.is_none_or(|bound| bound.id != job.id)
            && (never_bound || !job.status.is_terminal())
    };
    let Some(job) = draft.namesakes().iter().find(fits).copied() else {
        return;
    };
    let entry = entry.clone();
    let known_as = if entry.attempt.is_empty() {
        "taken over as"
    } else {
        "found again as"
    };
    let deployed = declared_now(draft, job);
    let bound = bound(draft, job, entry.attempt.clone(), Some(deployed));
    let record = draft.edit();
    take(record, bound);
    record.entry = Some(entry);
    record.rebuilt = false;
    record.restart_nonce = record.spec.restart_nonce.clone();
    record.redeploy_nonce = record.spec.redeploy_nonce.clone();
    record.restarted = record.spec.state == DesiredState::Restarted;
    if ended_by_snapshot(draft, job) {
        let record = draft.edit();
        record.ended_by = Some(EndedBy {
            job: job.id,
            generation: record.generation,
        });
        if let Some(bound) = &mut record.job {
            bound.stopped_by = Some(StoppedBy::Us);
        }
    }
    draft.tell(EventKind::Adopted, format!("{known_as} job {}", job.id));
}

/// Takes from a job's configuration which snapshot it started from, where no attempt of ours tells that. A
/// start from none that we didn't ask for takes nothing back: the snapshot is needed rather once too often.
pub(super) fn learn_start(draft: &mut Draft<'_>) {
    let Some(job) = &draft.record.job else { return };
    let config = draft.seen(job.id).and_then(|seen| seen.config.as_ref());
    let initial = config.and_then(|config| config.initial_snapshot.known());
    let Some(initial) = initial else { return };
    let is_news = job.started_from.is_none() && initial.is_some();
    if !is_news && !job.start_unknown {
        return;
    }
    if let Some(job) = &mut draft.edit().job {
        job.start_unknown = false;
        if is_news {
            job.started_from.clone_from(initial);
        }
    }
}

/// Whether the document of a snapshot ended this job on purpose, where the record of that was lost: the
/// snapshot that it asked for is there, was made for it and of this very job.
fn ended_by_snapshot(draft: &Draft<'_>, job: &JobView) -> bool {
    let Some(view) = draft.view() else {
        return false;
    };
    let settings = draft.input.settings;
    if !settings.rebuilding || !job.user_cancelled || !job.status.is_terminal() {
        return false;
    }
    let mut declared = draft.input.desired.snapshots.iter();
    declared.any(|(name, declared)| {
        let spec = &declared.spec;
        let snapshot = spec.snapshot_name(name);
        let maker = settings.maker(ResourceId::jet_job_snapshot(name));
        let facts = view.snapshots.get(snapshot).and_then(Option::as_ref);
        let mark = view.snapshot_marks.get(snapshot);
        spec.cancel_job
            && spec.jet_job_resource_name == draft.id.name
            && facts.is_some_and(|facts| facts.job == job.id)
            && mark.is_some_and(|mark| maker.made(mark))
    })
}

/// Whether an entry speaks of this job.
fn named_by(job: &JobView, entry: &OwnershipEntry) -> bool {
    if Some(job.id) == entry.job_id {
        return true;
    }
    let ids = job.config.iter().flat_map(|config| &config.resource_ids);
    let mut nonces = ids.filter_map(|id| nonce_of(id));
    !entry.attempt.is_empty() && nonces.any(|nonce| nonce == entry.attempt)
}

/// From now on this is the job.
fn take(record: &mut crate::plan::record::JobRecord, job: BoundJob) {
    record.job = Some(job);
    record.attempt = None;
    record.drift = None;
    record.retry = None;
    record.sought_restart = None;
    record.discard_for = None;
    record.fork_allowed = false;
    record.restarts.confirmed = false;
}

fn bound(draft: &Draft<'_>, job: &JobView, nonce: String, deployed: Option<Deployed>) -> BoundJob {
    BoundJob {
        cluster_id: draft.cluster_id().unwrap_or_default(),
        id: job.id,
        nonce,
        deployed,
        submitted_at: job.submitted_at,
        guarantee: job.config.as_ref().map(|config| config.guarantee),
        status: job.status,
        status_since: draft.now(),
        completed_at: job.completed_at,
        failure: failure_of(job),
        stopped_by: stopper(draft, job, None),
        suspend_asked: None,
        gone: false,
        configured: None,
        ran: job.status == JobStatus::Running,
        cancel: None,
        started_from: None,
        // Its configuration tells, see `learn_start`.
        start_unknown: true,
        own_snapshot: false,
        ended_uncommitted: ended_uncommitted(job),
        restart_asked: false,
        restarted: job.restarted,
    }
}
