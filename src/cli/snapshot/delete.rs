//! `snapshot delete`.

use std::process::ExitCode;

use super::super::context::Context;
use super::super::error::{CliError, Result};
use super::super::locate::{Located, locate};
use super::super::wiring;
use super::site::Site;
use crate::api::RecordedView;
use crate::plan::record::Recorded;

/// Delete a snapshot from its cluster.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The snapshot's name on the cluster
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
    let site = Site::connect(context, args.on.as_deref()).await?;
    let name = &args.name;
    let listed = site.cluster.snapshots().list().await;
    let listed = listed.map_err(CliError::failed)?;
    if !listed.iter().any(|it| it.name == *name) {
        let message = format!("cluster {} has no snapshot {name}", site.name);
        return Err(CliError::failed(message).hint("`jetkeeper snapshot list` shows the names"));
    }
    if let Some(need) = needed(&recorded(context).await?, &site.name, name) {
        let message = format!("snapshot {name} is needed: {need}");
        return Err(CliError::failed(message));
    }
    if !args.yes {
        let message = format!("snapshot {name} would be gone for good");
        return Err(CliError::usage(message).hint("--yes deletes it"));
    }
    let deleted = site.cluster.snapshots().delete(name).await;
    deleted.map_err(CliError::failed)?;
    context.output.say(&format!("snapshot {name} is deleted"));
    Ok(ExitCode::SUCCESS)
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
