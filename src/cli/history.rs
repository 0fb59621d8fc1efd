//! `history`: which revisions of the sources were planned with or refused, newest last.

use std::process::ExitCode;

use jiff::Timestamp;

use super::context::Context;
use super::error::Result;
use super::format::{Format, Row, print_list};
use super::reader::Reader;
use super::subject::Subject;
use super::table::{Cell, Mood};
use super::time;
use crate::resources::ResourceId;
use crate::store::RevisionEntry;

/// How many are looked through for those that changed one resource.
const LOOKED_THROUGH: usize = 10_000;
/// A directory's revision is a digest of 64 digits, of which these tell enough.
const SHORT: usize = 12;

/// Tell which revisions were seen and what they changed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only those that changed this one: a job's name, or KIND/NAME
    #[arg(value_name = "NAME")]
    subject: Option<Subject>,
    /// How many, counted from the newest
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    limit: u16,
    /// What is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

/// Prints revisions.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    let reader = Reader::open(context).await?;
    let limit = usize::from(args.limit.max(1));
    let read = if args.subject.is_some() {
        LOOKED_THROUGH
    } else {
        limit.min(LOOKED_THROUGH)
    };
    let mut revisions = reader.history(read).await?;
    if let Some(Subject(id)) = &args.subject {
        revisions.retain(|entry| changes(entry).any(|(_, changed)| changed == id));
    }
    let revisions = revisions.split_off(revisions.len().saturating_sub(limit));
    if let Some(Subject(id)) = args.subject.as_ref().filter(|_| revisions.is_empty()) {
        reader.require(id).await?;
    }
    let now = context.clock.now();
    let none = "no revision was planned with yet";
    print_list(context.output, args.output, &revisions, now, none)?;
    Ok(ExitCode::SUCCESS)
}

/// What a revision did to which resource: added, changed or removed it.
fn changes(entry: &RevisionEntry) -> impl Iterator<Item = (char, &ResourceId)> {
    let added = entry.added.iter().map(|id| ('+', id));
    let changed = entry.changed.iter().map(|id| ('~', id));
    let removed = entry.removed.iter().map(|id| ('-', id));
    added.chain(changed).chain(removed)
}

/// Who signed; `-` where nobody was asked to, and `refused` where that didn't do.
fn signers(entry: &RevisionEntry, wide: bool) -> String {
    if entry.refused.is_some() {
        return "refused".to_owned();
    }
    if entry.verified_at.is_none() {
        return "-".to_owned();
    }
    match entry.signers.as_slice() {
        // What came before was signed, and nothing is new.
        [] => "verified before".to_owned(),
        all if wide => all.join(", "),
        [one] => one.clone(),
        [first, others @ ..] => format!("{first} and {} more", others.len()),
    }
}

impl Row for RevisionEntry {
    fn header(_: bool) -> Vec<&'static str> {
        vec![
            "SEEN",
            "APPLIED",
            "SOURCE",
            "REVISION",
            "SIGNED BY",
            "ERRORS",
            "CHANGES",
        ]
    }

    fn cells(&self, wide: bool, _: Timestamp) -> Vec<Cell> {
        const SHOWN: usize = 5;
        let shown = if wide { usize::MAX } else { SHOWN };
        let mut names: Vec<String> = changes(self)
            .take(shown)
            .map(|(sign, id)| format!("{sign}{id}"))
            .collect();
        let more = changes(self).count().saturating_sub(shown);
        if more > 0 {
            names.push(format!("and {more} more"));
        }
        names.extend(self.refused.clone());
        let revision: String = if wide {
            self.revision.clone()
        } else {
            self.revision.chars().take(SHORT).collect()
        };
        let tag = self.tag.as_ref().map(|tag| format!("{tag} "));
        let revision = format!("{}{revision}", tag.unwrap_or_default());
        let errors = if self.errors == 0 {
            Mood::Plain
        } else {
            Mood::Bad
        };
        let trust = if self.refused.is_some() {
            Mood::Bad
        } else {
            Mood::Plain
        };
        vec![
            time::at(self.seen_at).into(),
            self.applied_at.map_or("-".to_owned(), time::at).into(),
            self.source.to_string().into(),
            revision.into(),
            Cell::of(signers(self, wide), trust),
            Cell::of(self.errors.to_string(), errors),
            names.join(" ").into(),
        ]
    }

    fn id(&self) -> String {
        self.revision.clone()
    }
}
