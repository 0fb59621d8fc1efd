//! The snapshot that a job is started from.

use super::super::draft::Draft;
use super::super::hold::{Reason, Release};
use super::super::job::JobId;
use super::super::record::{BoundJob, KeptSnapshot, Retry, StartSnapshot};
use super::super::snapshot::SnapshotFacts;
use super::super::word::Deed;

/// What to start from.
pub(super) enum Start {
    /// Without state.
    Fresh,
    /// From this snapshot.
    From(StartSnapshot),
    /// Not now: that is held.
    Held,
}

/// What the first submit of a document starts from: its initial snapshot, if it names one.
pub(super) fn initial(draft: &mut Draft<'_>) -> Start {
    let spec = &draft.record.spec;
    if let Some(resource) = spec.initial_snapshot_resource_name.clone() {
        return of_resource(draft, &resource);
    }
    let Some(name) = spec.initial_snapshot_name.clone() else {
        return Start::Fresh;
    };
    let fork_allowed = draft.record.fork_allowed || fork_confirmed(draft, &name);
    if !fork_allowed && fork_in_use(draft).is_some_and(|retry| retry.at > draft.now()) {
        return Start::Held;
    }
    Start::From(StartSnapshot {
        name,
        facts: None,
        fork_allowed,
    })
}

/// A fork is found out by the member that is asked for the snapshot: the try before failed then.
fn fork_confirmed(draft: &mut Draft<'_>, name: &str) -> bool {
    let Some((at, message)) = fork_in_use(draft).map(|retry| (retry.at, retry.message.clone()))
    else {
        return false;
    };
    // That job may have ended by then.
    draft.wake_at(at);
    let message = format!("snapshot {name}: {message}");
    let confirmed = draft.ask(
        Reason::ForkedStateInUse,
        Deed::Start,
        Release::Confirm,
        message,
    );
    if confirmed {
        let record = draft.edit();
        record.fork_allowed = true;
        record.retry = None;
    }
    confirmed
}

fn fork_in_use<'a>(draft: &'a Draft<'_>) -> Option<&'a Retry> {
    let retry = draft.record.retry.as_ref();
    retry.filter(|retry| retry.reason == Reason::ForkedStateInUse)
}

fn of_resource(draft: &mut Draft<'_>, resource: &str) -> Start {
    let message = format!(
        "waiting for JetJobSnapshot {resource}, from whose snapshot it is to start, to be Exported"
    );
    draft.hold(Reason::WaitingForSnapshot, message);
    Start::Held
}

/// The snapshot that our own cancel of this job made, on this cluster.
pub(super) fn kept_of(draft: &Draft<'_>, job: JobId) -> Option<StartSnapshot> {
    let kept = kept(draft)?;
    (kept.facts.job == job).then(|| from_kept(kept))
}

/// The newest snapshot to start a lost job from, if it is young enough.
pub(super) fn newest(draft: &Draft<'_>, job: &BoundJob) -> Option<StartSnapshot> {
    let kept = kept(draft)?;
    let ours = kept.facts.job == job.id || job.started_from.as_ref() == Some(&kept.name);
    (ours && young(draft, &kept.facts)).then(|| from_kept(kept))
}

fn kept<'a>(draft: &'a Draft<'_>) -> Option<&'a KeptSnapshot> {
    let kept = draft.record.kept.as_ref()?;
    (Some(kept.cluster_id) == draft.cluster_id()).then_some(kept)
}

fn from_kept(kept: &KeptSnapshot) -> StartSnapshot {
    StartSnapshot {
        name: kept.name.clone(),
        facts: Some(kept.facts.clone()),
        fork_allowed: true,
    }
}

fn young(draft: &Draft<'_>, facts: &SnapshotFacts) -> bool {
    let age = draft.now().duration_since(facts.created_at);
    age <= draft.record.spec.on_state_loss.max_snapshot_age
}
