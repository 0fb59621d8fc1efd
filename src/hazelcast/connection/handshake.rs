//! The first call on a connection: who we are, and whether the member wants us.

use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::{Channel, Identity};
use crate::hazelcast::codec::Request;
use crate::hazelcast::codec::client::authentication::{Authentication, AuthenticationResponse};
use crate::hazelcast::codec::client::authentication_custom::AuthenticationCustom;
use crate::hazelcast::config::ClientConfig;
use crate::hazelcast::credentials::{Credentials, CredentialsSource};
use crate::hazelcast::error::{AuthenticationError, Kind, Result};

/// A code of three letters, as every client has one. Members only store it.
const CLIENT_TYPE: &str = "RST";
/// The release whose protocol this client was checked against. Members only log it.
const CLIENT_VERSION: &str = "5.7.0";

/// Members of 5.7 read no more of who is not authenticated yet; older ones, by their documentation, no
/// more than 1024 bytes, which only a token is likely to exceed. Their property
/// `hazelcast.client.protocol.max.message.bytes` raises it.
const LONGEST_REQUEST: usize = 4096;

const ACCEPTED: u8 = 0;
const CREDENTIALS_FAILED: u8 = 1;
const SERIALIZATION_VERSION_MISMATCH: u8 = 2;
const NOT_ALLOWED_IN_CLUSTER: u8 = 3;

/// Introduces the client.
pub(super) async fn authenticate(
    channel: &Channel,
    config: &ClientConfig,
    client_uuid: Uuid,
    deadline: Instant,
) -> Result<Identity> {
    let credentials = match &config.credentials {
        Some(source) => Some(credentials(source, deadline).await?),
        None => None,
    };
    let response = match &credentials {
        Some(Credentials::Token(token)) => {
            let request = AuthenticationCustom {
                cluster_name: &config.cluster_name,
                credentials: token.as_bytes(),
                client_uuid,
                client_type: CLIENT_TYPE,
                client_version: CLIENT_VERSION,
                client_name: &config.client_name,
                labels: &[],
            };
            introduce(channel, &request, deadline).await?
        }
        other => {
            let (username, password) = match other {
                Some(Credentials::Password { username, password }) => (username, password).into(),
                _ => None,
            }
            .unzip();
            let request = Authentication {
                cluster_name: &config.cluster_name,
                username: username.map(String::as_str),
                password: password.map(String::as_str),
                client_uuid,
                client_type: CLIENT_TYPE,
                client_version: CLIENT_VERSION,
                client_name: &config.client_name,
                labels: &[],
            };
            introduce(channel, &request, deadline).await?
        }
    };
    identity(response, config).map_err(|source| {
        Kind::Authentication {
            address: channel.address.to_string(),
            source,
        }
        .into()
    })
}

async fn introduce<R: Request>(
    channel: &Channel,
    request: &R,
    deadline: Instant,
) -> Result<R::Response> {
    if request.encode_request().wire_len() > LONGEST_REQUEST {
        let text = "cluster name, credentials and client name together are too long";
        return Err(Kind::InvalidArgument(text.to_owned()).into());
    }
    let (_, response) = channel.call(request, None, deadline).await?;
    Ok(response)
}

async fn credentials(source: &CredentialsSource, deadline: Instant) -> Result<Credentials> {
    let asked = timeout_at(deadline, source.ask()).await;
    let asked = asked.unwrap_or_else(|_| Err("they were not there in time".into()));
    asked.map_err(|source| Kind::Credentials { source }.into())
}

fn identity(
    response: AuthenticationResponse,
    config: &ClientConfig,
) -> Result<Identity, AuthenticationError> {
    match response.status {
        ACCEPTED => {}
        CREDENTIALS_FAILED => {
            let cluster_name = config.cluster_name.clone();
            return Err(AuthenticationError::CredentialsFailed { cluster_name });
        }
        SERIALIZATION_VERSION_MISMATCH => {
            let member_version = response.serialization_version;
            return Err(AuthenticationError::SerializationVersionMismatch { member_version });
        }
        NOT_ALLOWED_IN_CLUSTER => return Err(AuthenticationError::NotAllowedInCluster),
        other => return Err(AuthenticationError::UnknownStatus(other)),
    }
    match (
        response.member_uuid,
        response.cluster_id,
        u32::try_from(response.partition_count),
    ) {
        (Some(member_uuid), Some(cluster_id), Ok(partition_count)) if partition_count > 0 => {
            Ok(Identity {
                member_uuid,
                cluster_id,
                partition_count,
                server_version: response.server_version,
                members: response.members,
            })
        }
        _ => Err(AuthenticationError::Incomplete),
    }
}
