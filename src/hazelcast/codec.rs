//! The messages this client uses, one file each: type, encoding of the request, decoding of the
//! answer and of events.

pub mod client;
pub mod error;
pub mod jet;
pub mod map;
pub mod mc;

use super::message::{ClientMessage, DecodeError};

/// A request and what its answer holds.
pub trait Request {
    /// What the answer holds.
    type Response;
    /// The message's name in the protocol's definition.
    const NAME: &'static str;
    /// The request's type; that of the response is one more, those of events follow.
    const TYPE: i32;
    /// Only reads, so that it may be sent again when its answer was lost.
    const READ_ONLY: bool;

    /// The request as a message, its correlation id not set.
    fn encode_request(&self) -> ClientMessage;

    /// Reads the answer.
    fn decode_response(message: &ClientMessage) -> Result<Self::Response, DecodeError>;
}

/// Type of the response to a request.
pub(crate) const fn response_type<R: Request>() -> i32 {
    R::TYPE + 1
}
