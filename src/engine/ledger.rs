//! What steps change in the journal and the records: intents, outcomes, recovery.

use std::sync::Arc;

use jiff::Timestamp;

use super::executor::unknown;
use crate::plan::observed::Lists;
use crate::plan::record::{Recorded, SnapshotRecord};
use crate::plan::step::{Action, Outcome, Step};
use crate::plan::{begin, begin_snapshot, finish, finish_snapshot, trust};
use crate::resources::{Kind, ResourceId};
use crate::store::{Change, JournalEvent};

/// Writes a step's intent, and what its record becomes with it.
pub(super) fn intend(change: &mut Change, recorded: &Recorded, step: &Arc<Step>, now: Timestamp) {
    change.journal.push(JournalEvent {
        at: now,
        step_id: step.id(),
        step: Arc::clone(step),
        outcome: None,
    });
    update(change, recorded, &step.resource, |record| {
        begin(record, step, now)
    });
    update_snapshot(change, recorded, &step.resource, |record| {
        begin_snapshot(record, step, now)
    });
}

/// Writes how a step ended, and what its record becomes with it. `lists` is the list of its cluster that
/// was ordered once it had ended.
pub(super) fn settle(
    change: &mut Change,
    recorded: &Recorded,
    step: &Arc<Step>,
    outcome: Outcome,
    now: Timestamp,
    lists: Option<Lists>,
) {
    update(change, recorded, &step.resource, |record| {
        finish(record, step, &outcome, now, lists)
    });
    update_snapshot(change, recorded, &step.resource, |record| {
        finish_snapshot(record, step, &outcome, now)
    });
    update_source(change, recorded, step, &outcome, now);
    change.journal.push(JournalEvent {
        at: now,
        step_id: step.id(),
        step: Arc::clone(step),
        outcome: Some(outcome),
    });
}

/// What has to be written at start: whatever was in flight when the last run ended may or may not
/// have happened. From then on planning looks for it, and nothing is repeated blindly.
pub(super) fn recover(recorded: &Recorded, now: Timestamp) -> Change {
    let mut change = Change::default();
    for step in recorded.in_flight.values() {
        let message = "jetkeeper stopped while it was being carried out".to_owned();
        tracing::warn!(%step, "was in flight when the last run ended; looking for what became of it");
        let outcome = unknown(step, message);
        settle(&mut change, recorded, step, outcome, now, None);
    }
    change
}

/// Changes a job's record as it is after what `change` holds already.
fn update(
    change: &mut Change,
    recorded: &Recorded,
    resource: &ResourceId,
    next: impl FnOnce(&crate::plan::record::JobRecord) -> crate::plan::record::JobRecord,
) {
    if resource.kind != Kind::JetJob {
        return;
    }
    let before = match change.jobs.get(&resource.name) {
        Some(changed) => changed.as_ref(),
        None => recorded.jobs.get(&resource.name),
    };
    if let Some(before) = before {
        let after = Arc::new(next(before));
        change.jobs.insert(resource.name.clone(), Some(after));
    }
}

/// The same for a source's record, where the step wrote its commit down.
fn update_source(
    change: &mut Change,
    recorded: &Recorded,
    step: &Step,
    outcome: &Outcome,
    now: Timestamp,
) {
    let Action::Anchor { entry, .. } = &step.action else {
        return;
    };
    let source = &entry.source;
    let before = match change.sources.get(source) {
        Some(changed) => changed.as_ref(),
        None => recorded.sources.get(source),
    };
    if let Some(before) = before {
        let after = Arc::new(trust::finish(before, step, outcome, now));
        change.sources.insert(source.clone(), Some(after));
    }
}

/// The same for a snapshot's record.
fn update_snapshot(
    change: &mut Change,
    recorded: &Recorded,
    resource: &ResourceId,
    next: impl FnOnce(&SnapshotRecord) -> SnapshotRecord,
) {
    if resource.kind != Kind::JetJobSnapshot {
        return;
    }
    let before = match change.snapshots.get(&resource.name) {
        Some(changed) => changed.as_ref(),
        None => recorded.snapshots.get(&resource.name),
    };
    if let Some(before) = before {
        let after = Arc::new(next(before));
        change.snapshots.insert(resource.name.clone(), Some(after));
    }
}
