//! Reads the payload of a serialised value, stepping over objects whose content does not matter.

use super::java;
use super::jet;
use super::{ClassId, RESOURCE_CONFIG, type_id};
use crate::hazelcast::message::DecodeError;

/// Objects nested deeper than this are not followed.
pub(super) const MAX_DEPTH: usize = 32;

/// A cursor over big-endian bytes.
#[derive(Clone, Debug)]
pub(super) struct Input<'a> {
    rest: &'a [u8],
}

/// An object, as far as its content is of use here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Null,
    Bool(bool),
    Long(i64),
    String(String),
    /// A Java enum constant, by its name.
    Enum(String),
    /// A file that a job brought, by its id.
    Resource(String),
    /// Anything else; it was stepped over.
    Other,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn byte(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        self.take::<1>(what).map(u8::from_be_bytes)
    }

    pub(super) fn bool(&mut self, what: &'static str) -> Result<bool, DecodeError> {
        self.byte(what).map(|byte| byte != 0)
    }

    pub(super) fn short(&mut self, what: &'static str) -> Result<u16, DecodeError> {
        self.take::<2>(what).map(u16::from_be_bytes)
    }

    pub(super) fn int(&mut self, what: &'static str) -> Result<i32, DecodeError> {
        self.take::<4>(what).map(i32::from_be_bytes)
    }

    pub(super) fn long(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        self.take::<8>(what).map(i64::from_be_bytes)
    }

    /// A text with its length in bytes before it; -1 is none.
    pub(super) fn string(&mut self, what: &'static str) -> Result<Option<String>, DecodeError> {
        let length = self.int(what)?;
        if length == -1 {
            return Ok(None);
        }
        let bytes = self.bytes(count(length, what)?, what)?;
        let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8 { what })?;
        Ok(Some(text.to_owned()))
    }

    pub(super) fn bytes(
        &mut self,
        length: usize,
        what: &'static str,
    ) -> Result<&'a [u8], DecodeError> {
        let (bytes, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(DecodeError::Truncated { what })?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Factory and class of an object, which must be these.
    pub(super) fn class_header(
        &mut self,
        expected: ClassId,
        what: &'static str,
    ) -> Result<(), DecodeError> {
        if self.class_id(what)? == Some(expected) {
            return Ok(());
        }
        Err(DecodeError::UnknownObject {
            what,
            type_id: type_id::IDENTIFIED,
        })
    }

    /// Any object.
    pub(super) fn object(&mut self, what: &'static str) -> Result<Object, DecodeError> {
        self.nested_object(what, 0)
    }

    /// A map with texts as keys; `visit` gets each entry.
    pub(super) fn map(
        &mut self,
        what: &'static str,
        visit: impl FnMut(Object, Object),
    ) -> Result<(), DecodeError> {
        match self.int(what)? {
            type_id::NULL => Ok(()),
            type_id::HASH_MAP | type_id::CONCURRENT_HASH_MAP | type_id::LINKED_HASH_MAP => {
                self.entries(what, 0, visit)
            }
            type_id => Err(DecodeError::UnknownObject { what, type_id }),
        }
    }

    /// Whether an object of this class comes next, whose fields are then to be read; else there is
    /// none.
    pub(super) fn optional(
        &mut self,
        class: ClassId,
        what: &'static str,
    ) -> Result<bool, DecodeError> {
        match self.int(what)? {
            type_id::NULL => Ok(false),
            type_id::IDENTIFIED => self.class_header(class, what).map(|()| true),
            type_id => Err(DecodeError::UnknownObject { what, type_id }),
        }
    }

    /// A text that was written as an object; none where there is no object.
    pub(super) fn optional_string(
        &mut self,
        what: &'static str,
    ) -> Result<Option<String>, DecodeError> {
        match self.int(what)? {
            type_id::NULL => Ok(None),
            type_id::STRING => self.string(what),
            type_id => Err(DecodeError::UnknownObject { what, type_id }),
        }
    }

    /// Steps over an object; whether it was one of this class without fields.
    pub(super) fn skip_until(
        &mut self,
        class: ClassId,
        what: &'static str,
    ) -> Result<bool, DecodeError> {
        let mut ahead = self.clone();
        if ahead.int(what)? == type_id::IDENTIFIED && ahead.class_id(what)? == Some(class) {
            *self = ahead;
            return Ok(true);
        }
        self.object(what).map(|_| false)
    }

    fn nested_object(&mut self, what: &'static str, depth: usize) -> Result<Object, DecodeError> {
        if depth > MAX_DEPTH {
            return Err(DecodeError::TooComplex {
                what,
                limit: MAX_DEPTH,
            });
        }
        let type_id = self.int(what)?;
        match type_id {
            type_id::NULL => return Ok(Object::Null),
            type_id::BOOL => return self.bool(what).map(Object::Bool),
            type_id::LONG => return self.long(what).map(Object::Long),
            type_id::STRING => {
                return Ok(self.string(what)?.map_or(Object::Null, Object::String));
            }
            type_id::JAVA => return java::object(self, what),
            type_id::IDENTIFIED => return self.identified(what, depth),
            type_id::ARRAY_LIST
            | type_id::LINKED_LIST
            | type_id::COPY_ON_WRITE_ARRAY_LIST
            | type_id::HASH_SET
            | type_id::LINKED_HASH_SET => self.items(what, depth)?,
            type_id::HASH_MAP | type_id::CONCURRENT_HASH_MAP | type_id::LINKED_HASH_MAP => {
                self.entries(what, depth, |_, _| ())?;
            }
            _ => match jet::shape(type_id) {
                Some(shape) => self.skip_shape(shape, what, depth)?,
                None => self.skip_plain(type_id, what)?,
            },
        }
        Ok(Object::Other)
    }

    fn identified(&mut self, what: &'static str, depth: usize) -> Result<Object, DecodeError> {
        if self.class_id(what)? != Some(RESOURCE_CONFIG) {
            return Err(DecodeError::UnknownObject {
                what,
                type_id: type_id::IDENTIFIED,
            });
        }
        let id = self.string("resource id")?;
        self.short("resource type")?;
        self.nested_object("resource URL", depth + 1)?;
        Ok(id.map_or(Object::Other, Object::Resource))
    }

    /// Factory and class of an identified object; none if it names its class otherwise.
    fn class_id(&mut self, what: &'static str) -> Result<Option<ClassId>, DecodeError> {
        const IDENTIFIED: u8 = 1;
        const VERSIONED: u8 = 2;
        let header = self.byte(what)?;
        if header & IDENTIFIED == 0 {
            return Ok(None);
        }
        let class = ClassId {
            factory: self.int(what)?,
            class: self.int(what)?,
        };
        if header & VERSIONED != 0 {
            self.bytes(2, what)?;
        }
        Ok(Some(class))
    }

    fn items(&mut self, what: &'static str, depth: usize) -> Result<(), DecodeError> {
        for _ in 0..count(self.int(what)?, what)? {
            self.nested_object(what, depth + 1)?;
        }
        Ok(())
    }

    fn entries(
        &mut self,
        what: &'static str,
        depth: usize,
        mut visit: impl FnMut(Object, Object),
    ) -> Result<(), DecodeError> {
        for _ in 0..count(self.int(what)?, what)? {
            let key = self.nested_object(what, depth + 1)?;
            let value = self.nested_object(what, depth + 1)?;
            visit(key, value);
        }
        Ok(())
    }

    fn skip_shape(
        &mut self,
        shape: jet::Shape,
        what: &'static str,
        depth: usize,
    ) -> Result<(), DecodeError> {
        self.bytes(shape.before, what)?;
        for _ in 0..shape.objects {
            self.nested_object(what, depth + 1)?;
        }
        self.bytes(shape.after, what).map(drop)
    }

    /// Steps over a value of fixed size or an array of such.
    fn skip_plain(&mut self, type_id: i32, what: &'static str) -> Result<(), DecodeError> {
        let item_len = match type_id {
            type_id::BYTE => return self.bytes(1, what).map(drop),
            type_id::CHAR | type_id::SHORT => return self.bytes(2, what).map(drop),
            type_id::INT | type_id::FLOAT => return self.bytes(4, what).map(drop),
            type_id::DOUBLE | type_id::DATE => return self.bytes(8, what).map(drop),
            type_id::UUID => return self.bytes(16, what).map(drop),
            type_id::STRING_ARRAY => return self.skip_strings(what),
            type_id::BYTE_ARRAY | type_id::BOOL_ARRAY => 1,
            type_id::CHAR_ARRAY | type_id::SHORT_ARRAY => 2,
            type_id::INT_ARRAY | type_id::FLOAT_ARRAY => 4,
            type_id::LONG_ARRAY | type_id::DOUBLE_ARRAY => 8,
            _ => return Err(DecodeError::UnknownObject { what, type_id }),
        };
        let items = self.array_len(what)?;
        self.bytes(items.saturating_mul(item_len), what).map(drop)
    }

    fn skip_strings(&mut self, what: &'static str) -> Result<(), DecodeError> {
        for _ in 0..self.array_len(what)? {
            self.string(what)?;
        }
        Ok(())
    }

    /// Number of items of an array that may be absent.
    fn array_len(&mut self, what: &'static str) -> Result<usize, DecodeError> {
        match self.int(what)? {
            -1 => Ok(0),
            length => count(length, what),
        }
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

fn count(value: i32, what: &'static str) -> Result<usize, DecodeError> {
    usize::try_from(value).map_err(|_| DecodeError::BadValue {
        what,
        value: i64::from(value),
    })
}
