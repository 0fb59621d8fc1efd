//! What is tried with bytes that nobody meant: by the seeded mutator of the tests, and by the fuzzer in `fuzz/`, which
//! has this file too.

use bytes::{Bytes, BytesMut};
use jetkeeper::hazelcast::Data;
use jetkeeper::hazelcast::assembler::MessageAssembler;
use jetkeeper::hazelcast::codec::client::add_cluster_view_listener::{
    self, AddClusterViewListener,
};
use jetkeeper::hazelcast::codec::client::authentication::Authentication;
use jetkeeper::hazelcast::codec::client::authentication_custom::AuthenticationCustom;
use jetkeeper::hazelcast::codec::jet::add_job_status_listener::{self, AddJobStatusListener};
use jetkeeper::hazelcast::codec::jet::get_job_and_sql_summary_list::GetJobAndSqlSummaryList;
use jetkeeper::hazelcast::codec::jet::get_job_config::GetJobConfig;
use jetkeeper::hazelcast::codec::jet::get_job_status::GetJobStatus;
use jetkeeper::hazelcast::codec::jet::get_job_suspension_cause::GetJobSuspensionCause;
use jetkeeper::hazelcast::codec::jet::update_job_config::UpdateJobConfig;
use jetkeeper::hazelcast::codec::map::entry_set::MapEntrySet;
use jetkeeper::hazelcast::codec::map::fetch_entries::MapFetchEntries;
use jetkeeper::hazelcast::codec::map::fetch_keys::MapFetchKeys;
use jetkeeper::hazelcast::codec::map::get::MapGet;
use jetkeeper::hazelcast::codec::mc::get_cluster_metadata::GetClusterMetadata;
use jetkeeper::hazelcast::codec::mc::get_map_config::GetMapConfig;
use jetkeeper::hazelcast::codec::mc::get_member_config::GetMemberConfig;
use jetkeeper::hazelcast::codec::mc::get_timed_member_state::GetTimedMemberState;
use jetkeeper::hazelcast::codec::mc::read_metrics::ReadMetrics;
use jetkeeper::hazelcast::codec::{self, Request};
use jetkeeper::hazelcast::frame::FrameReader;
use jetkeeper::hazelcast::message::ClientMessage;
use jetkeeper::hazelcast::serialization::{
    decode_execution_record, decode_job_config, decode_snapshot_key, decode_suspension_cause,
    decode_validation_record, is_validation_key, snapshot_keys_in,
};

/// The most that a reader may keep.
pub(crate) const LIMIT: usize = 1 << 16;

/// A stream of frames gives the same messages in pieces of any length.
pub(crate) fn frames(bytes: &[u8], lengths: &mut dyn Iterator<Item = usize>) {
    let whole = cut(bytes, &mut std::iter::repeat(bytes.len().max(1)));
    assert_eq!(cut(bytes, lengths), whole, "pieces change nothing");
}

/// Messages of a stream are read as whatever they may be.
pub(crate) fn messages(bytes: &[u8]) {
    for message in cut(bytes, &mut std::iter::repeat(LIMIT)).0 {
        decode(&message);
    }
}

/// A serialised value is read as whatever it may be.
pub(crate) fn values(bytes: &[u8]) {
    let data = Data::from(Bytes::copy_from_slice(bytes));
    let _results = (
        decode_job_config(&data).is_ok(),
        decode_execution_record(&data).is_ok(),
        decode_validation_record(&data).is_ok(),
        decode_snapshot_key(&data).is_ok(),
        decode_suspension_cause(&data).is_ok(),
        data.as_string().is_ok(),
        (snapshot_keys_in(&data), is_validation_key(&data)),
        data.partition_id(271),
    );
}

/// All messages of a stream that arrives in pieces of these lengths, and how it ends.
pub(crate) fn cut(
    bytes: &[u8],
    lengths: &mut dyn Iterator<Item = usize>,
) -> (Vec<ClientMessage>, Option<String>) {
    let mut reader = FrameReader::new(LIMIT);
    let mut assembler = MessageAssembler::new(LIMIT).trimming(0, 64);
    let (mut buffer, mut messages, mut rest) = (BytesMut::new(), Vec::new(), bytes);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(lengths.next().unwrap().min(rest.len()));
        buffer.extend_from_slice(piece);
        rest = after;
        loop {
            let frame = match reader.next(assembler.wanted(), &mut buffer) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => return (messages, Some(error.to_string())),
            };
            match assembler.push(frame) {
                Ok(message) => messages.extend(message),
                Err(error) => return (messages, Some(error.to_string())),
            }
        }
        assert!(
            buffer.len() <= LIMIT + piece.len(),
            "more is kept than the limit"
        );
    }
    (messages, None)
}

/// Reads a message as whatever it says it is, and as a few things that it doesn't.
fn decode(message: &ClientMessage) {
    fn read<R: Request>(message: &ClientMessage) {
        let mut as_told = message.frames().to_vec();
        let first = as_told[0].content.to_vec();
        as_told[0].content = [&(R::TYPE + 1).to_le_bytes(), &first[4..]].concat().into();
        if let Ok(message) = ClientMessage::from_frames(as_told) {
            // Whether it can be read is its own business; only a panic counts.
            let _read = R::decode_response(&message).is_ok();
        }
    }
    read::<Authentication>(message);
    read::<AuthenticationCustom>(message);
    read::<AddClusterViewListener>(message);
    read::<AddJobStatusListener>(message);
    read::<GetJobAndSqlSummaryList>(message);
    read::<GetJobConfig>(message);
    read::<GetJobStatus>(message);
    read::<GetJobSuspensionCause>(message);
    read::<UpdateJobConfig>(message);
    read::<MapEntrySet>(message);
    read::<MapFetchEntries>(message);
    read::<MapFetchKeys>(message);
    read::<MapGet>(message);
    read::<GetClusterMetadata>(message);
    read::<GetMapConfig>(message);
    read::<GetMemberConfig>(message);
    read::<GetTimedMemberState>(message);
    read::<ReadMetrics>(message);
    let _read = (
        codec::error::decode_response(message).is_ok(),
        add_cluster_view_listener::decode_event(message).is_ok(),
        add_job_status_listener::decode_event(message).is_ok(),
        message.partition_id().is_ok(),
    );
}
