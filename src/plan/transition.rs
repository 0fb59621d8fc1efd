//! What a record becomes when a step's intent, and later its outcome, is durable.
//!
//! These two functions are the only way in which steps change records, live and after a restart.
//! What is asked for once counts as done from the intent on, so that it never happens twice; it
//! counts as open again only where the outcome says that the effect did not happen.

use jiff::{SignedDuration, Timestamp};

use super::hold::Reason;
use super::observed::Lists;
use super::record::{
    Attempt, CancelAsked, ExportFailures, JobRecord, KeptSnapshot, Operation, OperationKind,
    OperationSnapshot, RestartsDone, Retry, SoughtRestart, StoppedBy, UploadEnd, UploadOutcome,
};
use super::snapshot::SnapshotFacts;
use super::step::{Action, ExportSnapshot, Outcome, Step, Submit};
use crate::resources::{Digest, Kind};

/// The longest pause between two tries of a step that fails.
const LONGEST_BACKOFF: SignedDuration = SignedDuration::from_mins(1);

/// The record once the step's intent is durable: from here on the effect may have happened.
pub fn begin(record: &JobRecord, step: &Step, now: Timestamp) -> JobRecord {
    let mut record = record.clone();
    begin_operation(&mut record, step, now);
    if matches!(step.action, Action::Restart { .. }) {
        record.before_restart = RestartsDone {
            nonce: record.restart_nonce.clone(),
            by_state: record.restarted,
        };
    }
    let remember = &step.remember;
    if let Some(nonce) = &remember.restart_nonce {
        record.restart_nonce = Some(nonce.clone());
    }
    record.restarted |= remember.restarted;
    if remember.failure_restart {
        count_restart(&mut record, now);
    }
    match &step.action {
        Action::Claim {
            attempt: Some(attempt),
            ..
        } => {
            record.unsent = None;
            record.attempts += 1;
            record.attempt = Some((**attempt).clone());
        }
        Action::Submit(submit) => {
            record.unsent = None;
            if let Some(attempt) = own_attempt(&mut record, &submit.nonce) {
                attempt.uploading = true;
            }
        }
        Action::Suspend { .. } => {
            if let Some(job) = &mut record.job {
                job.stopped_by = Some(StoppedBy::Us);
                job.suspend_asked = Some(now);
            }
            count_suspend(&mut record, step, 1);
        }
        Action::Cancel { .. } => begin_cancel(&mut record, step),
        Action::Export(export) => begin_export(&mut record, export),
        Action::Resume { .. } => {
            if let Some(operation) = &mut record.operation {
                operation.failures.resume = false;
            }
        }
        Action::Restart { .. } => {
            if let Some(job) = &mut record.job {
                job.restart_asked = true;
            }
        }
        Action::Claim { attempt: None, .. }
        | Action::UpdateConfig { .. }
        | Action::DeleteSnapshot { .. }
        | Action::Release { .. }
        | Action::Anchor { .. } => {}
    }
    record
}

fn begin_operation(record: &mut JobRecord, step: &Step, now: Timestamp) {
    let (Some(kind), Some(job)) = (step.remember.operation, &record.job) else {
        return;
    };
    let under_way = record.operation.as_ref();
    if under_way.is_none_or(|operation| operation.kind != kind || operation.job != job.id) {
        let (job, from) = (job.id, job.deployed.clone());
        record.forget_half_snapshot();
        record.operation = Some(Operation {
            kind,
            job,
            generation: step.generation,
            started_at: now,
            told: false,
            snapshot: None,
            from,
            suspends: 0,
            failures: ExportFailures::default(),
        });
    }
}

/// The export that an operation goes on with; what an earlier one may have left is to be deleted.
fn begin_export(record: &mut JobRecord, export: &ExportSnapshot) {
    let Some(operation) = &mut record.operation else {
        return;
    };
    operation.suspends = 0;
    let next = OperationSnapshot {
        name: export.name.clone(),
        facts: None,
        declared: is_declared(export),
    };
    let before = operation.snapshot.replace(next);
    let other = before.filter(|before| before.name != export.name);
    record
        .surplus
        .extend(other.and_then(OperationSnapshot::surplus));
}

/// Whether a `JetJobSnapshot` asks for it, through the job's plan.
fn is_declared(export: &ExportSnapshot) -> bool {
    export.mark.resource.kind == Kind::JetJobSnapshot
}

/// Remembers how the job's end is asked for. A request before this one may still be carried out.
fn begin_cancel(record: &mut JobRecord, step: &Step) {
    let rolls_back = step.remember.operation == Some(OperationKind::Rollback);
    if let Some(job) = &mut record.job {
        job.cancel = Some(CancelAsked {
            secured: step.expects.snapshot.is_some() || rolls_back,
            sent_at: job.cancel.and_then(|before| before.sent_at),
        });
    }
}

/// A cancel was accepted, or had no answer: the job may end by it.
fn cancel_sent(record: &mut JobRecord, now: Timestamp) {
    let job = record.job.as_mut();
    if let Some(cancel) = job.and_then(|job| job.cancel.as_mut()) {
        cancel.sent_at = Some(now);
    }
}

/// Counts how often the job is suspended for an operation, or takes that back.
fn count_suspend(record: &mut JobRecord, step: &Step, by: i32) {
    let kind = step.remember.operation;
    let operation = record.operation.as_mut();
    if let Some(operation) = operation.filter(|operation| kind == Some(operation.kind)) {
        operation.suspends = operation.suspends.saturating_add_signed(by);
    }
}

/// Counts a restart after a failure.
pub(super) fn count_restart(record: &mut JobRecord, now: Timestamp) {
    record.restarts.count = record.restarts.count.saturating_add(1);
    record.restarts.last_at = Some(now);
    record.restarts.confirmed = false;
}

/// The attempt, if it still is the one with this nonce.
fn own_attempt<'a>(record: &'a mut JobRecord, nonce: &str) -> Option<&'a mut Attempt> {
    record
        .attempt
        .as_mut()
        .filter(|attempt| attempt.nonce == nonce)
}

/// The record once the step's outcome is durable. `lists` is the list of the cluster that was ordered
/// once the step had ended.
pub fn finish(
    record: &JobRecord,
    step: &Step,
    outcome: &Outcome,
    now: Timestamp,
    lists: Option<Lists>,
) -> JobRecord {
    let mut record = record.clone();
    match outcome {
        Outcome::Done => done(&mut record, step, now),
        Outcome::Exported { facts } => exported(&mut record, step, facts),
        Outcome::Failed {
            reason: Reason::Conflict,
            ..
        } if matches!(step.action, Action::DeleteSnapshot { .. }) => done(&mut record, step, now),
        Outcome::Failed { reason, message } => {
            keep_claim(&mut record, step);
            undo(&mut record, step);
            export_failed(&mut record, step, *reason, message, now);
            back_off(&mut record, step, *reason, message, now);
        }
        Outcome::Stale { message } => {
            undo(&mut record, step);
            forget_entry(&mut record, step);
            distrust_snapshot(&mut record, step);
            retry_soon(&mut record, step, message, now);
        }
        Outcome::Unknown { message } => unknown(&mut record, step, message, now),
        Outcome::Uploaded {
            outcome,
            reason,
            message,
            member,
        } => {
            let end = UploadEnd {
                at: now,
                outcome: *outcome,
                reason: *reason,
                message: message.clone(),
                member: *member,
                lists: None,
            };
            if let Action::Submit(submit) = &step.action {
                uploaded(&mut record, step, submit, end);
            }
        }
    }
    if let Action::Submit(submit) = &step.action
        && let Some(attempt) = own_attempt(&mut record, &submit.nonce)
        && let Some(end) = &mut attempt.ended
    {
        end.lists = lists;
    }
    record
}

fn done(record: &mut JobRecord, step: &Step, now: Timestamp) {
    let same_verb = |retry: &Retry| retry.verb == step.verb();
    if record.retry.as_ref().is_some_and(same_verb) {
        record.retry = None;
    }
    match &step.action {
        Action::Claim { entry, attempt, .. } => {
            record.entry = Some(entry.clone());
            record.entry_since = Some(now);
            record.released = false;
            let nonce = attempt.as_ref().map(|attempt| attempt.nonce.as_str());
            if let Some(claimed) = nonce.and_then(|nonce| own_attempt(record, nonce)) {
                claimed.claimed = true;
            }
        }
        Action::Release { .. } => {
            record.entry = None;
            record.released = true;
        }
        Action::UpdateConfig { .. } => {
            if let Some(job) = &mut record.job {
                job.configured = Some(step.generation);
            }
        }
        Action::Submit(submit) => {
            let end = plain_end(UploadOutcome::Accepted, "", now);
            uploaded(record, step, submit, end);
        }
        Action::Cancel { .. } => cancel_sent(record, now),
        Action::DeleteSnapshot { name, .. } => {
            record.surplus.remove(name);
        }
        Action::Anchor { .. }
        | Action::Suspend { .. }
        | Action::Resume { .. }
        | Action::Restart { .. }
        | Action::Export(_) => {}
    }
}

/// The snapshot is there and whole: from now on it is the one to start from again.
fn exported(record: &mut JobRecord, step: &Step, facts: &SnapshotFacts) {
    record.retry = None;
    let Action::Export(export) = &step.action else {
        return;
    };
    let operation = record.operation.as_mut();
    let Some(snapshot) = operation.and_then(|operation| operation.snapshot.as_mut()) else {
        return;
    };
    if snapshot.name != export.name {
        return;
    }
    snapshot.facts = Some(facts.clone());
    let kept = KeptSnapshot {
        name: export.name.clone(),
        facts: facts.clone(),
        cluster_id: step.expects.cluster_id,
        declared: is_declared(export),
        cautioned: false,
    };
    let before = record.kept.replace(kept);
    let other = before.filter(|before| before.name != export.name);
    record.surplus.extend(other.and_then(KeptSnapshot::surplus));
}

/// A job whose snapshot can't be exported does not stay suspended for it. A cluster that could not
/// be reached says nothing about the snapshot.
fn export_failed(
    record: &mut JobRecord,
    step: &Step,
    reason: Reason,
    message: &str,
    now: Timestamp,
) {
    let exporting = matches!(step.action, Action::Export(_));
    if !exporting || reason == Reason::ClusterUnreachable {
        return;
    }
    if let Some(operation) = &mut record.operation {
        operation.failures = ExportFailures {
            count: operation.failures.count.saturating_add(1),
            resume: true,
            at: Some(now),
            reason: Some(reason),
            message: message.to_owned(),
        };
    }
}

/// What a cancel relied on was no longer so: the state is secured anew. Until it is, what was made
/// stays the one to start from: the job may have ended by a cancel whose answer was lost.
fn distrust_snapshot(record: &mut JobRecord, step: &Step) {
    let relied = step.expects.snapshot.as_ref();
    if relied.is_none_or(|snapshot| snapshot.last_of.is_none()) {
        return;
    }
    if let Some(operation) = &mut record.operation {
        operation.snapshot = None;
    }
}

fn uploaded(record: &mut JobRecord, step: &Step, submit: &Submit, end: UploadEnd) {
    let not_run = end.outcome == UploadOutcome::NotRun;
    if not_run || end.is_transient() {
        let reason = end.reason.unwrap_or(Reason::BackingOff);
        back_off(record, step, reason, &end.message, end.at);
    }
    if not_run {
        undo(record, step);
    } else if let Some(attempt) = own_attempt(record, &submit.nonce) {
        attempt.ended = Some(end);
    }
}

fn plain_end(outcome: UploadOutcome, message: &str, now: Timestamp) -> UploadEnd {
    UploadEnd {
        at: now,
        outcome,
        reason: None,
        message: message.to_owned(),
        member: None,
        lists: None,
    }
}

/// Nobody knows whether it was done. What has no trace of its own to be found by gets one here.
fn unknown(record: &mut JobRecord, step: &Step, message: &str, now: Timestamp) {
    match &step.action {
        Action::Submit(submit) => {
            let end = plain_end(UploadOutcome::Unknown, message, now);
            uploaded(record, step, submit, end);
            return;
        }
        Action::Restart { job, execution_id } => {
            record.sought_restart = Some(SoughtRestart {
                job: *job,
                execution_id: *execution_id,
                at: now,
            });
        }
        Action::Cancel { .. } => cancel_sent(record, now),
        _ => {}
    }
    back_off(record, step, Reason::OutcomeUnknown, message, now);
}

/// An upload that failed before anything was sent leaves its claim to the next try, so that the map is
/// not written again for each.
fn keep_claim(record: &mut JobRecord, step: &Step) {
    if let Action::Submit(submit) = &step.action
        && own_attempt(record, &submit.nonce).is_some_and(|attempt| attempt.claimed)
    {
        record.unsent = Some(submit.nonce.clone());
    }
}

/// Forgets what `begin` remembered of an effect that is known not to have happened.
fn undo(record: &mut JobRecord, step: &Step) {
    if step.remember.failure_restart {
        record.restarts.count = record.restarts.count.saturating_sub(1);
    }
    match &step.action {
        Action::Claim { attempt, .. } => {
            let nonce = attempt.as_ref().map(|attempt| attempt.nonce.as_str());
            if nonce.is_some_and(|nonce| own_attempt(record, nonce).is_some()) {
                record.attempt = None;
            }
        }
        Action::Submit(submit) => {
            if own_attempt(record, &submit.nonce).is_some() {
                record.attempt = None;
            }
        }
        Action::Suspend { .. } => {
            undo_suspend(record);
            count_suspend(record, step, -1);
        }
        Action::Cancel { .. } => undo_cancel(record),
        Action::Restart { .. } => undo_restart(record),
        Action::Anchor { .. }
        | Action::Release { .. }
        | Action::Resume { .. }
        | Action::UpdateConfig { .. }
        | Action::Export(_)
        | Action::DeleteSnapshot { .. } => {}
    }
}

/// Another entry is in the map than the one that was to be replaced: what is there now has to be read again
/// before the next claim. Where the map could only not be written, what is known of it stays so.
fn forget_entry(record: &mut JobRecord, step: &Step) {
    if matches!(step.action, Action::Claim { .. } | Action::Release { .. }) {
        record.entry = None;
    }
}

/// A cancel that was not done; one that was accepted or had no answer before may be the one that was.
fn undo_cancel(record: &mut JobRecord) {
    if let Some(job) = &mut record.job {
        job.cancel.take_if(|cancel| cancel.sent_at.is_none());
    }
}

/// A suspend that was not done leaves the job to whoever stops it next. One that had no answer
/// before may be the one that was.
fn undo_suspend(record: &mut JobRecord) {
    let retry = record.retry.as_ref();
    let had_no_answer =
        retry.is_some_and(|it| it.verb == "suspend" && it.reason == Reason::OutcomeUnknown);
    if let (false, Some(job)) = (had_no_answer, &mut record.job) {
        job.stopped_by = None;
        job.suspend_asked = None;
    }
}

/// The restart did not happen after all: what counted as done before does so again.
pub(super) fn undo_restart(record: &mut JobRecord) {
    record.sought_restart = None;
    let before = std::mem::take(&mut record.before_restart);
    record.restart_nonce = before.nonce;
    record.restarted = before.by_state;
    if let Some(job) = &mut record.job {
        job.restart_asked = false;
    }
}

fn failures_before(record: &JobRecord, step: &Step) -> u32 {
    let same = record
        .retry
        .as_ref()
        .filter(|retry| retry.verb == step.verb());
    same.map_or(0, |retry| retry.count)
}

fn back_off(record: &mut JobRecord, step: &Step, reason: Reason, message: &str, now: Timestamp) {
    let before = failures_before(record, step);
    let pause = backoff(SignedDuration::from_secs(1), before, LONGEST_BACKOFF);
    let at = after(now, jittered(pause, step, before));
    set_retry(record, step, at, reason, message);
}

/// What a step found was other than planned: the next plan knows better. Only where that goes on
/// are there pauses.
fn retry_soon(record: &mut JobRecord, step: &Step, message: &str, now: Timestamp) {
    let at = match failures_before(record, step) {
        0 => now,
        before => {
            let pause = backoff(SignedDuration::from_secs(1), before - 1, LONGEST_BACKOFF);
            after(now, jittered(pause, step, before))
        }
    };
    set_retry(record, step, at, Reason::BackingOff, message);
}

fn set_retry(record: &mut JobRecord, step: &Step, at: Timestamp, reason: Reason, message: &str) {
    record.retry = Some(Retry {
        verb: step.verb().to_owned(),
        count: failures_before(record, step).saturating_add(1),
        at,
        reason,
        message: message.to_owned(),
    });
}

/// The pause after `count` failures: it doubles with each, up to `longest`.
pub(super) fn backoff(
    first: SignedDuration,
    count: u32,
    longest: SignedDuration,
) -> SignedDuration {
    let factor = 1_i32.checked_shl(count.min(30)).unwrap_or(i32::MAX);
    first
        .checked_mul(factor)
        .map_or(longest, |pause| pause.min(longest))
}

/// Spreads pauses by up to a fifth, the same for the same step and count.
fn jittered(pause: SignedDuration, step: &Step, count: u32) -> SignedDuration {
    let digest = Digest::of_json(&(&step.resource, count));
    let share = i64::from(digest.0[0]) * pause.as_secs().max(1) * 1_000 / (255 * 5);
    pause.saturating_add(SignedDuration::from_millis(share))
}

/// A time after another, at the end of time at the latest.
pub(super) fn after(start: Timestamp, pause: SignedDuration) -> Timestamp {
    start.checked_add(pause).unwrap_or(Timestamp::MAX)
}
