//! What a snapshot's record becomes when a step's intent, and later its outcome, is durable.

use jiff::{SignedDuration, Timestamp};

use crate::plan::hold::Reason;
use crate::plan::record::{ExportedSnapshot, Retry, SnapshotRecord, SnapshotState};
use crate::plan::snapshot::SnapshotFacts;
use crate::plan::step::{Action, Outcome, Step};
use crate::plan::transition::{after, backoff};
use crate::resources::jet_job_snapshot::PauseToCopy;

/// The longest pause between two tries.
const LONGEST_BACKOFF: SignedDuration = SignedDuration::from_mins(5);
/// How often an export is tried that fails in a way that may pass.
const TRIES: u32 = 20;

/// The record once the step's intent is durable.
pub fn begin(record: &SnapshotRecord, step: &Step, now: Timestamp) -> SnapshotRecord {
    let mut record = record.clone();
    if let Action::Export(export) = &step.action {
        record.state = SnapshotState::Exporting;
        record.reason = Reason::SnapshotUnderWay;
        "under way".clone_into(&mut record.message);
        record.begun_at = record.begun_at.or(Some(now));
        record.job = Some(export.job);
        record.job_name.clone_from(&step.job_name);
        record.cluster = Some(step.cluster.clone());
        record.cluster_id = Some(step.expects.cluster_id);
    }
    record
}

/// The record once the step's outcome is durable.
pub fn finish(
    record: &SnapshotRecord,
    step: &Step,
    outcome: &Outcome,
    now: Timestamp,
) -> SnapshotRecord {
    let mut record = record.clone();
    let deletes = matches!(step.action, Action::DeleteSnapshot { .. });
    match outcome {
        Outcome::Exported { facts } => exported(&mut record, step, facts, now),
        Outcome::Done => {
            if deletes {
                record.exported = None;
                record.begun_at = None;
            }
            record.retry = None;
        }
        // What has its name is somebody else's: it stays, and there is nothing more to do here.
        Outcome::Failed {
            reason: Reason::Conflict,
            ..
        } if deletes => {
            record.begun_at = None;
            record.retry = None;
        }
        Outcome::Failed { reason, message } => failed(&mut record, step, *reason, message, now),
        // What it expected was no longer so: the next plan knows better.
        Outcome::Stale { message } => {
            try_again(&mut record, step, Reason::BackingOff, message, now);
        }
        // It can be begun again: what it committed is found.
        Outcome::Unknown { message } | Outcome::Uploaded { message, .. } => {
            try_again(&mut record, step, Reason::OutcomeUnknown, message, now);
        }
    }
    record
}

fn exported(record: &mut SnapshotRecord, step: &Step, facts: &SnapshotFacts, now: Timestamp) {
    let Action::Export(export) = &step.action else {
        return;
    };
    record.state = SnapshotState::Exported;
    record.reason = Reason::AsDesired;
    record.message = String::new();
    record.retry = None;
    record.missing = false;
    record.exported = Some(ExportedSnapshot {
        facts: facts.clone(),
        at: now,
        strategy: export.strategy,
        fork: export.mark.fork,
        digest: record.digest,
    });
}

fn failed(record: &mut SnapshotRecord, step: &Step, reason: Reason, message: &str, now: Timestamp) {
    let exporting = matches!(step.action, Action::Export(_));
    let pause = record.spec.pause_to_copy == PauseToCopy::Allowed;
    let overtaken = exporting && reason == Reason::SnapshotOvertaken;
    record.overtaken |= overtaken;
    if overtaken && pause {
        record.retry = None;
        return;
    }
    let tries = record.retry.as_ref().map_or(0, |retry| retry.count);
    // Nothing of it passes by itself; what is too slow, and says SnapshotFailed, would be slow again.
    let lasting = matches!(
        reason,
        Reason::SnapshotOvertaken | Reason::Conflict | Reason::SnapshotFailed
    );
    if exporting && (lasting || tries >= TRIES) {
        record.state = SnapshotState::Failed;
        record.reason = reason;
        message.clone_into(&mut record.message);
        return;
    }
    try_again(record, step, reason, message, now);
}

fn try_again(
    record: &mut SnapshotRecord,
    step: &Step,
    reason: Reason,
    message: &str,
    now: Timestamp,
) {
    let before = record.retry.as_ref().map_or(0, |retry| retry.count);
    let pause = backoff(SignedDuration::from_secs(1), before, LONGEST_BACKOFF);
    record.retry = Some(Retry {
        verb: step.verb().to_owned(),
        count: before.saturating_add(1),
        at: after(now, pause),
        reason,
        message: message.to_owned(),
    });
}
