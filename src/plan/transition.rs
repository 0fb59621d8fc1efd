//! What a record becomes when a step's intent, and later its outcome, is durable.
//!
//! These two functions are the only way in which steps change records, live and after a restart.

use jiff::{SignedDuration, Timestamp};

use super::hold::Reason;
use super::job::JobStatus;
use super::record::{BoundJob, JobRecord, Operation, Retry, StoppedBy, UploadEnd, UploadOutcome};
use super::step::{Action, Outcome, Step};
use crate::resources::Digest;
use crate::resources::jet_job::DesiredState;

/// The longest pause between two tries of a step that fails.
const LONGEST_BACKOFF: SignedDuration = SignedDuration::from_mins(1);

/// The record once the step's intent is durable: from here on the effect may have happened.
pub fn begin(record: &JobRecord, step: &Step, now: Timestamp) -> JobRecord {
    let mut record = record.clone();
    let remember = &step.remember;
    if let Some(kind) = remember.operation {
        let same = record
            .operation
            .as_ref()
            .is_some_and(|operation| operation.kind == kind);
        if let (false, Some(job)) = (same, &record.job) {
            record.operation = Some(Operation {
                kind,
                job: job.id,
                generation: step.generation,
                started_at: now,
            });
        }
    }
    if let Some(nonce) = &remember.restart_nonce {
        record.restart_nonce = Some(nonce.clone());
    }
    if let Some(nonce) = &remember.redeploy_nonce {
        record.redeploy_nonce = Some(nonce.clone());
    }
    record.restarted |= remember.restarted;
    if remember.failure_restart {
        record.restarts.count += 1;
        record.restarts.last_at = Some(now);
    }
    match &step.action {
        Action::Claim {
            attempt: Some(attempt),
            ..
        } => {
            record.attempts += 1;
            record.attempt = Some((**attempt).clone());
        }
        Action::Submit(_) => begin_submit(&mut record),
        Action::Suspend { .. } | Action::Cancel { .. } => {
            if let Some(job) = &mut record.job {
                job.stopped_by = Some(StoppedBy::Us);
            }
        }
        Action::Claim { attempt: None, .. }
        | Action::Resume { .. }
        | Action::Restart { .. }
        | Action::UpdateConfig { .. }
        | Action::Release { .. } => {}
    }
    record
}

fn begin_submit(record: &mut JobRecord) {
    if let Some(attempt) = &mut record.attempt {
        attempt.uploading = true;
    }
    // Whatever the spec asks to be done once is done by a fresh start.
    record.restart_nonce.clone_from(&record.spec.restart_nonce);
    record
        .redeploy_nonce
        .clone_from(&record.spec.redeploy_nonce);
    record.restarted = record.spec.state == DesiredState::Restarted;
}

/// The record once the step's outcome is durable.
pub fn finish(record: &JobRecord, step: &Step, outcome: &Outcome, now: Timestamp) -> JobRecord {
    let mut record = record.clone();
    match outcome {
        Outcome::Done => finish_done(&mut record, step, now),
        Outcome::Failed { reason, message } => {
            undo_memory(&mut record, step);
            back_off(&mut record, step, *reason, message, now);
        }
        Outcome::Stale { .. } => undo_memory(&mut record, step),
        Outcome::Unknown { message } => {
            back_off(&mut record, step, Reason::OutcomeUnknown, message, now);
        }
        Outcome::Uploaded {
            outcome,
            reason,
            message,
            member,
        } => {
            if let Some(attempt) = &mut record.attempt {
                attempt.ended = Some(UploadEnd {
                    at: now,
                    outcome: *outcome,
                    reason: *reason,
                    message: message.clone(),
                    member: *member,
                });
            }
            match outcome {
                UploadOutcome::Accepted => record.retry = None,
                UploadOutcome::NotRun => {
                    let reason = reason.unwrap_or(Reason::BackingOff);
                    back_off(&mut record, step, reason, message, now);
                }
                UploadOutcome::Refused | UploadOutcome::Unknown => {}
            }
        }
    }
    record
}

fn finish_done(record: &mut JobRecord, step: &Step, now: Timestamp) {
    record.retry = None;
    match &step.action {
        Action::Claim { entry, attempt, .. } => {
            record.entry = Some(entry.clone());
            record.released = false;
            if let (Some(_), Some(claimed)) = (attempt, &mut record.attempt) {
                claimed.claimed = true;
            }
            let known = record
                .job
                .as_ref()
                .is_some_and(|job| Some(job.id) == entry.job_id);
            if let (None, Some(id), false) = (attempt, entry.job_id, known) {
                // An adoption: everything but the id is learnt when the job is looked at next. What
                // was claimed for a submit of our own is done with.
                record.attempt = None;
                record.job = Some(BoundJob {
                    cluster_id: step.expects.cluster_id,
                    id,
                    nonce: entry.attempt.clone(),
                    deployed: None,
                    submitted_at: now,
                    guarantee: None,
                    status: JobStatus::NotRunning,
                    status_since: now,
                    completed_at: None,
                    failure: None,
                    stopped_by: None,
                    gone: false,
                });
            }
        }
        Action::Release { .. } => {
            record.entry = None;
            record.released = true;
        }
        Action::Submit(_)
        | Action::Suspend { .. }
        | Action::Resume { .. }
        | Action::Restart { .. }
        | Action::Cancel { .. }
        | Action::UpdateConfig { .. } => {}
    }
}

/// Forgets what `begin` remembered of an effect that is known not to have happened.
fn undo_memory(record: &mut JobRecord, step: &Step) {
    match &step.action {
        Action::Claim { attempt, .. } => {
            // What is there now has to be read again before the next claim.
            record.entry = None;
            if attempt.is_some() {
                record.attempt = None;
            }
        }
        Action::Submit(_) => record.attempt = None,
        Action::Suspend { .. } | Action::Cancel { .. } => {
            if let Some(job) = &mut record.job {
                job.stopped_by = None;
            }
        }
        Action::Restart { .. } => {
            record.restart_nonce = None;
            record.restarted = false;
        }
        // What is there now has to be read again before the next try.
        Action::Release { .. } => record.entry = None,
        Action::Resume { .. } | Action::UpdateConfig { .. } => {}
    }
}

fn back_off(record: &mut JobRecord, step: &Step, reason: Reason, message: &str, now: Timestamp) {
    let verb = step.verb();
    let before = record
        .retry
        .as_ref()
        .filter(|retry| retry.verb == verb)
        .map_or(0, |r| r.count);
    let count = before.saturating_add(1);
    let pause = backoff(SignedDuration::from_secs(1), before, LONGEST_BACKOFF);
    record.retry = Some(Retry {
        verb: verb.to_owned(),
        count,
        at: after(now, jittered(pause, step, count)),
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
