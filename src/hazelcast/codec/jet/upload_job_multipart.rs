//! Sends one part of a jar; with the last one the member runs the jar's `main`.

use bytes::Bytes;
use uuid::Uuid;

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `Jet.UploadJobMultipart`.
#[derive(Clone, Debug)]
pub struct UploadJobMultipart<'a> {
    /// As announced.
    pub session_id: Uuid,
    /// Counted from 1.
    pub current_part_number: i32,
    /// Number of all parts.
    pub total_part_number: i32,
    /// Bytes of the part.
    pub part_size: i32,
    /// The part.
    pub part_data: Bytes,
    /// Digest of the part.
    pub sha256_hex: &'a str,
}

impl Request for UploadJobMultipart<'_> {
    type Response = ();
    const NAME: &'static str = "JetUploadJobMultipart";
    const TYPE: i32 = 0xfe_1200;
    const READ_ONLY: bool = false;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE)
            .uuid(Some(self.session_id))
            .int(self.current_part_number)
            .int(self.total_part_number)
            .int(self.part_size)
            .bytes(self.part_data.clone())
            .string(self.sha256_hex)
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<(), DecodeError> {
        message.response(response_type::<Self>()).map(drop)
    }
}
