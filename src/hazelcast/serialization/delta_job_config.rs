//! Changes of a job's configuration, as members read them.

use bytes::{BufMut, BytesMut};

use super::data::header;
use super::{DELTA_JOB_CONFIG, Data, type_id};
use crate::hazelcast::job_config::DeltaJobConfig;

/// Stands for a flag that stays as it is.
const NULL_FLAG: u8 = 0x7f;

/// Serialises the changes.
pub fn encode_delta_job_config(delta: &DeltaJobConfig) -> Data {
    let DeltaJobConfig {
        snapshot_interval_millis,
        auto_scaling,
        suspend_on_failure,
        split_brain_protection,
        enable_metrics,
        store_metrics,
        max_processor_accumulated_records,
        timeout_millis,
    } = delta;
    let mut bytes = header(type_id::IDENTIFIED, 64);
    bytes.put_u8(1);
    bytes.put_i32(DELTA_JOB_CONFIG.factory);
    bytes.put_i32(DELTA_JOB_CONFIG.class);
    put_long(&mut bytes, *snapshot_interval_millis);
    for flag in [
        auto_scaling,
        suspend_on_failure,
        split_brain_protection,
        enable_metrics,
        store_metrics,
    ] {
        bytes.put_u8(flag.map_or(NULL_FLAG, u8::from));
    }
    put_long(&mut bytes, *max_processor_accumulated_records);
    put_long(&mut bytes, *timeout_millis);
    bytes.into()
}

fn put_long(bytes: &mut BytesMut, value: Option<i64>) {
    match value {
        Some(value) => {
            bytes.put_i32(type_id::LONG);
            bytes.put_i64(value);
        }
        None => bytes.put_i32(type_id::NULL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazelcast::serialization::data::tests::data;

    #[test]
    fn changes_are_written_as_the_java_client_does() {
        let none = encode_delta_job_config(&DeltaJobConfig::default());
        assert_eq!(
            none,
            data("00000000fffffffe01ffffd8ec00000003000000007f7f7f7f7f0000000000000000")
        );
        assert_eq!(none.partition_hash(), -625_638_064);
        let some = encode_delta_job_config(&DeltaJobConfig {
            snapshot_interval_millis: Some(1000),
            suspend_on_failure: Some(true),
            ..DeltaJobConfig::default()
        });
        assert_eq!(
            some,
            data(concat!(
                "00000000fffffffe01ffffd8ec00000003",
                "fffffff800000000000003e87f017f7f7f0000000000000000"
            ))
        );
    }
}
