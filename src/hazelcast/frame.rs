//! Frames: the unit in which messages are cut on the wire. No IO here.
//!
//! A frame is its length (i32, these six bytes included), flags (u16), content; all little endian.
//! Lengths are checked before anything is allocated for them, and room is made as bytes come.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Room that is made at once for a frame whose end is not here yet: its length alone proves nothing.
const GROWTH: usize = 1024 * 1024;

/// Bytes before a frame's content.
pub const HEADER_LEN: usize = 6;

/// The flag bits of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// No flag: a frame in the middle of a message.
    pub const NONE: Self = Self(0);
    /// First frame of a fragment, or of a message.
    pub const BEGIN_FRAGMENT: Self = Self(0x8000);
    /// First frame of the last fragment, or of a message.
    pub const END_FRAGMENT: Self = Self(0x4000);
    /// First frame of a message that is not fragmented.
    pub const UNFRAGMENTED: Self = Self(0xc000);
    /// Last frame of a message or fragment.
    pub const IS_FINAL: Self = Self(0x2000);
    /// Opens a list, map or custom type.
    pub const BEGIN: Self = Self(0x1000);
    /// Closes a list, map or custom type.
    pub const END: Self = Self(0x0800);
    /// Stands for an absent value.
    pub const NULL: Self = Self(0x0400);
    /// First frame of an event.
    pub const IS_EVENT: Self = Self(0x0200);

    /// Whether all bits of `mask` are set.
    pub fn has(self, mask: Self) -> bool {
        self.0 & mask.0 == mask.0
    }

    /// These bits and those of `other`.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Where the frame stands in its message.
    pub flags: Flags,
    /// What it carries.
    pub content: Bytes,
}

impl Frame {
    /// A frame in the middle of a message.
    pub fn new(content: impl Into<Bytes>) -> Self {
        Self {
            flags: Flags::NONE,
            content: content.into(),
        }
    }

    /// A frame without content.
    pub fn empty(flags: Flags) -> Self {
        Self {
            flags,
            content: Bytes::new(),
        }
    }

    /// Bytes the frame takes on the wire.
    pub fn wire_len(&self) -> usize {
        HEADER_LEN + self.content.len()
    }
}

/// Cuts a stream of bytes into frames, and writes frames as bytes.
#[derive(Clone, Debug)]
pub struct FrameCodec {
    max_frame_len: usize,
}

impl FrameCodec {
    /// A codec that refuses frames of more than `max_frame_len` bytes, header included.
    pub fn new(max_frame_len: usize) -> Self {
        Self {
            max_frame_len: max_frame_len.min(i32::MAX as usize),
        }
    }
}

/// The length of a frame is below that of the header, or beyond the limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {length} bytes is not within 6 and {limit}")]
pub struct FrameError {
    /// What the frame says.
    pub length: i64,
    /// Longest length allowed.
    pub limit: usize,
}

impl FrameCodec {
    /// The next frame; none when its last byte is not here yet.
    pub fn decode(&self, buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        let Some((length, flags)) = self.header(buffer)? else {
            return Ok(None);
        };
        if buffer.len() < length {
            buffer.reserve((length - buffer.len()).min(GROWTH));
            return Ok(None);
        }
        let mut content = buffer.split_to(length).freeze();
        content.advance(HEADER_LEN);
        Ok(Some(Frame { flags, content }))
    }

    /// Length, header included, and flags of the next frame; none when they are not here yet.
    fn header(&self, buffer: &BytesMut) -> Result<Option<(usize, Flags)>, FrameError> {
        let Some((header, _)) = buffer.split_first_chunk::<HEADER_LEN>() else {
            return Ok(None);
        };
        let mut header = header.as_slice();
        let announced = header.get_i32_le();
        let flags = Flags(header.get_u16_le());
        let length = usize::try_from(announced)
            .ok()
            .filter(|length| (HEADER_LEN..=self.max_frame_len).contains(length))
            .ok_or_else(|| self.bad_length(i64::from(announced)))?;
        Ok(Some((length, flags)))
    }

    /// Appends the frame's bytes, or nothing if the frame is too long.
    pub fn encode(&self, frame: &Frame, buffer: &mut BytesMut) -> Result<(), FrameError> {
        let length = frame.wire_len();
        let announced = i32::try_from(length)
            .ok()
            .filter(|_| length <= self.max_frame_len)
            .ok_or_else(|| self.bad_length(i64::try_from(length).unwrap_or(i64::MAX)))?;
        buffer.reserve(length);
        buffer.put_i32_le(announced);
        buffer.put_u16_le(frame.flags.0);
        buffer.put_slice(&frame.content);
        Ok(())
    }

    fn bad_length(&self, length: i64) -> FrameError {
        FrameError {
            length,
            limit: self.max_frame_len,
        }
    }
}

/// Cuts a stream into frames of which no more is kept than is wanted: the rest is dropped as it comes.
#[derive(Debug)]
pub struct FrameReader {
    codec: FrameCodec,
    rest: usize,
}

impl FrameReader {
    /// A reader that refuses frames of more than `max_frame_len` bytes, header included.
    pub fn new(max_frame_len: usize) -> Self {
        Self {
            codec: FrameCodec::new(max_frame_len),
            rest: 0,
        }
    }

    /// The next frame, its content cut after `wanted` bytes; none when these are not here yet.
    pub fn next(
        &mut self,
        wanted: usize,
        buffer: &mut BytesMut,
    ) -> Result<Option<Frame>, FrameError> {
        self.drop_rest(buffer);
        if self.rest > 0 {
            return Ok(None);
        }
        let Some((length, flags)) = self.codec.header(buffer)? else {
            return Ok(None);
        };
        let kept = HEADER_LEN.saturating_add(wanted);
        if length <= kept {
            return self.codec.decode(buffer);
        }
        if buffer.len() < kept {
            return Ok(None);
        }
        // Copied, so that the buffer it was read into can go.
        let content = Bytes::copy_from_slice(buffer.get(HEADER_LEN..kept).unwrap_or_default());
        buffer.advance(kept);
        self.rest = length - kept;
        self.drop_rest(buffer);
        Ok(Some(Frame { flags, content }))
    }

    fn drop_rest(&mut self, buffer: &mut BytesMut) {
        let here = self.rest.min(buffer.len());
        buffer.advance(here);
        self.rest -= here;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_frame_only_what_is_wanted_is_kept() {
        let codec = FrameCodec::new(1 << 30);
        let mut stream = BytesMut::new();
        for content in [vec![1; 50_000], vec![2; 3]] {
            codec.encode(&Frame::new(content), &mut stream).unwrap();
        }
        let (mut reader, mut buffer) = (FrameReader::new(1 << 30), BytesMut::new());
        let mut frames = Vec::new();
        for piece in stream.chunks(100) {
            buffer.extend_from_slice(piece);
            while let Some(frame) = reader.next(10, &mut buffer).unwrap() {
                frames.push(frame.content);
            }
            assert!(buffer.len() <= 100, "{} bytes are kept", buffer.len());
        }
        assert_eq!(frames, [vec![1; 10], vec![2; 3]]);
    }

    #[test]
    fn no_room_is_made_for_what_is_only_announced() {
        let mut buffer = BytesMut::from(&i32::MAX.to_le_bytes()[..]);
        buffer.extend_from_slice(&[0, 0xe0]);
        assert_eq!(FrameCodec::new(usize::MAX).decode(&mut buffer), Ok(None));
        assert!(buffer.capacity() <= 2 * GROWTH, "{}", buffer.capacity());
    }

    fn decode(bytes: &[u8]) -> Result<Option<Frame>, FrameError> {
        FrameCodec::new(1024).decode(&mut BytesMut::from(bytes))
    }

    #[test]
    fn frames_come_whole_or_not_at_all() {
        let bytes = [9, 0, 0, 0, 0x00, 0xe0, b'a', b'b', b'c'];
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]).unwrap(), None);
        }
        let frame = decode(&bytes).unwrap().unwrap();
        assert_eq!(&frame.content[..], b"abc");
        assert!(frame.flags.has(Flags::UNFRAGMENTED) && frame.flags.has(Flags::IS_FINAL));
    }

    #[test]
    fn impossible_lengths_are_refused_before_allocating() {
        for length in [i32::MIN, -1, 0, 5, 1025, i32::MAX] {
            let mut bytes = length.to_le_bytes().to_vec();
            bytes.extend([0, 0]);
            assert!(matches!(decode(&bytes), Err(FrameError { .. })), "{length}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let codec = FrameCodec::new(1024);
        let mut buffer = BytesMut::new();
        let frame = Frame {
            flags: Flags::NULL,
            content: Bytes::from_static(b"xyz"),
        };
        codec.encode(&frame, &mut buffer).unwrap();
        assert_eq!(codec.decode(&mut buffer).unwrap(), Some(frame));
        assert!(
            codec
                .encode(&Frame::new(vec![0; 1019]), &mut buffer)
                .is_err()
        );
    }
}
