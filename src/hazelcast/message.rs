//! Messages: a list of frames whose first carries type, correlation id and fixed-size fields.

use bytes::{BufMut, Bytes, BytesMut};

use super::frame::{Flags, Frame, FrameCodec, FrameError};
use super::types::read::{Fields, Frames};

/// Where the correlation id stands in the first frame.
const CORRELATION_ID: usize = 4;
/// Where the fixed-size fields of a request or event start; before it stands the partition id.
const REQUEST_FIELDS: usize = 16;
/// Where the fixed-size fields of a response start; before it stands the number of backup acks.
const RESPONSE_FIELDS: usize = 13;
/// The type of a response that carries an error.
pub const ERROR_TYPE: i32 = 0;

/// Bytes that are no message, or not the one expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A frame's length is impossible.
    #[error("the stream cannot be cut into frames")]
    Frame(#[from] FrameError),
    /// All frames of a message together are longer than allowed.
    #[error("a message is longer than {limit} bytes")]
    MessageTooLong {
        /// Longest length allowed.
        limit: usize,
    },
    /// A fragment continues no message that was begun, or begins one twice.
    #[error("fragment {0} does not continue a message")]
    StrayFragment(i64),
    /// A field reaches beyond the end of its frame or value.
    #[error("{what} is cut off")]
    Truncated {
        /// The field.
        what: &'static str,
    },
    /// The message ends where another frame was due.
    #[error("the message ends where {what} was due")]
    MissingFrame {
        /// What was due.
        what: &'static str,
    },
    /// A frame of another kind than the one due.
    #[error("{what} was due, not a frame with flags {flags:#06x}")]
    UnexpectedFrame {
        /// What was due.
        what: &'static str,
        /// Flags of what came.
        flags: u16,
    },
    /// The message is of another type.
    #[error("type {found:#08x} came instead of {expected:#08x}")]
    UnexpectedType {
        /// What was due.
        expected: i32,
        /// What came.
        found: i32,
    },
    /// Text that is not UTF-8.
    #[error("{what} is not UTF-8")]
    NotUtf8 {
        /// The field.
        what: &'static str,
    },
    /// A value outside its range.
    #[error("{what} has the impossible value {value}")]
    BadValue {
        /// The field.
        what: &'static str,
        /// What it holds.
        value: i64,
    },
    /// A serialised object of a kind unknown here.
    #[error("{what} is an object of type {type_id} that cannot be read here")]
    UnknownObject {
        /// The field.
        what: &'static str,
        /// Hazelcast's number of the serialiser.
        type_id: i32,
    },
    /// Structures nested deeper, or with more parts, than is sensible.
    #[error("{what} is nested or repeated beyond {limit}")]
    TooComplex {
        /// The structure.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

/// One request, response or event. Has at least one frame, whose header fields are complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientMessage {
    message_type: i32,
    correlation_id: i64,
    frames: Vec<Frame>,
}

impl ClientMessage {
    /// Takes frames that form a message.
    pub fn from_frames(frames: Vec<Frame>) -> Result<Self, DecodeError> {
        let first = frames.first().ok_or(DecodeError::MissingFrame {
            what: "the first frame",
        })?;
        let mut header = Fields::new(&first.content, 0);
        let message_type = header.int("message type")?;
        let correlation_id = header.long("correlation id")?;
        Ok(Self {
            message_type,
            correlation_id,
            frames,
        })
    }

    /// Service, method and kind of the message in one number.
    pub fn message_type(&self) -> i32 {
        self.message_type
    }

    /// Joins an answer to its request, and events to the request that asked for them.
    pub fn correlation_id(&self) -> i64 {
        self.correlation_id
    }

    /// The partition a request goes to; -1 for none. Only requests and events have it.
    pub fn partition_id(&self) -> Result<i32, DecodeError> {
        Fields::new(self.first(), CORRELATION_ID + 8).int("partition id")
    }

    /// Whether the message is an event for a listener.
    pub fn is_event(&self) -> bool {
        self.frames
            .first()
            .is_some_and(|frame| frame.flags.has(Flags::IS_EVENT))
    }

    /// Whether the message answers with an error.
    pub fn is_error(&self) -> bool {
        self.message_type == ERROR_TYPE && !self.is_event()
    }

    /// The frames.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Bytes the message takes on the wire.
    pub fn wire_len(&self) -> usize {
        self.frames.iter().map(Frame::wire_len).sum()
    }

    /// Sets the id that the answer will carry.
    pub fn set_correlation_id(&mut self, id: i64) {
        self.correlation_id = id;
        if let Some(first) = self.frames.first_mut() {
            let mut content = BytesMut::from(first.content.as_ref());
            if let Some(field) = content.get_mut(CORRELATION_ID..CORRELATION_ID + 8) {
                field.copy_from_slice(&id.to_le_bytes());
            }
            first.content = content.freeze();
        }
    }

    /// Fixed-size fields and further frames of a response of this type.
    pub fn response(&self, expected: i32) -> Result<(Fields<'_>, Frames<'_>), DecodeError> {
        self.open(expected, RESPONSE_FIELDS)
    }

    /// Fixed-size fields and further frames of a request or event of this type.
    pub fn request(&self, expected: i32) -> Result<(Fields<'_>, Frames<'_>), DecodeError> {
        self.open(expected, REQUEST_FIELDS)
    }

    /// Appends the message's bytes; the last frame is marked as such.
    pub fn encode(&self, codec: &FrameCodec, buffer: &mut BytesMut) -> Result<(), FrameError> {
        let Some((last, others)) = self.frames.split_last() else {
            return Ok(());
        };
        buffer.reserve(self.wire_len());
        for frame in others {
            codec.encode(frame, buffer)?;
        }
        let flags = last.flags.with(Flags::IS_FINAL);
        codec.encode(
            &Frame {
                flags,
                content: last.content.clone(),
            },
            buffer,
        )
    }

    fn open(&self, expected: i32, at: usize) -> Result<(Fields<'_>, Frames<'_>), DecodeError> {
        if self.message_type != expected {
            let found = self.message_type;
            return Err(DecodeError::UnexpectedType { expected, found });
        }
        let rest = self.frames.get(1..).unwrap_or_default();
        Ok((Fields::new(self.first(), at), Frames::new(rest)))
    }

    fn first(&self) -> &[u8] {
        self.frames
            .first()
            .map(|frame| frame.content.as_ref())
            .unwrap_or_default()
    }
}

/// First frame's content of a request: type, room for the correlation id, partition.
pub(crate) fn request_header(message_type: i32, partition_id: i32) -> BytesMut {
    let mut content = BytesMut::with_capacity(64);
    content.put_i32_le(message_type);
    content.put_i64_le(0);
    content.put_i32_le(partition_id);
    content
}

/// A request from its first frame's content and further frames.
pub(crate) fn request_from_parts(
    message_type: i32,
    first: impl Into<Bytes>,
    rest: Vec<Frame>,
) -> ClientMessage {
    let mut frames = Vec::with_capacity(rest.len() + 1);
    frames.push(Frame {
        flags: Flags::UNFRAGMENTED,
        content: first.into(),
    });
    frames.extend(rest);
    ClientMessage {
        message_type,
        correlation_id: 0,
        frames,
    }
}
