//! `state`: check, export, import and rebuild what is recorded.

use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::args::Keeping;
use super::context::Context;
use super::error::{CliError, Result};
use super::locate::{Located, locate, refuse_beside_daemon};
use super::output::Output;
use super::rebuild;
use super::{time, wiring};
use crate::store::StoreError;
use crate::store::check::{CheckReport, check};
use crate::store::export::{export, import};

/// Check, export, import or rebuild the recorded state.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read everything, and tell what is wrong
    Check,
    /// Write everything as JSON lines
    Export {
        /// Where to; stdout if not given
        file: Option<PathBuf>,
    },
    /// Make state from an export, where there is none
    Import {
        /// The export
        file: PathBuf,
    },
    /// Make state anew from the sources and the clusters; the old one is kept beside
    Rebuild {
        #[command(flatten)]
        keeping: Keeping,
        /// Also where the state is sound: pauses, events and what was submitted with are forgotten
        #[arg(long)]
        force: bool,
    },
}

/// Works on the state.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    match args.command {
        Command::Check => {
            let state = unkept(context, "state check").await?;
            let report = blocking(move || check(&state)).await??;
            context.output.text(&check_text(&report))?;
            Ok(ExitCode::from(u8::from(!report.is_sound())))
        }
        Command::Export { file } => {
            let state = unkept(context, "state export").await?;
            let written = move || write_export(&state, file.as_deref());
            let rows = blocking(written).await??;
            context.output.say(&format!("{rows} rows exported"));
            Ok(ExitCode::SUCCESS)
        }
        Command::Import { file } => {
            let state = context.config()?.state()?.to_owned();
            refuse_beside_daemon(&state, "state import").await?;
            let place = state.display().to_string();
            let rows = blocking(move || read_import(&state, &file)).await??;
            context
                .output
                .say(&format!("{rows} rows imported into {place}"));
            Ok(ExitCode::SUCCESS)
        }
        Command::Rebuild { keeping, force } => {
            let config = context.keeping(keeping)?;
            let state = config.state()?.to_owned();
            refuse_beside_daemon(&state, "state rebuild").await?;
            if !force {
                refuse_sound(state).await?;
            }
            rebuild::rebuild(context, &config, force).await
        }
    }
}

/// Refuses to forget state that can be read and knows what is on the clusters.
async fn refuse_sound(state: PathBuf) -> Result<()> {
    if !wiring::has_state(&state) {
        return Ok(());
    }
    let place = state.display().to_string();
    // What can't even be checked is what a rebuild is for.
    let Ok(report) = blocking(move || check(&state)).await? else {
        return Ok(());
    };
    if !report.is_sound() || !report.knows_clusters() {
        return Ok(());
    }
    Err(CliError::failed(format!(
        "the state in {place} is sound, and a rebuild would forget its pauses, events and journal"
    ))
    .hint("`jetkeeper state check` tells what is in it; --force rebuilds it all the same"))
}

/// The state, which no daemon may keep meanwhile.
async fn unkept(context: &Context, command: &str) -> Result<PathBuf> {
    match locate(context).await? {
        Located::State(state) => Ok(state),
        Located::Daemon(client) => {
            let socket = client.socket().display().to_string();
            Err(CliError::failed(format!(
                "a daemon answers at {socket}; `{command}` must not"
            ))
            .hint("stop it first; `jetkeeper reconcile --wait` has it look at everything"))
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(CliError::failed)
}

fn write_export(state: &Path, file: Option<&Path>) -> Result<u64> {
    let open = |path: &Path| {
        File::create_new(path).map_err(|error| {
            CliError::failed(format!("failed to make {}: {error}", path.display()))
        })
    };
    let mut out: Box<dyn Write> = match file {
        Some(path) => Box::new(open(path)?),
        None => Box::new(Output::writer()),
    };
    let rows = export(state, &mut BufWriter::new(&mut out));
    rows.map_err(|error| match file {
        Some(_) => error.into(),
        None => unless_unread(error),
    })
}

/// Whoever reads what goes to stdout may have seen enough.
fn unless_unread(error: StoreError) -> CliError {
    match error {
        StoreError::Io { source, .. } if source.kind() == ErrorKind::BrokenPipe => {
            CliError::unread(source)
        }
        error => error.into(),
    }
}

fn read_import(state: &Path, file: &Path) -> Result<u64> {
    let input = File::open(file)
        .map_err(|error| CliError::failed(format!("failed to open {}: {error}", file.display())))?;
    Ok(import(state, &mut BufReader::new(input))?)
}

fn check_text(report: &CheckReport) -> String {
    let mut lines = vec![format!("state:     {}", report.path)];
    if let Some(id) = &report.store_id {
        lines.push(format!("identity:  {id}"));
    }
    if let Some(made) = report.created_at {
        lines.push(format!("made:      {}", time::at(made)));
    }
    if let Some(schema) = report.schema {
        lines.push(format!("schema:    {schema}"));
    }
    lines.push(format!("commits:   {}", report.commits));
    for (table, rows) in &report.rows {
        let label = format!("{table}:");
        lines.push(format!("{label:<10} {rows}"));
    }
    for step in &report.in_flight {
        lines.push(format!(
            "in flight: {step}; the next run looks for its outcome"
        ));
    }
    for problem in &report.problems {
        lines.push(format!("PROBLEM:   {problem}"));
    }
    let verdict = if report.is_sound() {
        "sound"
    } else {
        "not sound: `jetkeeper state rebuild PATH` makes it anew from the clusters"
    };
    lines.push(verdict.to_owned());
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_has_seen_enough_is_no_error() {
        let failed = |kind: ErrorKind| {
            unless_unread(StoreError::Io {
                what: "export",
                path: "/srv/state".to_owned(),
                source: kind.into(),
            })
        };
        assert!(failed(ErrorKind::BrokenPipe).is_unread());
        assert!(!failed(ErrorKind::StorageFull).is_unread());
    }
}
