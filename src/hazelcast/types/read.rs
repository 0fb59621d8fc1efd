//! Cursors over a message: fixed-size fields of one frame, and the frames of a message.
//!
//! Both skip what later protocol versions append: fixed-size fields beyond those read, frames
//! before the end of a custom type.

use bytes::Bytes;
use uuid::Uuid;

use crate::hazelcast::frame::{Flags, Frame};
use crate::hazelcast::message::DecodeError;
use crate::hazelcast::serialization::Data;

/// Structures nested deeper than this are no message.
const MAX_DEPTH: usize = 64;

/// Reads fixed-size fields, little endian, one after the other.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Starts reading at an offset.
    pub fn new(content: &'a [u8], offset: usize) -> Self {
        Self {
            rest: content.get(offset..).unwrap_or_default(),
        }
    }

    /// Whether there are bytes left: fields of a later protocol version than the oldest.
    pub fn has_more(&self) -> bool {
        !self.rest.is_empty()
    }

    /// One byte.
    pub fn byte(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        self.take::<1>(what).map(u8::from_le_bytes)
    }

    /// One byte, 0 or 1.
    pub fn bool(&mut self, what: &'static str) -> Result<bool, DecodeError> {
        self.byte(what).map(|byte| byte != 0)
    }

    /// A 32-bit number.
    pub fn int(&mut self, what: &'static str) -> Result<i32, DecodeError> {
        self.take::<4>(what).map(i32::from_le_bytes)
    }

    /// A 64-bit number.
    pub fn long(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        self.take::<8>(what).map(i64::from_le_bytes)
    }

    /// An id of 17 bytes, the first of which says whether it is absent.
    pub fn uuid(&mut self, what: &'static str) -> Result<Option<Uuid>, DecodeError> {
        let absent = self.bool(what)?;
        let most = self.long(what)?.cast_unsigned();
        let least = self.long(what)?.cast_unsigned();
        Ok((!absent).then(|| Uuid::from_u64_pair(most, least)))
    }

    fn take<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let (field, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(DecodeError::Truncated { what })?;
        self.rest = rest;
        Ok(*field)
    }
}

/// Reads frames, one after the other.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    rest: &'a [Frame],
}

impl<'a> Frames<'a> {
    /// Starts at the first of these frames.
    pub fn new(frames: &'a [Frame]) -> Self {
        Self { rest: frames }
    }

    /// Whether there are frames left: fields of a later protocol version than the oldest.
    pub fn has_more(&self) -> bool {
        !self.rest.is_empty()
    }

    /// Content of the next frame, which must hold a value.
    pub fn content(&mut self, what: &'static str) -> Result<&'a Bytes, DecodeError> {
        let frame = self.next(what)?;
        let structural = [Flags::BEGIN, Flags::END, Flags::NULL];
        if structural.iter().any(|flag| frame.flags.has(*flag)) {
            return Err(DecodeError::UnexpectedFrame {
                what,
                flags: frame.flags.0,
            });
        }
        Ok(&frame.content)
    }

    /// Fixed-size fields of a custom type.
    pub fn fields(&mut self, what: &'static str) -> Result<Fields<'a>, DecodeError> {
        self.content(what).map(|content| Fields::new(content, 0))
    }

    /// A text.
    pub fn string(&mut self, what: &'static str) -> Result<String, DecodeError> {
        let content = self.content(what)?;
        let text = std::str::from_utf8(content).map_err(|_| DecodeError::NotUtf8 { what })?;
        Ok(text.to_owned())
    }

    /// Pairs of 32-bit numbers, packed into one frame.
    pub fn int_pairs(&mut self, what: &'static str) -> Result<Vec<(i32, i32)>, DecodeError> {
        let mut fields = self.fields(what)?;
        let mut pairs = Vec::new();
        while fields.has_more() {
            pairs.push((fields.int(what)?, fields.int(what)?));
        }
        Ok(pairs)
    }

    /// Entries of a map. They share the bytes that were received.
    pub fn entries(&mut self, what: &'static str) -> Result<Vec<(Data, Data)>, DecodeError> {
        self.list(what, |frames| {
            let key = frames.content(what).cloned().map(Data::from)?;
            let value = frames.content(what).cloned().map(Data::from)?;
            Ok((key, value))
        })
    }

    /// A text that may end in the middle of a character, because it was cut.
    pub fn cut_string(&mut self, what: &'static str) -> Result<String, DecodeError> {
        self.content(what).map(|content| {
            let text = String::from_utf8_lossy(content);
            text.trim_end_matches(char::REPLACEMENT_CHARACTER)
                .to_owned()
        })
    }

    /// A value that may be absent.
    pub fn nullable<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        match self.rest.split_first() {
            Some((frame, rest)) if frame.flags.has(Flags::NULL) => {
                self.rest = rest;
                Ok(None)
            }
            _ => read(self).map(Some),
        }
    }

    /// A custom type: what `read` leaves of it is skipped.
    pub fn structure<T>(
        &mut self,
        what: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.begin(what)?;
        let value = read(self)?;
        self.skip_to_end(what)?;
        Ok(value)
    }

    /// A list whose items take frames of their own.
    pub fn list<T>(
        &mut self,
        what: &'static str,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        self.begin(what)?;
        let mut items = Vec::new();
        while !self.at_end(what)? {
            items.push(read(self)?);
        }
        self.next(what)?;
        Ok(items)
    }

    /// Whether the next frame closes the structure that is being read.
    pub fn at_end(&self, what: &'static str) -> Result<bool, DecodeError> {
        let frame = self
            .rest
            .first()
            .ok_or(DecodeError::MissingFrame { what })?;
        Ok(frame.flags.has(Flags::END))
    }

    /// Steps over one value, whatever it is.
    pub fn skip(&mut self, what: &'static str) -> Result<(), DecodeError> {
        if self.next(what)?.flags.has(Flags::BEGIN) {
            self.skip_to_end(what)
        } else {
            Ok(())
        }
    }

    fn begin(&mut self, what: &'static str) -> Result<(), DecodeError> {
        let frame = self.next(what)?;
        if !frame.flags.has(Flags::BEGIN) {
            return Err(DecodeError::UnexpectedFrame {
                what,
                flags: frame.flags.0,
            });
        }
        Ok(())
    }

    fn skip_to_end(&mut self, what: &'static str) -> Result<(), DecodeError> {
        let mut depth = 1;
        while depth > 0 {
            let flags = self.next(what)?.flags;
            if flags.has(Flags::END) {
                depth -= 1;
            } else if flags.has(Flags::BEGIN) {
                depth += 1;
            }
            if depth > MAX_DEPTH {
                return Err(DecodeError::TooComplex {
                    what,
                    limit: MAX_DEPTH,
                });
            }
        }
        Ok(())
    }

    fn next(&mut self, what: &'static str) -> Result<&'a Frame, DecodeError> {
        let (frame, rest) = self
            .rest
            .split_first()
            .ok_or(DecodeError::MissingFrame { what })?;
        self.rest = rest;
        Ok(frame)
    }
}
