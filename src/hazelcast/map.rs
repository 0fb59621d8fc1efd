//! A map of the cluster, its keys and values serialised already.

use super::client::Client;
use super::cluster::roster::Target;
use super::codec::Request;
use super::codec::map::clear::MapClear;
use super::codec::map::delete::MapDelete;
use super::codec::map::entry_set::MapEntrySet;
use super::codec::map::fetch_entries::{EntryBatch, MapFetchEntries};
use super::codec::map::fetch_keys::{KeyBatch, MapFetchKeys};
use super::codec::map::get::MapGet;
use super::codec::map::put_all::MapPutAll;
use super::codec::map::put_if_absent::MapPutIfAbsent;
use super::codec::map::remove_if_same::MapRemoveIfSame;
use super::codec::map::replace_if_same::MapReplaceIfSame;
use super::codec::map::set::MapSet;
use super::codec::map::size::MapSize;
use super::error::Result;
use super::invocation;
use super::serialization::Data;

/// Names the owner of locks together with the client's id. This client locks nothing.
const THREAD_ID: i64 = 1;
/// Leaves it to the map's configuration how long an entry lives.
const MAP_DEFAULT_TTL: i64 = -1;

/// A handle of one map; making one costs nothing and creates nothing on the cluster.
#[derive(Clone, Debug)]
pub struct Map {
    client: Client,
    name: String,
}

impl Map {
    pub(crate) fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// The map's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of a key.
    pub async fn get(&self, key: &Data) -> Result<Option<Data>> {
        self.invoke(key, |partition_id| MapGet {
            partition_id,
            thread_id: THREAD_ID,
            map_name: &self.name,
            key,
        })
        .await
    }

    /// Writes a value if the key has none. Returns the one it has: none means it was written.
    pub async fn put_if_absent(&self, key: &Data, value: &Data) -> Result<Option<Data>> {
        self.invoke(key, |partition_id| MapPutIfAbsent {
            partition_id,
            thread_id: THREAD_ID,
            ttl: MAP_DEFAULT_TTL,
            map_name: &self.name,
            key,
            value,
        })
        .await
    }

    /// Writes a value if the key has exactly `expected`; says whether it did.
    pub async fn replace_if_same(&self, key: &Data, expected: &Data, value: &Data) -> Result<bool> {
        self.invoke(key, |partition_id| MapReplaceIfSame {
            partition_id,
            thread_id: THREAD_ID,
            map_name: &self.name,
            key,
            expected,
            value,
        })
        .await
    }

    /// Removes a key if it has exactly `expected`; says whether it did.
    pub async fn remove_if_same(&self, key: &Data, expected: &Data) -> Result<bool> {
        self.invoke(key, |partition_id| MapRemoveIfSame {
            partition_id,
            thread_id: THREAD_ID,
            map_name: &self.name,
            key,
            expected,
        })
        .await
    }

    /// Writes a value, whatever the key had before.
    pub async fn set(&self, key: &Data, value: &Data) -> Result<()> {
        self.invoke(key, |partition_id| MapSet {
            partition_id,
            thread_id: THREAD_ID,
            ttl: MAP_DEFAULT_TTL,
            map_name: &self.name,
            key,
            value,
        })
        .await
    }

    /// Removes a key.
    pub async fn delete(&self, key: &Data) -> Result<()> {
        self.invoke(key, |partition_id| MapDelete {
            partition_id,
            thread_id: THREAD_ID,
            map_name: &self.name,
            key,
        })
        .await
    }

    /// Removes all entries.
    pub async fn clear(&self) -> Result<()> {
        let map_name = &self.name;
        self.ask(MapClear { map_name }).await
    }

    /// Some entries of a partition, from where `pointers` says; see [`EntryBatch`].
    pub async fn fetch_entries(
        &self,
        partition_id: i32,
        pointers: &[(i32, i32)],
        batch: i32,
    ) -> Result<EntryBatch> {
        self.ask_owner(
            partition_id,
            MapFetchEntries {
                partition_id,
                map_name: &self.name,
                pointers,
                batch,
            },
        )
        .await
    }

    /// Some keys of a partition, from where `pointers` says; see [`KeyBatch`].
    pub async fn fetch_keys(
        &self,
        partition_id: i32,
        pointers: &[(i32, i32)],
        batch: i32,
    ) -> Result<KeyBatch> {
        let request = MapFetchKeys {
            partition_id,
            map_name: &self.name,
            pointers,
            batch,
        };
        self.ask_owner(partition_id, request).await
    }

    /// Writes many entries, whose keys must all be of this partition. Where the answer is lost, any
    /// part of them may have been written.
    pub async fn put_all(&self, partition_id: i32, entries: &[(Data, Data)]) -> Result<()> {
        self.ask_owner(
            partition_id,
            MapPutAll {
                partition_id,
                map_name: &self.name,
                trigger_map_loader: false,
                entries,
            },
        )
        .await
    }

    /// All entries, in one message: for maps known to be small.
    pub async fn entries(&self) -> Result<Vec<(Data, Data)>> {
        self.ask(MapEntrySet {
            map_name: &self.name,
        })
        .await
    }

    /// Number of entries.
    pub async fn size(&self) -> Result<u64> {
        let size = self
            .ask(MapSize {
                map_name: &self.name,
            })
            .await?;
        Ok(u64::try_from(size).unwrap_or_default())
    }

    /// Makes a call about a key, to the owner of its partition if possible. Members take the partition
    /// from the request without checking it, so it is computed for the very cluster that is asked.
    async fn invoke<R: Request>(
        &self,
        key: &Data,
        request: impl Fn(i32) -> R,
    ) -> Result<R::Response> {
        let (cluster, timeout) = (self.client.cluster(), self.client.timeout());
        invocation::invoke(cluster, Target::Key(key), timeout, |connection| {
            request(key.partition_id(connection.identity().partition_count))
        })
        .await
    }

    /// Makes a call about a partition, to its owner if possible.
    async fn ask_owner<R: Request + Copy>(
        &self,
        partition_id: i32,
        request: R,
    ) -> Result<R::Response> {
        let (cluster, timeout) = (self.client.cluster(), self.client.timeout());
        let target = Target::Partition(partition_id);
        invocation::invoke(cluster, target, timeout, |_| request).await
    }

    /// Makes a call that any member can answer.
    async fn ask<R: Request + Copy>(&self, request: R) -> Result<R::Response> {
        let (cluster, timeout) = (self.client.cluster(), self.client.timeout());
        invocation::invoke(cluster, Target::Any, timeout, |_| request).await
    }
}
