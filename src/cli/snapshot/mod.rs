//! `snapshot`: what is exported on the clusters, and exporting by hand.
//!
//! `export` asks the daemon, which keeps what it exported like a declared snapshot. The other commands
//! look at the cluster themselves, at whatever is exported there, whoever did it.

mod delete;
mod export;
mod inspect;
mod list;
pub(super) mod rows;
mod site;

use std::process::ExitCode;

use clap::Subcommand;

use super::context::Context;
use super::error::Result;

/// Export, list, inspect, verify or delete snapshots of jobs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Have the daemon export a snapshot of a job
    Export(export::Args),
    /// List the snapshots that are exported on a cluster
    List(list::Args),
    /// Show what is in a snapshot: vertices, chunks, bytes, keys, partitions
    Inspect(inspect::Args),
    /// Read a snapshot to its last chunk and check that it is whole
    Verify(inspect::Args),
    /// Delete a snapshot from its cluster
    Delete(delete::Args),
}

/// Does what is asked for.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    match args.command {
        Command::Export(args) => export::run(context, args).await,
        Command::List(args) => list::run(context, args).await,
        Command::Inspect(args) => inspect::inspect(context, args).await,
        Command::Verify(args) => inspect::verify(context, args).await,
        Command::Delete(args) => delete::run(context, args).await,
    }
}
