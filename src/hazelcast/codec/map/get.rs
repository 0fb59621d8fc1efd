//! Reads the value of a key.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::serialization::Data;
use crate::hazelcast::types::write::RequestWriter;

/// `Map.Get`.
#[derive(Clone, Copy, Debug)]
pub struct MapGet<'a> {
    /// Partition of the key.
    pub partition_id: i32,
    /// Names the owner of locks together with the client's id; any stable number.
    pub thread_id: i64,
    /// The map.
    pub map_name: &'a str,
    /// The serialised key.
    pub key: &'a Data,
}

impl Request for MapGet<'_> {
    type Response = Option<Data>;
    const NAME: &'static str = "MapGet";
    const TYPE: i32 = 0x01_0200;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::to_partition(Self::TYPE, self.partition_id)
            .long(self.thread_id)
            .string(self.map_name)
            .bytes(self.key.to_bytes())
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<Option<Data>, DecodeError> {
        let (_, mut frames) = message.response(response_type::<Self>())?;
        frames
            .nullable(|frames| frames.content("value").cloned())
            .map(|it| it.map(Data::from))
    }
}
