//! Exports a named snapshot of a job, on Enterprise members; answered once it is whole.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `Jet.ExportSnapshot`.
#[derive(Clone, Copy, Debug)]
pub struct ExportSnapshot<'a> {
    /// The job.
    pub job_id: i64,
    /// The snapshot's name.
    pub name: &'a str,
    /// Whether the job is cancelled with it.
    pub cancel_job: bool,
}

impl Request for ExportSnapshot<'_> {
    type Response = ();
    const NAME: &'static str = "JetExportSnapshot";
    const TYPE: i32 = 0xfe_0a00;
    const READ_ONLY: bool = false;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE)
            .long(self.job_id)
            .bool(self.cancel_job)
            .string(self.name)
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<(), DecodeError> {
        message.response(response_type::<Self>()).map(drop)
    }
}
