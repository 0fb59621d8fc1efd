//! Maps of a cluster that tests play: entries in memory, every call answered a moment later, and a
//! script that may change the world, or refuse, before any call.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use super::maps::{Maps, Validation};
use crate::hazelcast::codec::map::fetch_entries::EntryBatch;
use crate::hazelcast::codec::map::fetch_keys::KeyBatch;
use crate::hazelcast::error::{ErrorHolder, Kind, LossCause};
use crate::hazelcast::serialization::decode_validation_record;
use crate::hazelcast::snapshot::{SnapshotKey, Suspension};
use crate::hazelcast::{
    Data, Error, ErrorCode, ExecutionRecord, Heap, Result, ServerError, ValidationRecord,
};

/// The job of all tests.
pub(super) const JOB: i64 = 0x0adf_8fef_9a80_0001;
/// The partitions of the cluster.
pub(super) const PARTITIONS: i32 = 271;
/// How long a call takes.
const CALL: Duration = Duration::from_millis(1);

/// A call that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    Entries(String),
    Fetch(String, i32),
    Put(String, i32),
    Size(String),
    Clear(String),
    Validation(String),
    Commit,
    Register,
    Standing,
}

/// What happens before a call, and how it ends if not well.
type Script = Box<dyn FnMut(&Call, &mut World) -> Result<()> + Send>;

/// The entries of a map, by partition and key.
type Entries = BTreeMap<(i32, Vec<u8>), Data>;

/// Everything that the cluster has.
#[derive(Default)]
pub(super) struct World {
    pub(super) maps: BTreeMap<String, Entries>,
    pub(super) validations: BTreeMap<String, Validation>,
    pub(super) record: Option<ExecutionRecord>,
    pub(super) registered: BTreeMap<String, Data>,
    pub(super) marks: BTreeMap<String, Data>,
    pub(super) heap: Option<Heap>,
    /// Every call that was made.
    pub(super) calls: Vec<Call>,
    /// Writes that were begun and have not ended.
    pub(super) open_writes: usize,
    /// Batches, and their bytes, that were read and are not written yet; and the most of both.
    pub(super) held: (usize, u64),
    pub(super) most_held: (usize, u64),
    /// Whether the first batch of each partition is returned twice.
    pub(super) stutters: bool,
}

impl World {
    pub(super) fn entries(&self, map: &str) -> usize {
        self.maps.get(map).map_or(0, BTreeMap::len)
    }

    /// All that a map holds, its validation record included.
    pub(super) fn size(&self, map: &str) -> usize {
        self.entries(map) + usize::from(self.validations.contains_key(map))
    }

    pub(super) fn clear(&mut self, map: &str) {
        self.maps.remove(map);
        self.validations.remove(map);
    }

    /// The job commits a snapshot of these chunks (partition, bytes) to one of its two maps.
    pub(super) fn commit(&mut self, snapshot_id: i64, chunks: &[(i32, usize)]) {
        let index = i32::try_from(snapshot_id % 2).unwrap();
        let before = self.record.as_ref().and_then(ExecutionRecord::source_map);
        let record = record(snapshot_id, index);
        let map = record.source_map().unwrap();
        for (sequence, (partition, bytes)) in chunks.iter().enumerate() {
            let sequence = i32::try_from(sequence).unwrap();
            self.chunk(&map, snapshot_id, *partition, sequence, *bytes);
        }
        let (count, bytes) = (chunks.len(), chunks.iter().map(|(_, bytes)| bytes).sum());
        let validation = validation(snapshot_id, count, bytes);
        self.validations.insert(map.clone(), validation);
        self.record = Some(record);
        if let Some(before) = before.filter(|before| *before != map) {
            self.clear(&before);
        }
    }

    /// Puts one chunk into a map.
    pub(super) fn chunk(
        &mut self,
        map: &str,
        snapshot_id: i64,
        partition: i32,
        sequence: i32,
        bytes: usize,
    ) {
        let key = key(&SnapshotKey {
            partition_key: partition,
            snapshot_id,
            vertex: "counter".to_owned(),
            sequence,
        });
        let value = Data::from(Bytes::from(vec![0; bytes]));
        let entries = self.maps.entry(map.to_owned()).or_default();
        entries.insert((partition, key.as_slice().to_vec()), value);
    }

    /// The job is suspended with its last snapshot.
    pub(super) fn suspend(&mut self) {
        self.record.as_mut().unwrap().suspension = Suspension::Requested;
    }
}

/// The maps of a cluster that is played.
pub(super) struct FakeMaps {
    world: Mutex<World>,
    script: Mutex<Script>,
}

impl FakeMaps {
    /// A cluster whose job has committed snapshot 7, of these chunks.
    pub(super) fn with(chunks: &[(i32, usize)]) -> Self {
        let mut world = World::default();
        world.commit(7, chunks);
        Self {
            world: Mutex::new(world),
            script: Mutex::new(Box::new(|_, _| Ok(()))),
        }
    }

    /// What happens before each call from now on.
    pub(super) fn script(
        &self,
        script: impl FnMut(&Call, &mut World) -> Result<()> + Send + 'static,
    ) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// How often such calls were made.
    pub(super) fn count(&self, which: impl Fn(&Call) -> bool) -> usize {
        self.world().calls.iter().filter(|call| which(call)).count()
    }

    async fn call(&self, call: Call) -> Result<MutexGuard<'_, World>> {
        tokio::time::sleep(CALL).await;
        let mut world = self.world();
        world.calls.push(call.clone());
        (self.script.lock().unwrap())(&call, &mut world)?;
        Ok(world)
    }
}

/// Counts a write as open until it ended, or its future was dropped.
struct Open<'a>(&'a FakeMaps);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.world().open_writes -= 1;
    }
}

#[async_trait]
impl Maps for FakeMaps {
    fn partition_count(&self) -> i32 {
        PARTITIONS
    }

    fn members(&self) -> Vec<Uuid> {
        vec![Uuid::nil()]
    }

    async fn standing(&self, _job: i64) -> Result<Option<ExecutionRecord>> {
        Ok(self.call(Call::Standing).await?.record.clone())
    }

    async fn validation(&self, map: &str) -> Result<Option<Validation>> {
        let world = self.call(Call::Validation(map.to_owned())).await?;
        Ok(world.validations.get(map).cloned())
    }

    async fn entries(&self, map: &str) -> Result<BTreeMap<i32, Vec<(Data, Data)>>> {
        let mut world = self.call(Call::Entries(map.to_owned())).await?;
        let mut entries = BTreeMap::<_, Vec<_>>::new();
        for ((partition, key), value) in world.maps.get(map).into_iter().flatten() {
            let key = Data::from(Bytes::from(key.clone()));
            let of_partition = entries.entry(*partition).or_default();
            of_partition.push((key, value.clone()));
        }
        let values = entries.values().flatten();
        let bytes: usize = values.map(|(_, it)| it.as_slice().len()).sum();
        world.held.0 += entries.len();
        world.held.1 += bytes as u64;
        Ok(entries)
    }

    async fn fetch(
        &self,
        map: &str,
        partition: i32,
        pointers: &[(i32, i32)],
        batch: i32,
    ) -> Result<EntryBatch> {
        let mut world = self.call(Call::Fetch(map.to_owned(), partition)).await?;
        let batch = page(&world, map, partition, pointers, batch);
        let entries = &batch.entries;
        let bytes: usize = entries.iter().map(|(_, it)| it.as_slice().len()).sum();
        if !entries.is_empty() {
            world.held.0 += 1;
            world.held.1 += bytes as u64;
            world.most_held.0 = world.most_held.0.max(world.held.0);
            world.most_held.1 = world.most_held.1.max(world.held.1);
        }
        Ok(batch)
    }

    async fn fetch_keys(
        &self,
        map: &str,
        partition: i32,
        pointers: &[(i32, i32)],
        batch: i32,
    ) -> Result<KeyBatch> {
        let world = self.call(Call::Fetch(map.to_owned(), partition)).await?;
        let batch = page(&world, map, partition, pointers, batch);
        let keys = batch.entries.into_iter().map(|(key, _)| key).collect();
        let pointers = batch.pointers;
        Ok(KeyBatch { pointers, keys })
    }

    async fn put_all(&self, map: &str, partition: i32, entries: &[(Data, Data)]) -> Result<()> {
        self.world().open_writes += 1;
        let open = Open(self);
        let called = self.call(Call::Put(map.to_owned(), partition)).await;
        let done = called.map(|mut world| {
            let bytes: usize = entries.iter().map(|(_, it)| it.as_slice().len()).sum();
            world.held.0 -= 1;
            world.held.1 -= bytes as u64;
            let there = world.maps.entry(map.to_owned()).or_default();
            for (key, value) in entries {
                there.insert((partition, key.as_slice().to_vec()), value.clone());
            }
        });
        drop(open);
        done
    }

    async fn size(&self, map: &str) -> Result<u64> {
        let world = self.call(Call::Size(map.to_owned())).await?;
        Ok(world.size(map) as u64)
    }

    async fn clear(&self, map: &str) -> Result<()> {
        self.call(Call::Clear(map.to_owned())).await?.clear(map);
        Ok(())
    }

    async fn commit(&self, map: &str, record: &Data) -> Result<()> {
        let mut world = self.call(Call::Commit).await?;
        let validation = Validation {
            record: decode_validation_record(record).unwrap(),
            data: record.clone(),
        };
        world.validations.insert(map.to_owned(), validation);
        Ok(())
    }

    async fn register(&self, name: &str, record: &Data) -> Result<()> {
        let mut world = self.call(Call::Register).await?;
        world.registered.insert(name.to_owned(), record.clone());
        Ok(())
    }

    async fn mark(&self, name: &str) -> Result<Option<Data>> {
        Ok(self.world().marks.get(name).cloned())
    }

    async fn write_mark(
        &self,
        name: &str,
        before: Option<&Data>,
        after: Option<&Data>,
    ) -> Result<bool> {
        let mut world = self.world();
        if world.marks.get(name) != before {
            return Ok(false);
        }
        match after {
            Some(mark) => world.marks.insert(name.to_owned(), mark.clone()),
            None => world.marks.remove(name),
        };
        Ok(true)
    }

    async fn backups(&self, _map: &str) -> Result<u64> {
        Ok(1)
    }

    async fn heap(&self, _member: Uuid) -> Result<Option<Heap>> {
        Ok(self.world().heap)
    }
}

/// Entries of a partition from where the pointers say; the pointer is the number of those returned.
fn page(
    world: &World,
    map: &str,
    partition: i32,
    pointers: &[(i32, i32)],
    batch: i32,
) -> EntryBatch {
    let (at, table) = *pointers.last().unwrap();
    let begun = if table < 0 { 0 } else { at };
    let of_partition = (partition, Vec::new())..(partition + 1, Vec::new());
    let there = world.maps.get(map);
    let all: Vec<(Data, Data)> = there
        .into_iter()
        .flat_map(|entries| entries.range(of_partition.clone()))
        .map(|((_, key), value)| (Data::from(Bytes::from(key.clone())), value.clone()))
        .collect();
    let (skipped, taken) = (
        usize::try_from(begun).unwrap(),
        usize::try_from(batch).unwrap(),
    );
    let entries: Vec<_> = all.iter().skip(skipped).take(taken).cloned().collect();
    if world.stutters && table < 0 && !entries.is_empty() {
        return EntryBatch {
            pointers: vec![(0, 1)],
            entries,
        };
    }
    let next = skipped + entries.len();
    let pointer = if next >= all.len() {
        -1
    } else {
        i32::try_from(next).unwrap()
    };
    EntryBatch {
        pointers: vec![(pointer, 1)],
        entries,
    }
}

fn record(snapshot_id: i64, index: i32) -> ExecutionRecord {
    ExecutionRecord {
        job_id: JOB,
        data_map_index: index,
        snapshot_id,
        ongoing_snapshot_id: snapshot_id,
        last_snapshot_failure: None,
        stats: None,
        exported_snapshot_name: None,
        suspension: Suspension::None,
        executed: true,
        timestamp: 0,
    }
}

/// A validation record, and its bytes as members write them.
pub(super) fn validation(snapshot_id: i64, chunks: usize, bytes: usize) -> Validation {
    let record = ValidationRecord {
        snapshot_id,
        chunks: i64::try_from(chunks).unwrap(),
        bytes: i64::try_from(bytes).unwrap(),
        creation_time: 1_700_000_000_000,
        job_id: JOB,
        job_name: "job".to_owned(),
        dag_json: "{}".to_owned(),
    };
    let mut data = of_jet(0x20);
    for field in [
        record.snapshot_id,
        record.chunks,
        record.bytes,
        record.creation_time,
        record.job_id,
    ] {
        data.put_i64(field);
    }
    put_text(&mut data, &record.job_name);
    put_text(&mut data, &record.dag_json);
    let data = data.into();
    Validation { record, data }
}

/// The key of a chunk, as members write it.
fn key(key: &SnapshotKey) -> Data {
    let mut data = of_jet(0x17);
    data.put_i32(key.partition_key);
    data.put_i64(key.snapshot_id);
    put_text(&mut data, &key.vertex);
    data.put_i32(key.sequence);
    data.into()
}

fn of_jet(class: i32) -> BytesMut {
    let mut data = BytesMut::new();
    data.put_i32(0);
    data.put_i32(-2);
    data.put_u8(1);
    data.put_i32(-10_002);
    data.put_i32(class);
    data
}

fn put_text(data: &mut BytesMut, text: &str) {
    data.put_i32(i32::try_from(text.len()).unwrap());
    data.put_slice(text.as_bytes());
}

/// A connection that ended before the answer.
pub(super) fn lost() -> Error {
    Kind::ConnectionLost {
        address: "127.0.0.1:5701".to_owned(),
        sent: true,
        source: LossCause::ClosedByPeer,
    }
    .into()
}

/// What members answer while partitions move.
pub(super) fn moving() -> Error {
    let source = ServerError::new(vec![ErrorHolder {
        code: ErrorCode::PARTITION_MIGRATING,
        class_name: "PartitionMigratingException".to_owned(),
        message: None,
    }]);
    let call = "MapPutAll";
    Kind::Server { call, source }.into()
}
