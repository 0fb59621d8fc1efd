//! A snapshot whose document is gone: it stays on its cluster, or is deleted once nothing needs it.
//! One that a person asked for has no document: it is deleted once the person withdraws it, and its
//! record goes with it, or with the snapshot.

use super::draft::Draft;
use crate::plan::event::EventKind;
use crate::plan::hold::Reason;
use crate::plan::record::SnapshotState;
use crate::plan::step::Action;
use crate::resources::jet_job_snapshot::SnapshotDeletionPolicy;

pub(super) fn decide(draft: &mut Draft<'_>) {
    let record = &draft.record;
    let policy = record.spec.deletion_policy;
    let retained = policy == SnapshotDeletionPolicy::Retain && !record.commanded;
    // An export that failed left nothing, and what has its name may be somebody else's.
    let failed = record.state == SnapshotState::Failed && record.exported.is_none();
    if retained || failed || record.begun_at.is_none() {
        let message = farewell(draft);
        draft.removed = true;
        draft.tell(EventKind::Deleted, message);
        return;
    }
    if let Some(job) = needed_by(draft) {
        let message = format!(
            "JetJob {job} goes on from it, and has made no snapshot of its own yet; it is deleted once that \
             is so, or that job's document is gone"
        );
        draft.hold(Reason::SnapshotUnderWay, message);
        return;
    }
    let Some(sight) = &draft.sight else {
        draft.hold(Reason::ClusterMismatch, "its cluster has no addresses");
        return;
    };
    let view = sight.view;
    if let Some(obstacle) = sight.obstacle.clone() {
        draft.hold(obstacle.reason, obstacle.message);
        return;
    }
    if view.cluster_id != draft.record.cluster_id {
        // That cluster is gone with it.
        draft.removed = true;
        return;
    }
    let retry = draft.record.retry.clone();
    if let Some(retry) = retry.filter(|retry| retry.goes_on(draft.input.now)) {
        draft.hold_until(Reason::BackingOff, retry.at, retry.message);
        return;
    }
    let name = draft.name().to_owned();
    let maker = Some(draft.input.settings.maker(draft.id.clone()));
    draft.act(Action::DeleteSnapshot { name, maker }, None);
}

/// What became of the snapshot whose record goes.
fn farewell(draft: &Draft<'_>) -> String {
    let (record, name) = (&draft.record, draft.name());
    let asked = if record.commanded {
        "it was withdrawn (`jetkeeper snapshot delete`)"
    } else {
        "its document is gone"
    };
    match (record.state, &record.exported) {
        (_, Some(_)) => format!("{asked}; snapshot {name} stays on its cluster"),
        (SnapshotState::Exported, None) => {
            format!("{asked}; snapshot {name} is deleted from its cluster")
        }
        (_, None) => format!("{asked}; no snapshot was exported"),
    }
}

/// Whether a snapshot that a person asked for was deleted from its cluster; drops its record then.
pub(super) fn forgotten(draft: &mut Draft<'_>) -> bool {
    let record = &draft.record;
    let is_gone = draft.view().is_some_and(|view| {
        let here = view.cluster_id.is_some() && view.cluster_id == record.cluster_id;
        here && view.snapshots.get(draft.name()) == Some(&None)
    });
    if !record.commanded || !is_gone {
        return false;
    }
    draft.removed = true;
    let message = format!(
        "snapshot {} is not on its cluster any more; it was asked for by command, so its record goes too",
        draft.name()
    );
    draft.tell(EventKind::Deleted, message);
    true
}

/// A job that needs it still.
fn needed_by(draft: &Draft<'_>) -> Option<String> {
    let name = draft.name();
    let needs = draft.input.recorded.jobs.iter().find(|(_, record)| {
        let cluster = Some(&record.spec.hazelcast_resource_name) == draft.record.cluster.as_ref();
        cluster && record.needs_snapshot(name)
    });
    needs.map(|(job, _)| job.clone())
}
