//! `events`: what happened, newest last.

use std::process::ExitCode;

use jiff::Timestamp;

use super::context::Context;
use super::error::{CliError, Result};
use super::format::{Format, Row, json_line, print_list, yaml};
use super::reader::Reader;
use super::subject::Subject;
use super::table::{Cell, Mood};
use super::time;
use crate::plan::event::EventKind;
use crate::resources::ResourceId;
use crate::resources::lineage::short;
use crate::store::EventEntry;

/// How many are looked through for those of one resource.
const LOOKED_THROUGH: usize = 10_000;

/// Tell what happened.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only what happened to this one: a job's name, or KIND/NAME
    #[arg(value_name = "NAME")]
    subject: Option<Subject>,
    /// How many, counted from the newest
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: u16,
    /// What is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
    /// Go on, and print what happens
    #[arg(short, long)]
    watch: bool,
}

/// Prints events.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    let reader = Reader::open(context).await?;
    let about = args.subject.map(|Subject(id)| id);
    let limit = usize::from(args.limit.max(1));
    let read = if about.is_some() {
        LOOKED_THROUGH
    } else {
        limit.min(LOOKED_THROUGH)
    };
    let mut events = reader.events(read).await?;
    let last = events.last().map_or(0, |entry| entry.seq);
    events.retain(|entry| concerns(entry, about.as_ref()));
    let events = events.split_off(events.len().saturating_sub(limit));
    let now = context.clock.now();
    let output = context.output;
    if !args.watch {
        if let Some(id) = about.as_ref().filter(|_| events.is_empty()) {
            reader.require(id).await?;
        }
        print_list(output, args.output, &events, now, "nothing happened yet")?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = args.output.table::<EventEntry>();
    if args.output.is_table() {
        for entry in &events {
            table.row(entry.cells(false, now));
        }
        output.data(&table.render())?;
    } else {
        for entry in &events {
            output.data(&document(args.output, entry)?)?;
        }
    }
    let path = "/v1/events?watch=1&limit=1000";
    let mut stream = reader.daemon()?.watch::<EventEntry>(path).await?;
    while let Some(entry) = stream.next().await? {
        if entry.seq <= last || !concerns(&entry, about.as_ref()) {
            continue;
        }
        if args.output.is_table() {
            table.row(entry.cells(false, now));
            output.data(&table.render_rows())?;
        } else {
            output.data(&document(args.output, &entry)?)?;
        }
    }
    Err(CliError::failed("the daemon stopped"))
}

fn concerns(entry: &EventEntry, about: Option<&ResourceId>) -> bool {
    about.is_none() || entry.event.resource.as_ref() == about
}

fn document(format: Format, entry: &EventEntry) -> Result<String> {
    match format {
        Format::Yaml => Ok(format!("---\n{}", yaml(entry)?)),
        _ => json_line(entry),
    }
}

/// What happened, and for which commit.
fn told(message: &str, revision: Option<&str>) -> String {
    match revision {
        Some(revision) => format!("{message} (commit {})", short(revision)),
        None => message.to_owned(),
    }
}

impl Row for EventEntry {
    fn header(_: bool) -> Vec<&'static str> {
        vec!["TIME", "KIND", "RESOURCE", "MESSAGE"]
    }

    fn cells(&self, _: bool, _: Timestamp) -> Vec<Cell> {
        let event = &self.event;
        let resource = event.resource.as_ref();
        let message = event.message.lines().next().unwrap_or_default();
        vec![
            time::at(self.at).into(),
            Cell::of(format!("{:?}", event.kind), mood(event.kind)),
            resource.map_or("-".to_owned(), ToString::to_string).into(),
            told(message, event.revision.as_deref()).into(),
        ]
    }

    fn id(&self) -> String {
        self.seq.to_string()
    }
}

fn mood(kind: EventKind) -> Mood {
    use EventKind as K;
    match kind {
        K::Running
        | K::Completed
        | K::Resumed
        | K::UpgradeStable
        | K::SnapshotExported
        | K::SourceRecovered => Mood::Good,
        K::Failed
        | K::Lost
        | K::StepFailed
        | K::SourceFailed
        | K::RolledBack
        | K::SnapshotFailed => Mood::Bad,
        K::Held | K::Paused | K::Drifted => Mood::Calm,
        K::Submitted
        | K::Suspended
        | K::Canceled
        | K::Adopted
        | K::Configured
        | K::Deleted
        | K::Renamed
        | K::UpgradeStarted
        | K::Released
        | K::Unpaused
        | K::Confirmed => Mood::Plain,
    }
}
