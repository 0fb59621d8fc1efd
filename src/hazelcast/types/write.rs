//! Builds requests: fixed-size fields go into the first frame, all others into frames of their own.

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::hazelcast::frame::{Flags, Frame};
use crate::hazelcast::message::{ClientMessage, request_from_parts, request_header};
use crate::hazelcast::serialization::Data;

/// Partition id of a request that goes to no partition.
pub const NO_PARTITION: i32 = -1;

/// A request being built. Fixed-size fields may be given in their order at any time.
#[derive(Debug)]
pub struct RequestWriter {
    message_type: i32,
    first: BytesMut,
    frames: Vec<Frame>,
}

impl RequestWriter {
    /// A request that any member can serve.
    pub fn new(message_type: i32) -> Self {
        Self::to_partition(message_type, NO_PARTITION)
    }

    /// A request that the owner of a partition serves.
    pub fn to_partition(message_type: i32, partition_id: i32) -> Self {
        let first = request_header(message_type, partition_id);
        Self {
            message_type,
            first,
            frames: Vec::new(),
        }
    }

    /// Adds one byte, 0 or 1.
    #[must_use]
    pub fn bool(mut self, value: bool) -> Self {
        self.first.put_u8(u8::from(value));
        self
    }

    /// Adds one byte.
    #[must_use]
    pub fn byte(mut self, value: u8) -> Self {
        self.first.put_u8(value);
        self
    }

    /// Adds a 32-bit number.
    #[must_use]
    pub fn int(mut self, value: i32) -> Self {
        self.first.put_i32_le(value);
        self
    }

    /// Adds a 64-bit number.
    #[must_use]
    pub fn long(mut self, value: i64) -> Self {
        self.first.put_i64_le(value);
        self
    }

    /// Adds an id, which always takes 17 bytes.
    #[must_use]
    pub fn uuid(mut self, value: Option<Uuid>) -> Self {
        let (most, least) = value.unwrap_or_default().as_u64_pair();
        self.first.put_u8(u8::from(value.is_none()));
        self.first.put_u64_le(most);
        self.first.put_u64_le(least);
        self
    }

    /// Adds a text.
    #[must_use]
    pub fn string(self, value: &str) -> Self {
        self.bytes(Bytes::copy_from_slice(value.as_bytes()))
    }

    /// Adds a text that may be absent.
    #[must_use]
    pub fn nullable_string(self, value: Option<&str>) -> Self {
        match value {
            Some(text) => self.string(text),
            None => self.frame(Frame::empty(Flags::NULL)),
        }
    }

    /// Adds a list of texts.
    #[must_use]
    pub fn strings(self, values: &[String]) -> Self {
        let opened = self.frame(Frame::empty(Flags::BEGIN));
        let filled = values
            .iter()
            .fold(opened, |writer, value| writer.string(value));
        filled.frame(Frame::empty(Flags::END))
    }

    /// Adds pairs of 32-bit numbers, packed into one frame.
    #[must_use]
    pub fn int_pairs(self, pairs: &[(i32, i32)]) -> Self {
        let mut packed = BytesMut::with_capacity(pairs.len() * 8);
        for (first, second) in pairs {
            packed.put_i32_le(*first);
            packed.put_i32_le(*second);
        }
        self.bytes(packed)
    }

    /// Adds entries of a map; their bytes are shared, not copied.
    #[must_use]
    pub fn entries(self, entries: &[(Data, Data)]) -> Self {
        let opened = self.frame(Frame::empty(Flags::BEGIN));
        let filled = entries.iter().fold(opened, |writer, (key, value)| {
            writer.bytes(key.to_bytes()).bytes(value.to_bytes())
        });
        filled.frame(Frame::empty(Flags::END))
    }

    /// Adds bytes, such as a serialised value.
    #[must_use]
    pub fn bytes(self, value: impl Into<Bytes>) -> Self {
        self.frame(Frame::new(value))
    }

    /// The request.
    pub fn finish(self) -> ClientMessage {
        request_from_parts(self.message_type, self.first, self.frames)
    }

    fn frame(mut self, frame: Frame) -> Self {
        self.frames.push(frame);
        self
    }
}
