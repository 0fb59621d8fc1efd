//! What is in an exported snapshot: by its validation record, or to the last chunk.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::Serialize;

use super::error::ExportError;
use super::maps::{BEGINNING, ClientMaps, Maps};
use super::marks;
use crate::hazelcast::serialization::{
    decode_snapshot_key, decode_validation_record, is_validation_key, snapshot_keys_in,
};
use crate::hazelcast::snapshot::{EXPORTED_SNAPSHOTS, exported_snapshot_map};
use crate::hazelcast::{Data, ValidationRecord};
use crate::plan::job::JobId;
use crate::plan::snapshot::{ListedSnapshot, SnapshotFacts};

/// Partitions that are read side by side.
const READERS: usize = 8;
/// Chunks that are read at once.
const BATCH: i32 = 4;
/// Keys that are read at once.
const KEY_BATCH: i32 = 1024;

/// What a validation record says.
pub(super) fn facts(record: &ValidationRecord) -> SnapshotFacts {
    SnapshotFacts {
        snapshot_id: record.snapshot_id,
        job: JobId(record.job_id),
        job_name: record.job_name.clone(),
        created_at: Timestamp::from_millisecond(record.creation_time).unwrap_or_default(),
        chunks: record.chunks,
        bytes: record.bytes,
        stateful: BTreeSet::new(),
    }
}

/// Reads an exported snapshot back: none where there is none, an error where it isn't whole.
pub(in crate::cluster) async fn read(
    maps: &dyn Maps,
    name: &str,
) -> Result<Option<SnapshotFacts>, ExportError> {
    let map = exported_snapshot_map(name);
    let doing = ExportError::call("read back");
    let Some(validation) = maps.validation(&map).await.map_err(&doing)? else {
        return Ok(None);
    };
    let (size, chunks) = (
        maps.size(&map).await.map_err(&doing)?,
        validation.record.chunks,
    );
    if i64::try_from(size) != Ok(chunks + 1) {
        let why = format!("map {map} has {size} entries instead of {chunks} chunks and one record");
        return Err(ExportError::Damaged(why));
    }
    Ok(Some(facts(&validation.record)))
}

/// All exported snapshots that the members list or one of us signed.
pub(in crate::cluster) async fn list(
    maps: &ClientMaps,
) -> Result<Vec<ListedSnapshot>, ExportError> {
    let doing = ExportError::call("listed");
    let mut marks = marks::all(maps.client()).await.map_err(&doing)?;
    let listed = maps.client().map(EXPORTED_SNAPSHOTS).entries().await;
    let mut found = BTreeMap::new();
    for (key, value) in listed.map_err(&doing)? {
        let (Ok(name), Ok(record)) = (key.as_string(), decode_validation_record(&value)) else {
            continue;
        };
        let mark = marks.remove(&name);
        let facts = Some(facts(&record));
        found.insert(name.clone(), ListedSnapshot { name, facts, mark });
    }
    for (name, mark) in marks {
        let (facts, mark) = (None, Some(mark));
        found.insert(name.clone(), ListedSnapshot { name, facts, mark });
    }
    Ok(found.into_values().collect())
}

/// What one vertex has in a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VertexShare {
    /// Its chunks.
    pub chunks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The keys in them; none where their classes can't be read here.
    pub keys: Option<u64>,
}

/// Everything that is in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// What its validation record says.
    pub facts: SnapshotFacts,
    /// By vertex.
    pub vertices: BTreeMap<String, VertexShare>,
    /// Chunks by partition, without those that have none.
    pub partitions: BTreeMap<i32, u64>,
    /// What is wrong with it.
    pub faults: Vec<String>,
}

/// Reads a whole exported snapshot, a few chunks at a time. None where there is none.
pub(in crate::cluster) async fn inspect(
    maps: &dyn Maps,
    name: &str,
) -> Result<Option<Inspection>, ExportError> {
    let map = exported_snapshot_map(name);
    let doing = ExportError::call("read");
    let Some(validation) = maps.validation(&map).await.map_err(&doing)? else {
        return Ok(None);
    };
    let scan = Mutex::new(Scan::new(validation.record.snapshot_id));
    stream::iter(0..maps.partition_count())
        .map(|partition| scan_partition(maps, &map, partition, &scan))
        .buffer_unordered(READERS)
        .try_collect::<()>()
        .await?;
    let scan = scan.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Some(scan.finish(facts(&validation.record))))
}

/// The vertices that have state in a snapshot, by its keys.
pub(super) async fn stateful(
    maps: &dyn Maps,
    map: &str,
    snapshot_id: i64,
) -> Result<BTreeSet<String>, ExportError> {
    let by_partition: Vec<BTreeSet<String>> = stream::iter(0..maps.partition_count())
        .map(|partition| async move {
            let (mut pointers, mut vertices) = (BEGINNING.to_vec(), BTreeSet::new());
            while pointers.last().is_some_and(|(index, _)| *index >= 0) {
                let batch = maps.fetch_keys(map, partition, &pointers, KEY_BATCH).await;
                let batch = batch.map_err(ExportError::call("read"))?;
                pointers = batch.pointers;
                let keys = batch
                    .keys
                    .iter()
                    .filter_map(|key| decode_snapshot_key(key).ok());
                let ours = keys.filter(|key| key.snapshot_id == snapshot_id);
                vertices.extend(ours.map(|key| key.vertex));
            }
            Ok(vertices)
        })
        .buffer_unordered(READERS)
        .try_collect()
        .await?;
    Ok(by_partition.into_iter().flatten().collect())
}

async fn scan_partition(
    maps: &dyn Maps,
    map: &str,
    partition: i32,
    scan: &Mutex<Scan>,
) -> Result<(), ExportError> {
    let mut pointers = BEGINNING.to_vec();
    while pointers.last().is_some_and(|(index, _)| *index >= 0) {
        let batch = maps.fetch(map, partition, &pointers, BATCH).await;
        let batch = batch.map_err(ExportError::call("read"))?;
        pointers = batch.pointers;
        let mut scan = scan.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in &batch.entries {
            scan.add(partition, key, value);
        }
    }
    Ok(())
}

struct Scan {
    snapshot_id: i64,
    vertices: BTreeMap<String, VertexShare>,
    partitions: BTreeMap<i32, u64>,
    seen: HashSet<(i32, String, i32)>,
    foreign: u64,
    twice: u64,
}

impl Scan {
    fn new(snapshot_id: i64) -> Self {
        Self {
            snapshot_id,
            vertices: BTreeMap::new(),
            partitions: BTreeMap::new(),
            seen: HashSet::new(),
            foreign: 0,
            twice: 0,
        }
    }

    fn add(&mut self, partition: i32, key: &Data, value: &Data) {
        if is_validation_key(key) {
            return;
        }
        let key = match decode_snapshot_key(key) {
            Ok(key) if key.snapshot_id == self.snapshot_id => key,
            _ => {
                self.foreign += 1;
                return;
            }
        };
        let identity = (key.partition_key, key.vertex.clone(), key.sequence);
        if !self.seen.insert(identity) {
            self.twice += 1;
            return;
        }
        let fresh = VertexShare {
            keys: Some(0),
            ..VertexShare::default()
        };
        let share = self.vertices.entry(key.vertex).or_insert(fresh);
        share.chunks += 1;
        share.bytes += payload(value);
        share.keys = share.keys.zip(snapshot_keys_in(value)).map(|(a, b)| a + b);
        *self.partitions.entry(partition).or_default() += 1;
    }

    fn finish(self, facts: SnapshotFacts) -> Inspection {
        let mut faults = Vec::new();
        let chunks: u64 = self.vertices.values().map(|share| share.chunks).sum();
        let bytes: u64 = self.vertices.values().map(|share| share.bytes).sum();
        let differs = |found: u64, said: i64| i64::try_from(found) != Ok(said);
        if differs(chunks, facts.chunks) {
            faults.push(format!("{chunks} chunks instead of {}", facts.chunks));
        }
        if differs(bytes, facts.bytes) {
            faults.push(format!("{bytes} bytes instead of {}", facts.bytes));
        }
        if self.foreign > 0 {
            faults.push(format!("{} entries of other snapshots", self.foreign));
        }
        if self.twice > 0 {
            faults.push(format!("{} chunks twice", self.twice));
        }
        Inspection {
            facts,
            vertices: self.vertices,
            partitions: self.partitions,
            faults,
        }
    }
}

/// Bytes of a chunk as members count them: without the header of the serialised value.
fn payload(value: &Data) -> u64 {
    u64::try_from(value.as_slice().len().saturating_sub(8)).unwrap_or_default()
}
