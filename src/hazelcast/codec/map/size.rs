//! Counts the entries of a map.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `Map.Size`.
#[derive(Clone, Copy, Debug)]
pub struct MapSize<'a> {
    /// The map.
    pub map_name: &'a str,
}

impl Request for MapSize<'_> {
    type Response = i32;
    const NAME: &'static str = "MapSize";
    const TYPE: i32 = 0x01_2a00;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE)
            .string(self.map_name)
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<i32, DecodeError> {
        let (mut fields, _) = message.response(response_type::<Self>())?;
        fields.int("size")
    }
}
