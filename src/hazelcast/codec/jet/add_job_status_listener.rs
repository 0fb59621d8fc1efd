//! Asks to be told of every change of the status of a job, until it has ended.

use uuid::Uuid;

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::job::{JobStatus, JobStatusEvent};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// The type of the events.
pub const JOB_STATUS_EVENT: i32 = AddJobStatusListener::TYPE + 2;

/// `Jet.AddJobStatusListener`.
#[derive(Clone, Copy, Debug)]
pub struct AddJobStatusListener {
    /// The job's id.
    pub job_id: i64,
    /// Member that coordinates a light job; none for a normal one.
    pub light_job_coordinator: Option<Uuid>,
    /// Only events made on the asked member; otherwise of all members.
    pub local_only: bool,
}

impl Request for AddJobStatusListener {
    type Response = Option<Uuid>;
    const NAME: &'static str = "JetAddJobStatusListener";
    const TYPE: i32 = 0xfe_1300;
    const READ_ONLY: bool = false;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE)
            .long(self.job_id)
            .uuid(self.light_job_coordinator)
            .bool(self.local_only)
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<Option<Uuid>, DecodeError> {
        let (mut fields, _) = message.response(response_type::<Self>())?;
        fields.uuid("registration id")
    }
}

/// Reads an event that came under the request's correlation id; none if it is of another kind. Its
/// text may have been cut while it was received.
pub fn decode_event(message: &ClientMessage) -> Result<Option<JobStatusEvent>, DecodeError> {
    if message.message_type() != JOB_STATUS_EVENT {
        return Ok(None);
    }
    let (mut fields, mut frames) = message.request(JOB_STATUS_EVENT)?;
    Ok(Some(JobStatusEvent {
        job_id: fields.long("job id")?,
        previous: JobStatus::from_id(fields.int("previous status")?),
        new: JobStatus::from_id(fields.int("new status")?),
        user_requested: fields.bool("user requested")?,
        description: frames.nullable(|frames| frames.cut_string("description"))?,
    }))
}
