//! Asks why a job is suspended.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::serialization::Data;
use crate::hazelcast::types::write::RequestWriter;

/// `Jet.GetJobSuspensionCause`.
#[derive(Clone, Copy, Debug)]
pub struct GetJobSuspensionCause {
    /// The job's id.
    pub job_id: i64,
}

impl Request for GetJobSuspensionCause {
    type Response = Data;
    const NAME: &'static str = "JetGetJobSuspensionCause";
    const TYPE: i32 = 0xfe_0e00;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE).long(self.job_id).finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<Data, DecodeError> {
        let (_, mut frames) = message.response(response_type::<Self>())?;
        frames.content("suspension cause").cloned().map(Data::from)
    }
}
