//! One attempt to copy a snapshot map into an exported one.
//!
//! Partitions are copied side by side, each batch by batch; while a batch is being written the next
//! one is being read. When one partition fails the others end the calls that they are in: after an
//! attempt no write of it is open, unless its connection was lost.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::time::{Instant, sleep};

use super::error::ExportError;
use super::maps::{BEGINNING, Maps, Validation};
use crate::hazelcast::serialization::{decode_snapshot_key, is_validation_key};
use crate::hazelcast::{Data, Error};

/// Partitions that are copied side by side.
pub(super) const WORKERS: usize = 32;
/// Bytes that a batch should have; a chunk that is longer is a batch of its own.
const BATCH_BYTES: u64 = 256 * 1024;
/// Entries of the first batch, when nothing is known of their size.
const FIRST_BATCH: i32 = 2;
/// Most entries of a batch.
const LARGEST_BATCH: u64 = 512;
/// How long a refused write is tried again; members refuse while partitions move.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// Longest pause between tries of a write.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How an attempt ended that did not end well.
#[derive(Debug)]
pub(super) enum CopyError {
    /// The source was cleared or written to while it was read.
    Overtaken,
    /// A call failed. Where its connection was lost, a write of this attempt may still arrive.
    Call(ExportError),
    /// What was written isn't what was read.
    Damaged(String),
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copied {
    /// The vertices that have state.
    pub(super) vertices: BTreeSet<String>,
}

/// What has been copied so far: chunks and bytes.
pub(super) type Report<'a> = &'a (dyn Fn(i64, i64) + Send + Sync);

/// Copies the chunks of `source` into `target`, which is cleared first, and commits them.
pub(super) async fn copy(
    maps: &dyn Maps,
    source: &str,
    target: &str,
    expected: &Validation,
    report: Report<'_>,
) -> Result<Copied, CopyError> {
    clear(maps, target).await?;
    let attempt = Attempt {
        maps,
        source,
        target,
        snapshot_id: expected.record.snapshot_id,
        report,
        chunks: AtomicI64::new(0),
        bytes: AtomicI64::new(0),
        entry_bytes: AtomicU64::new(0),
        failed: AtomicBool::new(false),
        vertices: Mutex::default(),
    };
    attempt.run().await?;
    let copied = attempt.chunks.load(Ordering::Relaxed);
    if copied != expected.record.chunks {
        return Err(CopyError::Overtaken);
    }
    expect_size(maps, target, expected.record.chunks).await?;
    let commit = maps.commit(target, &expected.data).await;
    commit.map_err(failed("committed"))?;
    read_back(maps, target, expected).await?;
    let vertices = attempt.vertices.into_inner();
    Ok(Copied {
        vertices: vertices.unwrap_or_else(PoisonError::into_inner),
    })
}

/// Checks that a committed map is whole.
pub(super) async fn read_back(
    maps: &dyn Maps,
    map: &str,
    expected: &Validation,
) -> Result<(), CopyError> {
    expect_size(maps, map, expected.record.chunks + 1).await?;
    let found = maps.validation(map).await.map_err(failed("read back"))?;
    if found.as_ref() == Some(expected) {
        return Ok(());
    }
    Err(CopyError::Damaged(
        "its validation record is another one".to_owned(),
    ))
}

async fn expect_size(maps: &dyn Maps, map: &str, expected: i64) -> Result<(), CopyError> {
    let size = maps.size(map).await.map_err(failed("counted"))?;
    if i64::try_from(size) == Ok(expected) {
        return Ok(());
    }
    Err(CopyError::Damaged(format!(
        "map {map} has {size} entries instead of {expected}"
    )))
}

async fn clear(maps: &dyn Maps, target: &str) -> Result<(), CopyError> {
    maps.clear(target).await.map_err(failed("cleared"))?;
    expect_size(maps, target, 0).await
}

fn failed(doing: &'static str) -> impl Fn(Error) -> CopyError {
    move |source| CopyError::Call(ExportError::Call { doing, source })
}

struct Attempt<'a> {
    maps: &'a dyn Maps,
    source: &'a str,
    target: &'a str,
    snapshot_id: i64,
    report: Report<'a>,
    chunks: AtomicI64,
    bytes: AtomicI64,
    /// Bytes of an entry, as seen last.
    entry_bytes: AtomicU64,
    failed: AtomicBool,
    vertices: Mutex<BTreeSet<String>>,
}

impl Attempt<'_> {
    async fn run(&self) -> Result<(), CopyError> {
        let partitions = stream::iter(0..self.maps.partition_count());
        let mut copies = partitions
            .map(|partition| self.partition(partition))
            .buffer_unordered(WORKERS);
        let mut first = Ok(());
        // Taken to its end even after a failure, so that no write stays open.
        while let Some(copied) = copies.next().await {
            if copied.is_err() {
                self.failed.store(true, Ordering::Relaxed);
            }
            first = first.and(copied);
        }
        first
    }

    async fn partition(&self, partition: i32) -> Result<(), CopyError> {
        let mut read = self.read(partition, BEGINNING).await?;
        while let Some((pointers, entries)) = read {
            let going_on = pointers.last().is_some_and(|(index, _)| *index >= 0);
            let next = async {
                if going_on {
                    self.read(partition, &pointers).await
                } else {
                    Ok(None)
                }
            };
            let (written, next) = tokio::join!(self.write(partition, &entries), next);
            written?;
            read = next?;
        }
        Ok(())
    }

    /// The next chunks of a partition that are of this snapshot; none once another one failed.
    async fn read(
        &self,
        partition: i32,
        pointers: &[(i32, i32)],
    ) -> Result<Option<(Vec<(i32, i32)>, Vec<(Data, Data)>)>, CopyError> {
        if self.failed.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let fetched = self
            .maps
            .fetch(self.source, partition, pointers, self.batch())
            .await;
        let batch = fetched.map_err(failed("read"))?;
        let mut entries = batch.entries;
        self.learn_size(&entries);
        entries.retain(|(key, _)| self.is_wanted(key));
        Ok(Some((batch.pointers, entries)))
    }

    /// Whether an entry is a chunk of this snapshot. Members leave chunks of others behind when a
    /// snapshot was broken off.
    fn is_wanted(&self, key: &Data) -> bool {
        if is_validation_key(key) {
            return false;
        }
        let Ok(key) = decode_snapshot_key(key) else {
            return false;
        };
        if key.snapshot_id != self.snapshot_id {
            return false;
        }
        let mut vertices = self.vertices.lock().unwrap_or_else(PoisonError::into_inner);
        if !vertices.contains(&key.vertex) {
            vertices.insert(key.vertex);
        }
        true
    }

    async fn write(&self, partition: i32, entries: &[(Data, Data)]) -> Result<(), CopyError> {
        if entries.is_empty() {
            return Ok(());
        }
        let deadline = Instant::now() + WRITE_PATIENCE;
        let mut pause = Duration::from_millis(10);
        // The same entries under the same keys: writing them again within an attempt changes nothing.
        while let Err(error) = self.maps.put_all(self.target, partition, entries).await {
            let refused = error.server_error().is_some() && error.is_retryable();
            if !refused || Instant::now() + pause >= deadline {
                return Err(failed("written")(error));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let bytes: usize = entries
            .iter()
            .map(|(_, value)| value.as_slice().len())
            .sum();
        let chunks = self
            .chunks
            .fetch_add(count(entries.len()), Ordering::Relaxed);
        let copied = self.bytes.fetch_add(count(bytes), Ordering::Relaxed);
        (self.report)(chunks + count(entries.len()), copied + count(bytes));
        Ok(())
    }

    fn batch(&self) -> i32 {
        match self.entry_bytes.load(Ordering::Relaxed) {
            0 => FIRST_BATCH,
            bytes => i32::try_from((BATCH_BYTES / bytes).clamp(1, LARGEST_BATCH)).unwrap_or(1),
        }
    }

    fn learn_size(&self, entries: &[(Data, Data)]) {
        let bytes: usize = entries
            .iter()
            .map(|(key, value)| key.as_slice().len() + value.as_slice().len())
            .sum();
        if let Some(mean) = bytes.checked_div(entries.len()) {
            let mean = u64::try_from(mean).unwrap_or(u64::MAX).max(1);
            self.entry_bytes.store(mean, Ordering::Relaxed);
        }
    }
}
