//! Reads all entries in one message: for small maps only.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::serialization::Data;
use crate::hazelcast::types::write::RequestWriter;

/// `Map.EntrySet`.
#[derive(Clone, Copy, Debug)]
pub struct MapEntrySet<'a> {
    /// The map.
    pub map_name: &'a str,
}

impl Request for MapEntrySet<'_> {
    type Response = Vec<(Data, Data)>;
    const NAME: &'static str = "MapEntrySet";
    const TYPE: i32 = 0x01_2500;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE)
            .string(self.map_name)
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<Vec<(Data, Data)>, DecodeError> {
        let (_, mut frames) = message.response(response_type::<Self>())?;
        frames.entries("entries")
    }
}
