//! Reads some entries of one partition, and where to go on reading.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::serialization::Data;
use crate::hazelcast::types::write::RequestWriter;

/// `Map.FetchEntries`.
#[derive(Clone, Copy, Debug)]
pub struct MapFetchEntries<'a> {
    /// The partition.
    pub partition_id: i32,
    /// The map.
    pub map_name: &'a str,
    /// Where to go on, as answered last: pairs of index and table size.
    pub pointers: &'a [(i32, i32)],
    /// About so many entries; a member may return more.
    pub batch: i32,
}

/// Some entries of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryBatch {
    /// Where to go on. The last pair's index is negative once all entries were returned.
    pub pointers: Vec<(i32, i32)>,
    /// The entries.
    pub entries: Vec<(Data, Data)>,
}

impl Request for MapFetchEntries<'_> {
    type Response = EntryBatch;
    const NAME: &'static str = "MapFetchEntries";
    const TYPE: i32 = 0x01_3800;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::to_partition(Self::TYPE, self.partition_id)
            .int(self.batch)
            .string(self.map_name)
            .int_pairs(self.pointers)
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<EntryBatch, DecodeError> {
        let (_, mut frames) = message.response(response_type::<Self>())?;
        Ok(EntryBatch {
            pointers: frames.int_pairs("iteration pointers")?,
            entries: frames.entries("entries")?,
        })
    }
}
