//! `snapshot delete`: of a snapshot on a cluster, or of the wish to export one.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::ask::Taker;
use super::super::context::Context;
use super::super::error::{CliError, Result};
use super::super::locate::{Located, locate};
use super::super::reader::escape;
use super::super::wiring;
use super::site::Site;
use crate::api::wire::WithdrawBody;
use crate::api::{Client, ClientError, RecordedView};
use crate::engine::published::SnapshotResource;
use crate::plan::hold::Reason;
use crate::plan::record::{Recorded, SnapshotRecord};
use crate::store::Change;

/// How long the daemon may take to delete one that was asked for by command.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is asked whether it did.
const LOOK: Duration = Duration::from_millis(200);

/// Delete a snapshot from its cluster, or withdraw a `snapshot export` that waits or failed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The snapshot's name on the cluster, or that was given to `snapshot export`
    name: String,
    /// The cluster, where several are known
    #[arg(long, value_name = "NAME")]
    on: Option<String>,
    /// Delete it although it can't be had again
    #[arg(long)]
    yes: bool,
}

/// Deletes, unless a job or a document still needs it.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    let name = &args.name;
    let known = recorded(context).await?;
    if let Some(record) = asked_for(&known, name) {
        return withdraw(context, &args, &known, record).await;
    }
    let site = Site::connect(context, args.on.as_deref()).await?;
    let listed = site.cluster.snapshots().list().await;
    let listed = listed.map_err(CliError::failed)?;
    if !listed.iter().any(|it| it.name == *name) {
        let message = format!("cluster {} has no snapshot {name}", site.name);
        return Err(CliError::failed(message).hint("`jetkeeper snapshot list` shows the names"));
    }
    if let Some(need) = needed(&known, &site.name, name) {
        let message = format!("snapshot {name} is needed: {need}");
        return Err(CliError::failed(message));
    }
    confirmed(&args)?;
    let deleted = site.cluster.snapshots().delete(name, None).await;
    deleted.map_err(CliError::failed)?;
    context.output.say(&format!("snapshot {name} is deleted"));
    Ok(ExitCode::SUCCESS)
}

fn confirmed(args: &Args) -> Result<()> {
    if args.yes {
        return Ok(());
    }
    let message = format!("snapshot {} would be gone for good", args.name);
    Err(CliError::usage(message).hint("--yes deletes it"))
}

/// The record of a snapshot that was asked for by command, which no document declares.
fn asked_for<'a>(recorded: &'a Recorded, name: &str) -> Option<&'a SnapshotRecord> {
    let record = recorded.snapshots.get(name)?;
    record.commanded.then_some(&**record)
}

/// Has the daemon forget it, and delete what there is of it.
async fn withdraw(
    context: &Context,
    args: &Args,
    known: &Recorded,
    record: &SnapshotRecord,
) -> Result<ExitCode> {
    let name = &args.name;
    let exported = record.exported.is_some() && !record.missing;
    if exported {
        let cluster = record.cluster.as_deref().unwrap_or_default();
        if let Some(need) = needed(known, cluster, name) {
            return Err(CliError::failed(format!(
                "snapshot {name} is needed: {need}"
            )));
        }
        confirmed(args)?;
    }
    let body = WithdrawBody { name: name.clone() };
    let taker = Taker::find(context).await?;
    let asked = taker.ask(context, "/v1/snapshots/withdraw", &body, |recorded| {
        let record = recorded.snapshots.get(name);
        let record = record.map(|record| Arc::new(record.withdrawn()));
        Ok(Change {
            snapshots: [(name.clone(), record)].into(),
            ..Change::default()
        })
    });
    asked.await?;
    let Taker::Daemon(client) = &taker else {
        return Ok(ExitCode::SUCCESS);
    };
    if let Some(left) = gone(client, name).await? {
        context.output.warn(&format!(
            "it is recorded that snapshot {name} is to be deleted, but it is not yet: {left}"
        ));
        return Ok(ExitCode::SUCCESS);
    }
    context.output.say(&if exported {
        format!("snapshot {name} is deleted")
    } else {
        format!("the export of snapshot {name} is withdrawn")
    });
    Ok(ExitCode::SUCCESS)
}

/// Waits until the daemon has forgotten it; why it has not, where that takes too long.
async fn gone(client: &Client, name: &str) -> Result<Option<String>> {
    let path = format!("/v1/snapshots/{}", escape(name));
    let until = Instant::now() + PATIENCE;
    loop {
        let left = match client.get::<SnapshotResource>(&path).await {
            Ok(left) => left,
            Err(ClientError::Refused(error)) if error.code == "NotFound" => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let held = left
            .status
            .holds
            .iter()
            .find(|hold| hold.reason != Reason::SnapshotUnderWay);
        if held.is_some() || Instant::now() >= until {
            let why = held.or(left.status.holds.first());
            let why = why.map_or("it is being exported", |hold| &hold.message);
            return Ok(Some(why.to_owned()));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What the daemon, or the state, knows; nothing where there is neither.
async fn recorded(context: &Context) -> Result<Recorded> {
    match locate(context).await {
        Ok(Located::Daemon(client)) => Ok(client.get::<RecordedView>("/v1/recorded").await?.into()),
        Ok(Located::State(state)) => {
            let store = wiring::open_store(context, &state).await?;
            Ok(store.load().await?)
        }
        Err(_) => Ok(Recorded::default()),
    }
}

/// Who needs the snapshot, in words.
fn needed(recorded: &Recorded, cluster: &str, name: &str) -> Option<String> {
    // What a person asked for, a person may delete.
    let declared = recorded.snapshots.iter().find(|(resource, record)| {
        record.cluster.as_deref() == Some(cluster)
            && record.spec.snapshot_name(resource) == name
            && !record.commanded
    });
    if let Some((resource, record)) = declared {
        return Some(format!(
            "JetJobSnapshot {resource} ({}) declares it; remove its document, with deletionPolicy: \
             Delete",
            record.place
        ));
    }
    let on_cluster = |it: &str| it == cluster;
    recorded.jobs.iter().find_map(|(job, record)| {
        if !on_cluster(&record.spec.hazelcast_resource_name) {
            return None;
        }
        let kept = record.kept.as_ref().is_some_and(|kept| kept.name == name);
        let bound = record.job.as_ref().filter(|job| job.is_active());
        let initial =
            bound.is_some_and(|job| job.started_from.as_deref() == Some(name) && !job.own_snapshot);
        if initial {
            return Some(format!(
                "JetJob {job} started from it and made none of its own yet"
            ));
        }
        kept.then(|| format!("it is the newest that JetJob {job} could start from again"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_is_recorded_of_is_not_needed() {
        assert_eq!(needed(&Recorded::default(), "dev", "any"), None);
    }
}
