//! Frames to messages: collects until the last frame, merges fragments, bounds the whole.

use std::collections::HashMap;

use bytes::Bytes;

use super::frame::{Flags, Frame};
use super::message::{ClientMessage, DecodeError};
use super::types::read::Fields;

/// What a frame counts at least, because keeping one costs more than its few bytes.
const FRAME_COST: usize = 64;
/// What is kept of the first frame of a message: it has fixed-size fields, far fewer in any version.
const FIRST_FRAME: usize = 4096;

/// Frames of a message, or of its fragments so far.
#[derive(Debug, Default)]
struct Part {
    frames: Vec<Frame>,
    cost: usize,
}

/// Puts messages together from the frames of one connection.
///
/// All that is kept together, the message at hand and begun fragmented ones, stays below a limit.
#[derive(Debug)]
pub struct MessageAssembler {
    limit: usize,
    current: Part,
    fragmented: HashMap<i64, Part>,
    fragmented_cost: usize,
    trims: Vec<Trim>,
}

/// Cuts long frames of one type of message while it is being received.
#[derive(Clone, Copy, Debug)]
struct Trim {
    message_type: i32,
    frame_limit: usize,
}

impl MessageAssembler {
    /// An assembler that keeps at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            current: Part::default(),
            fragmented: HashMap::new(),
            fragmented_cost: 0,
            trims: Vec::new(),
        }
    }

    /// Cuts frames of messages of this type too after `frame_limit` bytes. Only for messages whose
    /// long frames are all texts.
    #[must_use]
    pub fn trimming(mut self, message_type: i32, frame_limit: usize) -> Self {
        self.trims.push(Trim {
            message_type,
            frame_limit,
        });
        self
    }

    /// How many bytes of the next frame's content are of any use.
    pub fn wanted(&self) -> usize {
        if self.current.frames.is_empty() {
            return FIRST_FRAME;
        }
        self.frame_limit().unwrap_or(usize::MAX)
    }

    /// Takes the next frame; gives a message when it was the last one of it.
    pub fn push(&mut self, frame: Frame) -> Result<Option<ClientMessage>, DecodeError> {
        let is_final = frame.flags.has(Flags::IS_FINAL);
        let frame = self.trimmed(frame);
        self.current.cost += frame.wire_len().max(FRAME_COST);
        self.current.frames.push(frame);
        if self.current.cost + self.fragmented_cost > self.limit {
            return Err(DecodeError::MessageTooLong { limit: self.limit });
        }
        if !is_final {
            return Ok(None);
        }
        let part = std::mem::take(&mut self.current);
        let flags = part
            .frames
            .first()
            .map(|first| first.flags)
            .unwrap_or_default();
        if flags.has(Flags::UNFRAGMENTED) {
            return ClientMessage::from_frames(part.frames).map(Some);
        }
        self.merge(part, flags)
    }

    /// Adds a fragment to its message; gives the message when it was the last one.
    fn merge(&mut self, part: Part, flags: Flags) -> Result<Option<ClientMessage>, DecodeError> {
        let mut frames = part.frames.into_iter();
        let header = frames.next().unwrap_or_default();
        let id = Fields::new(&header.content, 0).long("fragment id")?;
        self.fragmented_cost += part.cost;
        if flags.has(Flags::BEGIN_FRAGMENT) {
            let begun = Part {
                frames: frames.collect(),
                cost: part.cost,
            };
            return match self.fragmented.insert(id, begun) {
                None => Ok(None),
                Some(_) => Err(DecodeError::StrayFragment(id)),
            };
        }
        let mut whole = self
            .fragmented
            .remove(&id)
            .ok_or(DecodeError::StrayFragment(id))?;
        whole.frames.extend(frames);
        whole.cost += part.cost;
        if !flags.has(Flags::END_FRAGMENT) {
            self.fragmented.insert(id, whole);
            return Ok(None);
        }
        self.fragmented_cost = self.fragmented_cost.saturating_sub(whole.cost);
        ClientMessage::from_frames(whole.frames).map(Some)
    }

    /// Copies what is kept of the frame, so that the buffer it was read into can go.
    fn trimmed(&self, frame: Frame) -> Frame {
        let Some(limit) = self.frame_limit() else {
            return frame;
        };
        let kept = frame.content.len().min(limit);
        let kept = frame.content.get(..kept).unwrap_or_default();
        Frame {
            flags: frame.flags,
            content: Bytes::copy_from_slice(kept),
        }
    }

    /// Where frames of the message at hand are cut, if they are. Never in a fragment: its first frame
    /// says nothing of the message's type.
    fn frame_limit(&self) -> Option<usize> {
        let first = self.current.frames.first()?;
        if !first.flags.has(Flags::UNFRAGMENTED) || self.trims.is_empty() {
            return None;
        }
        let found = Fields::new(&first.content, 0).int("message type").ok()?;
        let trim = self.trims.iter().find(|it| it.message_type == found)?;
        Some(trim.frame_limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazelcast::types::write::RequestWriter;

    fn message() -> ClientMessage {
        RequestWriter::new(0x00_1234)
            .long(7)
            .string("eins")
            .string("zwei")
            .string("drei")
            .finish()
    }

    fn fragment(flags: Flags, id: i64, frames: &[Frame]) -> Vec<Frame> {
        let header = Frame {
            flags,
            content: Bytes::copy_from_slice(&id.to_le_bytes()),
        };
        let mut all = vec![header];
        all.extend_from_slice(frames);
        if let Some(last) = all.last_mut() {
            last.flags = last.flags.with(Flags::IS_FINAL);
        }
        all
    }

    fn push_all(
        assembler: &mut MessageAssembler,
        frames: Vec<Frame>,
    ) -> Result<Option<ClientMessage>, DecodeError> {
        let mut result = None;
        for frame in frames {
            result = assembler.push(frame)?;
        }
        Ok(result)
    }

    #[test]
    fn fragments_of_two_messages_may_interleave() {
        let whole = message();
        let frames = whole.frames();
        let mut assembler = MessageAssembler::new(10_000);
        let mut results = Vec::new();
        for id in [1, 2] {
            let begin = fragment(Flags::BEGIN_FRAGMENT, id, &frames[..2]);
            results.push(push_all(&mut assembler, begin).unwrap());
        }
        for id in [2, 1] {
            let middle = fragment(Flags::NONE, id, &frames[2..3]);
            results.push(push_all(&mut assembler, middle).unwrap());
        }
        assert_eq!(results, [None, None, None, None]);
        for id in [1, 2] {
            let end = fragment(Flags::END_FRAGMENT, id, &frames[3..]);
            let merged = push_all(&mut assembler, end).unwrap().unwrap();
            assert_eq!(merged.message_type(), 0x1234);
            assert_eq!(merged.frames().len(), 4);
        }
        assert_eq!(assembler.fragmented_cost, 0);
    }

    #[test]
    fn stray_fragments_are_refused() {
        let mut assembler = MessageAssembler::new(10_000);
        let stray = fragment(Flags::END_FRAGMENT, 9, &[]);
        assert_eq!(
            push_all(&mut assembler, stray),
            Err(DecodeError::StrayFragment(9))
        );
    }

    #[test]
    fn endless_messages_are_refused() {
        let mut assembler = MessageAssembler::new(10_000);
        let mut frames = std::iter::repeat_with(|| Frame::empty(Flags::BEGIN)).take(1_000);
        assert!(frames.any(|frame| assembler.push(frame).is_err()));

        let mut assembler = MessageAssembler::new(10_000);
        let mut ids = 0..1_000;
        assert!(ids.any(|id| {
            push_all(&mut assembler, fragment(Flags::BEGIN_FRAGMENT, id, &[])).is_err()
        }));
    }

    #[test]
    fn long_texts_are_cut_while_they_come() {
        let long = RequestWriter::new(5)
            .string(&"x".repeat(100))
            .string("y")
            .finish();
        let mut assembler = MessageAssembler::new(10_000)
            .trimming(5, 10)
            .trimming(6, 20);
        let mut frames = long.frames().to_vec();
        frames[2].flags = Flags::IS_FINAL;
        let cut = push_all(&mut assembler, frames).unwrap().unwrap();
        assert_eq!(cut.frames()[1].content.len(), 10);
        assert_eq!(cut.frames()[2].content.len(), 1);
    }
}
