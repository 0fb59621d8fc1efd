//! Asks whether a failed job was cancelled by a user.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `Jet.IsJobUserCancelled`.
#[derive(Clone, Copy, Debug)]
pub struct IsJobUserCancelled {
    /// The job's id.
    pub job_id: i64,
}

impl Request for IsJobUserCancelled {
    type Response = bool;
    const NAME: &'static str = "JetIsJobUserCancelled";
    const TYPE: i32 = 0xfe_1000;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE).long(self.job_id).finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<bool, DecodeError> {
        let (mut fields, _) = message.response(response_type::<Self>())?;
        fields.bool("user cancelled")
    }
}
