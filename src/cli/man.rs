//! `man`: the manual.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory;

use super::Cli;
use super::context::Context;
use super::error::{CliError, Result};

/// Write the pages of the manual.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directory to write jetkeeper.1 and a page for each command to
    directory: PathBuf,
}

/// Writes the pages.
pub(super) fn run(context: &Context, args: &Args) -> Result<ExitCode> {
    let directory = args.directory.display();
    clap_mangen::generate_to(Cli::command(), &args.directory).map_err(|error| {
        CliError::failed(format!("failed to write pages to {directory}: {error}"))
            .hint("give a directory that is there")
    })?;
    context.output.say(&format!("the manual is in {directory}"));
    Ok(ExitCode::SUCCESS)
}
