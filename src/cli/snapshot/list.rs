//! `snapshot list`.

use std::process::ExitCode;

use super::super::context::Context;
use super::super::error::{CliError, Result};
use super::super::format::{Format, print_list};
use super::rows::Found;
use super::site::Site;

/// List the snapshots that are exported on a cluster.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The cluster, where several are known
    #[arg(long, value_name = "NAME")]
    on: Option<String>,
    /// What is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

/// Lists.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    let site = Site::connect(context, args.on.as_deref()).await?;
    let listed = site.cluster.snapshots().list().await;
    let listed = listed.map_err(CliError::failed)?;
    let found = listed.into_iter().map(|snapshot| Found {
        cluster: site.name.clone(),
        snapshot,
    });
    let found: Vec<Found> = found.collect();
    let none = "no snapshot is exported on this cluster";
    print_list(
        context.output,
        args.output,
        &found,
        context.clock.now(),
        none,
    )?;
    Ok(ExitCode::SUCCESS)
}
