//! Starts a suspended job again; does nothing to any other.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `Jet.ResumeJob`.
#[derive(Clone, Copy, Debug)]
pub struct ResumeJob {
    /// The job's id.
    pub job_id: i64,
}

impl Request for ResumeJob {
    type Response = ();
    const NAME: &'static str = "JetResumeJob";
    const TYPE: i32 = 0xfe_0900;
    const READ_ONLY: bool = false;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE).long(self.job_id).finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<(), DecodeError> {
        message.response(response_type::<Self>()).map(drop)
    }
}
