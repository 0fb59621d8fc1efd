//! One exception of an error's chain.

use crate::hazelcast::message::DecodeError;
use crate::hazelcast::server_error::{ErrorCode, ErrorHolder};
use crate::hazelcast::types::read::Frames;

/// Reads an exception; its stack trace is skipped.
pub fn decode(frames: &mut Frames<'_>) -> Result<ErrorHolder, DecodeError> {
    frames.structure("error", |frames| {
        let code = ErrorCode(frames.fields("error")?.int("error code")?);
        // Long texts were cut while they came.
        let class_name = frames.cut_string("error class")?;
        let message = frames.nullable(|frames| frames.cut_string("error message"))?;
        Ok(ErrorHolder {
            code,
            class_name,
            message,
        })
    })
}
