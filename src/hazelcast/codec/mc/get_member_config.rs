//! Asks a member for its configuration as XML.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `MC.GetMemberConfig`.
#[derive(Clone, Copy, Debug)]
pub struct GetMemberConfig;

impl Request for GetMemberConfig {
    type Response = String;
    const NAME: &'static str = "MCGetMemberConfig";
    const TYPE: i32 = 0x20_0500;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE).finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<String, DecodeError> {
        let (_, mut frames) = message.response(response_type::<Self>())?;
        frames.string("config XML")
    }
}
