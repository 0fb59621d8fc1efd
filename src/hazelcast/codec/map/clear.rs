//! Removes all entries of a map.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `Map.Clear`.
#[derive(Clone, Copy, Debug)]
pub struct MapClear<'a> {
    /// The map.
    pub map_name: &'a str,
}

impl Request for MapClear<'_> {
    type Response = ();
    const NAME: &'static str = "MapClear";
    const TYPE: i32 = 0x01_2d00;
    const READ_ONLY: bool = false;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE)
            .string(self.map_name)
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<(), DecodeError> {
        message.response(response_type::<Self>()).map(drop)
    }
}
