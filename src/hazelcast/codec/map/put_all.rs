//! Writes many entries of one partition.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::serialization::Data;
use crate::hazelcast::types::write::RequestWriter;

/// `Map.PutAll`.
#[derive(Clone, Copy, Debug)]
pub struct MapPutAll<'a> {
    /// The partition of all keys.
    pub partition_id: i32,
    /// The map.
    pub map_name: &'a str,
    /// Whether the map's store is asked to load what it has first.
    pub trigger_map_loader: bool,
    /// The serialised keys and values.
    pub entries: &'a [(Data, Data)],
}

impl Request for MapPutAll<'_> {
    type Response = ();
    const NAME: &'static str = "MapPutAll";
    const TYPE: i32 = 0x01_2c00;
    const READ_ONLY: bool = false;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::to_partition(Self::TYPE, self.partition_id)
            .bool(self.trigger_map_loader)
            .string(self.map_name)
            .entries(self.entries)
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<(), DecodeError> {
        message.response(response_type::<Self>()).map(drop)
    }
}
