//! Securing a job's state before the job is ended: suspend, export, read back.
//!
//! ```text
//! RUNNING ──suspend──▶ SUSPENDED ──export──▶ secured: may be cancelled
//!    ▲                     │
//!    └──────resume─────────┘ where the export failed: the job does not stay suspended for it
//! ```
//!
//! What secures the state is handed on as what the cancel expects: the snapshot reads back as it was,
//! and the job has made no other since.

use jiff::SignedDuration;
use std::time::Duration;

use super::super::draft::Draft;
use super::super::hold::{Reason, Release};
use super::super::job::JobStatus;
use super::super::record::{BoundJob, Deed, ExportFailures, Operation, OperationKind, StoppedBy};
use super::super::snapshot::SnapshotMark;
use super::super::step::{Action, ExpectedSnapshot, ExportSnapshot, Remember, WhichSnapshot};
use super::super::transition::after;
use super::{keeps_state, stop};
use crate::resources::{Digest, ResourceId};

/// How often the job is suspended in vain before it is left running.
const TRIES: u32 = 3;
/// After how long a job that was left running is tried again.
const TRY_AGAIN: SignedDuration = SignedDuration::from_hours(1);
/// How long an export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_hours(1);

/// Goes on to secure the job's state; what secures it, once it is. Where a person says that it may go
/// instead, the record says so.
pub(super) fn secured(
    draft: &mut Draft<'_>,
    job: &BoundJob,
    kind: OperationKind,
) -> Option<ExpectedSnapshot> {
    keeps_state(draft, job)?;
    start_anew(draft, job, kind);
    match job.status {
        JobStatus::Running => {
            if may_suspend(draft, job, kind) {
                stop::suspend(draft, job, Some(kind));
            }
            None
        }
        JobStatus::Suspended => suspended(draft, job, kind),
        _ => None,
    }
}

/// Whether the job runs on for a while, because its state could not be secured too often.
pub(in crate::plan) fn is_left_running(operation: &Operation) -> bool {
    operation.failures.count >= TRIES
}

/// Forgets the failures of an earlier document, or of long ago.
fn start_anew(draft: &mut Draft<'_>, job: &BoundJob, kind: OperationKind) {
    let (generation, now) = (draft.record.generation, draft.now());
    let Some(operation) = &draft.record.operation else {
        return;
    };
    let same = operation.job == job.id && operation.kind == kind;
    let failed = operation.failures.count > 0;
    let long_ago = operation
        .failures
        .at
        .is_some_and(|at| now >= after(at, TRY_AGAIN));
    if same && failed && (operation.generation != generation || long_ago) {
        let operation = draft.edit().operation.as_mut();
        if let Some(operation) = operation {
            operation.generation = generation;
            operation.failures = ExportFailures::default();
        }
    }
}

/// What failed so far of what is under way now.
fn failures<'a>(
    draft: &'a Draft<'_>,
    job: &BoundJob,
    kind: OperationKind,
) -> Option<&'a ExportFailures> {
    let operation = draft.record.operation.as_ref();
    let operation = operation.filter(|it| it.job == job.id && it.kind == kind);
    operation.map(|operation| &operation.failures)
}

/// Whether a running job may be suspended for it: it allows that, and it was not in vain too often.
fn may_suspend(draft: &mut Draft<'_>, job: &BoundJob, kind: OperationKind) -> bool {
    let config = draft.seen(job.id).and_then(|job| job.config.as_ref());
    if config.is_some_and(|config| !config.suspendable) {
        let message = "the job says that it can't be suspended (__jet.jobIsSuspendable), so its state \
                       can't be secured";
        ask(draft, Reason::SnapshotRequired, kind, message);
        return false;
    }
    leave_running(draft, job, kind);
    let Some(failed) = failures(draft, job, kind)
        .filter(|it| it.count >= TRIES)
        .cloned()
    else {
        return true;
    };
    let message = format!(
        "its state could not be secured ({} tries): {}. The job runs on; mend that and change the YAML",
        failed.count, failed.message
    );
    if let Some(at) = failed.at {
        draft.wake_at(after(at, TRY_AGAIN));
    }
    let reason = failed.reason.filter(|reason| reason.is_confirmable());
    let reason = reason.unwrap_or(Reason::SnapshotFailed);
    ask(draft, reason, kind, &message);
    false
}

/// A job that runs again each time that it was suspended makes no terminal snapshot: it is left
/// running, as one whose exports failed.
fn leave_running(draft: &mut Draft<'_>, job: &BoundJob, kind: OperationKind) {
    let operation = draft.record.operation.as_ref();
    let same = operation.filter(|it| it.job == job.id && it.kind == kind);
    let in_vain = same.is_some_and(|operation| operation.suspends >= TRIES);
    if !in_vain {
        return;
    }
    let now = draft.now();
    if let Some(operation) = &mut draft.edit().operation {
        operation.suspends = 0;
        operation.failures = ExportFailures {
            count: TRIES,
            resume: false,
            at: Some(now),
            reason: Some(Reason::SnapshotNotCommitted),
            message: "it was suspended and runs again each time; the members log why its terminal \
                      snapshot fails, or somebody resumes it"
                .to_owned(),
        };
    }
}

fn suspended(
    draft: &mut Draft<'_>,
    job: &BoundJob,
    kind: OperationKind,
) -> Option<ExpectedSnapshot> {
    if let Some(secured) = exported(draft, job) {
        return Some(secured);
    }
    let for_it = suspended_for_it(draft, job);
    let failed = failures(draft, job, kind).filter(|failures| failures.resume);
    if failed.is_some_and(|failures| for_it || failures.count >= TRIES) {
        give_back(draft, job, kind);
        return None;
    }
    let asked = matches!(kind, OperationKind::Pause | OperationKind::End);
    let asked = draft.stops_for.filter(|_| asked);
    let (name, resource) = match asked {
        Some((resource, record)) => (
            record.spec.snapshot_name(resource).to_owned(),
            ResourceId::jet_job_snapshot(resource),
        ),
        None => (name(draft, job, kind), draft.id.clone()),
    };
    let export = ExportSnapshot {
        name,
        job: job.id,
        which: which(job),
        strategy: None,
        mark: SnapshotMark {
            owner: draft.input.settings.owner.clone(),
            resource,
            job: job.id,
            begun_at: draft.now(),
            fork: false,
        },
    };
    draft.export(
        export,
        &[JobStatus::Suspended],
        Remember::of(kind),
        EXPORT_TIMEOUT,
    );
    None
}

/// The snapshot that this operation exported of this job, if it has.
fn exported(draft: &Draft<'_>, job: &BoundJob) -> Option<ExpectedSnapshot> {
    let operation = draft.record.operation.as_ref()?;
    let (name, facts) = operation.snapshot_of(job.id)?;
    Some(ExpectedSnapshot {
        name: name.to_owned(),
        facts: Some(facts.clone()),
        last_of: Some(job.id),
        fork_allowed: true,
    })
}

/// Whether the job was suspended for what is under way, and not before by whomever.
pub(super) fn suspended_for_it(draft: &Draft<'_>, job: &BoundJob) -> bool {
    let operation = draft.record.operation.as_ref();
    let since = operation.is_some_and(|it| it.job == job.id && job.status_since >= it.started_at);
    since && job.stopped_by == Some(StoppedBy::Us)
}

/// The job runs again until the next try, if it was suspended for this one. One that a failure suspended
/// would only fail again, and others are as somebody wants them.
fn give_back(draft: &mut Draft<'_>, job: &BoundJob, kind: OperationKind) {
    if !suspended_for_it(draft, job) {
        let failed = failures(draft, job, kind).cloned().unwrap_or_default();
        if let Some(at) = failed.at {
            draft.wake_at(after(at, TRY_AGAIN));
        }
        let message = format!("its state can't be secured: {}", failed.message);
        ask(draft, Reason::SnapshotRequired, kind, &message);
        return;
    }
    let action = Action::Resume { job: job.id };
    draft.act_on(job.id, &[JobStatus::Suspended], action, Remember::of(kind));
}

/// Holds until a person says that the state may go; remembers that word. A pause ends nothing: there a
/// word about the state would say nothing.
fn ask(draft: &mut Draft<'_>, reason: Reason, kind: OperationKind, message: &str) {
    if kind == OperationKind::Pause {
        draft.hold(reason, message);
        return;
    }
    let deed = deed(draft, kind);
    let message = format!("{message}, or confirm with --discard-state that its state may go");
    if draft.ask(reason, deed, Release::DiscardState, message) {
        draft.edit().discard_for = Some(deed);
    }
}

/// What is done once a person says that the state may go.
fn deed(draft: &Draft<'_>, kind: OperationKind) -> Deed {
    match kind {
        OperationKind::Cancel | OperationKind::Delete | OperationKind::End => Deed::Cancel,
        _ => stop::deed_of_upgrade(draft),
    }
}

fn which(job: &BoundJob) -> WhichSnapshot {
    if job.stopped_by == Some(StoppedBy::Failure) {
        WhichSnapshot::Last
    } else {
        WhichSnapshot::Terminal
    }
}

/// The name of the next snapshot: the one that was begun, else one that was never used before.
fn name(draft: &Draft<'_>, job: &BoundJob, kind: OperationKind) -> String {
    let operation = draft.record.operation.as_ref();
    let begun = operation
        .filter(|operation| operation.job == job.id && operation.kind == kind)
        .and_then(|operation| operation.snapshot.as_ref());
    if let Some(begun) = begun {
        return begun.name.clone();
    }
    let what = match kind {
        OperationKind::Cancel => "cancel",
        OperationKind::Delete => "delete",
        _ => "upgrade",
    };
    // A clock may tell one time twice: what was made before makes the difference.
    let kept = draft.record.kept.as_ref().map(|kept| &kept.name);
    let before = (kept, &draft.record.surplus);
    let store = &draft.input.recorded.store_id;
    let digest = Digest::of_json(&(store, job.id, draft.now(), before)).to_string();
    format!("{}.{what}-{}", draft.id.name, &digest[..8])
}
