//! The command line: what is asked for, handed to the library, and told in words.
//!
//! ```text
//! run apply plan validate        work on sources, clusters and state themselves
//! get describe events history    read from the daemon's socket, else the state's last records
//! pause … confirm reconcile      ask the daemon
//! ```
//!
//! Data goes to stdout, the rest to stderr; 0 is done, 1 an error, 2 wrong usage.

mod adopt;
mod apply;
mod args;
mod ask;
mod call;
mod called;
mod completions;
mod config;
mod confirm;
mod context;
mod demo;
mod describe;
#[cfg(test)]
mod documented;
mod error;
mod events;
mod export;
mod follow;
mod format;
mod get;
mod history;
#[cfg(test)]
mod keys;
mod locate;
mod man;
mod output;
mod pause;
mod plan;
mod progress;
mod reader;
mod rebuild;
mod reconcile;
mod rows;
mod run;
#[cfg(test)]
mod samples;
mod schema;
mod shutdown;
mod snapshot;
mod sources;
mod state;
mod subject;
mod table;
mod time;
mod unpause;
mod validate;
mod wiring;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use args::Global;
use context::Context;
use error::{CliError, Result};
use output::Output;

use crate::source::git::{ERRAND_COMMAND, do_errand};

/// Keeps Hazelcast Jet jobs as the YAML in a directory declares them, and keeps their state.
#[derive(Debug, Parser)]
#[command(name = "jetkeeper", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Keep the jobs as declared, until stopped: the daemon
    Run(run::Args),
    /// Bring the jobs to what is declared, once
    Apply(apply::Args),
    /// Show what `apply` would do, and do nothing
    Plan(plan::Args),
    /// Check the YAML, without any cluster
    Validate(validate::Args),
    /// List jobs, snapshots, clusters or holds
    Get(get::Args),
    /// Tell everything about one job, snapshot or cluster
    Describe(describe::Args),
    /// Tell what happened
    Events(events::Args),
    /// Tell which revisions were seen and what they changed
    History(history::Args),
    /// Leave a job, or everything, alone for a while
    Pause(pause::Args),
    /// End a pause
    Unpause(unpause::Args),
    /// Take over a job that somebody else made
    Adopt(adopt::Args),
    /// Release what is held
    Confirm(confirm::Args),
    /// Have the daemon look at everything now
    Reconcile(reconcile::Args),
    /// Export, list, inspect, verify or delete snapshots of jobs
    Snapshot(snapshot::Args),
    /// Check, export, import or rebuild the recorded state
    State(state::Args),
    /// Check or show the configuration
    Config(config::Args),
    /// Print the JSON Schema of the YAML, for editors
    Schema(schema::Args),
    /// Print the completions of a shell
    Completions(completions::Args),
    /// Write the pages of the manual
    Man(man::Args),
    /// Show it at work on a real member on this machine
    Demo(demo::Args),
    /// Fetch a Git source: this program starts itself with it
    #[command(name = ERRAND_COMMAND, hide = true)]
    GitErrand,
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    let cli = parse();
    if matches!(cli.command, Command::GitErrand) {
        return do_errand();
    }
    let output = Output::new(cli.global.no_color);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => {
            let done = runtime.block_on(dispatch(cli, output));
            // What still runs has nothing to say any more, and must not hold up the end.
            runtime.shutdown_background();
            done
        }
        Err(error) => Err(CliError::failed(error)),
    };
    done.unwrap_or_else(|error| {
        if !error.is_unread() {
            output.error(&error);
        }
        error.exit_code()
    })
}

/// Reads the arguments of this process, or ends it.
fn parse() -> Cli {
    let matches = command().get_matches();
    called::remember(&matches);
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The command line. The usage that errors show is the one of `--help`: left to itself, clap adds every
/// flag whose variable is set, as if it were required.
fn command() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    with_usage(command)
}

fn with_usage(mut command: clap::Command) -> clap::Command {
    let usage = command.render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).to_owned();
    let names = command.get_subcommands().map(clap::Command::get_name);
    let names: Vec<String> = names.map(str::to_owned).collect();
    let command = names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, with_usage)
    });
    command.override_usage(usage)
}

async fn dispatch(cli: Cli, output: Output) -> Result<ExitCode> {
    let context = Context::new(cli.global, output);
    match cli.command {
        Command::Run(args) => run::run(&context, args).await,
        Command::Apply(args) => apply::run(&context, args).await,
        Command::Plan(args) => plan::run(&context, args).await,
        Command::Validate(args) => validate::run(&context, args).await,
        Command::Get(args) => get::run(&context, args).await,
        Command::Describe(args) => describe::run(&context, args).await,
        Command::Events(args) => events::run(&context, args).await,
        Command::History(args) => history::run(&context, args).await,
        Command::Pause(args) => pause::run(&context, args).await,
        Command::Unpause(args) => unpause::run(&context, args).await,
        Command::Adopt(args) => adopt::run(&context, args).await,
        Command::Confirm(args) => confirm::run(&context, args).await,
        Command::Reconcile(args) => reconcile::run(&context, args).await,
        Command::Snapshot(args) => snapshot::run(&context, args).await,
        Command::State(args) => state::run(&context, args).await,
        Command::Config(args) => config::run(&context, args).await,
        Command::Schema(args) => schema::run(&context, &args),
        Command::Completions(args) => completions::run(&context, &args),
        Command::Man(args) => man::run(&context, &args),
        Command::Demo(args) => demo::run(&context, args).await,
        // It needs no runtime, and `main` has done it.
        Command::GitErrand => Ok(do_errand()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_make_sense() {
        Cli::command().debug_assert();
        command().debug_assert();
    }

    #[test]
    fn a_usage_has_no_flags_that_variables_give() {
        let mut command = command();
        let pause = command.find_subcommand_mut("pause").unwrap();
        assert_eq!(
            pause.render_usage().to_string(),
            "Usage: jetkeeper pause [OPTIONS] --reason <REASON> [NAME]"
        );
    }
}
