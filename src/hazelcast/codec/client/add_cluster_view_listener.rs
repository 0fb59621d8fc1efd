//! Asks one member to tell of changes of the members and of the partition table. It tells the
//! present ones at once.

use bytes::Bytes;
use uuid::Uuid;

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::custom::member_info;
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::state::Member;
use crate::hazelcast::types::read::{Fields, Frames};
use crate::hazelcast::types::write::RequestWriter;

const MEMBERS_VIEW: i32 = AddClusterViewListener::TYPE + 2;
const PARTITIONS_VIEW: i32 = AddClusterViewListener::TYPE + 3;
const CLUSTER_VERSION: i32 = AddClusterViewListener::TYPE + 5;

/// `Client.AddClusterViewListener`.
#[derive(Clone, Copy, Debug)]
pub struct AddClusterViewListener;

/// What the member tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterViewEvent {
    /// The members in join order.
    Members {
        /// Grows with each change.
        version: i32,
        /// First is the master.
        members: Vec<Member>,
    },
    /// Who owns which partitions.
    Partitions {
        /// Differs with each change.
        version: i32,
        /// Owner and the ids of its partitions.
        owners: Vec<(Uuid, Vec<i32>)>,
    },
    /// The version the cluster works at.
    ClusterVersion {
        /// First number.
        major: u8,
        /// Second number.
        minor: u8,
    },
    /// An event that a later protocol version added, or one that is of no use here.
    Other(i32),
}

impl Request for AddClusterViewListener {
    type Response = ();
    const NAME: &'static str = "ClientAddClusterViewListener";
    const TYPE: i32 = 0x00_0300;
    const READ_ONLY: bool = false;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE).finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<(), DecodeError> {
        message.response(response_type::<Self>()).map(drop)
    }
}

/// Reads an event that came under the request's correlation id.
pub fn decode_event(message: &ClientMessage) -> Result<ClusterViewEvent, DecodeError> {
    let (mut fields, mut frames) = message.request(message.message_type())?;
    match message.message_type() {
        MEMBERS_VIEW => Ok(ClusterViewEvent::Members {
            version: fields.int("member list version")?,
            members: frames.list("members", member_info::decode)?,
        }),
        PARTITIONS_VIEW => Ok(ClusterViewEvent::Partitions {
            version: fields.int("partition table version")?,
            owners: owners(&mut frames)?,
        }),
        CLUSTER_VERSION => frames.structure("cluster version", |frames| {
            let mut fields = frames.fields("cluster version")?;
            let (major, minor) = (fields.byte("major")?, fields.byte("minor")?);
            Ok(ClusterViewEvent::ClusterVersion { major, minor })
        }),
        other => Ok(ClusterViewEvent::Other(other)),
    }
}

/// Lists of partition ids come first, then all owners in one frame.
fn owners(frames: &mut Frames<'_>) -> Result<Vec<(Uuid, Vec<i32>)>, DecodeError> {
    let lists = frames.list("partitions", |frames| {
        frames.content("partition ids").cloned()
    })?;
    let mut uuids = frames.fields("partition owners")?;
    lists
        .iter()
        .map(|list| {
            let owner = uuids.uuid("partition owner")?.unwrap_or_default();
            Ok((owner, partition_ids(list)?))
        })
        .collect()
}

fn partition_ids(list: &Bytes) -> Result<Vec<i32>, DecodeError> {
    let mut fields = Fields::new(list, 0);
    let mut ids = Vec::with_capacity(list.len() / 4);
    while fields.has_more() {
        ids.push(fields.int("partition id")?);
    }
    Ok(ids)
}
