//! Making a snapshot, and seeing that it stays.

use std::time::Duration;

use super::draft::Draft;
use crate::plan::hold::{HoldClass, Reason};
use crate::plan::job::{Guarantee, JobStatus};
use crate::plan::keeper::Keeper;
use crate::plan::ownership::OWNERSHIP_MAP;
use crate::plan::record::{
    BoundJob, ExportedSnapshot, JobRecord, SnapshotRecord, SnapshotState, StoppedBy,
};
use crate::plan::snapshot::{SnapshotMark, Strategy};
use crate::plan::step::{Action, ExportSnapshot, WhichSnapshot};
use crate::resources::jet_job_snapshot::{PauseToCopy, SnapshotStrategy};

/// How long an export may take where the document says nothing.
const TIMEOUT: Duration = Duration::from_hours(1);

/// How long an export may take.
pub(super) fn timeout(record: &SnapshotRecord) -> Duration {
    record
        .spec
        .timeout
        .map_or(TIMEOUT, jiff::SignedDuration::unsigned_abs)
}

/// Goes on with a snapshot that is not there yet.
pub(super) fn decide(draft: &mut Draft<'_>) {
    let resource = draft.record.spec.jet_job_resource_name.clone();
    let Some(job) = draft.job.clone().filter(|job| job.deletion.is_none()) else {
        draft.wait(
            Reason::WaitingForJob,
            format!("JetJob {resource} is not there yet"),
        );
        return;
    };
    if !reachable(draft, &job) || name_taken(draft, &job) || kept_elsewhere(draft) {
        return;
    }
    let Some(bound) = job.job.clone() else {
        let message = format!("JetJob {resource} has no job on its cluster yet");
        draft.wait(Reason::WaitingForJob, message);
        return;
    };
    if by_its_job(&draft.record) {
        take_over(draft, &job, &bound);
    } else {
        by_status(draft, &job, &bound);
    }
}

/// Whether the job has to be stopped for it, so that its own plan makes it.
pub(in crate::plan) fn by_its_job(record: &SnapshotRecord) -> bool {
    let pause = record.overtaken && record.spec.pause_to_copy == PauseToCopy::Allowed;
    record.spec.cancel_job || pause
}

fn reachable(draft: &mut Draft<'_>, job: &JobRecord) -> bool {
    let cluster = &job.spec.hazelcast_resource_name;
    let obstacle = match &draft.sight {
        None => Some((
            Reason::ClusterMismatch,
            format!("cluster {cluster} has no addresses"),
        )),
        Some(sight) => sight.obstacle.clone().map(|it| (it.reason, it.message)),
    };
    match obstacle {
        None => true,
        Some((reason, message)) => {
            draft.wait(reason, message);
            false
        }
    }
}

/// Whether somebody else keeps the job, or it isn't plain yet that we do.
fn kept_elsewhere(draft: &mut Draft<'_>) -> bool {
    let job = draft.record.spec.jet_job_resource_name.clone();
    let (reason, message) = match draft.keeper() {
        Keeper::Nobody | Keeper::Us => return false,
        // It was written by a version that named no keeper.
        Keeper::Before(entry) if entry.keeper.is_empty() => return false,
        Keeper::Before(_) => (
            Reason::WaitingForJob,
            format!(
                "JetJob {job} is taken over first: its entry in the map {OWNERSHIP_MAP} is written anew"
            ),
        ),
        Keeper::Another(_) => (
            Reason::Conflict,
            format!(
                "JetJob {job} is kept now by another jetkeeper with the same owner; see its holds"
            ),
        ),
        Keeper::Stranger(entry) => (
            Reason::Conflict,
            format!(
                "JetJob {job} belongs to owner {} now; see its holds",
                entry.owner
            ),
        ),
    };
    draft.wait(reason, message);
    true
}

/// Whether another resource has the same snapshot's name on the same cluster.
fn name_taken(draft: &mut Draft<'_>, job: &JobRecord) -> bool {
    let (name, cluster) = (draft.name().to_owned(), &job.spec.hazelcast_resource_name);
    let recorded = &draft.input.recorded;
    let ours = (
        draft.record.begun_at.is_none(),
        draft.record.begun_at,
        &draft.id.name,
    );
    let other = recorded.snapshots.iter().find(|(other, record)| {
        let of_job = || {
            let job = recorded.jobs.get(&record.spec.jet_job_resource_name);
            job.map(|job| job.spec.hazelcast_resource_name.clone())
        };
        let theirs = (record.begun_at.is_none(), record.begun_at, *other);
        **other != draft.id.name
            && record.spec.snapshot_name(other) == name
            && record.cluster.clone().or_else(of_job).as_ref() == Some(cluster)
            && theirs < ours
    });
    let Some((other, _)) = other else {
        return false;
    };
    let message = format!(
        "JetJobSnapshot {other} has the snapshot's name {name} on cluster {cluster} already; give this \
         one another `spec.name`"
    );
    draft.wait(Reason::Conflict, message);
    true
}

fn by_status(draft: &mut Draft<'_>, job: &JobRecord, bound: &BoundJob) {
    if job.operation.is_some() || draft.job_is_busy() {
        let message = "something else is being done with the job; this follows";
        draft.wait(Reason::WaitingForJob, message);
        return;
    }
    if bound.guarantee == Some(Guarantee::None) {
        no_guarantee(draft);
        return;
    }
    let waits = match bound.status {
        _ if bound.gone => Some("its cluster lost the job; it is exported once it runs again"),
        JobStatus::Running | JobStatus::Suspended => None,
        JobStatus::NotRunning | JobStatus::Starting => Some("the job is starting"),
        JobStatus::Completing | JobStatus::SuspendedExportingSnapshot => {
            Some("the job is stopping")
        }
        JobStatus::Failed => return ended(draft, bound),
        JobStatus::Completed => return completed(draft),
    };
    if let Some(message) = waits {
        draft.wait(Reason::WaitingForJob, message);
        return;
    }
    if bound.guarantee.is_none() {
        draft.wait(
            Reason::ClusterUnknown,
            "the job's configuration is being asked for",
        );
        return;
    }
    if backs_off(draft) {
        return;
    }
    export(draft, bound);
}

/// A document goes on wanting a snapshot. Who typed a command waits for it, and nothing comes of that where
/// somebody ended the job; one that failed may be restarted.
fn ended(draft: &mut Draft<'_>, bound: &BoundJob) {
    let message = "the job has ended, and its state with it";
    if draft.record.commanded && bound.stopped_by != Some(StoppedBy::Failure) {
        draft.fail(Reason::SnapshotFailed, message);
    } else {
        let message = format!("{message}; it is exported once it runs again");
        draft.wait(Reason::WaitingForJob, message);
    }
}

fn completed(draft: &mut Draft<'_>) {
    let message = "the job completed: there is no state to export any more";
    draft.fail(Reason::SnapshotFailed, message);
}

pub(super) fn no_guarantee(draft: &mut Draft<'_>) {
    let message = "the job keeps no state: its processing guarantee is NONE. Give it \
                   EXACTLY_ONCE or AT_LEAST_ONCE in its JobConfig, and change this document";
    draft.fail(Reason::NoGuarantee, message);
}

/// Whether a failure a moment ago is waited out.
fn backs_off(draft: &mut Draft<'_>) -> bool {
    let retry = draft.record.retry.clone();
    let Some(retry) = retry.filter(|retry| retry.goes_on(draft.input.now)) else {
        return false;
    };
    let reason = match retry.reason.class() {
        HoldClass::Blocked => retry.reason,
        HoldClass::Waiting | HoldClass::Policy => Reason::BackingOff,
    };
    draft.exporting(reason, retry.message);
    draft.hold_until(reason, retry.at, draft.record.message.clone());
    true
}

fn export(draft: &mut Draft<'_>, bound: &BoundJob) {
    let running = bound.status == JobStatus::Running;
    let which = match bound.stopped_by {
        _ if running => WhichSnapshot::Fresh,
        Some(StoppedBy::Failure) => WhichSnapshot::Last,
        _ => WhichSnapshot::Terminal,
    };
    let export = ExportSnapshot {
        name: draft.name().to_owned(),
        job: bound.id,
        which,
        strategy: strategy(&draft.record),
        mark: SnapshotMark {
            owner: draft.input.settings.owner.clone(),
            resource: draft.id.clone(),
            job: bound.id,
            begun_at: draft.record.begun_at.unwrap_or(draft.input.now),
            fork: running,
        },
    };
    let expected = Some((bound.id, vec![bound.status]));
    draft.act(Action::Export(export), expected);
}

pub(super) fn strategy(record: &SnapshotRecord) -> Option<Strategy> {
    match record.spec.strategy {
        SnapshotStrategy::Auto => None,
        SnapshotStrategy::Native => Some(Strategy::Native),
        SnapshotStrategy::Copy => Some(Strategy::Copy),
    }
}

/// Takes over what the job's own plan exports for it.
fn take_over(draft: &mut Draft<'_>, job: &JobRecord, bound: &BoundJob) {
    let name = draft.name().to_owned();
    let kept = job.kept.as_ref().filter(|kept| kept.name == name);
    // With `cancelJob` it is only done once the job has ended.
    let done = !draft.record.spec.cancel_job || !bound.is_active();
    if let Some(kept) = kept.filter(|_| done).cloned() {
        let now = draft.input.now;
        let cluster = job.spec.hazelcast_resource_name.clone();
        let job_name = job.spec.job_name(&draft.record.spec.jet_job_resource_name);
        let (strategy, job_name) = (strategy(&draft.record), job_name.to_owned());
        let record = draft.edit();
        record.state = SnapshotState::Exported;
        record.cluster = Some(cluster);
        record.cluster_id = Some(kept.cluster_id);
        record.job = Some(kept.facts.job);
        record.job_name = job_name;
        record.begun_at = record.begun_at.or(Some(now));
        record.reason = Reason::AsDesired;
        record.message = String::new();
        record.exported = Some(ExportedSnapshot {
            facts: kept.facts,
            at: now,
            strategy,
            fork: false,
            digest: record.digest,
        });
        return;
    }
    if bound.guarantee == Some(Guarantee::None) {
        no_guarantee(draft);
        return;
    }
    match bound.status {
        JobStatus::Completed => completed(draft),
        JobStatus::Failed => ended(draft, bound),
        _ => {
            let message = "the job is suspended and exported by its own plan; see its holds";
            draft.exporting(Reason::SnapshotUnderWay, message);
        }
    }
}

/// Sees whether what was exported is still there. What vanished is never exported again under the name.
pub(super) fn check_available(draft: &mut Draft<'_>) {
    let Some(exported) = draft.record.exported.clone() else {
        return;
    };
    let name = draft.name().to_owned();
    let Some(view) = draft.view() else { return };
    let another = view.cluster_id.is_some() && view.cluster_id != draft.record.cluster_id;
    let missing = match view.snapshots.get(&name) {
        _ if another => true,
        None => draft.record.missing,
        Some(seen) => !seen
            .as_ref()
            .is_some_and(|seen| seen.is_same(&exported.facts)),
    };
    if missing != draft.record.missing {
        draft.edit().missing = missing;
    }
    if missing {
        let message = format!(
            "snapshot {name} is not on its cluster any more, or is another one; it is not exported \
             again under this name: add a resource of another name"
        );
        draft.hold(Reason::SnapshotMissing, message);
    }
}
