//! Ends what adding a job status listener began.

use uuid::Uuid;

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `Jet.RemoveJobStatusListener`.
#[derive(Clone, Copy, Debug)]
pub struct RemoveJobStatusListener {
    /// The job's id.
    pub job_id: i64,
    /// As the member answered.
    pub registration_id: Uuid,
}

impl Request for RemoveJobStatusListener {
    type Response = bool;
    const NAME: &'static str = "JetRemoveJobStatusListener";
    const TYPE: i32 = 0xfe_1400;
    const READ_ONLY: bool = false;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE)
            .long(self.job_id)
            .uuid(Some(self.registration_id))
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<bool, DecodeError> {
        let (mut fields, _) = message.response(response_type::<Self>())?;
        fields.bool("removed")
    }
}
