//! The response of type 0: the call failed on the member.

use crate::hazelcast::custom::error_holder;
use crate::hazelcast::message::{ClientMessage, DecodeError, ERROR_TYPE};
use crate::hazelcast::server_error::ServerError;

/// Reads the exception and its causes, outermost first.
pub fn decode_response(message: &ClientMessage) -> Result<ServerError, DecodeError> {
    let (_, mut frames) = message.response(ERROR_TYPE)?;
    frames
        .list("errors", error_holder::decode)
        .map(ServerError::new)
}
