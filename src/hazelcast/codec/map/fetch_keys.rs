//! Reads some keys of one partition, and where to go on reading.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::serialization::Data;
use crate::hazelcast::types::write::RequestWriter;

/// `Map.FetchKeys`.
#[derive(Clone, Copy, Debug)]
pub struct MapFetchKeys<'a> {
    /// The partition.
    pub partition_id: i32,
    /// The map.
    pub map_name: &'a str,
    /// Where to go on, as answered last: pairs of index and table size.
    pub pointers: &'a [(i32, i32)],
    /// About so many keys; a member may return more.
    pub batch: i32,
}

/// Some keys of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyBatch {
    /// Where to go on. The last pair's index is negative once all keys were returned.
    pub pointers: Vec<(i32, i32)>,
    /// The keys.
    pub keys: Vec<Data>,
}

impl Request for MapFetchKeys<'_> {
    type Response = KeyBatch;
    const NAME: &'static str = "MapFetchKeys";
    const TYPE: i32 = 0x01_3700;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::to_partition(Self::TYPE, self.partition_id)
            .int(self.batch)
            .string(self.map_name)
            .int_pairs(self.pointers)
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<KeyBatch, DecodeError> {
        let (_, mut frames) = message.response(response_type::<Self>())?;
        Ok(KeyBatch {
            pointers: frames.int_pairs("iteration pointers")?,
            keys: frames.list("keys", |frames| {
                frames.content("key").cloned().map(Data::from)
            })?,
        })
    }
}
