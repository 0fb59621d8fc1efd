//! Reads the metrics that a member collected lately, compressed.

use bytes::Bytes;
use uuid::Uuid;

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `MC.ReadMetrics`.
#[derive(Clone, Copy, Debug)]
pub struct ReadMetrics {
    /// The member; it has to be the one that is asked.
    pub member: Uuid,
    /// The first collection wanted.
    pub from_sequence: i64,
}

/// Collections of metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsBatch {
    /// The collection after these.
    pub next_sequence: i64,
    /// Collections, oldest first, compressed.
    pub blobs: Vec<Bytes>,
}

impl Request for ReadMetrics {
    type Response = MetricsBatch;
    const NAME: &'static str = "MCReadMetrics";
    const TYPE: i32 = 0x20_0100;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE)
            .uuid(Some(self.member))
            .long(self.from_sequence)
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<MetricsBatch, DecodeError> {
        let (mut fields, mut frames) = message.response(response_type::<Self>())?;
        Ok(MetricsBatch {
            next_sequence: fields.long("next sequence")?,
            blobs: frames.list("metrics", |frames| frames.content("metrics").cloned())?,
        })
    }
}
