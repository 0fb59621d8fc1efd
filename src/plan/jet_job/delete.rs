//! A job whose document is gone: stop or leave it, give up its name, drop its record.

use super::super::draft::Draft;
use super::super::event::EventKind;
use super::super::hold::Reason;
use super::super::record::OperationKind;
use super::super::step::{Action, Expectation, Remember};
use super::{backing_off, stop, submit};

/// Decides for a job that is to be removed.
pub(super) fn decide(draft: &mut Draft<'_>) {
    if backing_off(draft) {
        return;
    }
    let uploading = draft
        .record
        .attempt
        .as_ref()
        .map(|attempt| attempt.uploading);
    match uploading {
        // It may have made a job: that has to be found before it can be stopped.
        Some(true) => {
            submit::go_on(draft);
            return;
        }
        Some(false) => draft.edit().attempt = None,
        None => {}
    }
    if let Some(job) = draft.record.job.clone()
        && job.is_active()
        && !stop::finished_by_policy(draft, &job)
    {
        stop::for_good(draft, &job, OperationKind::Delete);
        return;
    }
    release(draft);
}

fn release(draft: &mut Draft<'_>) {
    let Some(view) = draft.view() else { return };
    let (Some(cluster_id), Some(ownership)) = (view.cluster_id, view.ownership.known()) else {
        draft.hold(Reason::ClusterUnknown, "the ownership map is being read");
        return;
    };
    let there = ownership
        .get(draft.job_name())
        .filter(|entry| entry.owner == draft.input.settings.owner && entry.resource == draft.id);
    let entry = draft.record.entry.clone().or_else(|| there.cloned());
    match entry {
        Some(entry) if !draft.record.released => {
            let expects = Expectation::cluster(cluster_id);
            let timeout = std::time::Duration::from_secs(30);
            draft.act(
                expects,
                Action::Release { entry },
                Remember::default(),
                timeout,
            );
        }
        _ => {
            draft.removed = true;
            draft.tell(
                EventKind::Deleted,
                "its document is gone, and so is its record",
            );
        }
    }
}
