//! Asks for an answer, to see that the connection is alive.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `Client.Ping`.
#[derive(Clone, Copy, Debug)]
pub struct Ping;

impl Request for Ping {
    type Response = ();
    const NAME: &'static str = "ClientPing";
    const TYPE: i32 = 0x00_0b00;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE).finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<(), DecodeError> {
        message.response(response_type::<Self>()).map(drop)
    }
}
