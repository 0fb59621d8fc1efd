//! What a step expects, read again right before its effect.
//!
//! Nothing is done where it is not so: `Stale` where something changed, `Failed` where it can't be
//! read. The looks are made side by side; master and members are compared last, when all answers are in.
//! A list of the jobs takes long, so one may be used that was asked for at most [`RECENT`] before. Where
//! the looks take longer than that, all are made once more.

use std::time::Duration;

use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::cluster::watch::{ClusterWatch, WatchError};
use crate::plan::counted;
use crate::plan::hold::Reason;
use crate::plan::job::{JobId, JobStatus};
use crate::plan::observed::{ClusterState, Link};
use crate::plan::snapshot::ReadBack;
use crate::plan::step::{Action, Expectation, ExpectedSnapshot, Outcome, Step};

use super::executor::{not_begun, stale};

/// How old the list may be that shows a name without an active job.
pub(super) const RECENT: Duration = Duration::from_secs(1);

/// Reads again, right before the effect, everything that has to be true for it.
pub(super) async fn expect(
    step: &Step,
    cluster: &dyn Cluster,
    watch: &ClusterWatch,
) -> Result<(), Outcome> {
    let began = Instant::now();
    look(step, cluster, watch).await?;
    if began.elapsed() > RECENT {
        // One of the looks was slow, and what the others saw may have changed since.
        look(step, cluster, watch).await?;
    }
    same_members(step, cluster)
}

/// Reads everything but the members, side by side.
async fn look(step: &Step, cluster: &dyn Cluster, watch: &ClusterWatch) -> Result<(), Outcome> {
    let (expected, alone, kept, trusted, secured) = tokio::join!(
        check(step, cluster),
        only_active(step, watch),
        keeper(step, cluster),
        trust(step, watch),
        snapshots(step, cluster)
    );
    expected.and(alone).and(kept).and(trusted).and(secured)
}

/// Reads again what the step expects.
async fn check(step: &Step, cluster: &dyn Cluster) -> Result<(), Outcome> {
    let Expectation {
        cluster_id,
        master: _,
        min_members: _,
        job,
        only_active: _,
        snapshot: _,
        uncommitted: _,
        keeper: _,
    } = &step.expects;
    let connection = cluster.connection().borrow().clone();
    if let Link::Down { error, .. } = connection.link {
        return Err(Outcome::Failed {
            reason: Reason::ClusterUnreachable,
            message: error.unwrap_or_else(|| "no member answers".to_owned()),
        });
    }
    if connection.cluster_id != Some(*cluster_id) || connection.foreign_cluster_id.is_some() {
        return Err(stale("the members answer with another cluster id"));
    }
    if let Some((id, statuses)) = job {
        match cluster.status(*id).await {
            Ok(Some(status)) if statuses.contains(&status) => {}
            Ok(Some(status)) => return Err(stale(format!("job {id} is {status} now"))),
            Ok(None) => return Err(stale(format!("the master knows no job {id}"))),
            Err(error) => return Err(not_begun(error)),
        }
    }
    Ok(())
}

/// Looks whether another job of the name is active. What somebody started after the list was asked for
/// makes the members refuse ours.
async fn only_active(step: &Step, watch: &ClusterWatch) -> Result<(), Outcome> {
    let Some(known) = &step.expects.only_active else {
        return Ok(());
    };
    let view = watch.recent(RECENT).await.map_err(not_read)?;
    let Some(jobs) = view.jobs.known() else {
        return Err(stale("the members have not told which jobs there are"));
    };
    let other = jobs.values().find(|job| {
        job.name == step.job_name && !job.status.is_terminal() && !known.contains(&job.id)
    });
    match other {
        None => Ok(()),
        Some(other) => {
            let (name, id, status) = (&other.name, other.id, other.status);
            Err(stale(format!(
                "job {id} has the name {name} and is {status}"
            )))
        }
    }
}

fn not_read(error: WatchError) -> Outcome {
    match error {
        WatchError::Call(error) => not_begun(error),
        WatchError::Down | WatchError::Stopped => Outcome::Failed {
            reason: Reason::ClusterUnreachable,
            message: error.to_string(),
        },
    }
}

/// Reads again who keeps the job: another owner may have taken it, or another keeper with our owner.
async fn keeper(step: &Step, cluster: &dyn Cluster) -> Result<(), Outcome> {
    let Some(expected) = &step.expects.keeper else {
        return Ok(());
    };
    let name = &step.job_name;
    let entry = cluster.ownership_of(name).await.map_err(not_begun)?;
    let Some(entry) = entry else {
        let unclaimed = || stale(format!("the claim on the name {name} is gone"));
        return if expected.claimed {
            Err(unclaimed())
        } else {
            Ok(())
        };
    };
    if entry.owner != expected.owner {
        let owner = &entry.owner;
        return Err(stale(format!(
            "the name {name} belongs to owner {owner} now"
        )));
    }
    // One that names none was written by a version that knew of no other keepers.
    if !entry.keeper.is_empty() && entry.keeper != expected.keeper {
        let keeper = &entry.keeper;
        let message = format!(
            "job {name} is kept by another jetkeeper with the same owner now (state {keeper})"
        );
        return Err(stale(message));
    }
    Ok(())
}

/// Reads again whether the cluster may be trusted with what stops or starts a job.
async fn trust(step: &Step, watch: &ClusterWatch) -> Result<(), Outcome> {
    match &step.action {
        Action::Submit(_)
        | Action::Suspend { .. }
        | Action::Resume { .. }
        | Action::Restart { .. }
        | Action::Cancel { .. } => {}
        Action::Claim { .. }
        | Action::UpdateConfig { .. }
        | Action::Release { .. }
        | Action::Anchor { .. }
        | Action::Export(_)
        | Action::DeleteSnapshot { .. } => return Ok(()),
    }
    let health = watch.guard().await.map_err(not_read)?;
    if health.state != ClusterState::Active {
        return Err(stale(format!(
            "the cluster's state is {:?} now",
            health.state
        )));
    }
    if !health.partitions_safe {
        return Err(stale("not all partitions have their backups now"));
    }
    Ok(())
}

/// Compares the members last, when all answers are in: a master that is new has to settle first, and
/// some may have left since, while a jar was made ready, say.
fn same_members(step: &Step, cluster: &dyn Cluster) -> Result<(), Outcome> {
    let members = cluster.connection().borrow().members.clone();
    if step.expects.master.is_some() && members.first() != step.expects.master.as_ref() {
        return Err(stale("another member coordinates jobs now"));
    }
    let needed = step.expects.min_members.unwrap_or_default();
    if members.len() < usize::try_from(needed).unwrap_or(usize::MAX) {
        let message = format!(
            "the cluster has {} now, minMembers is {needed}",
            counted(members.len(), "member", "members")
        );
        return Err(stale(message));
    }
    Ok(())
}

/// Reads the snapshot again that the effect relies on.
async fn snapshots(step: &Step, cluster: &dyn Cluster) -> Result<(), Outcome> {
    if let Some(job) = step.expects.uncommitted {
        let standing = cluster.snapshots().standing(job).await;
        let standing = standing.map_err(not_begun)?;
        if standing.is_some_and(|standing| standing.committed.is_some()) {
            let message = format!("job {job} has committed a snapshot of its own");
            return Err(stale(message));
        }
    }
    let Some(expected) = &step.expects.snapshot else {
        return Ok(());
    };
    let read = cluster.snapshots().read(&expected.name).await;
    let Some(read) = read.map_err(not_begun)? else {
        return Err(lost(expected, "is not on the cluster"));
    };
    let same = expected
        .facts
        .as_ref()
        .is_none_or(|it| it.is_same(&read.facts));
    if !same {
        return Err(lost(expected, "is another one now"));
    }
    if let Some(job) = expected.last_of {
        still_last(job, &read, cluster).await?;
    }
    if !expected.fork_allowed {
        no_fork_in_use(expected, &read, cluster).await?;
    }
    Ok(())
}

/// A job goes on relying on its snapshot; one that is to start from it needs somebody.
fn lost(expected: &ExpectedSnapshot, what: &str) -> Outcome {
    let message = format!("snapshot {} {what}", expected.name);
    if expected.last_of.is_some() {
        return stale(message);
    }
    Outcome::Failed {
        reason: Reason::SnapshotMissing,
        message,
    }
}

/// Whether the job is still suspended with the very snapshot that was exported.
async fn still_last(job: JobId, read: &ReadBack, cluster: &dyn Cluster) -> Result<(), Outcome> {
    let standing = cluster.snapshots().standing(job).await;
    match standing.map_err(not_begun)? {
        Some(now) if now.suspended && now.committed == Some(read.facts.snapshot_id) => Ok(()),
        Some(now) => Err(stale(format!(
            "job {job} went on since its snapshot {} was exported (its last one is {:?})",
            read.facts.snapshot_id, now.committed
        ))),
        None => Err(stale(format!(
            "the members keep no record of job {job} any more"
        ))),
    }
}

/// A snapshot holds transactions that its job prepared: started beside that job, which goes on with them
/// or will once it is resumed, another could commit them. Of other programs' snapshots nothing is known.
async fn no_fork_in_use(
    expected: &ExpectedSnapshot,
    read: &ReadBack,
    cluster: &dyn Cluster,
) -> Result<(), Outcome> {
    if read.mark.is_none() {
        return Ok(());
    }
    let job = read.facts.job;
    let status = cluster.status(job).await.map_err(not_begun)?;
    if status.is_none_or(JobStatus::is_terminal) {
        return Ok(());
    }
    Err(Outcome::Failed {
        reason: Reason::ForkedStateInUse,
        message: format!(
            "snapshot {} was taken of job {job}, which is still active and goes on from the same state: a job \
             that starts from it could commit that job's transactions. Cancel that job, or confirm that this one \
             may start",
            expected.name
        ),
    })
}
