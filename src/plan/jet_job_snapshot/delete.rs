//! A snapshot whose document is gone: it stays on its cluster, or is deleted once nothing needs it.
//! One that a person asked for has no document; its record goes with the snapshot.

use super::draft::Draft;
use crate::plan::event::EventKind;
use crate::plan::hold::Reason;
use crate::plan::job::Guarantee;
use crate::plan::step::Action;
use crate::resources::jet_job_snapshot::SnapshotDeletionPolicy;

pub(super) fn decide(draft: &mut Draft<'_>) {
    let retained = draft.record.spec.deletion_policy == SnapshotDeletionPolicy::Retain;
    if retained || draft.record.begun_at.is_none() {
        let message = if draft.record.exported.is_some() {
            format!(
                "its document is gone; snapshot {} stays on its cluster",
                draft.name()
            )
        } else {
            "its document is gone, and so is its record".to_owned()
        };
        draft.removed = true;
        draft.tell(EventKind::Deleted, message);
        return;
    }
    if let Some(job) = needed_by(draft) {
        let message = format!(
            "JetJob {job} started from it and has made no snapshot of its own yet; it is deleted once \
             that is so"
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
    if let Some(retry) = retry.filter(|retry| retry.at > draft.input.now) {
        draft.hold_until(Reason::BackingOff, retry.at, retry.message);
        return;
    }
    let name = draft.name().to_owned();
    draft.act(Action::DeleteSnapshot { name }, None);
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
    let message = "it is not on its cluster any more, and so is its record gone";
    draft.tell(EventKind::Deleted, message);
    true
}

/// A job that needs it still: its own first snapshot isn't there, or it will never make one.
fn needed_by(draft: &Draft<'_>) -> Option<String> {
    let name = draft.name();
    let needs = draft.input.recorded.jobs.iter().find(|(_, record)| {
        let cluster = Some(&record.spec.hazelcast_resource_name) == draft.record.cluster.as_ref();
        let job = record.job.as_ref().filter(|job| job.is_active());
        let running = job.is_some_and(|job| {
            let alone = job.guarantee == Some(Guarantee::None) || !job.own_snapshot;
            job.started_from.as_deref() == Some(name) && alone
        });
        let starting = record
            .attempt
            .as_ref()
            .is_some_and(|attempt| attempt.snapshot.as_ref().is_some_and(|it| it.name == name));
        cluster && (running || starting)
    });
    needs.map(|(job, _)| job.clone())
}
