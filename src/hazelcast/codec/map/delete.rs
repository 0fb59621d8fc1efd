//! Removes a key without reading its value.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::serialization::Data;
use crate::hazelcast::types::write::RequestWriter;

/// `Map.Delete`.
#[derive(Clone, Copy, Debug)]
pub struct MapDelete<'a> {
    /// Partition of the key.
    pub partition_id: i32,
    /// Names the owner of locks together with the client's id; any stable number.
    pub thread_id: i64,
    /// The map.
    pub map_name: &'a str,
    /// The serialised key.
    pub key: &'a Data,
}

impl Request for MapDelete<'_> {
    type Response = ();
    const NAME: &'static str = "MapDelete";
    const TYPE: i32 = 0x01_0900;
    const READ_ONLY: bool = false;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::to_partition(Self::TYPE, self.partition_id)
            .long(self.thread_id)
            .string(self.map_name)
            .bytes(self.key.to_bytes())
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<(), DecodeError> {
        message.response(response_type::<Self>()).map(drop)
    }
}
