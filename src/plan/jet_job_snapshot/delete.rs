//! A snapshot whose document is gone: it stays on its cluster, or is deleted once nothing needs it.
//! One that a person asked for has no document: it is deleted once the person withdraws it, and its
//! record goes with it, or with the snapshot.

use super::draft::Draft;
use crate::plan::cluster;
use crate::plan::event::EventKind;
use crate::plan::hold::{Reason, Release};
use crate::plan::keeper::Keeper;
use crate::plan::record::SnapshotState;
use crate::plan::step::Action;
use crate::plan::windows;

pub(super) fn decide(draft: &mut Draft<'_>) {
    if !draft.record.goes_from_cluster() {
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
    if given_up(draft) {
        let message =
            "a person said that its record may go: what is still of it on its cluster stays there";
        draft.removed = true;
        draft.tell(EventKind::Deleted, message);
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
    if kept_elsewhere(draft) {
        return;
    }
    let retry = draft.record.retry.clone();
    if let Some(retry) = retry.filter(|retry| retry.goes_on(draft.input.now)) {
        draft.hold_until(Reason::BackingOff, retry.at, retry.message);
        return;
    }
    if !may_begin(draft) {
        return;
    }
    let name = draft.name().to_owned();
    let maker = Some(draft.input.settings.maker(draft.id.clone()));
    draft.act(Action::DeleteSnapshot { name, maker }, None);
}

/// Whether another keeper with our owner keeps its job: the snapshot may be what that one goes on from. It is that
/// one's to delete, and our record of it goes.
fn kept_elsewhere(draft: &mut Draft<'_>) -> bool {
    let (name, job) = (
        draft.name().to_owned(),
        draft.record.spec.jet_job_resource_name.clone(),
    );
    match draft.keeper() {
        Keeper::Another(_) => {
            draft.removed = true;
            let message = format!(
                "snapshot {name} stays on its cluster: JetJob {job} is kept now by another jetkeeper with the same \
                 owner"
            );
            draft.tell(EventKind::Deleted, message);
            true
        }
        Keeper::Before(entry) if !entry.keeper.is_empty() => {
            let message =
                format!("JetJob {job} is taken over first; then snapshot {name} is deleted");
            draft.hold(Reason::WaitingForJob, message);
            true
        }
        Keeper::Nobody | Keeper::Us | Keeper::Before(_) | Keeper::Stranger(_) => false,
    }
}

/// Whether a person says that its record may go although its cluster is not there to delete it from; asks
/// once that has been so for long, or nobody says any more where it is.
fn given_up(draft: &mut Draft<'_>) -> bool {
    let Some(due) = cluster::asked_about_at(draft.view()) else {
        return false;
    };
    if draft.input.now < due {
        draft.wake_at(due);
        return false;
    }
    let message = format!(
        "it is to be deleted, and cluster {} is not there to delete it from. If that cluster is gone for \
         good, confirm with --discard-state that its record may go: nothing is done then with what is still \
         there, be it snapshot {} or a part of it",
        draft.record.cluster.as_deref().unwrap_or_default(),
        draft.name()
    );
    draft.ask_of_removal(Reason::Stalled, Release::DiscardState, None, message)
}

/// Whether it may be deleted now, by the windows of its source.
fn may_begin(draft: &mut Draft<'_>) -> bool {
    let (input, source) = (draft.input, draft.record.place.source.clone());
    let Some(closed) = windows::closed(input, &source) else {
        return true;
    };
    // What was begun within a window is brought to its end.
    if draft.record.outside_windows || draft.record.retry.is_some() {
        return true;
    }
    if closed.opens.is_none() {
        draft.wake_at(windows::look_again(input.now));
    }
    let what = format!("delete snapshot {} from its cluster", draft.name());
    let message = windows::waits(&source, &closed, &what);
    let (reason, release) = (Reason::SyncWindow, Release::Confirm);
    let confirmed = draft.ask_of_removal(reason, release, closed.opens, message);
    if confirmed {
        draft.edit().outside_windows = true;
    }
    confirmed
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
