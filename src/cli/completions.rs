//! `completions`: for shells.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;
use super::context::Context;
use super::error::Result;

/// Print the completions of a shell.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

/// Prints completions.
pub(super) fn run(context: &Context, args: &Args) -> Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "jetkeeper", &mut text);
    context.output.data(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}
