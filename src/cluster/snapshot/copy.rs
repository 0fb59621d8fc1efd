//! One attempt to copy a snapshot map into an exported one.
//!
//! Partitions are copied side by side, each batch by batch; while a batch is being written the next
//! one is being read. A snapshot of few chunks is read with one call, for most partitions have none.
//! When one partition fails the others end the calls that they are in: after an attempt no write of it
//! is open, unless its connection was lost.
//!
//! Chunks are counted once, however often members return them: while a table grows under the reader
//! they may return one again.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, StreamExt};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep};

use super::error::ExportError;
use super::maps::{BEGINNING, Maps, Validation};
use crate::hazelcast::serialization::{decode_snapshot_key, is_validation_key};
use crate::hazelcast::snapshot::SnapshotKey;
use crate::hazelcast::{Data, Error, ValidationRecord};

/// Partitions that are copied side by side.
pub(super) const WORKERS: usize = 32;
/// Bytes that a batch should have; a chunk that is longer is a batch of its own.
pub(super) const BATCH_BYTES: u64 = 512 * 1024;
/// Entries of a partition's first batch. The next ones double: chunks of one vertex may be tiny, and
/// those of the next one long.
const FIRST_BATCH: u64 = 2;
/// Most entries of a batch.
const LARGEST_BATCH: u64 = 16;
/// Bytes that may be held at once, by what is known of the chunks' size: plenty for ordinary chunks,
/// of which members write 128 KiB at most; a single value that is longer makes a longer one.
pub(super) const MEMORY: u64 = 32 * 1024 * 1024;
/// Most chunks of a snapshot that is read with one call, and their bytes.
const FEW_CHUNKS: i64 = 64;
const FEW_BYTES: i64 = 1024 * 1024;
/// Most entries that its map may have, with what snapshots that were broken off left behind.
const FEW_ENTRIES: u64 = 128;
/// How long a refused write is tried again; members refuse while partitions move.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// Longest pause between tries of a write.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How an attempt ended that did not end well.
#[derive(Debug)]
pub(super) enum CopyError {
    /// The source was cleared or written to while it was read, and had only so many chunks left.
    Overtaken { found: i64 },
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

/// One copy.
pub(super) struct Copying<'a> {
    pub(super) source: &'a str,
    pub(super) target: &'a str,
    /// The validation record of the source.
    pub(super) expected: &'a Validation,
    /// When it is broken off; an export's whole time, and in seconds how long that was.
    pub(super) deadline: (Instant, u64),
    pub(super) report: Report<'a>,
}

/// Copies the chunks of the source into the target, which is cleared first, and commits them.
pub(super) async fn copy(maps: &dyn Maps, copying: &Copying<'_>) -> Result<Copied, CopyError> {
    let (target, expected) = (copying.target, copying.expected);
    let record = &expected.record;
    let (emptied, few) = tokio::join!(clear(maps, target), is_few(maps, copying.source, record));
    emptied?;
    let mean = record.bytes.checked_div(record.chunks).unwrap_or_default();
    let attempt = Attempt {
        maps,
        copying,
        chunks: AtomicI64::new(0),
        bytes: AtomicI64::new(0),
        longest: AtomicU64::new(u64::try_from(mean).unwrap_or_default()),
        memory: Semaphore::new(permits(MEMORY) as usize),
        failed: AtomicBool::new(false),
        vertices: Mutex::default(),
    };
    if few {
        attempt.at_once().await?;
    } else {
        attempt.run().await?;
    }
    let found = attempt.chunks.load(Ordering::Relaxed);
    if found != record.chunks {
        return Err(CopyError::Overtaken { found });
    }
    expect_size(maps, target, record.chunks).await?;
    let commit = patiently(|| maps.commit(target, &expected.data)).await;
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
    let size = expect_size(maps, map, expected.record.chunks + 1);
    let (size, found) = tokio::join!(size, maps.validation(map));
    size?;
    if found.map_err(failed("read back"))?.as_ref() == Some(expected) {
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

/// Whether a snapshot may be read with one call: it is small, and so is what lies beside it.
async fn is_few(maps: &dyn Maps, source: &str, record: &ValidationRecord) -> bool {
    record.chunks <= FEW_CHUNKS
        && record.bytes <= FEW_BYTES
        && matches!(maps.size(source).await, Ok(size) if size <= FEW_ENTRIES)
}

/// Leaves nothing in a map.
pub(super) async fn clear(maps: &dyn Maps, target: &str) -> Result<(), CopyError> {
    if maps.size(target).await.map_err(failed("counted"))? == 0 {
        return Ok(());
    }
    let cleared = patiently(|| maps.clear(target)).await;
    cleared.map_err(failed("cleared"))?;
    expect_size(maps, target, 0).await
}

/// Makes a call that changes nothing when it is made again, as long as members refuse it because of
/// what passes by itself.
pub(super) async fn patiently<'a>(
    call: impl Fn() -> BoxFuture<'a, Result<(), Error>>,
) -> Result<(), Error> {
    let deadline = Instant::now() + WRITE_PATIENCE;
    let mut pause = Duration::from_millis(10);
    loop {
        let Err(error) = call().await else {
            return Ok(());
        };
        let refused = error.server_error().is_some() && error.is_retryable();
        if !refused || Instant::now() + pause >= deadline {
            return Err(error);
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn failed(doing: &'static str) -> impl Fn(Error) -> CopyError {
    move |source| CopyError::Call(ExportError::Call { doing, source })
}

/// Memory is counted in KiB, so that a permit's number holds it.
fn permits(bytes: u64) -> u32 {
    u32::try_from(bytes.min(MEMORY).div_ceil(1024)).unwrap_or(u32::MAX)
}

struct Attempt<'a> {
    maps: &'a dyn Maps,
    copying: &'a Copying<'a>,
    chunks: AtomicI64,
    bytes: AtomicI64,
    /// Bytes of the longest chunk, as far as is known; their mean at first.
    longest: AtomicU64,
    memory: Semaphore,
    failed: AtomicBool,
    vertices: Mutex<BTreeSet<String>>,
}

/// How far the reading of a partition is.
struct Reading {
    partition: i32,
    pointers: Vec<(i32, i32)>,
    batch: u64,
    seen: HashSet<SnapshotKey>,
}

/// Chunks on their way, with the memory that they take.
struct Batch<'a> {
    entries: Vec<(Data, Data)>,
    _memory: SemaphorePermit<'a>,
}

impl Attempt<'_> {
    async fn run(&self) -> Result<(), CopyError> {
        let partitions = 0..self.maps.partition_count();
        let copies = partitions.map(|partition| self.partition(partition).boxed());
        self.each(copies.collect()).await
    }

    /// The same for a snapshot of few chunks.
    async fn at_once(&self) -> Result<(), CopyError> {
        let entries = self.maps.entries(self.copying.source).await;
        let mut entries = entries.map_err(failed("read"))?;
        let mut seen = HashSet::new();
        let mut copies = Vec::new();
        for (partition, entries) in &mut entries {
            entries.retain(|(key, _)| self.is_wanted(key, &mut seen));
            copies.push(self.write(*partition, entries).boxed());
        }
        self.each(copies).await
    }

    /// Makes all of these copies, some of them at a time.
    async fn each(
        &self,
        copies: Vec<BoxFuture<'_, Result<(), CopyError>>>,
    ) -> Result<(), CopyError> {
        let mut copies = stream::iter(copies).buffer_unordered(WORKERS);
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
        let mut reading = Reading {
            partition,
            pointers: BEGINNING.to_vec(),
            batch: FIRST_BATCH,
            seen: HashSet::new(),
        };
        let mut read = self.read(&mut reading).await?;
        while let Some(batch) = read {
            let write = async {
                let written = self.write(partition, &batch.entries).await;
                // What it held is free for the next ones.
                drop(batch);
                written
            };
            let (written, next) = tokio::join!(write, self.read(&mut reading));
            written?;
            read = next?;
        }
        Ok(())
    }

    /// The next chunks of a partition that are of this snapshot; none after the last one, and none
    /// once another partition failed.
    async fn read(&self, reading: &mut Reading) -> Result<Option<Batch<'_>>, CopyError> {
        let going_on = reading.pointers.last().is_some_and(|(at, _)| *at >= 0);
        if !going_on || self.failed.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let (deadline, seconds) = self.copying.deadline;
        if Instant::now() >= deadline {
            return Err(CopyError::Call(ExportError::TooSlow { seconds }));
        }
        let (count, memory) = self.allowance(reading).await?;
        let (map, pointers) = (self.copying.source, &reading.pointers);
        let fetched = self.maps.fetch(map, reading.partition, pointers, count);
        let fetched = fetched.await.map_err(failed("read"))?;
        let mut entries = fetched.entries;
        reading.pointers = fetched.pointers;
        reading.batch = reading.batch.saturating_mul(2).min(LARGEST_BATCH);
        self.learn_size(&entries);
        entries.retain(|(key, _)| self.is_wanted(key, &mut reading.seen));
        Ok(Some(Batch {
            entries,
            _memory: memory,
        }))
    }

    /// How many entries may be read next, and the memory for them.
    async fn allowance(&self, reading: &Reading) -> Result<(i32, SemaphorePermit<'_>), CopyError> {
        let longest = self.longest.load(Ordering::Relaxed).max(1);
        let count = reading.batch.min(BATCH_BYTES / longest).max(1);
        let bytes = longest.saturating_mul(count).max(BATCH_BYTES);
        let memory = self.memory.acquire_many(permits(bytes)).await;
        // It is never closed.
        let memory = memory.map_err(|_| CopyError::Damaged("memory is gone".to_owned()))?;
        Ok((i32::try_from(count).unwrap_or(1), memory))
    }

    /// Whether an entry is a chunk of this snapshot that was not seen yet. Members leave chunks of
    /// others behind when a snapshot was broken off.
    fn is_wanted(&self, key: &Data, seen: &mut HashSet<SnapshotKey>) -> bool {
        if is_validation_key(key) {
            return false;
        }
        let Ok(key) = decode_snapshot_key(key) else {
            return false;
        };
        if key.snapshot_id != self.copying.expected.record.snapshot_id {
            return false;
        }
        let mut vertices = self.vertices.lock().unwrap_or_else(PoisonError::into_inner);
        if !vertices.contains(&key.vertex) {
            vertices.insert(key.vertex.clone());
        }
        seen.insert(key)
    }

    async fn write(&self, partition: i32, entries: &[(Data, Data)]) -> Result<(), CopyError> {
        if entries.is_empty() {
            return Ok(());
        }
        let target = self.copying.target;
        // The same entries under the same keys: writing them again within an attempt changes nothing.
        let put = patiently(|| self.maps.put_all(target, partition, entries)).await;
        put.map_err(failed("written"))?;
        let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let bytes: usize = entries
            .iter()
            .map(|(_, value)| value.as_slice().len())
            .sum();
        let chunks = self
            .chunks
            .fetch_add(count(entries.len()), Ordering::Relaxed);
        let copied = self.bytes.fetch_add(count(bytes), Ordering::Relaxed);
        (self.copying.report)(chunks + count(entries.len()), copied + count(bytes));
        Ok(())
    }

    fn learn_size(&self, entries: &[(Data, Data)]) {
        let sizes = entries
            .iter()
            .map(|(key, value)| key.as_slice().len() + value.as_slice().len());
        let longest = sizes.max().unwrap_or_default();
        let longest = u64::try_from(longest).unwrap_or(u64::MAX);
        self.longest.fetch_max(longest, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
