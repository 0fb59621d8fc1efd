//! Writes a value, whatever the key had before.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::serialization::Data;
use crate::hazelcast::types::write::RequestWriter;

/// `Map.Set`.
#[derive(Clone, Copy, Debug)]
pub struct MapSet<'a> {
    /// Partition of the key.
    pub partition_id: i32,
    /// Names the owner of locks together with the client's id; any stable number.
    pub thread_id: i64,
    /// Milliseconds the entry lives; -1 leaves it to the map's configuration.
    pub ttl: i64,
    /// The map.
    pub map_name: &'a str,
    /// The serialised key.
    pub key: &'a Data,
    /// The serialised value.
    pub value: &'a Data,
}

impl Request for MapSet<'_> {
    type Response = ();
    const NAME: &'static str = "MapSet";
    const TYPE: i32 = 0x01_0f00;
    const READ_ONLY: bool = false;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::to_partition(Self::TYPE, self.partition_id)
            .long(self.thread_id)
            .long(self.ttl)
            .string(self.map_name)
            .bytes(self.key.to_bytes())
            .bytes(self.value.to_bytes())
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<(), DecodeError> {
        message.response(response_type::<Self>()).map(drop)
    }
}
