//! A member's metrics, of which only its heap is of use here.
//!
//! A collection is a dictionary of words and a list of values, each compressed by itself. Words and
//! descriptors are written as differences from the one before.

use std::io::Read;

use bytes::{Buf, Bytes};
use flate2::read::ZlibDecoder;
use uuid::Uuid;

use super::client::Client;
use super::cluster::roster::Target;
use super::codec::Request;
use super::codec::mc::read_metrics::ReadMetrics;
use super::error::{Kind, Result};
use super::invocation;
use super::message::DecodeError;

/// Longest collection accepted, unpacked.
const MAX_UNPACKED: u64 = 64 * 1024 * 1024;
/// Tells which client a metric is of: members pass on what their clients say of themselves.
const CLIENT_TAG: &str = "client";
/// The format's number.
const FORMAT: u16 = 1;

/// A member's heap, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heap {
    /// In use, garbage included.
    pub used: u64,
    /// The most that it may grow to.
    pub max: u64,
}

impl Client {
    /// The heap of a member, as it collected it last; none where it collects no metrics.
    pub async fn heap(&self, member: Uuid) -> Result<Option<Heap>> {
        let request = ReadMetrics {
            member,
            from_sequence: 0,
        };
        let target = Target::Member(member);
        let batch = invocation::invoke(self.cluster(), target, self.timeout(), |_| request).await?;
        let Some(latest) = batch.blobs.last() else {
            return Ok(None);
        };
        heap_of(latest).map_err(|source| {
            let call = ReadMetrics::NAME;
            Kind::Decode { call, source }.into()
        })
    }
}

/// Reads the heap out of one collection.
fn heap_of(blob: &Bytes) -> Result<Option<Heap>, DecodeError> {
    let mut blob = blob.clone();
    let (words, count) = {
        let format = blob.try_get_u16().map_err(|_| cut())?;
        if format != FORMAT {
            let value = i64::from(format);
            return Err(DecodeError::BadValue {
                what: "format of metrics",
                value,
            });
        }
        let length = blob.try_get_u32().map_err(|_| cut())?;
        let length = usize::try_from(length).map_err(|_| cut())?;
        if blob.remaining() < length {
            return Err(cut());
        }
        let words = words(&unpack(&blob.split_to(length))?)?;
        (words, blob.try_get_u32().map_err(|_| cut())?)
    };
    let mut values = Values {
        rest: unpack(&blob)?,
        words,
        prefix: -1,
        metric: -1,
        tags: 0,
    };
    let (mut used, mut max) = (None, None);
    for _ in 0..count {
        match values.next()? {
            (Some("runtime"), Some("usedMemory"), Some(value)) => used = Some(value),
            (Some("runtime"), Some("maxMemory"), Some(value)) => max = Some(value),
            _ => {}
        }
    }
    Ok(used.zip(max).map(|(used, max)| Heap { used, max }))
}

fn unpack(packed: &[u8]) -> Result<Bytes, DecodeError> {
    let mut unpacked = Vec::new();
    ZlibDecoder::new(packed)
        .take(MAX_UNPACKED)
        .read_to_end(&mut unpacked)
        .map_err(|_| cut())?;
    Ok(unpacked.into())
}

fn words(mut bytes: &[u8]) -> Result<Vec<String>, DecodeError> {
    let count = usize::try_from(bytes.try_get_u32().map_err(|_| cut())?).map_err(|_| cut())?;
    // Each word takes six bytes at least.
    if count > bytes.len() / 6 + 1 {
        return Err(cut());
    }
    let mut words = vec![String::new(); count];
    let mut last: Vec<u16> = Vec::new();
    for _ in 0..count {
        let id = bytes.try_get_u32().map_err(|_| cut())?;
        let common = usize::from(bytes.try_get_u8().map_err(|_| cut())?);
        let different = bytes.try_get_u8().map_err(|_| cut())?;
        last.truncate(common);
        for _ in 0..different {
            last.push(bytes.try_get_u16().map_err(|_| cut())?);
        }
        let slot = usize::try_from(id).ok().and_then(|id| words.get_mut(id));
        *slot.ok_or_else(cut)? = String::from_utf16_lossy(&last);
    }
    Ok(words)
}

fn cut() -> DecodeError {
    DecodeError::Truncated { what: "metrics" }
}

/// Bits that say what a descriptor has in common with the one before.
mod same {
    pub(super) const PREFIX: u8 = 1;
    pub(super) const METRIC: u8 = 1 << 1;
    pub(super) const DISCRIMINATOR: u8 = 1 << 2;
    pub(super) const DISCRIMINATOR_VALUE: u8 = 1 << 3;
    pub(super) const UNIT: u8 = 1 << 4;
    pub(super) const EXCLUDED_TARGETS: u8 = 1 << 5;
    pub(super) const TAG_COUNT: u8 = 1 << 6;
}

/// Prefix, name and value of a metric; no value where it is no natural number, or a client's.
type Metric<'a> = (Option<&'a str>, Option<&'a str>, Option<u64>);

struct Values {
    rest: Bytes,
    words: Vec<String>,
    prefix: i32,
    metric: i32,
    tags: u8,
}

impl Values {
    /// The next metric.
    fn next(&mut self) -> Result<Metric<'_>, DecodeError> {
        let mask = self.byte()?;
        let differs = |bit: u8| mask & bit == 0;
        if differs(same::PREFIX) {
            self.prefix = self.rest.try_get_i32().map_err(|_| cut())?;
        }
        if differs(same::METRIC) {
            self.metric = self.rest.try_get_i32().map_err(|_| cut())?;
        }
        for bit in [same::DISCRIMINATOR, same::DISCRIMINATOR_VALUE] {
            if differs(bit) {
                self.rest.try_get_i32().map_err(|_| cut())?;
            }
        }
        for bit in [same::UNIT, same::EXCLUDED_TARGETS] {
            if differs(bit) {
                self.byte()?;
            }
        }
        if differs(same::TAG_COUNT) {
            self.tags = self.byte()?;
        }
        let mut is_ours = true;
        for _ in 0..self.tags {
            let tag = self.rest.try_get_i32().map_err(|_| cut())?;
            is_ours &= self.word(tag) != Some(CLIENT_TAG);
            self.rest.try_get_i32().map_err(|_| cut())?;
        }
        let is_long = self.byte()? == 0;
        let value = self.rest.try_get_i64().map_err(|_| cut())?;
        let value = u64::try_from(value).ok().filter(|_| is_long && is_ours);
        Ok((self.word(self.prefix), self.word(self.metric), value))
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        self.rest.try_get_u8().map_err(|_| cut())
    }

    fn word(&self, id: i32) -> Option<&str> {
        let index = usize::try_from(id).ok()?;
        self.words.get(index).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use bytes::{BufMut, BytesMut};
    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    const WORDS: [&str; 5] = ["client", "maxMemory", "runtime", "usedMemory", "127.0.0.1"];

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    }

    fn id(word: &str) -> i32 {
        let at = WORDS.iter().position(|it| *it == word).unwrap();
        i32::try_from(at).unwrap()
    }

    /// A collection of these, each of a client where that is said, and nothing in common between them.
    fn collection(metrics: &[(&str, i64, bool)]) -> Bytes {
        let mut words = BytesMut::new();
        words.put_u32(u32::try_from(WORDS.len()).unwrap());
        for word in WORDS {
            words.put_i32(id(word));
            words.put_slice(&[0, u8::try_from(word.len()).unwrap()]);
            word.encode_utf16().for_each(|unit| words.put_u16(unit));
        }
        let mut values = BytesMut::new();
        for (name, value, of_client) in metrics {
            values.put_u8(0);
            for word in [id("runtime"), id(name), -1, -1] {
                values.put_i32(word);
            }
            // Unit, excluded targets, tags.
            values.put_slice(&[0, 0, u8::from(*of_client)]);
            if *of_client {
                values.put_i32(id("client"));
                values.put_i32(id("127.0.0.1"));
            }
            values.put_u8(0);
            values.put_i64(*value);
        }
        let words = packed(&words);
        let mut blob = BytesMut::new();
        blob.put_u16(FORMAT);
        blob.put_u32(u32::try_from(words.len()).unwrap());
        blob.put_slice(&words);
        blob.put_u32(u32::try_from(metrics.len()).unwrap());
        blob.put_slice(&packed(&values));
        blob.freeze()
    }

    #[test]
    fn the_heap_of_a_client_is_not_the_members() {
        let member = [("usedMemory", 5, false), ("maxMemory", 8, false)];
        let client = [("usedMemory", 1, true), ("maxMemory", 2, true)];
        let heap = Some(Heap { used: 5, max: 8 });
        for metrics in [[member, client], [client, member]] {
            assert_eq!(heap_of(&collection(metrics.as_flattened())).unwrap(), heap);
        }
        assert_eq!(heap_of(&collection(&client)).unwrap(), None);
    }
}
