//! Introduces the client by bytes that only the members' login module understands, such as a token.

use uuid::Uuid;

use super::authentication::{AuthenticationResponse, SERIALIZATION_VERSION, decode};
use crate::hazelcast::codec::Request;
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `Client.AuthenticationCustom`.
#[derive(Clone)]
pub struct AuthenticationCustom<'a> {
    /// Must equal the member's cluster name.
    pub cluster_name: &'a str,
    /// What the login module is to check.
    pub credentials: &'a [u8],
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

impl Request for AuthenticationCustom<'_> {
    type Response = AuthenticationResponse;
    const NAME: &'static str = "ClientAuthenticationCustom";
    const TYPE: i32 = 0x00_0200;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE)
            .uuid(Some(self.client_uuid))
            .byte(SERIALIZATION_VERSION)
            .string(self.cluster_name)
            .bytes(self.credentials.to_vec())
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
