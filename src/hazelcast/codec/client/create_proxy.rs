//! Makes a distributed object known, as tools list it.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `Client.CreateProxy`.
#[derive(Clone, Copy, Debug)]
pub struct CreateProxy<'a> {
    /// The object's name.
    pub name: &'a str,
    /// The service that keeps it.
    pub service_name: &'a str,
}

impl Request for CreateProxy<'_> {
    type Response = ();
    const NAME: &'static str = "ClientCreateProxy";
    const TYPE: i32 = 0x0400;
    const READ_ONLY: bool = false;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE)
            .string(self.name)
            .string(self.service_name)
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<(), DecodeError> {
        message.response(response_type::<Self>()).map(drop)
    }
}
