//! A member as the member list describes it.

use crate::hazelcast::custom::{address, member_version};
use crate::hazelcast::message::DecodeError;
use crate::hazelcast::state::Member;
use crate::hazelcast::types::read::Frames;

/// Reads a member; its attributes and further addresses are skipped.
pub fn decode(frames: &mut Frames<'_>) -> Result<Member, DecodeError> {
    frames.structure("member", |frames| {
        let mut fields = frames.fields("member")?;
        let uuid = fields.uuid("member uuid")?.unwrap_or_default();
        let lite = fields.bool("lite member")?;
        let address = address::decode(frames)?;
        frames.skip("member attributes")?;
        let version = member_version::decode(frames)?;
        Ok(Member {
            uuid,
            address,
            version,
            lite,
        })
    })
}
