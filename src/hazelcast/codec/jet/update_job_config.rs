//! Changes the configuration of a suspended job.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::serialization::Data;
use crate::hazelcast::types::write::RequestWriter;

/// `Jet.UpdateJobConfig`.
#[derive(Clone, Copy, Debug)]
pub struct UpdateJobConfig<'a> {
    /// The job's id.
    pub job_id: i64,
    /// The serialised changes.
    pub delta: &'a Data,
}

impl Request for UpdateJobConfig<'_> {
    type Response = Data;
    const NAME: &'static str = "JetUpdateJobConfig";
    const TYPE: i32 = 0xfe_1500;
    const READ_ONLY: bool = false;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE)
            .long(self.job_id)
            .bytes(self.delta.to_bytes())
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<Data, DecodeError> {
        let (_, mut frames) = message.response(response_type::<Self>())?;
        frames.content("updated config").cloned().map(Data::from)
    }
}
