//! The tables that state is kept in, and a set of writes to them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{SCHEMA_VERSION, StoreError};

/// One table. Logs are keyed by big-endian sequence numbers, the rest by names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Table {
    /// One row: the ledger.
    Meta,
    Journal,
    Events,
    Revisions,
    Jobs,
    Snapshots,
    Clusters,
    Sources,
    Confirmations,
    Adoptions,
    Pauses,
    /// What is wrong and was told.
    Incidents,
    /// What is to be told, by number in 20 digits.
    Outbox,
    /// How far each receiver was told.
    Receivers,
    /// The state of commits as it was told.
    Commits,
}

impl Table {
    pub(super) const ALL: [Self; 15] = [
        Self::Meta,
        Self::Journal,
        Self::Events,
        Self::Revisions,
        Self::Jobs,
        Self::Snapshots,
        Self::Clusters,
        Self::Sources,
        Self::Confirmations,
        Self::Adoptions,
        Self::Pauses,
        Self::Incidents,
        Self::Outbox,
        Self::Receivers,
        Self::Commits,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Journal => "journal",
            Self::Events => "events",
            Self::Revisions => "revisions",
            Self::Jobs => "jobs",
            Self::Snapshots => "snapshots",
            Self::Clusters => "clusters",
            Self::Sources => "sources",
            Self::Confirmations => "confirmations",
            Self::Adoptions => "adoptions",
            Self::Pauses => "pauses",
            Self::Incidents => "incidents",
            Self::Outbox => "outbox",
            Self::Receivers => "receivers",
            Self::Commits => "commits",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Whether its keys are sequence numbers.
    pub(super) fn is_log(self) -> bool {
        matches!(self, Self::Journal | Self::Events | Self::Revisions)
    }

    /// A key in words.
    pub(super) fn describe(self, key: &[u8]) -> String {
        match sequence_number(key).filter(|_| self.is_log()) {
            Some(seq) => format!("{} {seq}", self.name()),
            None => format!("{} {:?}", self.name(), String::from_utf8_lossy(key)),
        }
    }
}

/// The number that a log's key stands for.
pub(super) fn sequence_number(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}

/// Writes to be done together. Each key is written once: the last write wins.
#[derive(Debug, Default)]
pub(super) struct Writes(BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>);

impl Writes {
    /// Writes JSON as it is.
    pub(super) fn put_json(
        &mut self,
        table: Table,
        key: &[u8],
        value: &impl Serialize,
    ) -> Result<(), StoreError> {
        let json = serde_json::to_vec(value).map_err(|source| StoreError::Encode { source })?;
        self.put_bytes(table, key.to_vec(), json);
        Ok(())
    }

    /// Writes a record in its versioned envelope.
    pub(super) fn put_record(
        &mut self,
        table: Table,
        key: &[u8],
        record: &impl Serialize,
    ) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Envelope<'a, T> {
            v: u32,
            record: &'a T,
        }
        let v = SCHEMA_VERSION;
        self.put_json(table, key, &Envelope { v, record })
    }

    pub(super) fn put_bytes(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.0.insert((table, key), Some(value));
    }

    pub(super) fn delete(&mut self, table: Table, key: &[u8]) {
        self.0.insert((table, key.to_vec()), None);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Table, &[u8], Option<&[u8]>)> {
        self.0
            .iter()
            .map(|((table, key), value)| (*table, key.as_slice(), value.as_deref()))
    }

    pub(super) fn into_rows(self) -> impl Iterator<Item = (Table, Vec<u8>, Option<Vec<u8>>)> {
        self.0
            .into_iter()
            .map(|((table, key), value)| (table, key, value))
    }
}
