//! Asks for a job to be stopped. The answer comes before it has stopped.

use uuid::Uuid;

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `Jet.TerminateJob`.
#[derive(Clone, Copy, Debug)]
pub struct TerminateJob {
    /// The job's id.
    pub job_id: i64,
    /// How to stop it; see [`TerminateMode::id`](crate::hazelcast::job::TerminateMode::id).
    pub terminate_mode: i32,
    /// Member that coordinates a light job; none for a normal one.
    pub light_job_coordinator: Option<Uuid>,
}

impl Request for TerminateJob {
    type Response = ();
    const NAME: &'static str = "JetTerminateJob";
    const TYPE: i32 = 0xfe_0200;
    const READ_ONLY: bool = false;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE)
            .long(self.job_id)
            .int(self.terminate_mode)
            .uuid(self.light_job_coordinator)
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<(), DecodeError> {
        message.response(response_type::<Self>()).map(drop)
    }
}
