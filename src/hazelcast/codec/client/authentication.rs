//! Introduces the client; the first message on a connection.
//!
//! Sent in the form of protocol 2.0 (34 bytes of fixed-size fields), which members of every
//! version accept. Should stay below 1024 bytes: see the handshake.

use uuid::Uuid;

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::custom::{address, member_info};
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::state::Member;
use crate::hazelcast::types::write::RequestWriter;

/// The serialisation version spoken here, which must be the member's.
pub const SERIALIZATION_VERSION: u8 = 1;

/// `Client.Authentication`.
#[derive(Clone)]
pub struct Authentication<'a> {
    /// Must equal the member's cluster name.
    pub cluster_name: &'a str,
    /// Both none unless the member has security switched on.
    pub username: Option<&'a str>,
    /// Both none unless the member has security switched on.
    pub password: Option<&'a str>,
    /// Stays the same over the life of the client.
    pub client_uuid: Uuid,
    /// A short word for the implementation.
    pub client_type: &'a str,
    /// A version, only logged.
    pub client_version: &'a str,
    /// A name, only logged.
    pub client_name: &'a str,
    /// Labels that a filter on the members may look at.
    pub labels: &'a [String],
}

/// The member's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationResponse {
    /// 0 accepted, 1 wrong cluster name or credentials, 2 wrong serialisation version, 3 not
    /// allowed.
    pub status: u8,
    /// The member's own id.
    pub member_uuid: Option<Uuid>,
    /// The member's serialisation version.
    pub serialization_version: u8,
    /// Number of partitions; -1 when not accepted.
    pub partition_count: i32,
    /// The cluster's id.
    pub cluster_id: Option<Uuid>,
    /// Where the member says it listens.
    pub address: Option<String>,
    /// The member's release.
    pub server_version: String,
    /// Version of `members`, where the member is new enough to send them.
    pub member_list_version: Option<i32>,
    /// Members in join order; empty before 5.4.
    pub members: Vec<Member>,
}

impl Request for Authentication<'_> {
    type Response = AuthenticationResponse;
    const NAME: &'static str = "ClientAuthentication";
    const TYPE: i32 = 0x00_0100;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE)
            .uuid(Some(self.client_uuid))
            .byte(SERIALIZATION_VERSION)
            .string(self.cluster_name)
            .nullable_string(self.username)
            .nullable_string(self.password)
            .string(self.client_type)
            .string(self.client_version)
            .string(self.client_name)
            .strings(self.labels)
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<Self::Response, DecodeError> {
        decode::<Self>(message)
    }
}

/// Reads the answer to either form of the request: they are alike.
pub(super) fn decode<R: Request>(
    message: &ClientMessage,
) -> Result<AuthenticationResponse, DecodeError> {
    let (mut fields, mut frames) = message.response(response_type::<R>())?;
    let status = fields.byte("status")?;
    let member_uuid = fields.uuid("member uuid")?;
    let serialization_version = fields.byte("serialization version")?;
    let partition_count = fields.int("partition count")?;
    let cluster_id = fields.uuid("cluster id")?;
    fields.bool("failover supported")?;
    let member_list_version = if fields.has_more() {
        Some(fields.int("member list version")?)
    } else {
        None
    };
    let address = frames.nullable(address::decode)?;
    let server_version = frames.string("server version")?;
    let mut members = Vec::new();
    if frames.has_more() {
        frames.skip("TPC ports")?;
        frames.skip("TPC token")?;
        let told = frames.nullable(|frames| frames.list("members", member_info::decode))?;
        members = told.unwrap_or_default();
    }
    Ok(AuthenticationResponse {
        status,
        member_uuid,
        serialization_version,
        partition_count,
        cluster_id,
        address,
        server_version,
        member_list_version,
        members,
    })
}
