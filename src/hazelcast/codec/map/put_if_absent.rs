//! Writes a value if the key has none; answers with the one it has.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::serialization::Data;
use crate::hazelcast::types::write::RequestWriter;

/// `Map.PutIfAbsent`.
#[derive(Clone, Copy, Debug)]
pub struct MapPutIfAbsent<'a> {
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

impl Request for MapPutIfAbsent<'_> {
    type Response = Option<Data>;
    const NAME: &'static str = "MapPutIfAbsent";
    const TYPE: i32 = 0x01_0e00;
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

    fn decode_response(message: &ClientMessage) -> Result<Option<Data>, DecodeError> {
        let (_, mut frames) = message.response(response_type::<Self>())?;
        frames
            .nullable(|frames| frames.content("value").cloned())
            .map(|it| it.map(Data::from))
    }
}
