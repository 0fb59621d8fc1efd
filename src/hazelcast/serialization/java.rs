//! Steps over one object of the Java serialisation stream, which Hazelcast embeds without telling
//! its length. No class is needed for that: the stream describes each class before its objects.
//!
//! Bounded: nesting by [`MAX_DEPTH`], everything else by the bytes there are.

use super::input::{Input, MAX_DEPTH, Object};
use crate::hazelcast::message::DecodeError;

const STREAM_HEADER: [u8; 4] = [0xac, 0xed, 0x00, 0x05];
const FIRST_HANDLE: u32 = 0x007e_0000;

mod tag {
    pub(super) const NULL: u8 = 0x70;
    pub(super) const REFERENCE: u8 = 0x71;
    pub(super) const CLASS_DESC: u8 = 0x72;
    pub(super) const OBJECT: u8 = 0x73;
    pub(super) const STRING: u8 = 0x74;
    pub(super) const ARRAY: u8 = 0x75;
    pub(super) const CLASS: u8 = 0x76;
    pub(super) const BLOCK_DATA: u8 = 0x77;
    pub(super) const END_BLOCK_DATA: u8 = 0x78;
    pub(super) const BLOCK_DATA_LONG: u8 = 0x7a;
    pub(super) const LONG_STRING: u8 = 0x7c;
    pub(super) const PROXY_CLASS_DESC: u8 = 0x7d;
    pub(super) const ENUM: u8 = 0x7e;
}

mod class_flag {
    pub(super) const WRITE_METHOD: u8 = 0x01;
    pub(super) const SERIALIZABLE: u8 = 0x02;
    pub(super) const EXTERNALIZABLE: u8 = 0x04;
    pub(super) const BLOCK_DATA: u8 = 0x08;
}

/// Reads one object with the header of its stream.
pub(super) fn object(input: &mut Input<'_>, what: &'static str) -> Result<Object, DecodeError> {
    if input.bytes(STREAM_HEADER.len(), what)? != STREAM_HEADER {
        // The member compresses such objects: their end cannot be found.
        return Err(DecodeError::UnknownObject {
            what,
            type_id: super::type_id::JAVA,
        });
    }
    Walker {
        input,
        what,
        classes: Vec::new(),
        handles: Vec::new(),
    }
    .content(0)
}

/// What later references may point to.
#[derive(Clone, Copy, Debug)]
enum Handle {
    Class(usize),
    Other,
}

#[derive(Debug, Default)]
struct ClassDesc {
    name: Vec<u8>,
    flags: u8,
    field_types: Vec<u8>,
    parent: Option<usize>,
}

struct Walker<'i, 'a> {
    input: &'i mut Input<'a>,
    what: &'static str,
    classes: Vec<ClassDesc>,
    handles: Vec<Handle>,
}

impl Walker<'_, '_> {
    fn content(&mut self, depth: usize) -> Result<Object, DecodeError> {
        let tag = self.input.byte(self.what)?;
        self.tagged(tag, depth)
    }

    fn tagged(&mut self, tag: u8, depth: usize) -> Result<Object, DecodeError> {
        self.check_depth(depth)?;
        match tag {
            tag::NULL => return Ok(Object::Null),
            tag::STRING => {
                self.handles.push(Handle::Other);
                return self.text().map(Object::String);
            }
            tag::ENUM => return self.enum_constant(depth),
            tag::REFERENCE => drop(self.reference()?),
            tag::LONG_STRING => {
                self.handles.push(Handle::Other);
                let length = self.input.long(self.what)?;
                self.skip(usize::try_from(length).unwrap_or(usize::MAX))?;
            }
            tag::CLASS => {
                self.class_desc(depth)?;
                self.handles.push(Handle::Other);
            }
            tag::OBJECT => {
                let class = self.class_desc(depth)?;
                self.handles.push(Handle::Other);
                self.class_data(class, depth)?;
            }
            tag::ARRAY => self.array(depth)?,
            tag::CLASS_DESC | tag::PROXY_CLASS_DESC => {
                self.new_class_desc(tag, depth)?;
            }
            other => return Err(self.unexpected(other)),
        }
        Ok(Object::Other)
    }

    fn enum_constant(&mut self, depth: usize) -> Result<Object, DecodeError> {
        self.class_desc(depth)?;
        self.handles.push(Handle::Other);
        match self.content(depth + 1)? {
            Object::String(name) => Ok(Object::Enum(name)),
            _ => Ok(Object::Other),
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), DecodeError> {
        let class = self.class_desc(depth)?;
        self.handles.push(Handle::Other);
        let item = class
            .and_then(|class| self.classes.get(class))
            .and_then(|class| class.name.get(1).copied())
            .ok_or_else(|| self.unexpected(tag::ARRAY))?;
        let items = self.input.int(self.what)?;
        for _ in 0..items {
            self.field(item, depth)?;
        }
        Ok(())
    }

    /// Fields of the object class by class, the topmost parent first.
    fn class_data(&mut self, class: Option<usize>, depth: usize) -> Result<(), DecodeError> {
        let Some((flags, parent, fields)) = class
            .and_then(|class| self.classes.get(class))
            .map(|class| (class.flags, class.parent, class.field_types.clone()))
        else {
            return Ok(());
        };
        self.check_depth(depth)?;
        self.class_data(parent, depth + 1)?;
        if flags & class_flag::SERIALIZABLE != 0 {
            for field in fields {
                self.field(field, depth)?;
            }
            if flags & class_flag::WRITE_METHOD != 0 {
                self.annotation(depth)?;
            }
        } else if flags & class_flag::EXTERNALIZABLE != 0 {
            if flags & class_flag::BLOCK_DATA == 0 {
                return Err(self.unexpected(flags));
            }
            self.annotation(depth)?;
        }
        Ok(())
    }

    fn field(&mut self, type_code: u8, depth: usize) -> Result<(), DecodeError> {
        match type_code {
            b'B' | b'Z' => self.skip(1),
            b'C' | b'S' => self.skip(2),
            b'I' | b'F' => self.skip(4),
            b'J' | b'D' => self.skip(8),
            b'L' | b'[' => self.content(depth + 1).map(drop),
            other => Err(self.unexpected(other)),
        }
    }

    /// What a class wrote on its own, up to the end mark.
    fn annotation(&mut self, depth: usize) -> Result<(), DecodeError> {
        loop {
            match self.input.byte(self.what)? {
                tag::END_BLOCK_DATA => return Ok(()),
                tag::BLOCK_DATA => {
                    let length = self.input.byte(self.what)?;
                    self.skip(usize::from(length))?;
                }
                tag::BLOCK_DATA_LONG => {
                    let length = self.input.int(self.what)?;
                    self.skip(usize::try_from(length).unwrap_or(usize::MAX))?;
                }
                tag => drop(self.tagged(tag, depth + 1)?),
            }
        }
    }

    /// The description of a class, there or referred to; its place in `classes`.
    fn class_desc(&mut self, depth: usize) -> Result<Option<usize>, DecodeError> {
        self.check_depth(depth)?;
        match self.input.byte(self.what)? {
            tag::NULL => Ok(None),
            tag::REFERENCE => match self.reference()? {
                Handle::Class(class) => Ok(Some(class)),
                Handle::Other => Err(self.unexpected(tag::REFERENCE)),
            },
            tag @ (tag::CLASS_DESC | tag::PROXY_CLASS_DESC) => {
                self.new_class_desc(tag, depth).map(Some)
            }
            other => Err(self.unexpected(other)),
        }
    }

    fn new_class_desc(&mut self, tag: u8, depth: usize) -> Result<usize, DecodeError> {
        self.check_depth(depth)?;
        let class = self.classes.len();
        self.classes.push(ClassDesc::default());
        let mut described = if tag == tag::PROXY_CLASS_DESC {
            self.proxy(class)?
        } else {
            self.plain_class(class, depth)?
        };
        self.annotation(depth)?;
        described.parent = self.class_desc(depth + 1)?;
        if let Some(slot) = self.classes.get_mut(class) {
            *slot = described;
        }
        Ok(class)
    }

    fn plain_class(&mut self, class: usize, depth: usize) -> Result<ClassDesc, DecodeError> {
        let name = self.short_text()?.to_vec();
        self.skip(8)?;
        self.handles.push(Handle::Class(class));
        let flags = self.input.byte(self.what)?;
        let mut field_types = Vec::new();
        for _ in 0..self.input.short(self.what)? {
            let type_code = self.input.byte(self.what)?;
            self.short_text()?;
            if matches!(type_code, b'L' | b'[') {
                self.content(depth + 1)?;
            }
            field_types.push(type_code);
        }
        Ok(ClassDesc {
            name,
            flags,
            field_types,
            parent: None,
        })
    }

    fn proxy(&mut self, class: usize) -> Result<ClassDesc, DecodeError> {
        self.handles.push(Handle::Class(class));
        for _ in 0..self.input.int(self.what)? {
            self.short_text()?;
        }
        Ok(ClassDesc {
            flags: class_flag::SERIALIZABLE,
            ..ClassDesc::default()
        })
    }

    fn reference(&mut self) -> Result<Handle, DecodeError> {
        let handle = self.input.int(self.what)?;
        handle
            .cast_unsigned()
            .checked_sub(FIRST_HANDLE)
            .and_then(|index| self.handles.get(usize::try_from(index).ok()?))
            .copied()
            .ok_or(DecodeError::BadValue {
                what: self.what,
                value: i64::from(handle),
            })
    }

    fn text(&mut self) -> Result<String, DecodeError> {
        // Java's variant of UTF-8 differs from the real one only outside the basic plane.
        self.short_text()
            .map(|text| String::from_utf8_lossy(text).into_owned())
    }

    fn short_text(&mut self) -> Result<&[u8], DecodeError> {
        let length = self.input.short(self.what)?;
        self.input.bytes(usize::from(length), self.what)
    }

    fn skip(&mut self, length: usize) -> Result<(), DecodeError> {
        self.input.bytes(length, self.what).map(drop)
    }

    fn check_depth(&self, depth: usize) -> Result<(), DecodeError> {
        if depth > MAX_DEPTH {
            return Err(DecodeError::TooComplex {
                what: self.what,
                limit: MAX_DEPTH,
            });
        }
        Ok(())
    }

    fn unexpected(&self, found: u8) -> DecodeError {
        DecodeError::BadValue {
            what: self.what,
            value: i64::from(found),
        }
    }
}
