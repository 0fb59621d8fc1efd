//! What members keep about snapshots: a job's execution record, and the entries of a snapshot map.
//!
//! A snapshot map holds chunks, each under a [`SnapshotKey`], and one validation record under a key
//! of its own. A chunk is a byte array of serialised keys and values, one after the other without
//! their partition hashes, closed by a terminator.

use bytes::Bytes;

use super::input::Input;
use super::{
    Data, EXECUTION_RECORD, SNAPSHOT_CHUNK_END, SNAPSHOT_KEY, SNAPSHOT_STATS, SUSPENSION_CAUSE,
    VALIDATION_RECORD, type_id,
};
use crate::hazelcast::message::DecodeError;
use crate::hazelcast::snapshot::{
    ExecutionRecord, SnapshotKey, SnapshotStats, Suspension, ValidationRecord,
};

/// `SnapshotValidationKey.KEY`, a Java enum constant, as every member serialises it.
const VALIDATION_KEY: &[u8] = b"\0\0\0\0\xff\xff\xff\x9c\xac\xed\0\x05\x7e\x72\0\x45\
com.hazelcast.jet.impl.SnapshotValidationRecord$SnapshotValidationKey\
\0\0\0\0\0\0\0\0\x12\0\0\x78\x72\0\x0ejava.lang.Enum\0\0\0\0\0\0\0\0\x12\0\0\x78\x70\x74\0\x03KEY";

/// The key of a snapshot's validation record.
pub fn validation_key() -> Data {
    Data::from(Bytes::from_static(VALIDATION_KEY))
}

/// Whether a key is that of the validation record.
pub fn is_validation_key(key: &Data) -> bool {
    key.as_slice().get(4..) == VALIDATION_KEY.get(4..)
}

/// Reads a job's execution record.
pub fn decode_execution_record(data: &Data) -> Result<ExecutionRecord, DecodeError> {
    let mut fields = data.fields_of(EXECUTION_RECORD, "execution record")?;
    let job_id = fields.long("job id")?;
    let data_map_index = fields.int("data map index")?;
    let snapshot_id = fields.long("snapshot id")?;
    let ongoing_snapshot_id = fields.long("ongoing snapshot id")?;
    fields.int("quorum size")?;
    fields.long("start of the ongoing snapshot")?;
    Ok(ExecutionRecord {
        job_id,
        data_map_index,
        snapshot_id,
        ongoing_snapshot_id,
        last_snapshot_failure: fields.optional_string("failure of the last snapshot")?,
        stats: stats(&mut fields)?,
        exported_snapshot_name: fields.optional_string("name of the exported snapshot")?,
        suspension: suspension(&mut fields)?,
        executed: fields.bool("executed")?,
        timestamp: fields.long("timestamp")?,
    })
}

fn stats(fields: &mut Input<'_>) -> Result<Option<SnapshotStats>, DecodeError> {
    const WHAT: &str = "snapshot statistics";
    if !fields.optional(SNAPSHOT_STATS, WHAT)? {
        return Ok(None);
    }
    Ok(Some(SnapshotStats {
        snapshot_id: fields.long(WHAT)?,
        start_time: fields.long(WHAT)?,
        end_time: fields.long(WHAT)?,
        bytes: fields.long(WHAT)?,
        keys: fields.long(WHAT)?,
        chunks: fields.long(WHAT)?,
    }))
}

fn suspension(fields: &mut Input<'_>) -> Result<Suspension, DecodeError> {
    const WHAT: &str = "suspension cause";
    if !fields.optional(SUSPENSION_CAUSE, WHAT)? {
        return Ok(Suspension::None);
    }
    let error = fields.optional_string(WHAT)?;
    Ok(error.map_or(Suspension::Requested, Suspension::Failure))
}

/// Reads a snapshot's validation record.
pub fn decode_validation_record(data: &Data) -> Result<ValidationRecord, DecodeError> {
    let mut fields = data.fields_of(VALIDATION_RECORD, "validation record")?;
    Ok(ValidationRecord {
        snapshot_id: fields.long("snapshot id")?,
        chunks: fields.long("number of chunks")?,
        bytes: fields.long("number of bytes")?,
        creation_time: fields.long("creation time")?,
        job_id: fields.long("job id")?,
        job_name: fields.string("job name")?.unwrap_or_default(),
        dag_json: fields.string("DAG")?.unwrap_or_default(),
    })
}

/// Reads the key of a chunk.
pub fn decode_snapshot_key(data: &Data) -> Result<SnapshotKey, DecodeError> {
    let mut fields = data.fields_of(SNAPSHOT_KEY, "key of a snapshot's chunk")?;
    Ok(SnapshotKey {
        partition_key: fields.int("partition key")?,
        snapshot_id: fields.long("snapshot id")?,
        vertex: fields.string("vertex")?.unwrap_or_default(),
        sequence: fields.int("sequence")?,
    })
}

/// Counts the keys in a chunk; none where it holds objects of classes unknown here, whose end can't
/// be found.
pub fn snapshot_keys_in(chunk: &Data) -> Option<u64> {
    const WHAT: &str = "a snapshot's chunk";
    let mut content = chunk.payload_of(type_id::BYTE_ARRAY, WHAT).ok()?;
    content.int(WHAT).ok()?;
    let mut keys = 0;
    while !content.skip_until(SNAPSHOT_CHUNK_END, WHAT).ok()? {
        content.object(WHAT).ok()?;
        keys += 1;
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazelcast::serialization::data::tests::data;

    #[test]
    fn the_validation_key_is_the_members() {
        let theirs = data(concat!(
            "00000000ffffff9caced00057e720045636f6d2e68617a656c636173742e6a65742e696d706c2e",
            "536e617073686f7456616c69646174696f6e5265636f726424536e617073686f7456616c6964617469",
            "6f6e4b657900000000000000001200007872000e6a6176612e6c616e672e456e756d00000000000000",
            "0012000078707400034b4559"
        ));
        assert_eq!(validation_key(), theirs);
        assert_eq!(theirs.partition_id(271), 119);
        assert!(is_validation_key(&theirs));
        assert!(!is_validation_key(&Data::string("KEY")));
    }

    #[test]
    fn execution_records_of_new_and_suspended_jobs_are_read() {
        let new = data(concat!(
            "00000000fffffffe01ffffd8ee0000000b0adf8fef9a800001ffffffffffffffffffffffffffffff",
            "ffffffffff00000000800000000000000000000000000000000000000000000000000000000000000000"
        ));
        let record = decode_execution_record(&new).unwrap();
        assert_eq!(record.job_id, 0x0adf_8fef_9a80_0001);
        assert_eq!((record.snapshot_id, record.data_map_index), (-1, -1));
        assert_eq!(record.suspension, Suspension::None);
        assert_eq!(record.source_map(), None);

        let suspended = data(concat!(
            "00000000fffffffe01ffffd8ee0000000b0adf8fef9a800001000000000000000000000000000000",
            "000000000000000000800000000000000000000000fffffffe01ffffd8ee0000001e00000000000000",
            "00000001a20bc15471000001a20bc15472000000000000012c00000000000000040000000000000002",
            "00000000fffffffe01ffffd8ee0000002b00000000000000000000000000"
        ));
        let record = decode_execution_record(&suspended).unwrap();
        assert_eq!((record.snapshot_id, record.ongoing_snapshot_id), (0, 0));
        assert_eq!(record.suspension, Suspension::Requested);
        assert_eq!(
            record.stats.map(|stats| (stats.bytes, stats.keys)),
            Some((300, 4))
        );
        assert_eq!(
            record.source_map().as_deref(),
            Some("__jet.snapshot.0adf-8fef-9a80-0001.0")
        );
    }

    #[test]
    fn validation_records_and_keys_are_read() {
        let record = data(concat!(
            "00000000fffffffe01ffffd8ee0000002000000000000000070000000000000002000000000000012c",
            "0000018bcfe568000adf8fef9a800001000000036a6f62000000027b7d"
        ));
        let record = decode_validation_record(&record).unwrap();
        assert_eq!(
            (record.snapshot_id, record.chunks, record.bytes),
            (7, 2, 300)
        );
        assert_eq!(
            (record.job_name.as_str(), record.dag_json.as_str()),
            ("job", "{}")
        );
        let key = data(
            "87bfb2c6fffffffe01ffffd8ee000000170000000500000000000000070000000373726300000000",
        );
        let key = decode_snapshot_key(&key).unwrap();
        assert_eq!(
            (key.partition_key, key.snapshot_id, key.sequence),
            (5, 7, 0)
        );
        assert_eq!(key.vertex, "src");
        assert!(decode_snapshot_key(&Data::long(1)).is_err());
    }

    #[test]
    fn keys_are_counted_where_their_classes_are_known() {
        let terminator = "fffffffe01ffffd8ee00000018";
        // "a" -> 1 (Integer), twice.
        let pair = "fffffff50000000161fffffff900000001";
        let chunk = |content: &str| {
            let length = content.len() / 2;
            data(&format!("00000000fffffff4{length:08x}{content}"))
        };
        assert_eq!(
            snapshot_keys_in(&chunk(&format!("{pair}{pair}{terminator}"))),
            Some(2)
        );
        assert_eq!(snapshot_keys_in(&chunk(terminator)), Some(0));
        // A class of a factory of the user's, and a chunk that is cut.
        assert_eq!(snapshot_keys_in(&chunk("fffffffe010000000100000001")), None);
        assert_eq!(snapshot_keys_in(&chunk(pair)), None);
    }
}
