//! Asks a member for its state as JSON.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `MC.GetTimedMemberState`.
#[derive(Clone, Copy, Debug)]
pub struct GetTimedMemberState;

impl Request for GetTimedMemberState {
    type Response = Option<String>;
    const NAME: &'static str = "MCGetTimedMemberState";
    const TYPE: i32 = 0x20_0b00;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE).finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<Option<String>, DecodeError> {
        let (_, mut frames) = message.response(response_type::<Self>())?;
        frames.nullable(|frames| frames.string("member state"))
    }
}
