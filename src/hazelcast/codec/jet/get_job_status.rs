//! Asks for the status of one job.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::job::JobStatus;
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `Jet.GetJobStatus`.
#[derive(Clone, Copy, Debug)]
pub struct GetJobStatus {
    /// The job's id.
    pub job_id: i64,
}

impl Request for GetJobStatus {
    type Response = JobStatus;
    const NAME: &'static str = "JetGetJobStatus";
    const TYPE: i32 = 0xfe_0300;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE).long(self.job_id).finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<JobStatus, DecodeError> {
        let (mut fields, _) = message.response(response_type::<Self>())?;
        fields.int("job status").map(JobStatus::from_id)
    }
}
