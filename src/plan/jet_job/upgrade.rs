//! A stateful upgrade once the new version was submitted: Stable, or rolled back.
//!
//! ```text
//! submitted ─▶ RUNNING ─▶ its first own snapshot ─▶ Stable
//!     │                        └ lacks vertices that had state ─▶ held (onStateMismatch)
//!     └ FAILED, suspended by a failure, or not RUNNING for `timeout`, and no own snapshot:
//!       rolled back: the new one is stopped, the old version starts from the same snapshot
//! ```

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};

use super::super::cluster;
use super::super::draft::Draft;
use super::super::event::EventKind;
use super::super::failure::headline;
use super::super::hold::{Reason, Release};
use super::super::job::{Guarantee, JobStatus};
use super::super::record::{
    Attempt, BoundJob, Deed, Deployed, JobRecord, Operation, OperationKind, Rejected,
    StartSnapshot, StoppedBy, UploadEnd,
};
use super::super::step::{Action, Remember};
use super::super::transition::after;
use super::jar::{deployed_now, in_words};
use super::submit;
use crate::resources::jet_job::OnStateMismatch;

/// By when the configuration of a job that ended was asked for.
const CONFIG_READ: SignedDuration = SignedDuration::from_secs(10);

/// Goes on with an upgrade or a rollback whose new job was found; whether there is nothing else to
/// decide for the job now.
pub(super) fn followed(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    let Some(operation) = draft.record.operation.clone() else {
        return false;
    };
    match operation.kind {
        OperationKind::Upgrade if operation.job != job.id => judge(draft, job, &operation),
        OperationKind::Rollback => roll_back(draft, job, &operation),
        _ => false,
    }
}

fn judge(draft: &mut Draft<'_>, job: &BoundJob, operation: &Operation) -> bool {
    if let Some(why) = failure(draft, job) {
        if job.own_snapshot {
            end(
                draft,
                EventKind::StepFailed,
                format!(
                    "the new version failed after it had committed a snapshot of its own, so it is not \
                 rolled back: {why}"
                ),
            );
            return false;
        }
        let policy = &draft.record.spec.upgrade_policy;
        let (old, snapshot) = (operation.old_version(), operation.whole_snapshot());
        // A job that was lost on the way and let go starts afresh: there is nothing to go back to.
        let upgraded = snapshot.is_some_and(|it| job.started_from.as_ref() == Some(&it.name));
        if !policy.rollback || old.is_none() || !upgraded {
            end(
                draft,
                EventKind::StepFailed,
                format!("the new version failed: {why}"),
            );
            return false;
        }
        return is_being_read(draft, job)
            || (may_roll_back(draft, job, &why) && begin_rollback(draft, job, &why));
    }
    if job.gone || job.status == JobStatus::Completed {
        draft.edit().end_operation();
        return false;
    }
    if job.own_snapshot {
        return stable(draft, job, operation);
    }
    if job.status == JobStatus::Running && job.guarantee == Some(Guarantee::None) {
        let message = format!(
            "the new version runs as job {}, and keeps no state (processing guarantee NONE)",
            job.id
        );
        end(draft, EventKind::UpgradeStable, message);
        draft.edit().rejected = None;
    }
    false
}

/// Why the new version counts as failed, if it does.
fn failure(draft: &mut Draft<'_>, job: &BoundJob) -> Option<String> {
    let why = || {
        let line = job.failure.as_deref().and_then(headline);
        line.map_or("the members told no reason".to_owned(), Cow::into_owned)
    };
    let by_failure = job.stopped_by == Some(StoppedBy::Failure);
    match job.status {
        JobStatus::Failed | JobStatus::Suspended if by_failure => Some(why()),
        JobStatus::NotRunning | JobStatus::Starting if !job.ran => {
            let limit = draft.record.spec.upgrade_policy.timeout;
            let due = after(could_start_since(draft, job)?, limit);
            if draft.now() >= due {
                return Some(format!("not RUNNING within {} s", limit.as_secs()));
            }
            draft.wake_at(due);
            None
        }
        _ => None,
    }
}

/// Whether the new version is known to have committed nothing, or a person says that what it may have
/// committed can go; asks if neither.
fn may_roll_back(draft: &mut Draft<'_>, job: &BoundJob, why: &str) -> bool {
    // One that is not FAILED is looked at again right before it is cancelled.
    if job.status != JobStatus::Failed || job.ended_uncommitted {
        return true;
    }
    let message = format!(
        "the new version failed after its first snapshot was due, so it may have committed that, and \
         results with it: {why}. Confirm that the old version starts again from the snapshot of the upgrade, \
         or change jar, main class or parameters"
    );
    draft.ask(
        Reason::RolledBack,
        Deed::RollBack,
        Release::Confirm,
        message,
    )
}

/// Whether it may still be learnt how far apart the snapshots of the new version were to be; holds if so.
fn is_being_read(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    let read_by = after(job.status_since, CONFIG_READ);
    let config = draft.seen(job.id).and_then(|job| job.config.as_ref());
    let waits = job.status == JobStatus::Failed && config.is_none() && draft.now() < read_by;
    if waits {
        let message = "the configuration of the new version, which failed, is being asked for";
        draft.hold_until(Reason::ClusterUnknown, read_by, message);
    }
    waits
}

/// Since when the cluster could have started the job; none while it can't.
fn could_start_since(draft: &Draft<'_>, job: &BoundJob) -> Option<Timestamp> {
    let view = draft.view()?;
    let name = &draft.record.spec.hazelcast_resource_name;
    let spec = cluster::spec(draft.input, name).ok()?;
    cluster::guard(name, view, &spec, draft.now()).ok()?;
    let changed = view.connected_at.max(view.master_changed_at);
    Some(changed.map_or(job.status_since, |at| at.max(job.status_since)))
}

fn end(draft: &mut Draft<'_>, kind: EventKind, message: String) {
    draft.tell(kind, message);
    draft.edit().end_operation();
}

/// The new version made a snapshot of its own; whether it has a place for all the old state.
fn stable(draft: &mut Draft<'_>, job: &BoundJob, operation: &Operation) -> bool {
    let snapshot = operation.snapshot.as_ref();
    let facts = snapshot.and_then(|it| it.facts.as_ref());
    let snapshot = snapshot.map_or("", |it| it.name.as_str());
    let vertices = draft.view().and_then(|view| view.standings.get(&job.id));
    let missing: Vec<String> = match (facts, vertices) {
        (Some(facts), Some(standing)) => {
            let lacks = facts.stateful.difference(&standing.vertices);
            lacks.cloned().collect()
        }
        // Which vertices it has is asked for again after a start of ours.
        (Some(_), None) => return false,
        (None, _) => Vec::new(),
    };
    if !missing.is_empty() {
        let accepted =
            draft.record.spec.upgrade_policy.on_state_mismatch == OnStateMismatch::Accept;
        let message = format!(
            "the new version runs, but has no vertex {}, whose state the old one had: that state was \
             not restored. Snapshot {snapshot} is kept with it: to go back to that, give the old jar, \
             initialSnapshotName: {snapshot} and another redeployNonce; or confirm that this state may stay \
             behind (upgradePolicy.onStateMismatch: Accept)",
            missing.join(", "),
        );
        if !accepted
            && !draft.ask(
                Reason::StateMismatch,
                Deed::LeaveState,
                Release::Confirm,
                message,
            )
        {
            if !draft.record.pinned.contains(snapshot) {
                draft.edit().pinned.insert(snapshot.to_owned());
            }
            return false;
        }
    }
    if draft.record.pinned.contains(snapshot) {
        draft.edit().pinned.remove(snapshot);
    }
    let message = format!(
        "the new version runs as job {} and made its first snapshot",
        job.id
    );
    end(draft, EventKind::UpgradeStable, message);
    draft.edit().rejected = None;
    false
}

fn begin_rollback(draft: &mut Draft<'_>, job: &BoundJob, why: &str) -> bool {
    let message = format!("the new version failed and is rolled back: {why}");
    draft.tell(EventKind::StepFailed, message);
    let rejected = job.deployed.clone().map(|deployed| Rejected {
        deployed,
        why: why.to_owned(),
    });
    let record = draft.edit();
    record.rejected = rejected;
    record.retry = None;
    if let Some(operation) = &mut record.operation {
        operation.kind = OperationKind::Rollback;
        operation.job = job.id;
    }
    let Some(operation) = draft.record.operation.clone() else {
        return false;
    };
    roll_back(draft, job, &operation)
}

/// Stops the new version, submits the old one, and says so once it runs.
fn roll_back(draft: &mut Draft<'_>, job: &BoundJob, operation: &Operation) -> bool {
    if operation.job != job.id {
        return rolled_back(draft, job);
    }
    if job.is_active() {
        stop_new_version(draft, job);
        return true;
    }
    let (Some(from), Some(snapshot)) = (operation.old_version(), operation.whole_snapshot()) else {
        draft.edit().end_operation();
        return false;
    };
    let start = StartSnapshot {
        name: snapshot.name.clone(),
        facts: snapshot.facts.clone(),
        fork_allowed: true,
    };
    submit::start_version(draft, from.clone(), Some(start));
    true
}

/// Cancels the new version, unless it has committed a snapshot of its own meanwhile.
fn stop_new_version(draft: &mut Draft<'_>, job: &BoundJob) {
    if job.own_snapshot {
        let message = "the new version committed a snapshot of its own after it had failed, so it is \
                       not rolled back";
        end(draft, EventKind::StepFailed, message.to_owned());
        draft.edit().rejected = None;
        return;
    }
    let remember = Remember::of(OperationKind::Rollback);
    let action = Action::Cancel {
        job: job.id,
        forceful: true,
    };
    draft.act_on(job.id, &[job.status], action, remember);
    if let Some(step) = &mut draft.step {
        step.expects.uncommitted = Some(job.id);
    }
}

fn rolled_back(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    match job.status {
        JobStatus::Running => {
            let why = draft.record.rejected.as_ref().map(|it| it.why.clone());
            let message = format!(
                "the old version runs again as job {}; the new one failed: {}",
                job.id,
                why.unwrap_or_default()
            );
            end(draft, EventKind::RolledBack, message);
        }
        JobStatus::Failed | JobStatus::Completed | JobStatus::Suspended => {
            draft.edit().end_operation();
        }
        _ if job.gone => draft.edit().end_operation(),
        _ => {}
    }
    false
}

/// The version that was rolled back, where the document still asks for it.
pub(in crate::plan) fn still_rejected<'a>(draft: &'a Draft<'_>) -> Option<&'a Rejected> {
    let rejected = draft.record.rejected.as_ref()?;
    let job = draft.record.job.as_ref().filter(|job| job.is_active());
    let runs = job.and_then(|job| job.deployed.as_ref()) == Some(&rejected.deployed);
    let wanted = deployed_now(draft).is_some_and(|now| now == rejected.deployed);
    (wanted && !runs).then_some(rejected)
}

/// Whether what the document asks for was rolled back before; holds if so.
pub(super) fn rejected(draft: &mut Draft<'_>) -> bool {
    let Some(rejected) = still_rejected(draft).cloned() else {
        return false;
    };
    let jar = in_words(&draft.record.spec, &rejected.deployed);
    let message = format!(
        "this version ({jar}) failed and was rolled back ({}); it is not tried again until jar, main class or \
         parameters change, or you confirm another try",
        rejected.why
    );
    let again = Deed::Replace(rejected.deployed.jar);
    if draft.ask(Reason::RolledBack, again, Release::Confirm, message) {
        draft.edit().rejected = None;
        return false;
    }
    true
}

/// The upload of the new version made no job: the old one is stopped already, so it starts again, once
/// `timeout` is over. Whether that begins now.
pub(super) fn taken_back(draft: &mut Draft<'_>, attempt: &Attempt, end: &UploadEnd) -> bool {
    let refusal = headline(&end.message).map(Cow::into_owned);
    let why = refusal.unwrap_or_else(|| "main returned without a job of its name".to_owned());
    take_back(draft, attempt.deployed.clone(), end.at, why)
}

/// When the version before starts again because the upload of the new one made no job, if it does.
pub(super) fn old_version_due(draft: &Draft<'_>, since: Timestamp) -> Option<Timestamp> {
    let policy = &draft.record.spec.upgrade_policy;
    let operation = draft.record.operation.as_ref()?;
    let old = draft.record.job.as_ref().map(|job| job.id) == Some(operation.job);
    let stopped = operation.kind == OperationKind::Upgrade
        && old
        && operation.whole_snapshot().is_some()
        && operation.old_version().is_some();
    (policy.rollback && stopped).then(|| after(since, policy.timeout))
}

/// The same where the upload can't be sent for what the new version lacks.
pub(super) fn not_sent(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    let lacks = |reason| matches!(reason, Reason::SecretMissing | Reason::JarNotFound);
    let retry = draft.record.retry.as_ref();
    let failed = retry.filter(|retry| retry.verb == "submit" && lacks(retry.reason));
    let Some(why) = failed.map(|retry| retry.message.clone()) else {
        return false;
    };
    let Some(deployed) = deployed_now(draft) else {
        return false;
    };
    if !take_back(draft, deployed, job.status_since, why) {
        return false;
    }
    draft.edit().retry = None;
    let operation = draft.record.operation.clone();
    operation.is_some_and(|operation| roll_back(draft, job, &operation))
}

fn take_back(draft: &mut Draft<'_>, deployed: Deployed, since: Timestamp, why: String) -> bool {
    let Some(due) = old_version_due(draft, since) else {
        return false;
    };
    if draft.now() < due {
        draft.wake_at(due);
        return false;
    }
    let message = format!("the new version was not submitted and is rolled back: {why}");
    draft.tell(EventKind::StepFailed, message);
    let record = draft.edit();
    record.rejected = Some(Rejected { deployed, why });
    if let Some(operation) = &mut record.operation {
        operation.kind = OperationKind::Rollback;
    }
    true
}

/// Whether an earlier upgrade is still being judged; holds if so. A new version that makes no
/// snapshot is not waited for longer than `timeout`.
pub(super) fn queued(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    let due = snapshot_expected_by(&draft.record, job);
    let Some(due) = due.filter(|due| draft.now() < *due) else {
        return false;
    };
    let message = "the version before has not made a snapshot of its own yet; this one follows";
    draft.hold_until(Reason::UpgradeQueued, due, message);
    true
}

/// Until when others wait for the first snapshot of the new version of a job whose upgrade is being judged,
/// and that waits for nothing else.
pub(in crate::plan) fn others_wait_until(record: &JobRecord) -> Option<Timestamp> {
    let job = record.job.as_ref().filter(|job| !job.own_snapshot)?;
    snapshot_expected_by(record, job)
}

fn snapshot_expected_by(record: &JobRecord, job: &BoundJob) -> Option<Timestamp> {
    let operation = record.operation.as_ref()?;
    let judged = operation.kind == OperationKind::Upgrade && operation.job != job.id;
    judged.then(|| after(job.status_since, record.spec.upgrade_policy.timeout))
}
