//! Serialised values (`Data`): their header, their partition, and the few classes read or written
//! here. Everything inside is big endian, the members' default `serialization.byte-order`.

pub mod data;
mod delta_job_config;
mod input;
mod java;
mod jet;
mod job_config;
mod murmur;
mod snapshot;
mod suspension_cause;

pub use data::Data;
pub use delta_job_config::encode_delta_job_config;
pub use job_config::decode_job_config;
pub use snapshot::{
    decode_execution_record, decode_snapshot_key, decode_validation_record, is_validation_key,
    snapshot_keys_in, validation_key,
};
pub use suspension_cause::decode_suspension_cause;

/// Hazelcast's numbers of the serialisers that occur in this client.
mod type_id {
    pub(super) const NULL: i32 = 0;
    pub(super) const IDENTIFIED: i32 = -2;
    pub(super) const BYTE: i32 = -3;
    pub(super) const BOOL: i32 = -4;
    pub(super) const CHAR: i32 = -5;
    pub(super) const SHORT: i32 = -6;
    pub(super) const INT: i32 = -7;
    pub(super) const LONG: i32 = -8;
    pub(super) const FLOAT: i32 = -9;
    pub(super) const DOUBLE: i32 = -10;
    pub(super) const STRING: i32 = -11;
    pub(super) const BYTE_ARRAY: i32 = -12;
    pub(super) const BOOL_ARRAY: i32 = -13;
    pub(super) const CHAR_ARRAY: i32 = -14;
    pub(super) const SHORT_ARRAY: i32 = -15;
    pub(super) const INT_ARRAY: i32 = -16;
    pub(super) const LONG_ARRAY: i32 = -17;
    pub(super) const FLOAT_ARRAY: i32 = -18;
    pub(super) const DOUBLE_ARRAY: i32 = -19;
    pub(super) const STRING_ARRAY: i32 = -20;
    pub(super) const UUID: i32 = -21;
    pub(super) const DATE: i32 = -25;
    pub(super) const ARRAY_LIST: i32 = -29;
    pub(super) const LINKED_LIST: i32 = -30;
    pub(super) const COPY_ON_WRITE_ARRAY_LIST: i32 = -31;
    pub(super) const HASH_MAP: i32 = -32;
    pub(super) const CONCURRENT_HASH_MAP: i32 = -34;
    pub(super) const LINKED_HASH_MAP: i32 = -35;
    pub(super) const HASH_SET: i32 = -37;
    pub(super) const LINKED_HASH_SET: i32 = -39;
    pub(super) const JAVA: i32 = -100;
}

/// A class of Jet: its factory and its number in there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ClassId {
    factory: i32,
    class: i32,
}

const JOB_CONFIG: ClassId = ClassId {
    factory: -10_004,
    class: 0,
};
const RESOURCE_CONFIG: ClassId = ClassId {
    factory: -10_004,
    class: 2,
};
const DELTA_JOB_CONFIG: ClassId = ClassId {
    factory: -10_004,
    class: 3,
};
const EXECUTION_RECORD: ClassId = ClassId {
    factory: -10_002,
    class: 11,
};
const SNAPSHOT_KEY: ClassId = ClassId {
    factory: -10_002,
    class: 23,
};
const SNAPSHOT_CHUNK_END: ClassId = ClassId {
    factory: -10_002,
    class: 24,
};
const SNAPSHOT_STATS: ClassId = ClassId {
    factory: -10_002,
    class: 30,
};
const VALIDATION_RECORD: ClassId = ClassId {
    factory: -10_002,
    class: 32,
};
const SUSPENSION_CAUSE: ClassId = ClassId {
    factory: -10_002,
    class: 43,
};
