//! Host and port of a member.

use crate::hazelcast::message::DecodeError;
use crate::hazelcast::types::read::Frames;

/// Reads an address as `host:port`, with brackets around an IPv6 host.
pub fn decode(frames: &mut Frames<'_>) -> Result<String, DecodeError> {
    frames.structure("address", |frames| {
        let port = frames.fields("address")?.int("port")?;
        let port = u16::try_from(port).map_err(|_| DecodeError::BadValue {
            what: "port",
            value: i64::from(port),
        })?;
        let host = frames.string("host")?;
        let bare_v6 = host.contains(':') && !host.starts_with('[');
        Ok(if bare_v6 {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        })
    })
}
