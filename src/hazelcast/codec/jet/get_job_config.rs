//! Asks for the configuration a job was submitted with.

use uuid::Uuid;

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::serialization::Data;
use crate::hazelcast::types::write::RequestWriter;

/// `Jet.GetJobConfig`.
#[derive(Clone, Copy, Debug)]
pub struct GetJobConfig {
    /// The job's id.
    pub job_id: i64,
    /// Member that coordinates a light job; none for a normal one.
    pub light_job_coordinator: Option<Uuid>,
}

impl Request for GetJobConfig {
    type Response = Data;
    const NAME: &'static str = "JetGetJobConfig";
    const TYPE: i32 = 0xfe_0800;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE)
            .long(self.job_id)
            .uuid(self.light_job_coordinator)
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<Data, DecodeError> {
        let (_, mut frames) = message.response(response_type::<Self>())?;
        frames.content("job config").cloned().map(Data::from)
    }
}
