//! Asks for the state and the clock of the cluster.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::management::{ClusterMetadata, ClusterStatus};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `MC.GetClusterMetadata`.
#[derive(Clone, Copy, Debug)]
pub struct GetClusterMetadata;

impl Request for GetClusterMetadata {
    type Response = ClusterMetadata;
    const NAME: &'static str = "MCGetClusterMetadata";
    const TYPE: i32 = 0x20_0e00;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE).finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<ClusterMetadata, DecodeError> {
        let (mut fields, mut frames) = message.response(response_type::<Self>())?;
        Ok(ClusterMetadata {
            state: ClusterStatus::from_id(fields.byte("cluster state")?),
            cluster_time: fields.long("cluster time")?,
            cluster_id: if fields.has_more() {
                fields.uuid("cluster id")?
            } else {
                None
            },
            member_version: frames.string("member version")?,
            jet_version: frames.nullable(|frames| frames.string("jet version"))?,
        })
    }
}
