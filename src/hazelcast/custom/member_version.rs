//! A member's release.

use crate::hazelcast::message::DecodeError;
use crate::hazelcast::types::read::Frames;

/// Reads a release as `major.minor.patch`.
pub fn decode(frames: &mut Frames<'_>) -> Result<String, DecodeError> {
    frames.structure("member version", |frames| {
        let mut fields = frames.fields("member version")?;
        let major = fields.byte("major")?;
        let minor = fields.byte("minor")?;
        let patch = fields.byte("patch")?;
        Ok(format!("{major}.{minor}.{patch}"))
    })
}
