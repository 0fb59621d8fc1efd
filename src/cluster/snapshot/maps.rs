//! The calls that snapshots need, as a port: the real one is the client, tests play faults.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::hazelcast::codec::map::fetch_entries::EntryBatch;
use crate::hazelcast::codec::map::fetch_keys::KeyBatch;
use crate::hazelcast::serialization::validation_key;
use crate::hazelcast::snapshot::{EXPORTED_SNAPSHOTS, exported_snapshot_map};
use crate::hazelcast::{Client, Data, ExecutionRecord, Heap, Result, ValidationRecord};
use crate::plan::snapshot::SNAPSHOT_MARKS;

/// What a fetch begins with.
pub(super) const BEGINNING: &[(i32, i32)] = &[(i32::MAX, -1)];
/// How long one call may take; copying makes thousands.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a write may take: longer than members themselves wait for each other (60 s), so that each
/// is answered, if only with an error, and none comes true after it was given up.
const WRITE_TIMEOUT: Duration = Duration::from_mins(2);

/// A validation record, read and as its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster) struct Validation {
    pub(super) record: ValidationRecord,
    pub(super) data: Data,
}

/// Map calls of one cluster. Reads are repeated inside where that is safe; writes never are.
#[async_trait]
pub(in crate::cluster) trait Maps: Send + Sync {
    fn partition_count(&self) -> i32;
    fn members(&self) -> Vec<Uuid>;
    async fn standing(&self, job: i64) -> Result<Option<ExecutionRecord>>;
    async fn validation(&self, map: &str) -> Result<Option<Validation>>;
    /// All entries of a small map, by their partitions.
    async fn entries(&self, map: &str) -> Result<BTreeMap<i32, Vec<(Data, Data)>>>;
    async fn fetch(
        &self,
        map: &str,
        partition: i32,
        pointers: &[(i32, i32)],
        batch: i32,
    ) -> Result<EntryBatch>;
    async fn fetch_keys(
        &self,
        map: &str,
        partition: i32,
        pointers: &[(i32, i32)],
        batch: i32,
    ) -> Result<KeyBatch>;
    async fn put_all(&self, map: &str, partition: i32, entries: &[(Data, Data)]) -> Result<()>;
    async fn size(&self, map: &str) -> Result<u64>;
    async fn clear(&self, map: &str) -> Result<()>;
    /// Writes the validation record.
    async fn commit(&self, map: &str, record: &Data) -> Result<()>;
    /// Makes the members list an exported snapshot.
    async fn register(&self, name: &str, record: &Data) -> Result<()>;
    /// The mark under an exported snapshot's name.
    async fn mark(&self, name: &str) -> Result<Option<Data>>;
    /// Replaces a mark, where it is still as it was read; says whether it was.
    async fn write_mark(
        &self,
        name: &str,
        before: Option<&Data>,
        after: Option<&Data>,
    ) -> Result<bool>;
    async fn backups(&self, map: &str) -> Result<u64>;
    async fn heap(&self, member: Uuid) -> Result<Option<Heap>>;
}

/// Map calls through the client.
pub(in crate::cluster) struct ClientMaps {
    client: Client,
    writes: Client,
}

impl ClientMaps {
    pub(in crate::cluster) fn new(client: &Client) -> Self {
        Self {
            client: client.with_timeout(CALL_TIMEOUT),
            writes: client.with_timeout(WRITE_TIMEOUT),
        }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}

#[async_trait]
impl Maps for ClientMaps {
    fn partition_count(&self) -> i32 {
        i32::try_from(self.client.state().borrow().partition_count).unwrap_or_default()
    }

    fn members(&self) -> Vec<Uuid> {
        let state = self.client.state();
        let state = state.borrow();
        let data = state.members.iter().filter(|member| !member.lite);
        data.map(|member| member.uuid).collect()
    }

    async fn standing(&self, job: i64) -> Result<Option<ExecutionRecord>> {
        self.client.execution_record(job).await
    }

    async fn validation(&self, map: &str) -> Result<Option<Validation>> {
        let found = self.client.validation_record(map).await?;
        Ok(found.map(|(record, data)| Validation { record, data }))
    }

    async fn entries(&self, map: &str) -> Result<BTreeMap<i32, Vec<(Data, Data)>>> {
        let partitions = self.client.state().borrow().partition_count;
        let mut entries = BTreeMap::<_, Vec<_>>::new();
        for (key, value) in self.client.map(map).entries().await? {
            let partition = key.partition_id(partitions);
            entries.entry(partition).or_default().push((key, value));
        }
        Ok(entries)
    }

    async fn fetch(
        &self,
        map: &str,
        partition: i32,
        pointers: &[(i32, i32)],
        batch: i32,
    ) -> Result<EntryBatch> {
        self.client
            .map(map)
            .fetch_entries(partition, pointers, batch)
            .await
    }

    async fn fetch_keys(
        &self,
        map: &str,
        partition: i32,
        pointers: &[(i32, i32)],
        batch: i32,
    ) -> Result<KeyBatch> {
        self.client
            .map(map)
            .fetch_keys(partition, pointers, batch)
            .await
    }

    async fn put_all(&self, map: &str, partition: i32, entries: &[(Data, Data)]) -> Result<()> {
        self.writes.map(map).put_all(partition, entries).await
    }

    async fn size(&self, map: &str) -> Result<u64> {
        self.client.map(map).size().await
    }

    async fn clear(&self, map: &str) -> Result<()> {
        self.writes.map(map).clear().await
    }

    async fn commit(&self, map: &str, record: &Data) -> Result<()> {
        self.writes.map(map).set(&validation_key(), record).await
    }

    async fn register(&self, name: &str, record: &Data) -> Result<()> {
        let (map, key) = (exported_snapshot_map(name), Data::string(name));
        let listed = self.writes.map(EXPORTED_SNAPSHOTS);
        tokio::try_join!(self.writes.create_map(&map), listed.set(&key, record))?;
        Ok(())
    }

    async fn mark(&self, name: &str) -> Result<Option<Data>> {
        self.client
            .map(SNAPSHOT_MARKS)
            .get(&Data::string(name))
            .await
    }

    async fn write_mark(
        &self,
        name: &str,
        before: Option<&Data>,
        after: Option<&Data>,
    ) -> Result<bool> {
        let (marks, key) = (self.writes.map(SNAPSHOT_MARKS), Data::string(name));
        match (before, after) {
            (None, None) => Ok(true),
            (None, Some(mark)) => {
                let there = marks.put_if_absent(&key, mark).await?;
                Ok(there.is_none_or(|there| there == *mark))
            }
            (Some(before), Some(mark)) => marks.replace_if_same(&key, before, mark).await,
            (Some(before), None) => marks.remove_if_same(&key, before).await,
        }
    }

    async fn backups(&self, map: &str) -> Result<u64> {
        let config = self.client.map_config(map).await?;
        let backups = config
            .backup_count
            .saturating_add(config.async_backup_count);
        Ok(u64::try_from(backups).unwrap_or_default())
    }

    async fn heap(&self, member: Uuid) -> Result<Option<Heap>> {
        self.client.heap(member).await
    }
}
