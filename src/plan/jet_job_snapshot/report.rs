//! The status of a snapshot that users read.

use super::draft::Draft;
use crate::plan::hold::{Hold, Reason};
use crate::plan::record::{
    Condition, ConditionStatus, ConditionType, RecordedStatus, SnapshotRecord, SnapshotState,
};
use crate::plan::status::SnapshotStatusReport;

/// Brings the recorded condition up to date and makes the status of this pass.
pub(super) fn report(draft: &mut Draft<'_>) -> SnapshotStatusReport {
    let condition = available(draft);
    let status = RecordedStatus {
        observed_generation: draft.record.generation,
        conditions: vec![condition],
        ..RecordedStatus::default()
    };
    if status != draft.record.status {
        draft.edit().status = status;
    }
    describe(&draft.record, draft.all_holds())
}

/// The status as it was recorded last, of a snapshot that nobody looks at now.
pub fn last_status(record: &SnapshotRecord) -> SnapshotStatusReport {
    describe(record, Vec::new())
}

fn available(draft: &Draft<'_>) -> Condition {
    let record = &draft.record;
    let (status, reason, message) = match record.state {
        SnapshotState::Exported if record.missing => (
            ConditionStatus::False,
            Reason::SnapshotMissing,
            "it is not on its cluster any more".to_owned(),
        ),
        SnapshotState::Exported => (ConditionStatus::True, Reason::AsDesired, String::new()),
        _ => (
            ConditionStatus::False,
            record.reason,
            record.message.clone(),
        ),
    };
    let kind = ConditionType::Available;
    let since = Condition::since(&record.status.conditions, kind, status, draft.input.now);
    Condition {
        kind,
        status,
        reason,
        message,
        last_transition_time: since,
        observed_generation: record.generation,
    }
}

fn describe(record: &SnapshotRecord, holds: Vec<Hold>) -> SnapshotStatusReport {
    let exported = record.exported.as_ref();
    let facts = exported.map(|exported| &exported.facts);
    SnapshotStatusReport {
        state: record.state,
        message: record.message.clone(),
        creation_time: facts.map(|facts| facts.created_at),
        hazelcast_resource_name: record.cluster.clone(),
        snapshot_id: facts.map(|facts| facts.snapshot_id),
        job_id_text: record.job,
        job_name: Some(record.job_name.clone()).filter(|name| !name.is_empty()),
        num_bytes: facts.map(|facts| facts.bytes),
        num_chunks: facts.map(|facts| facts.chunks),
        strategy: exported.and_then(|exported| exported.strategy),
        fork: exported.map(|exported| exported.fork),
        conditions: record.status.conditions.clone(),
        holds,
    }
}
