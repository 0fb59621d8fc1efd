//! `get`: lists of jobs, snapshots, clusters and holds.

use std::collections::BTreeMap;
use std::process::ExitCode;

use jiff::SignedDuration;
use serde::de::DeserializeOwned;

use super::context::Context;
use super::error::{CliError, Result};
use super::format::{Format, Row, json_line, print_list, yaml};
use super::reader::{Reader, escape};
use super::rows::grouped;
use super::subject::{Listing, Shelf};
use super::table::{Cell, Mood};
use super::time;
use crate::api::wire::{Change, ChangeKind};
use crate::engine::JobResource;
use crate::engine::published::{HazelcastResource, SnapshotResource};
use crate::plan::hold::Hold;

/// List jobs, snapshots, clusters or holds.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// jobs, snapshots, hazelcast or holds; jobs/NAME is one of them
    #[arg(value_name = "KIND")]
    listing: Listing,
    /// Only this one
    name: Option<String>,
    /// What is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
    /// Go on, and print what changes
    #[arg(short, long)]
    watch: bool,
    /// How long to watch; for good if not given
    #[arg(long, value_name = "DURATION", value_parser = time::parse, requires = "watch")]
    timeout: Option<SignedDuration>,
}

/// Lists.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    let Listing { shelf, name } = args.listing.clone();
    let name = match (name, args.name.clone()) {
        (Some(_), Some(_)) => return Err(CliError::usage("give the name once")),
        (name, other) => name.or(other),
    };
    let reader = Reader::open(context).await?;
    let listed = Listed {
        context,
        args: &args,
        reader: &reader,
        name,
    };
    let printing = async {
        match shelf {
            Shelf::Jobs => listed.jobs().await,
            Shelf::Hazelcast => listed.hazelcasts().await,
            Shelf::Snapshots => listed.snapshots().await,
            Shelf::Holds => listed.holds().await,
        }
    };
    match args.timeout {
        None => printing.await?,
        Some(limit) => {
            // The end of the time is the end that was asked for.
            if let Ok(done) = tokio::time::timeout(limit.unsigned_abs(), printing).await {
                done?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

struct Listed<'a> {
    context: &'a Context,
    args: &'a Args,
    reader: &'a Reader,
    name: Option<String>,
}

impl Listed<'_> {
    async fn jobs(&self) -> Result<()> {
        let jobs = match &self.name {
            Some(name) => vec![self.reader.job(name).await?],
            None => self.reader.jobs().await?,
        };
        let none = "no job is declared";
        self.print::<JobResource>(jobs, "/v1/jobs", none).await
    }

    async fn hazelcasts(&self) -> Result<()> {
        let clusters = match &self.name {
            Some(name) => vec![self.reader.hazelcast(name).await?],
            None => self.reader.hazelcasts().await?,
        };
        let none = "no cluster is declared or configured";
        self.print::<HazelcastResource>(clusters, "/v1/hazelcast", none)
            .await
    }

    async fn snapshots(&self) -> Result<()> {
        let snapshots = match &self.name {
            Some(name) => vec![self.reader.snapshot(name).await?],
            None => self.reader.snapshots().await?,
        };
        let none = "no snapshot is declared";
        self.print::<SnapshotResource>(snapshots, "/v1/snapshots", none)
            .await
    }

    async fn holds(&self) -> Result<()> {
        let mut holds = self.reader.holds().await?;
        if let Some(id) = &self.name {
            holds.retain(|hold| hold.id.0.starts_with(id.as_str()));
            if holds.is_empty() {
                return Err(CliError::failed(format!("there is no hold {id}")).hint(
                    "a hold's id is void once its document, its job or what it is about changed",
                ));
            }
        }
        // For people as everywhere: what says the same of several resources once.
        if self.name.is_none() && !self.args.watch && self.args.output.is_table() {
            holds = grouped(&holds);
        }
        self.print::<Hold>(holds, "/v1/holds", "nothing is held")
            .await
    }

    async fn print<R>(&self, items: Vec<R>, path: &str, none: &str) -> Result<()>
    where
        R: Row + DeserializeOwned + PartialEq + Send + 'static,
    {
        if self.args.watch {
            return self.watch(items, path).await;
        }
        let (output, format) = (self.context.output, self.args.output);
        let now = self.context.clock.now();
        match (&self.name, items.as_slice()) {
            (Some(_), [one]) => output.data(&format.one(one, now)?),
            _ => print_list(output, format, &items, now, none),
        }
    }

    /// Prints what is there, then each change. Rows stand under the first table's columns.
    async fn watch<R>(&self, items: Vec<R>, path: &str) -> Result<()>
    where
        R: Row + DeserializeOwned + PartialEq + Send + 'static,
    {
        let client = self.reader.daemon()?;
        let (output, format, clock) = (self.context.output, self.args.output, &self.context.clock);
        let wide = format == Format::Wide;
        let mut table = format.table::<R>().growing();
        if format.is_table() {
            for item in &items {
                table.row(item.cells(wide, clock.now()));
            }
            output.data(&table.render())?;
        } else {
            for item in &items {
                output.data(&document(format, item)?)?;
            }
        }
        let mut known: BTreeMap<String, R> =
            items.into_iter().map(|item| (item.id(), item)).collect();
        let path = match &self.name {
            Some(name) if path != "/v1/holds" => format!("{path}/{}?watch=1", escape(name)),
            _ => format!("{path}?watch=1"),
        };
        let mut changes = client.watch::<Change<R>>(&path).await?;
        while let Some(Change { kind, object }) = changes.next().await? {
            let id = object.id();
            let old = kind != ChangeKind::Deleted && known.get(&id) == Some(&object);
            if old || self.is_other(&id, path.starts_with("/v1/holds")) {
                continue;
            }
            if format.is_table() {
                let mut cells = object.cells(wide, clock.now());
                if kind == ChangeKind::Deleted
                    && let Some(last) = cells.last_mut()
                {
                    *last = Cell::of("(gone)", Mood::Calm);
                }
                table.row(cells);
                output.data(&table.render_rows())?;
            } else if kind != ChangeKind::Deleted {
                output.data(&document(format, &object)?)?;
            }
            match kind {
                ChangeKind::Deleted => known.remove(&id),
                ChangeKind::Added | ChangeKind::Modified => known.insert(id, object),
            };
        }
        Err(CliError::failed("the daemon stopped"))
    }

    /// Whether it is a hold that wasn't asked for: holds are picked here, by the start of their ids.
    fn is_other(&self, id: &str, holds: bool) -> bool {
        holds
            && self
                .name
                .as_ref()
                .is_some_and(|name| !id.starts_with(name.as_str()))
    }
}

/// One of several that follow each other: a line of JSON, or a YAML document.
fn document<R: Row>(format: Format, item: &R) -> Result<String> {
    match format {
        Format::Yaml => Ok(format!("---\n{}", yaml(item)?)),
        Format::Name => Ok(item.id() + "\n"),
        Format::Json | Format::Table | Format::Wide => json_line(item),
    }
}
