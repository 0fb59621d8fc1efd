//! What was observed becomes part of the record: which job is ours, what it does, who stopped it.
//! Nothing is decided here.

mod bind;
mod drift;
mod follow;
mod kept;
mod tell;
mod times;

use std::sync::Arc;

use super::draft::Draft;
use super::event::EventKind;
use super::hold::Reason;
use super::jar::JarView;
use super::job::JobStatus;
use super::ownership::OWNERSHIP_MAP;
use super::record::{BoundJob, JarPin, OperationKind};
use crate::resources::jet_job::DesiredState;

/// Brings the record up to date with what is seen.
pub(super) fn learn(draft: &mut Draft<'_>) {
    times::set_right(draft);
    pin_remote_jar(draft);
    if draft.sight.is_none_or(|sight| sight.obstacle.is_some()) {
        return;
    }
    forget_entry_of_old_cluster(draft);
    forget_entry_that_vanished(draft);
    note_older_entry(draft);
    bind::bind_attempt(draft);
    bind::bind_by_entry(draft);
    bind::learn_start(draft);
    kept::find(draft);
    follow::follow_job(draft);
    follow::look_for_restart(draft);
    kept::caution(draft);
    end_operation(draft);
    drift::judge(draft);
}

/// Whether it isn't known yet which of the jobs of its name is ours, where records are made anew: they
/// tell by their configurations. Holds if so.
pub(super) fn looks_for_its_job(draft: &mut Draft<'_>) -> bool {
    let settings = draft.input.settings;
    let lost = settings.rebuilding && draft.record.job.is_none();
    let seen = draft.sight.is_some_and(|sight| sight.obstacle.is_none());
    let ours = draft
        .entry()
        .is_some_and(|entry| entry.owner == settings.owner && entry.resource == draft.id);
    // Asked last: all jobs of the cluster are walked for it.
    let untold = || draft.namesakes().iter().any(|job| job.config.is_none());
    let looks = lost && seen && ours && untold();
    if looks {
        draft.undecided = true;
        let name = draft.job_name();
        let message = format!("the configurations of the jobs called {name} are being asked for");
        draft.hold(Reason::ClusterUnknown, message);
    }
    looks
}

/// Remembers the bytes that a remote jar had when it was fetched first.
fn pin_remote_jar(draft: &mut Draft<'_>) {
    let Some((request, JarView::Ready(facts))) = draft.jar() else {
        return;
    };
    let pin = draft.record.pin.as_ref();
    if !request.origin.is_remote() || pin.is_some_and(|pin| pin.origin == request.origin) {
        return;
    }
    let pin = JarPin {
        origin: request.origin.clone(),
        digest: facts.digest,
    };
    draft.edit().pin = Some(pin);
}

/// In the pass that takes another cluster for the recorded one, what we wrote there is forgotten.
fn forget_entry_of_old_cluster(draft: &mut Draft<'_>) {
    let name = &draft.record.spec.hazelcast_resource_name;
    let known = draft.input.recorded.clusters.get(name);
    let another = known.is_some_and(|known| Some(known.cluster_id) != draft.cluster_id());
    if another && draft.record.entry.is_some() {
        draft.edit().entry = None;
    }
}

/// Our entry was there and is no more, although the job goes on: somebody removed it, or the whole map.
/// Forgotten here, it is written again where nobody else's has taken its place.
fn forget_entry_that_vanished(draft: &mut Draft<'_>) {
    let record = &draft.record;
    let active = record.job.as_ref().is_some_and(BoundJob::is_active);
    if !active || record.deletion.is_some() || record.entry.is_none() {
        return;
    }
    let Some(view) = draft.view() else { return };
    // Only what was asked for after the entry was written says that it went.
    let newer = match (view.ownership_asked_at, record.entry_since) {
        (Some(asked), Some(written)) => asked > written,
        (Some(_), None) => true,
        (None, _) => false,
    };
    let there = view.ownership.known();
    let gone = there.is_some_and(|entries| !entries.contains_key(draft.job_name()));
    // An older look decides nothing; the next one does, although it may show the same entries.
    draft.fleeting |= gone && !newer;
    if newer && gone {
        draft.edit().entry = None;
        let message = format!("its entry in the map {OWNERSHIP_MAP} is gone, and not by us");
        draft.tell(EventKind::Drifted, message);
    }
}

/// Which of two entries is in force follows from when the map was asked for, where the one that was read is older.
fn note_older_entry(draft: &mut Draft<'_>) {
    let entries = draft.view().and_then(|view| view.ownership.known());
    let read = entries.and_then(|entries| entries.get(draft.job_name()));
    let written = draft.record.entry.as_ref();
    let older = written
        .zip(read)
        .is_some_and(|(written, read)| written.epoch > read.epoch);
    draft.fleeting |= older;
}

/// Forgets an operation that came to its end, or that nobody wants any more. One that the job's
/// settings or content bring to an end is forgotten where these are compared.
fn end_operation(draft: &mut Draft<'_>) {
    let record = Arc::clone(&draft.record);
    let Some(operation) = &record.operation else {
        return;
    };
    let job = record.job.as_ref();
    let same = job.is_some_and(|job| job.id == operation.job);
    let active = job.is_some_and(BoundJob::is_active);
    let over = match operation.kind {
        OperationKind::Configure | OperationKind::Pause => !same || !active,
        // That it ended the job is noted where the decision about the job is made.
        OperationKind::End => !same,
        OperationKind::Cancel => record.spec.state != DesiredState::Canceled || !active,
        OperationKind::Delete => record.deletion.is_none(),
        // It goes on after the job that it began with was cancelled, until the next one runs.
        // A batch job that completed meanwhile, or one that is not to run any more, has no next.
        OperationKind::Replace if same => {
            let completed = job.is_some_and(|job| job.status == JobStatus::Completed);
            completed || (!active && !record.spec.state.runs())
        }
        OperationKind::Replace => tell::replaced(draft),
        // One whose job can't be secured any more, or that is not to run, has nothing to go on with.
        OperationKind::Upgrade if same => {
            let completed = job.is_some_and(|job| job.status == JobStatus::Completed);
            completed || (!active && !record.spec.state.runs())
        }
        OperationKind::Rollback if same => !active && !record.spec.state.runs(),
        // These are judged where the decision about the job is made.
        OperationKind::Upgrade | OperationKind::Rollback => !record.spec.state.runs(),
    };
    if over {
        draft.edit().end_operation();
    } else if !operation.told {
        tell::operation_began(draft);
    }
}
