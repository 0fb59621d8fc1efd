//! Reading everything back: rows to records, the journal to the steps in flight.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::change::{EventEntry, JournalEntry, RevisionEntry};
use super::disk::Disk;
use super::journal::JournalEventKind;
use super::ledger::{LEDGER_KEY, Ledger, LedgerRow, Span, row_sum};
use super::open_steps::OpenSteps;
use super::table::{Table, sequence_number};
use super::{SCHEMA_VERSION, StoreError};
use crate::plan::hold::HoldId;
use crate::plan::record::{Pause, Recorded};
use crate::plan::step::StepId;
use crate::resources::{ResourceId, SourceName};

/// No more problems than this are told.
const MAX_PROBLEMS: usize = 100;

/// How much is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// What the engine needs.
    Records,
    /// Every row.
    Everything,
}

/// Everything that a store holds.
pub(super) struct Contents {
    pub(super) recorded: Recorded,
    pub(super) ledger: Ledger,
    /// How many rows each table has.
    pub(super) rows: BTreeMap<Table, u64>,
    /// What is wrong with it, in words; nothing when it is sound.
    pub(super) problems: Vec<String>,
}

/// The versioned envelope of a record.
#[derive(Deserialize)]
struct Envelope<T> {
    v: u32,
    record: T,
}

/// What replaying needs of a journal entry; its step is skipped.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JournalHead<'a> {
    v: u32,
    seq: u64,
    #[serde(borrow)]
    step_id: Cow<'a, str>,
    resource: ResourceId,
    event: JournalEventKind,
}

/// Reads everything. Fails only where nothing can be said; else what is wrong is in `problems`.
pub(super) fn read(disk: &impl Disk, depth: Depth) -> Result<Contents, StoreError> {
    let row = read_ledger(disk)?;
    let mut reading = Reading::new(&row);
    for table in Table::ALL {
        disk.visit(table, &mut |key, value| {
            reading.row(table, key, value, depth);
        })?;
    }
    reading.check_ledger(&row);
    for seq in reading.open.intents().collect::<Vec<_>>() {
        let value = disk.get(Table::Journal, &seq.to_be_bytes())?;
        reading.in_flight(seq, value.as_deref());
    }
    let ledger = Ledger {
        row,
        open: reading.open,
        window: reading.window.into(),
    };
    Ok(Contents {
        recorded: reading.recorded,
        ledger,
        rows: reading.counts,
        problems: reading.problems,
    })
}

/// Reads the ledger, and refuses what another version wrote.
fn read_ledger(disk: &impl Disk) -> Result<LedgerRow, StoreError> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    let damaged = |message: String| StoreError::Damaged {
        path: disk.label(),
        message,
    };
    let bytes = disk
        .get(Table::Meta, LEDGER_KEY)?
        .ok_or_else(|| damaged("its ledger is missing".to_owned()))?;
    let unreadable = |error| damaged(format!("its ledger is unreadable: {error}"));
    let Version { v } = serde_json::from_slice(&bytes).map_err(unreadable)?;
    check_schema(v, disk.label())?;
    serde_json::from_slice(&bytes).map_err(unreadable)
}

/// Whether state of this schema version can be read. Version 1 is the first; a later version
/// migrates here what an older one wrote.
pub(super) fn check_schema(found: u32, path: String) -> Result<(), StoreError> {
    let known = SCHEMA_VERSION;
    match found {
        SCHEMA_VERSION => Ok(()),
        newer if newer > known => Err(StoreError::Newer { path, found, known }),
        other => Err(StoreError::Damaged {
            path,
            message: format!("no version of this program ever wrote schema version {other}"),
        }),
    }
}

/// What was read so far.
struct Reading {
    recorded: Recorded,
    open: OpenSteps,
    window: Vec<Option<u64>>,
    spans: BTreeMap<Table, Span>,
    next: BTreeMap<Table, u64>,
    counts: BTreeMap<Table, u64>,
    sum: u64,
    problems: Vec<String>,
}

impl Reading {
    fn new(row: &LedgerRow) -> Self {
        let spans = BTreeMap::from([
            (Table::Journal, row.journal),
            (Table::Events, row.events),
            (Table::Revisions, row.revisions),
        ]);
        Self {
            recorded: Recorded {
                store_id: row.store_id.clone(),
                fresh: row.commit == 0,
                ..Recorded::default()
            },
            open: OpenSteps::default(),
            window: Vec::new(),
            next: spans.iter().map(|(log, span)| (*log, span.first)).collect(),
            spans,
            counts: BTreeMap::new(),
            sum: 0,
            problems: Vec::new(),
        }
    }

    fn problem(&mut self, table: Table, key: &[u8], what: impl std::fmt::Display) {
        if self.problems.len() < MAX_PROBLEMS {
            let row = table.describe(key);
            self.problems.push(format!("{row}: {what}"));
        }
    }

    fn row(&mut self, table: Table, key: &[u8], value: &[u8], depth: Depth) {
        if table == Table::Meta {
            if key != LEDGER_KEY {
                self.problem(table, key, "is not ours");
            }
            return;
        }
        *self.counts.entry(table).or_default() += 1;
        self.sum ^= row_sum(table, key, value);
        if table.is_log() {
            self.log_row(table, key, value, depth);
        } else if let Err(problem) = self.record_row(table, key, value) {
            self.problem(table, key, problem);
        }
    }

    fn record_row(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), String> {
        let name = || {
            std::str::from_utf8(key)
                .map(str::to_owned)
                .map_err(|error| error.to_string())
        };
        let recorded = &mut self.recorded;
        match table {
            Table::Jobs => {
                recorded.jobs.insert(name()?, Arc::new(decode(value)?));
            }
            Table::Snapshots => {
                let record = Arc::new(decode(value)?);
                recorded.snapshots.insert(name()?, record);
            }
            Table::Clusters => {
                recorded.clusters.insert(name()?, Arc::new(decode(value)?));
            }
            Table::Sources => {
                let name = SourceName(name()?);
                recorded.sources.insert(name, Arc::new(decode(value)?));
            }
            Table::Confirmations => {
                recorded
                    .confirmations
                    .insert(HoldId(name()?), decode(value)?);
            }
            Table::Adoptions => {
                recorded.adoptions.insert(decode(value)?);
            }
            Table::Pauses => {
                let (resource, pause): (Option<ResourceId>, Pause) = decode(value)?;
                recorded.pauses.insert(resource, pause);
            }
            Table::Incidents => {
                let incident = Arc::new(decode(value)?);
                recorded.told.incidents.insert(name()?, incident);
            }
            Table::Outbox => {
                let number = name()?.parse().map_err(|_| "its key is no number")?;
                let notification = Arc::new(decode(value)?);
                recorded.told.outbox.insert(number, notification);
            }
            Table::Receivers => {
                recorded.told.receivers.insert(name()?, decode(value)?);
            }
            Table::Commits => {
                let (name, commit) = (SourceName(name()?), Arc::new(decode(value)?));
                recorded.told.commits.insert(name, commit);
            }
            Table::Meta | Table::Journal | Table::Events | Table::Revisions => {}
        }
        Ok(())
    }

    fn log_row(&mut self, table: Table, key: &[u8], value: &[u8], depth: Depth) {
        let Some(seq) = sequence_number(key) else {
            self.problem(table, key, "has a key that is no number");
            return;
        };
        let first = self.spans.get(&table).map_or(1, |span| span.first);
        let kept_intent = table == Table::Journal && seq < first;
        if !kept_intent {
            let expected = self.next.insert(table, seq + 1).unwrap_or(1);
            if seq != expected {
                self.problem(table, key, format_args!("number {expected} should be here"));
            }
        }
        let read = match table {
            Table::Journal => self.replay(seq, value, kept_intent),
            _ => Ok(()),
        };
        if let Err(problem) = read {
            self.problem(table, key, problem);
        }
        if depth == Depth::Everything
            && let Err(problem) = try_decode(table, value)
        {
            self.problem(table, key, problem);
        }
    }

    fn replay(&mut self, seq: u64, value: &[u8], kept_intent: bool) -> Result<(), String> {
        let head: JournalHead<'_> =
            serde_json::from_slice(value).map_err(|error| error.to_string())?;
        check_version(head.v)?;
        if head.seq != seq {
            return Err(format!("says that it is number {}", head.seq));
        }
        if kept_intent && head.event != JournalEventKind::Intent {
            return Err("is too old and no intent".to_owned());
        }
        let id = StepId(head.step_id.into_owned());
        let ended = self
            .open
            .follow(seq, &id, &head.resource, head.event)
            .map_err(in_full)?;
        if !kept_intent {
            self.window.push(ended);
        }
        Ok(())
    }

    fn in_flight(&mut self, seq: u64, value: Option<&[u8]>) {
        let entry = match value {
            Some(value) => decode_entry(value),
            None => Err("is gone".to_owned()),
        };
        match entry {
            Ok(entry) => {
                let step = entry.event.step;
                self.recorded.in_flight.insert(step.resource.clone(), step);
            }
            Err(problem) => self.problem(Table::Journal, &seq.to_be_bytes(), problem),
        }
    }

    fn check_ledger(&mut self, row: &LedgerRow) {
        for (log, span) in self.spans.clone() {
            let next = self.next.get(&log).copied().unwrap_or(1);
            if next != span.next {
                let name = log.name();
                let (found, last) = (next.saturating_sub(1), span.last());
                self.problems
                    .push(format!("{name} end at {found}, the ledger says at {last}"));
            }
        }
        let rows: u64 = self.counts.values().sum();
        if rows != row.rows {
            let expected = row.rows;
            self.problems
                .push(format!("there are {rows} rows, the ledger says {expected}"));
        } else if self.sum != row.sum {
            self.problems
                .push("the sum of all rows is not that of the ledger".to_owned());
        }
    }
}

fn decode<T: DeserializeOwned>(value: &[u8]) -> Result<T, String> {
    let envelope: Envelope<T> = serde_json::from_slice(value).map_err(|error| error.to_string())?;
    check_version(envelope.v)?;
    Ok(envelope.record)
}

fn check_version(v: u32) -> Result<(), String> {
    if v == SCHEMA_VERSION {
        Ok(())
    } else {
        Err(format!("has schema version {v}"))
    }
}

/// Decodes a journal entry.
pub(super) fn decode_entry(value: &[u8]) -> Result<JournalEntry, String> {
    serde_json::from_slice(value).map_err(|error| error.to_string())
}

/// Decodes an event.
pub(super) fn decode_event(value: &[u8]) -> Result<EventEntry, String> {
    decode(value)
}

/// Decodes a revision.
pub(super) fn decode_revision(value: &[u8]) -> Result<RevisionEntry, String> {
    decode(value)
}

fn try_decode(table: Table, value: &[u8]) -> Result<(), String> {
    match table {
        Table::Journal => decode_entry(value).map(drop),
        Table::Events => decode_event(value).map(drop),
        Table::Revisions => decode_revision(value).map(drop),
        _ => Ok(()),
    }
}

/// An error and its causes on one line.
pub(super) fn in_full(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
