//! The snapshot that a job is started from.

use jiff::SignedDuration;

use super::super::draft::Draft;
use super::super::hold::{Reason, Release};
use super::super::job::{Guarantee, JobId};
use super::super::record::{BoundJob, Deed, KeptSnapshot, StartSnapshot};
use super::super::snapshot::SnapshotFacts;
use super::stop;
use crate::resources::jet_job::StateLossMode;

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
    if fork_waits(draft) || still_missing(draft, &name) {
        return Start::Held;
    }
    Start::From(StartSnapshot {
        name,
        facts: None,
        fork_allowed: draft.record.fork_allowed,
    })
}

/// Whether the snapshot is not on the cluster, or nobody looked yet; holds if so. What is there is read
/// again right before the upload.
fn still_missing(draft: &mut Draft<'_>, name: &str) -> bool {
    // What is looked at now is compared from pass to pass by the plans of snapshots alone.
    draft.fleeting = true;
    let seen = draft.view().and_then(|view| view.snapshots.get(name));
    let cluster = &draft.record.spec.hazelcast_resource_name;
    let (reason, message) = match seen {
        Some(Some(_)) => return false,
        Some(None) => (
            Reason::WaitingForSnapshot,
            format!(
                "snapshot {name}, from which it is to start (initialSnapshotName), is not on cluster \
                 {cluster}, or is not whole; it starts once it is there"
            ),
        ),
        None => (
            Reason::ClusterUnknown,
            format!("looking for snapshot {name} on cluster {cluster}"),
        ),
    };
    draft.hold(reason, message);
    true
}

/// Whether a fork of a job that is active keeps it from starting now. That is found out right before the
/// upload, where the snapshot is read: the try before failed then. It is looked at again now and then.
fn fork_waits(draft: &mut Draft<'_>) -> bool {
    let retry = draft.record.retry.as_ref();
    let found = retry.filter(|retry| retry.reason == Reason::ForkedStateInUse);
    let Some(found) = found.cloned() else {
        return false;
    };
    let (reason, deed) = (Reason::ForkedStateInUse, Deed::Start);
    let waits = found.goes_on(draft.now());
    if draft.ask(reason, deed, Release::Confirm, found.message) {
        let record = draft.edit();
        record.fork_allowed = true;
        record.retry = None;
        return false;
    }
    if waits {
        draft.wake_at(found.at);
    }
    waits
}

fn of_resource(draft: &mut Draft<'_>, resource: &str) -> Start {
    let recorded = draft.input.recorded.snapshots.get(resource).cloned();
    let exported = recorded
        .as_ref()
        .and_then(|record| record.exported.as_ref());
    let (Some(record), Some(exported)) = (&recorded, exported) else {
        let state = recorded
            .as_ref()
            .map_or("not there yet".to_owned(), |record| {
                format!("{:?}", record.state)
            });
        let message = format!(
            "waiting for JetJobSnapshot {resource}, from whose snapshot it is to start: it is {state}"
        );
        draft.hold(Reason::WaitingForSnapshot, message);
        return Start::Held;
    };
    if record.missing || record.cluster_id != draft.cluster_id() {
        let message = format!(
            "the snapshot of JetJobSnapshot {resource}, from which it is to start, is not on this \
             cluster"
        );
        draft.hold(Reason::SnapshotMissing, message);
        return Start::Held;
    }
    // Another job than its own decides.
    draft.fleeting = true;
    let source = draft.seen(exported.facts.job);
    // Its own job is ended before it starts.
    let own = draft.record.job.as_ref().map(|job| job.id) == Some(exported.facts.job);
    let in_use = !own && source.is_some_and(|job| !job.status.is_terminal());
    if in_use && !draft.record.fork_allowed {
        let message = format!(
            "the snapshot of JetJobSnapshot {resource} was taken of job {}, which is still active and \
             goes on from the same state: this job could commit that job's transactions. Cancel that \
             job, or confirm that this one may start",
            exported.facts.job
        );
        let deed = Deed::Start;
        if !draft.ask(Reason::ForkedStateInUse, deed, Release::Confirm, message) {
            return Start::Held;
        }
        draft.edit().fork_allowed = true;
    }
    if fork_waits(draft) {
        return Start::Held;
    }
    // Whether its job is active is asked again by id, right before the upload.
    Start::From(StartSnapshot {
        name: record.spec.snapshot_name(resource).to_owned(),
        facts: Some(exported.facts.clone()),
        fork_allowed: draft.record.fork_allowed,
    })
}

/// The snapshot that was made of this job last, on this cluster.
pub(super) fn kept_of(draft: &Draft<'_>, job: JobId) -> Option<StartSnapshot> {
    let kept = kept(draft)?;
    (kept.facts.job == job).then(|| StartSnapshot::known(&kept.name, &kept.facts))
}

/// The newest snapshot to start a lost job from, however old it is.
pub(super) fn newest<'a>(
    draft: &'a Draft<'_>,
    job: &BoundJob,
) -> Option<(&'a str, &'a SnapshotFacts)> {
    let ours = |name: &str, facts: &SnapshotFacts| {
        facts.job == job.id || job.started_from.as_deref() == Some(name)
    };
    let kept = kept(draft).filter(|kept| ours(&kept.name, &kept.facts));
    let kept = kept.map(|kept| (kept.name.as_str(), &kept.facts));
    let recorded = draft.input.recorded.snapshots.iter();
    let declared = recorded.filter_map(|(resource, record)| {
        let exported = record.exported.as_ref()?;
        let name = record.spec.snapshot_name(resource);
        let here = record.cluster_id == draft.cluster_id() && !record.missing;
        (here && ours(name, &exported.facts)).then_some((name, &exported.facts))
    });
    let newest = kept.into_iter().chain(declared);
    newest.max_by_key(|(_, facts)| facts.created_at)
}

/// What a job that a person cancelled would start from, in words. Nothing where it has no state, or where that
/// is decided only once it is to start.
pub(super) fn in_words(draft: &Draft<'_>, job: &BoundJob) -> String {
    let mode = draft.record.spec.on_state_loss.mode;
    let goes = stop::is_let_go(draft, Deed::Start) || mode == StateLossMode::StartFresh;
    if job.guarantee == Some(Guarantee::None) || mode == StateLossMode::Hold {
        return String::new();
    }
    match newest(draft, job) {
        _ if goes => ". It would start without state".to_owned(),
        Some((name, facts)) => {
            let taken = facts.created_at;
            let age = job.status_since.duration_since(taken).as_secs().max(0);
            let age = SignedDuration::from_secs(age);
            let (at, may) = (taken.strftime("%Y-%m-%dT%H:%M:%SZ"), young(draft, facts));
            let how = if may {
                "It would start from its newest snapshot"
            } else {
                "It would start from none: older than onStateLoss.maxSnapshotAge allows is its newest snapshot"
            };
            format!(". {how} {name}, of {at}, {age:#} before it was cancelled")
        }
        None => ". No snapshot of it is on the cluster to start from".to_owned(),
    }
}

fn kept<'a>(draft: &'a Draft<'_>) -> Option<&'a KeptSnapshot> {
    let kept = draft.record.kept.as_ref()?;
    (Some(kept.cluster_id) == draft.cluster_id()).then_some(kept)
}

/// Whether a snapshot is young enough for a lost job.
pub(super) fn young(draft: &Draft<'_>, facts: &SnapshotFacts) -> bool {
    let age = draft.now().duration_since(facts.created_at);
    age <= draft.record.spec.on_state_loss.max_snapshot_age
}
