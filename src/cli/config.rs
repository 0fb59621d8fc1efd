//! `config`: is the configuration as it should be, and what is in force?

use std::process::ExitCode;

use super::args::{Keeping, Serving};
use super::context::Context;
use super::error::{CliError, Result};
use super::sources::OURSELVES;
use super::wiring::Scratch;
use crate::config::{Config, ConfigError, ShownConfig};
use crate::plan::counted;
use crate::resources::Severity;
use crate::resources::render::render;
use crate::source::git::{GitUrl, learn_host_key};

/// Check or show the configuration.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Tell everything that is wrong with the configuration, each with its place
    Check(Flags),
    /// Print the configuration as `run` would use it: file, variables, flags and defaults together
    Show(Flags),
    /// Ask the SSH host of a Git repository for its key, and print the line that makes it known
    LearnHostKey {
        /// The repository, as a source names it
        url: String,
    },
}

/// The flags of `run` that configure it.
#[derive(Debug, clap::Args)]
struct Flags {
    #[command(flatten)]
    keeping: Keeping,
    #[command(flatten)]
    serving: Serving,
}

/// Checks, or shows.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    match args.command {
        Command::Check(flags) => check(context, flags),
        Command::Show(flags) => {
            let config = context.configured(flags.keeping, &flags.serving)?;
            let shown = serde_yaml::to_string(&ShownConfig::from(&config));
            context.output.data(&shown.map_err(CliError::failed)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::LearnHostKey { url } => learn(context, &url).await,
    }
}

/// Whose key it is that answers, nobody but the user can find out: it is told, and stored nowhere.
async fn learn(context: &Context, url: &str) -> Result<ExitCode> {
    let url = GitUrl::parse(url).map_err(CliError::usage)?;
    let home = Scratch::make()?;
    let learnt = learn_host_key(&url, OURSELVES.into(), &home.0).await;
    let (host, key) = learnt.map_err(CliError::failed)?;
    context.output.data(&format!("{}\n", key.line(&host)))?;
    context.output.note(&format!(
        "{host} shows the key {key}. Whoever answered there showed it: compare it with what those who run \
         the host publish before you put the line into `knownHosts`"
    ));
    Ok(ExitCode::SUCCESS)
}

fn check(context: &Context, flags: Flags) -> Result<ExitCode> {
    let output = context.output;
    let config = match context.configured(flags.keeping, &flags.serving) {
        Ok(config) => config,
        Err(ConfigError::Faulty { path, faults }) => {
            for fault in &faults {
                output.text(&format!("{}\n\n", render(fault, true)))?;
            }
            let errors = faults.iter().filter(|it| it.severity == Severity::Error);
            let words = counted(errors.count(), "error", "errors");
            output.say(&format!("{}: {words}", path.display()));
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => {
            output.error(&error.into());
            return Ok(ExitCode::FAILURE);
        }
    };
    let missing = missing(&config);
    for error in &missing {
        output.error(error);
    }
    for words in places(&config) {
        output.warn(&words);
    }
    if !missing.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    let file = config.file.as_ref();
    let file = file.map_or("flags and variables".to_owned(), |it| {
        it.display().to_string()
    });
    let sources = counted(config.sources.len(), "source", "sources");
    let clusters = counted(config.clusters.len(), "cluster", "clusters");
    output.say(&format!("{file}: no errors; {sources}, {clusters}"));
    Ok(ExitCode::SUCCESS)
}

/// What the daemon needs and nobody says.
fn missing(config: &Config) -> Vec<CliError> {
    let sources = config.sources().err();
    // Without a source neither has a default, and the one fault is enough.
    let others = [config.owner().err(), config.state().err()];
    let others = others.into_iter().filter(|_| sources.is_none()).flatten();
    let others: Vec<ConfigError> = others.collect();
    sources
        .into_iter()
        .chain(others)
        .map(CliError::from)
        .collect()
}

/// What may come later, or be there for the service's user alone.
fn places(config: &Config) -> Vec<String> {
    let mut words = Vec::new();
    for source in &config.sources {
        if let Some(directory) = source.directory().filter(|it| !it.exists()) {
            let (name, directory) = (&source.name, directory.display());
            words.push(format!(
                "source {name}: {directory} is not there, or can't be seen by you"
            ));
        }
    }
    if let Some(secrets) = config.secrets.as_ref().filter(|it| !it.exists()) {
        let secrets = secrets.display();
        words.push(format!(
            "secrets: {secrets} is not there, or can't be seen by you"
        ));
    }
    words
}
