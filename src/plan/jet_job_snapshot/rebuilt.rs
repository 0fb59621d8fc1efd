//! A snapshot of which nothing is recorded because the state was lost: what became of its document is
//! looked for on the cluster.
//!
//! What is there under its name and was signed for it is what it made, and final. Where there is nothing,
//! it may have been made and deleted since: a document that ends or pauses its job is not followed again
//! before a person confirms it.

use std::sync::Arc;

use super::draft::Draft;
use super::export;
use crate::plan::event::EventKind;
use crate::plan::hold::Reason;
use crate::plan::record::{ExportedSnapshot, SnapshotState};
use crate::plan::snapshot::{SnapshotFacts, SnapshotMark};

/// Looks for what it made, where records are made anew; whether that is known, as far as it can be.
pub(super) fn look_for(draft: &mut Draft<'_>) -> bool {
    let recorded = &draft.input.recorded.snapshots;
    if !draft.input.settings.rebuilding || recorded.contains_key(&draft.id.name) {
        return true;
    }
    // Where the cluster can't be looked at, that is what is told, and nothing is done.
    let sight = draft.sight.as_ref().filter(|it| it.obstacle.is_none());
    let Some(view) = sight.map(|sight| sight.view) else {
        return true;
    };
    let name = draft.name().to_owned();
    let Some(seen) = view.snapshots.get(&name) else {
        let message = format!("snapshot {name} is being looked for on its cluster");
        draft.wait(Reason::ClusterUnknown, message);
        return false;
    };
    let maker = draft.input.settings.maker(draft.id.clone());
    let mark = view.snapshot_marks.get(&name);
    match (seen, mark.filter(|mark| maker.made(mark))) {
        (Some(facts), Some(mark)) => take(draft, facts.clone(), mark),
        // There is a job that it would stop.
        _ if draft.job.as_ref().is_some_and(|job| job.job.is_some()) => {
            draft.record = Arc::new(draft.record.made_anew());
        }
        _ => {}
    }
    true
}

/// It was exported before, and is final.
fn take(draft: &mut Draft<'_>, facts: SnapshotFacts, mark: &SnapshotMark) {
    let now = draft.input.now;
    let job = draft.job.as_ref();
    let cluster = job.map(|job| job.spec.hazelcast_resource_name.clone());
    let cluster_id = draft.view().and_then(|view| view.cluster_id);
    let message = format!(
        "snapshot {} of job {} ({}) is found again on its cluster",
        draft.name(),
        facts.job_name,
        facts.job
    );
    draft.tell(EventKind::Adopted, message);
    let record = draft.edit();
    record.state = SnapshotState::Exported;
    record.told = Some(SnapshotState::Exported);
    record.reason = Reason::AsDesired;
    record.message = String::new();
    record.cluster = cluster;
    record.cluster_id = cluster_id;
    record.job = Some(facts.job);
    record.job_name.clone_from(&facts.job_name);
    record.begun_at = Some(mark.begun_at);
    record.exported = Some(ExportedSnapshot {
        facts,
        at: now,
        strategy: export::strategy(record),
        fork: mark.fork,
        digest: record.digest,
    });
}

/// Holds until a person says that the document may be followed.
pub(super) fn ask(draft: &mut Draft<'_>) {
    let deed = if draft.record.spec.cancel_job {
        "end"
    } else {
        "pause"
    };
    let message = format!(
        "the state was lost, and nothing tells whether snapshot {} was made before; confirm that its \
         document may {deed} the job, or delete the document",
        draft.name()
    );
    if draft.ask(Reason::Rebuilt, &message) {
        draft.edit().rebuilt = false;
        draft.wait(Reason::WaitingForJob, "it is looked at next");
    }
}
