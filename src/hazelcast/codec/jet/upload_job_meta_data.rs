//! Announces a jar, or runs the `main` of one that lies on the member.

use uuid::Uuid;

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `Jet.UploadJobMetaData`.
#[derive(Clone, Copy, Debug)]
pub struct UploadJobMetaData<'a> {
    /// Joins the parts to this message.
    pub session_id: Uuid,
    /// `file_name` is a path on the member; no parts follow.
    pub jar_on_member: bool,
    /// Prefix of the file on the member, or a path.
    pub file_name: &'a str,
    /// Digest of the whole jar; empty for one on the member.
    pub sha256_hex: &'a str,
    /// Exported snapshot to start from.
    pub snapshot_name: Option<&'a str>,
    /// Name for the job.
    pub job_name: Option<&'a str>,
    /// Class to run.
    pub main_class: Option<&'a str>,
    /// Arguments of `main`.
    pub job_parameters: &'a [String],
}

impl Request for UploadJobMetaData<'_> {
    type Response = ();
    const NAME: &'static str = "JetUploadJobMetaData";
    const TYPE: i32 = 0xfe_1100;
    const READ_ONLY: bool = false;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE)
            .uuid(Some(self.session_id))
            .bool(self.jar_on_member)
            .string(self.file_name)
            .string(self.sha256_hex)
            .nullable_string(self.snapshot_name)
            .nullable_string(self.job_name)
            .nullable_string(self.main_class)
            .strings(self.job_parameters)
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<(), DecodeError> {
        message.response(response_type::<Self>()).map(drop)
    }
}
