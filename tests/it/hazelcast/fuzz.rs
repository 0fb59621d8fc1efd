//! Bytes that nobody meant: mutations of real messages and values, as far as time allows. `make fuzz`
//! runs each target for longer. Nothing may panic, hang, or keep more than its limit.
//!
//! A run prints its seed; `FUZZ_SEED` repeats it. What was found stays as a line in `found.txt`:
//! target, then hex.

use std::time::{Duration, Instant};

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
use jetkeeper::hazelcast::frame::{FrameCodec, FrameReader};
use jetkeeper::hazelcast::message::ClientMessage;
use jetkeeper::hazelcast::serialization::{
    decode_execution_record, decode_job_config, decode_snapshot_key, decode_suspension_cause,
    decode_validation_record, is_validation_key, snapshot_keys_in, validation_key,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::protocol_golden::bytes_of;

const LIMIT: usize = 1 << 16;
const FOUND: &str = include_str!("found.txt");
const VALUES: &str = include_str!("../../../src/hazelcast/serialization/job_config_vectors.txt");

#[test]
fn every_message_is_written_back_byte_for_byte() {
    for minor in 6..=10 {
        for null in [false, true] {
            let bytes = bytes_of(minor, null);
            let mut written = BytesMut::new();
            for message in cut(&bytes, &mut std::iter::repeat(LIMIT)).0 {
                message
                    .encode(&FrameCodec::new(LIMIT), &mut written)
                    .unwrap();
            }
            assert!(written == bytes, "2.{minor}");
        }
    }
}

#[test]
fn frames() {
    let streams = [6, 10].map(|minor| bytes_of(minor, false)).to_vec();
    fuzz("frames", &streams, |bytes, random| {
        let whole = cut(bytes, &mut [bytes.len().max(1)].into_iter().cycle());
        let longest = random.random_range(1..50);
        let mut lengths = std::iter::repeat_with(|| random.random_range(1..=longest));
        assert_eq!(cut(bytes, &mut lengths), whole, "pieces change nothing");
    });
}

#[test]
fn messages() {
    let codec = FrameCodec::new(LIMIT);
    let mut seeds = Vec::new();
    for minor in [6, 8, 10] {
        for null in [false, true] {
            for message in cut(&bytes_of(minor, null), &mut std::iter::repeat(LIMIT)).0 {
                let mut bytes = BytesMut::new();
                message.encode(&codec, &mut bytes).unwrap();
                seeds.push(bytes.to_vec());
            }
        }
    }
    fuzz("messages", &seeds, |bytes, _| {
        for message in cut(bytes, &mut std::iter::repeat(LIMIT)).0 {
            decode(&message);
        }
    });
}

#[test]
fn values() {
    let lines = VALUES.lines().filter(|line| !line.starts_with('#'));
    let hex = lines.map(|line| line.split_once(' ').unwrap().1);
    let mut seeds: Vec<Vec<u8>> = hex.map(|hex| hex::decode(hex).unwrap()).collect();
    seeds.push(validation_key().as_slice().to_vec());
    seeds.push(Data::string("a text").as_slice().to_vec());
    seeds.push(Data::long(7).as_slice().to_vec());
    fuzz("values", &seeds, |bytes, _| {
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
    });
}

/// All messages of a stream that arrives in pieces of these lengths, and how it ends.
fn cut(
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

/// Tries what was found before, then mutations of the seeds until the time is over.
#[allow(clippy::print_stdout, reason = "the seed is what repeats a run")]
fn fuzz(target: &str, seeds: &[Vec<u8>], mut check: impl FnMut(&[u8], &mut StdRng)) {
    let variable = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seconds = variable("FUZZ_SECONDS").unwrap_or(1);
    let seed = variable("FUZZ_SEED").unwrap_or_else(|| StdRng::from_os_rng().random());
    let mut random = StdRng::seed_from_u64(seed);
    for found in FOUND.lines().filter_map(|line| line.strip_prefix(target)) {
        check(&hex::decode(found.trim()).unwrap(), &mut random);
    }
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut tried = 0u64;
    println!("{target}: FUZZ_SEED={seed}");
    while Instant::now() < until {
        let mut bytes = seeds.choose(&mut random).unwrap().clone();
        // Streams are long: a stretch of one is as good.
        if bytes.len() > 4_096 {
            let from = random.random_range(0..bytes.len() - 2_048);
            bytes = bytes[from..from + 2_048].to_vec();
        }
        mutate(&mut bytes, seeds, &mut random);
        let begun = Instant::now();
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            check(&bytes, &mut random);
        }));
        assert!(
            failed.is_ok(),
            "put into found.txt: {target} {}",
            hex::encode(&bytes)
        );
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it hangs: {target} {}",
            hex::encode(&bytes)
        );
        tried += 1;
    }
    println!("{target}: {tried} tries in {seconds} s, no crash");
    assert!(tried > 0);
}

/// Changes a few things the way broken peers do.
fn mutate(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut StdRng) {
    const TELLING: [i32; 8] = [0, -1, 1, 6, i32::MAX, i32::MIN, 0x7fff, 1 << 20];
    for _ in 0..random.random_range(1..8) {
        if bytes.is_empty() {
            return;
        }
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..7) {
            0 => bytes[at] = random.random(),
            1 => bytes[at] ^= 1 << random.random_range(0..8),
            2 => bytes.truncate(at),
            3 => {
                let number = TELLING.choose(random).unwrap();
                let number = if random.random() {
                    number.to_le_bytes()
                } else {
                    number.to_be_bytes()
                };
                for (byte, new) in bytes[at..].iter_mut().zip(number) {
                    *byte = new;
                }
            }
            4 => {
                let to = random.random_range(at..bytes.len().min(at + 64));
                let copy = bytes[at..=to].to_vec();
                bytes.splice(at..at, copy);
            }
            5 => {
                let to = random.random_range(at..bytes.len().min(at + 64));
                bytes.drain(at..=to);
            }
            _ => {
                let other = seeds.choose(random).unwrap();
                let from = random.random_range(0..other.len());
                let piece = &other[from..other.len().min(from + 64)];
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
}
