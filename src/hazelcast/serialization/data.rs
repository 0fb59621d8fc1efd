//! One serialised value as maps hold it.

use bytes::{BufMut, Bytes, BytesMut};

use super::input::Input;
use super::{ClassId, murmur, type_id};
use crate::hazelcast::message::DecodeError;

/// Bytes before the payload: partition hash and type.
const HEADER_LEN: usize = 8;

/// A serialised value: partition hash (0 for none), type of the serialiser, payload. Values of
/// classes unknown here are carried as they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Data(Bytes);

impl Data {
    /// A Java `String`.
    pub fn string(text: &str) -> Self {
        let mut bytes = header(type_id::STRING, 4 + text.len());
        put_string(&mut bytes, text);
        Self(bytes.freeze())
    }

    /// A Java `Long`.
    pub fn long(value: i64) -> Self {
        let mut bytes = header(type_id::LONG, 8);
        bytes.put_i64(value);
        Self(bytes.freeze())
    }

    /// The text, if the value is a Java `String`.
    pub fn as_string(&self) -> Result<String, DecodeError> {
        let mut payload = self.payload_of(type_id::STRING, "a String")?;
        payload
            .string("a String")?
            .ok_or(DecodeError::Truncated { what: "a String" })
    }

    /// The number, if the value is a Java `Long`.
    pub fn as_long(&self) -> Result<i64, DecodeError> {
        self.payload_of(type_id::LONG, "a Long")?.long("a Long")
    }

    /// The bytes, header included.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, header included, shared.
    pub fn to_bytes(&self) -> Bytes {
        self.0.clone()
    }

    /// Number of the serialiser that made it.
    pub fn type_id(&self) -> Result<i32, DecodeError> {
        Input::new(self.0.get(4..).unwrap_or_default()).int("type of a value")
    }

    /// The hash that decides on the partition: the one in the header, else that of the bytes.
    pub fn partition_hash(&self) -> i32 {
        let stored = Input::new(&self.0)
            .int("partition hash")
            .unwrap_or_default();
        if stored == 0 {
            murmur::hash(self.0.get(HEADER_LEN..).unwrap_or_default())
        } else {
            stored
        }
    }

    /// The partition of this key among so many.
    pub fn partition_id(&self, partition_count: u32) -> i32 {
        match self.partition_hash() {
            i32::MIN => 0,
            hash => hash
                .unsigned_abs()
                .checked_rem(partition_count)
                .and_then(|partition| i32::try_from(partition).ok())
                .unwrap_or_default(),
        }
    }

    /// The payload, if the value was made by this serialiser.
    pub(super) fn payload_of(
        &self,
        expected: i32,
        what: &'static str,
    ) -> Result<Input<'_>, DecodeError> {
        match self.type_id()? {
            found if found == expected => {
                Ok(Input::new(self.0.get(HEADER_LEN..).unwrap_or_default()))
            }
            type_id => Err(DecodeError::UnknownObject { what, type_id }),
        }
    }

    /// The fields, if the value is of this class.
    pub(super) fn fields_of(
        &self,
        class: ClassId,
        what: &'static str,
    ) -> Result<Input<'_>, DecodeError> {
        let mut payload = self.payload_of(type_id::IDENTIFIED, what)?;
        payload.class_header(class, what)?;
        Ok(payload)
    }
}

impl From<Bytes> for Data {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<BytesMut> for Data {
    fn from(bytes: BytesMut) -> Self {
        Self(bytes.freeze())
    }
}

/// A buffer that starts with a header for this type.
pub(super) fn header(type_id: i32, payload_len: usize) -> BytesMut {
    let mut bytes = BytesMut::with_capacity(HEADER_LEN + payload_len);
    bytes.put_i32(0);
    bytes.put_i32(type_id);
    bytes
}

/// A text as fields and payloads hold it: its length in bytes, then UTF-8.
fn put_string(bytes: &mut BytesMut, text: &str) {
    // Texts beyond 2 GiB cannot be sent anyway: no frame holds them.
    bytes.put_i32(i32::try_from(text.len()).unwrap_or(i32::MAX));
    bytes.put_slice(text.as_bytes());
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A value from its bytes in hex.
    pub(in crate::hazelcast::serialization) fn data(hex_text: &str) -> Data {
        Data(hex::decode(hex_text).unwrap().into())
    }

    #[test]
    fn hashes_and_partitions_are_those_of_the_java_client() {
        for (text, hash, partition) in [
            ("foo", 947_302_427, 247),
            ("", 923_237_662, 11),
            ("key-ü€😀", -249_859_687, 126),
            ("a", 2_099_876_635, 73),
            ("hello", 1_985_248_981, 270),
            ("job-1", 1_516_663_846, 151),
            ("ü", -1_998_047_834, 64),
        ] {
            let key = Data::string(text);
            assert_eq!(
                (key.partition_hash(), key.partition_id(271)),
                (hash, partition),
                "{text}"
            );
            assert_eq!(key.as_string().unwrap(), text);
        }
        let long = Data::long(0x0123_4567_89ab_cdef);
        assert_eq!(
            (long.partition_hash(), long.partition_id(271)),
            (417_790_745, 72)
        );
        assert_eq!(long, data("00000000fffffff80123456789abcdef"));
        assert_eq!(long.as_long().unwrap(), 0x0123_4567_89ab_cdef);
    }

    #[test]
    fn a_hash_in_the_header_wins() {
        let key = data(concat!(
            "87bfb2c6fffffffe01ffffd8ee00000017",
            "0000000500000000000000070000000373726300000000"
        ));
        assert_eq!(
            (key.partition_hash(), key.partition_id(271)),
            (-2_017_479_994, 169)
        );
        assert_eq!(data("80000000fffffff400000000").partition_id(271), 0);
    }

    #[test]
    fn values_of_other_types_are_not_guessed_at() {
        assert!(Data::long(1).as_string().is_err());
        assert!(data("").as_string().is_err());
        assert!(data("00000000fffffff5ffffffff").as_string().is_err());
        assert!(data("00000000fffffff50000000961").as_string().is_err());
        assert_eq!(data("").partition_id(0), 0);
    }
}
