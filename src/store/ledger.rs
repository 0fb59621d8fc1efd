//! The ledger: what the store has to know to number, check and bound what it keeps.
//!
//! It is one row, rewritten by every commit: the commit's number, the spans of the logs, and the
//! count and sum of all other rows, by which a store that lost or kept a stale row is recognised.
//!
//! Of each log the newest entries are kept. An intent stays as long as its outcome does, and one
//! without an outcome for good, so that every journal can be replayed from its first entry.

use std::borrow::Cow;
use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::change::{Change, EventEntry, JournalEntry, JournalEvent, ToldChange};
use super::disk::Disk;
use super::open_steps::OpenSteps;
use super::table::{Table, Writes};
use super::{SCHEMA_VERSION, StoreError};
use crate::plan::event::Event;
use crate::plan::step::Outcome;
use crate::resources::ResourceId;

/// The key of the ledger's row.
pub(super) const LEDGER_KEY: &[u8] = b"ledger";

/// The longest text of an event or a journal entry; the rest is cut off and said to be.
pub const MAX_TEXT: usize = 4096;

/// How many entries of each log are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Journal entries, beside intents that are still needed.
    pub journal: u64,
    /// Events.
    pub events: u64,
    /// Revisions.
    pub revisions: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            journal: 10_000,
            events: 10_000,
            revisions: 1_000,
        }
    }
}

/// The first entry that is kept of a log, and the number of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Span {
    pub(super) first: u64,
    pub(super) next: u64,
}

impl Span {
    const EMPTY: Self = Self { first: 1, next: 1 };

    pub(super) fn last(self) -> u64 {
        self.next.saturating_sub(1)
    }

    fn take(&mut self) -> u64 {
        let seq = self.next;
        self.next += 1;
        seq
    }

    /// The number of an entry that is too old, which is forgotten with that.
    fn too_old(&mut self, keep: u64) -> Option<u64> {
        (self.next - self.first > keep).then(|| {
            let seq = self.first;
            self.first += 1;
            seq
        })
    }
}

/// The ledger as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LedgerRow {
    pub(super) v: u32,
    pub(super) store_id: String,
    /// None for a store in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<Timestamp>,
    pub(super) commit: u64,
    pub(super) rows: u64,
    pub(super) sum: u64,
    pub(super) journal: Span,
    pub(super) events: Span,
    pub(super) revisions: Span,
}

impl LedgerRow {
    /// The ledger of a store in which nothing was recorded yet.
    pub(super) fn new(store_id: String) -> Self {
        Self {
            v: SCHEMA_VERSION,
            store_id,
            created_at: None,
            commit: 0,
            rows: 0,
            sum: 0,
            journal: Span::EMPTY,
            events: Span::EMPTY,
            revisions: Span::EMPTY,
        }
    }
}

/// The ledger in memory.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) row: LedgerRow,
    pub(super) open: OpenSteps,
    /// For each journal entry of the span: nothing for an intent, its intent for an outcome.
    pub(super) window: VecDeque<Option<u64>>,
}

impl Ledger {
    /// The ledger of a store in which nothing was recorded yet.
    pub(super) fn new(row: LedgerRow) -> Self {
        Self {
            row,
            open: OpenSteps::default(),
            window: VecDeque::new(),
        }
    }

    /// Whether the journal may go on like this. Changes nothing.
    pub(super) fn check(&self, events: &[JournalEvent]) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let mut open = self.open.clone();
        for event in events {
            open.follow(0, &event.step_id, &event.step.resource, event.kind())?;
        }
        Ok(())
    }

    /// Takes a change in and gives what has to be written for it, the ledger itself included.
    pub(super) fn record(
        &mut self,
        change: &Change,
        retention: Retention,
        disk: &impl Disk,
    ) -> Result<Writes, StoreError> {
        let mut writes = Writes::default();
        self.record_logs(change, &mut writes)?;
        record_rows(change, &mut writes)?;
        self.forget(retention, &mut writes);
        self.close(&mut writes, disk)?;
        Ok(writes)
    }

    fn record_logs(&mut self, change: &Change, writes: &mut Writes) -> Result<(), StoreError> {
        for event in &change.journal {
            let seq = self.row.journal.take();
            let (id, resource) = (&event.step_id, &event.step.resource);
            let ended = self.open.follow(seq, id, resource, event.kind())?;
            self.window.push_back(ended);
            let entry = JournalEntry {
                v: SCHEMA_VERSION,
                seq,
                event: bounded_journal_event(event),
            };
            writes.put_json(Table::Journal, &seq.to_be_bytes(), &entry)?;
        }
        for (at, event) in &change.events {
            let seq = self.row.events.take();
            let entry = EventEntry {
                seq,
                at: *at,
                event: Event {
                    message: bounded(&event.message).into_owned(),
                    ..event.clone()
                },
            };
            writes.put_record(Table::Events, &seq.to_be_bytes(), &entry)?;
        }
        for revision in &change.revisions {
            let seq = self.row.revisions.take();
            writes.put_record(Table::Revisions, &seq.to_be_bytes(), revision)?;
        }
        Ok(())
    }

    fn forget(&mut self, retention: Retention, writes: &mut Writes) {
        while let Some(seq) = self.row.journal.too_old(retention.journal) {
            // An intent waits for its outcome to become too old.
            if let Some(Some(intent)) = self.window.pop_front() {
                writes.delete(Table::Journal, &seq.to_be_bytes());
                writes.delete(Table::Journal, &intent.to_be_bytes());
            }
        }
        while let Some(seq) = self.row.events.too_old(retention.events) {
            writes.delete(Table::Events, &seq.to_be_bytes());
        }
        while let Some(seq) = self.row.revisions.too_old(retention.revisions) {
            writes.delete(Table::Revisions, &seq.to_be_bytes());
        }
    }

    /// Counts the commit and brings count and sum of the rows up to date.
    pub(super) fn close(
        &mut self,
        writes: &mut Writes,
        disk: &impl Disk,
    ) -> Result<(), StoreError> {
        for (table, key, new) in writes.iter() {
            if let Some(old) = disk.get(table, key)? {
                self.row.rows -= 1;
                self.row.sum ^= row_sum(table, key, &old);
            }
            if let Some(new) = new {
                self.row.rows += 1;
                self.row.sum ^= row_sum(table, key, new);
            }
        }
        self.row.commit += 1;
        writes.put_json(Table::Meta, LEDGER_KEY, &self.row)
    }
}

fn record_rows(change: &Change, writes: &mut Writes) -> Result<(), StoreError> {
    for (name, record) in &change.jobs {
        put(writes, Table::Jobs, name.as_bytes(), record.as_ref())?;
    }
    for (name, record) in &change.snapshots {
        put(writes, Table::Snapshots, name.as_bytes(), record.as_ref())?;
    }
    for (name, record) in &change.clusters {
        put(writes, Table::Clusters, name.as_bytes(), record.as_ref())?;
    }
    for (name, record) in &change.sources {
        put(writes, Table::Sources, name.0.as_bytes(), record.as_ref())?;
    }
    for (hold, confirmation) in &change.confirmations {
        let (key, value) = (hold.0.as_bytes(), confirmation.as_ref());
        put(writes, Table::Confirmations, key, value)?;
    }
    for (resource, asked) in &change.adoptions {
        let (key, value) = (resource.to_string(), asked.then_some(resource));
        put(writes, Table::Adoptions, key.as_bytes(), value)?;
    }
    for (resource, pause) in &change.pauses {
        let key = pause_key(resource.as_ref());
        let value = pause.as_ref().map(|pause| (resource, pause));
        put(writes, Table::Pauses, key.as_bytes(), value.as_ref())?;
    }
    record_told(&change.told, writes)
}

fn record_told(told: &ToldChange, writes: &mut Writes) -> Result<(), StoreError> {
    for (key, incident) in &told.incidents {
        put(writes, Table::Incidents, key.as_bytes(), incident.as_ref())?;
    }
    for (number, notification) in &told.outbox {
        // In 20 digits, which any number has room in, their order is that of the numbers.
        let (key, value) = (format!("{number:020}"), notification.as_ref());
        put(writes, Table::Outbox, key.as_bytes(), value)?;
    }
    for (name, mark) in &told.receivers {
        put(writes, Table::Receivers, name.as_bytes(), mark.as_ref())?;
    }
    for (source, commit) in &told.commits {
        put(writes, Table::Commits, source.0.as_bytes(), commit.as_ref())?;
    }
    Ok(())
}

fn put<T: Serialize>(
    writes: &mut Writes,
    table: Table,
    key: &[u8],
    record: Option<&T>,
) -> Result<(), StoreError> {
    if let Some(record) = record {
        return writes.put_record(table, key, record);
    }
    writes.delete(table, key);
    Ok(())
}

/// A resource's identity has a `/`, so that `*` is free for everything.
fn pause_key(resource: Option<&ResourceId>) -> String {
    resource.map_or_else(|| "*".to_owned(), ToString::to_string)
}

/// A number that changes with any word of a row: multiply and rotate, eight bytes at a time. Against
/// accidents, not against people. The sum of a table doesn't depend on the order of its rows.
pub(super) fn row_sum(table: Table, key: &[u8], value: &[u8]) -> u64 {
    let mut sum = 0;
    for part in [table.name().as_bytes(), key, value] {
        sum = mix(sum, part.len() as u64);
        let (words, rest) = part.as_chunks::<8>();
        for word in words {
            sum = mix(sum, u64::from_le_bytes(*word));
        }
        for byte in rest {
            sum = mix(sum, u64::from(*byte));
        }
    }
    sum
}

/// For each `sum` it gives every `word` a result of its own, and the other way round.
fn mix(sum: u64, word: u64) -> u64 {
    (sum.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn bounded_journal_event(event: &JournalEvent) -> JournalEvent {
    let mut event = event.clone();
    match &mut event.outcome {
        None | Some(Outcome::Done | Outcome::Exported { .. }) => {}
        Some(
            Outcome::Failed { message, .. }
            | Outcome::Unknown { message }
            | Outcome::Stale { message }
            | Outcome::Uploaded { message, .. },
        ) => {
            if let Cow::Owned(cut) = bounded(message) {
                *message = cut;
            }
        }
    }
    event
}

fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT {
        return Cow::Borrowed(text);
    }
    let kept = &text[..text.floor_char_boundary(MAX_TEXT)];
    let cut = text.len() - kept.len();
    Cow::Owned(format!("{kept} … ({cut} more bytes)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        assert_eq!(bounded("short"), "short");
        let long = "ä".repeat(MAX_TEXT);
        let cut = bounded(&long);
        assert!(cut.ends_with("ä … (4096 more bytes)"), "{}", &cut[4000..]);
        let odd = format!("x{long}");
        assert!(bounded(&odd).ends_with("ä … (4098 more bytes)"));
    }

    #[test]
    fn any_byte_of_a_row_changes_its_sum() {
        let sum = row_sum(Table::Jobs, b"ab", b"c");
        assert_ne!(sum, row_sum(Table::Events, b"ab", b"c"));
        assert_ne!(sum, row_sum(Table::Jobs, b"a", b"bc"));
        assert_ne!(sum, row_sum(Table::Jobs, b"ab", b"d"));
        let long: Vec<u8> = (0..100).collect();
        let sum = row_sum(Table::Jobs, b"ab", &long);
        for changed in 0..100 {
            let mut other = long.clone();
            other[changed] ^= 4;
            assert_ne!(sum, row_sum(Table::Jobs, b"ab", &other));
        }
    }
}
