//! `snapshot export`.

use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;

use super::super::context::Context;
use super::super::error::{CliError, Result};
use super::super::locate::{Located, locate};
use super::super::output::Output;
use super::super::reader::escape;
use super::rows::size;
use crate::api::Client;
use crate::api::wire::{ProgressView, SnapshotBody};
use crate::engine::published::SnapshotResource;
use crate::plan::record::SnapshotState;
use crate::resources::ResourceId;
use crate::resources::jet_job_snapshot::{JetJobSnapshotSpec, PauseToCopy, SnapshotStrategy};

/// How often the daemon is asked how far it is.
const LOOK: Duration = Duration::from_millis(300);

/// After how many looks without an end it is told how to live without it.
const PATIENCE: u32 = 5;

/// Have the daemon export a snapshot of a job.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The job's resource
    job: String,
    /// The snapshot's name; the job's and the time if not given
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Cancel the job once its state is exported
    #[arg(long)]
    cancel_job: bool,
    /// Suspend the job for the copy, should its own snapshots be too quick
    #[arg(long)]
    pause_to_copy: bool,
    /// Return at once, and let the daemon go on
    #[arg(long)]
    no_wait: bool,
}

/// Exports.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    let Located::Daemon(client) = locate(context).await? else {
        return Err(
            CliError::failed("only a daemon exports snapshots, and none runs")
                .hint("`jetkeeper run PATH` starts one"),
        );
    };
    let name = args.name.clone();
    let name = name.unwrap_or_else(|| usual_name(&args.job, context.clock.now()));
    let body = SnapshotBody {
        name: name.clone(),
        spec: JetJobSnapshotSpec {
            name: None,
            jet_job_resource_name: args.job.clone(),
            cancel_job: args.cancel_job,
            strategy: SnapshotStrategy::Auto,
            pause_to_copy: if args.pause_to_copy {
                PauseToCopy::Allowed
            } else {
                PauseToCopy::Never
            },
            timeout: None,
            deletion_policy: crate::resources::jet_job_snapshot::SnapshotDeletionPolicy::Retain,
            archive: None,
            source: None,
        },
    };
    client.post("/v1/snapshots", &body).await?;
    if args.no_wait {
        context
            .output
            .say(&format!("JetJobSnapshot/{name} is asked for"));
        return Ok(ExitCode::SUCCESS);
    }
    follow(context.output, &client, &name).await
}

/// `orders-20260102-1504`: unique enough, and a name that members and resources accept.
fn usual_name(job: &str, now: Timestamp) -> String {
    format!("{job}-{}", now.strftime("%Y%m%d-%H%M%S"))
}

async fn follow(output: Output, client: &Client, name: &str) -> Result<ExitCode> {
    let path = format!("/v1/snapshots/{}", escape(name));
    let mut told = String::new();
    let mut looks = 0;
    loop {
        let resource: SnapshotResource = client.get(&path).await?;
        let status = &resource.status;
        match status.state {
            SnapshotState::Exported => {
                output.say(&format!(
                    "snapshot {name} is exported and read back: {} in {} chunks{}",
                    size(status.num_bytes.unwrap_or_default()),
                    status.num_chunks.unwrap_or_default(),
                    if status.fork == Some(true) {
                        "; the job goes on, so this is a fork of its state"
                    } else {
                        ""
                    }
                ));
                return Ok(ExitCode::SUCCESS);
            }
            SnapshotState::Failed => {
                return Err(CliError::failed(status.message.clone())
                    .hint(format!("`jetkeeper snapshot delete {name}` forgets it")));
            }
            SnapshotState::Waiting | SnapshotState::Exporting => {
                let now = progress(client, name).await?;
                let now = now.unwrap_or_else(|| format!("{:?}: {}", status.state, status.message));
                if now != told {
                    output.say(&now);
                    told = now;
                }
                looks += 1;
                if looks == PATIENCE {
                    output.note(&format!(
                        "the daemon goes on with it whether this command waits (Ctrl-C) or not; \
                         `jetkeeper snapshot delete {name}` withdraws it"
                    ));
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How far the copy is, where one is under way.
async fn progress(client: &Client, name: &str) -> Result<Option<String>> {
    let all: Vec<ProgressView> = client.list("/v1/progress").await?;
    let id = ResourceId::jet_job_snapshot(name);
    let ours = all.into_iter().find(|view| view.resource == id);
    Ok(ours.map(|view| view.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_name_tells_job_and_time() {
        let at = "2026-01-02T15:04:05Z".parse().unwrap();
        assert_eq!(usual_name("orders", at), "orders-20260102-150405");
    }
}
