//! A job whose document is gone: stop or leave it, give up its name, drop its record.

use super::super::cluster;
use super::super::draft::Draft;
use super::super::event::EventKind;
use super::super::hold::{Reason, Release};
use super::super::keeper::Keeper;
use super::super::ownership::OWNERSHIP_MAP;
use super::super::record::{Deed, OperationKind};
use super::super::step::Action;
use super::{attempt, claim, running, stop};

/// Whether there is nothing of it on any cluster, as far as we did anything.
pub(super) fn nothing_there(draft: &Draft<'_>) -> bool {
    let record = &draft.record;
    record.attempts == 0 && record.job.is_none() && record.entry.is_none()
}

/// Whether a person says that the record of a job that is to be removed may go although its cluster is not
/// there to be asked; asks once that has been so for long, or nobody says any more where it is.
pub(super) fn given_up(draft: &mut Draft<'_>) -> bool {
    let Some(due) = cluster::asked_about_at(draft.sight.map(|sight| sight.view)) else {
        return false;
    };
    if draft.now() < due {
        draft.wake_at(due);
        return false;
    }
    let message = format!(
        "its document is gone, and cluster {} is not there to be asked about it. If that cluster is gone for \
         good, confirm with --discard-state that its record may go: nothing is done then with what is still \
         there, be it its job, snapshots of it or its entry in the map {OWNERSHIP_MAP}",
        draft.record.spec.hazelcast_resource_name
    );
    let (reason, deed) = (Reason::Stalled, Deed::Forget);
    draft.ask(reason, deed, Release::DiscardState, message)
}

/// Drops the record; whatever there is of it on its cluster stays.
pub(super) fn forget(draft: &mut Draft<'_>) {
    draft.removed = true;
    let message = format!(
        "its document is gone, and a person said that its record may go: what is still of it on cluster {} \
         stays there",
        draft.record.spec.hazelcast_resource_name
    );
    draft.tell(EventKind::Deleted, message);
}

/// Decides for a job that is to be removed.
pub(super) fn decide(draft: &mut Draft<'_>) {
    if matches!(draft.keeper(), Keeper::Stranger(_) | Keeper::Another(_)) {
        // Somebody else keeps the job now; it is not ours to stop.
        drop_record(draft);
        return;
    }
    if claim::elsewhere(draft) {
        return;
    }
    if let Some(open) = draft.record.attempt.clone() {
        if open.uploading && draft.cluster_id() == Some(open.cluster_id) {
            // It may have made a job: that has to be found before it can be stopped.
            attempt::look_for_job(draft, &open);
            return;
        }
        draft.edit().attempt = None;
    }
    if let Some(job) = draft.record.job.clone()
        && job.is_active()
        && !stop::finished_by_policy(&draft.record, &job)
    {
        stop::for_good(draft, &job, OperationKind::Delete);
        return;
    }
    if running::surplus_deleted(draft) {
        release(draft);
    }
}

/// Gives up the name. The record is dropped once the entry was seen not to be there, or its removal
/// was answered.
fn release(draft: &mut Draft<'_>) {
    let entry = draft.entry().filter(|entry| {
        let ours = entry.resource == draft.id || draft.record.entry.as_ref() == Some(*entry);
        ours && draft.keeper().is_us()
    });
    match entry.cloned() {
        Some(entry) if !draft.record.released => draft.act_on_entry(Action::Release { entry }),
        _ => drop_record(draft),
    }
}

/// Drops the record: nothing of it is left.
pub(super) fn drop_record(draft: &mut Draft<'_>) {
    draft.removed = true;
    let record = &draft.record;
    let job = record.job.as_ref().map(|job| job.id);
    let kept = record.kept.as_ref();
    let message = match kept {
        Some(kept) if Some(kept.facts.job) == job => format!(
            "its document is gone, and so is its record; its state is kept in snapshot {}",
            kept.name
        ),
        Some(kept) => format!(
            "its document is gone, and so is its record; snapshot {} of its version before stays \
             until `jetkeeper snapshot delete` deletes it",
            kept.name
        ),
        None => "its document is gone, and so is its record".to_owned(),
    };
    draft.tell(EventKind::Deleted, message);
}
