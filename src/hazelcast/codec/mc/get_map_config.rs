//! Asks a member for the configuration of a map.

use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::management::MapConfig;
use crate::hazelcast::message::{ClientMessage, DecodeError};
use crate::hazelcast::types::write::RequestWriter;

/// `MC.GetMapConfig`.
#[derive(Clone, Copy, Debug)]
pub struct GetMapConfig<'a> {
    /// The map.
    pub map_name: &'a str,
}

impl Request for GetMapConfig<'_> {
    type Response = MapConfig;
    const NAME: &'static str = "MCGetMapConfig";
    const TYPE: i32 = 0x20_0300;
    const READ_ONLY: bool = true;

    fn encode_request(&self) -> ClientMessage {
        RequestWriter::new(Self::TYPE)
            .string(self.map_name)
            .finish()
    }

    fn decode_response(message: &ClientMessage) -> Result<MapConfig, DecodeError> {
        let (mut fields, mut frames) = message.response(response_type::<Self>())?;
        Ok(MapConfig {
            in_memory_format: fields.int("in memory format")?,
            backup_count: fields.int("backup count")?,
            async_backup_count: fields.int("async backup count")?,
            time_to_live_seconds: fields.int("time to live")?,
            max_idle_seconds: fields.int("max idle")?,
            max_size: fields.int("max size")?,
            max_size_policy: fields.int("max size policy")?,
            read_backup_data: fields.bool("read backup data")?,
            eviction_policy: fields.int("eviction policy")?,
            merge_policy: frames.string("merge policy")?,
        })
    }
}
