//! Bytes that nobody meant: mutations of real messages and values, as far as time allows. `make fuzz`
//! runs each target for longer, guided by coverage where a nightly compiler is there (`fuzz/`). Nothing
//! may panic, hang, or keep more than its limit.
//!
//! With `FUZZ_CORPUS` the seeds are written into that directory instead, for the fuzzer to begin with.
//! A run prints its seed; `FUZZ_SEED` repeats it. What was found stays as a line in `found.txt`:
//! target, then hex.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use jetkeeper::hazelcast::Data;
use jetkeeper::hazelcast::frame::FrameCodec;
use jetkeeper::hazelcast::serialization::validation_key;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::fuzz_targets::{self as targets, LIMIT, cut};
use crate::protocol_golden::bytes_of;

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
        let longest = random.random_range(1..50);
        let mut lengths = std::iter::repeat_with(|| random.random_range(1..=longest));
        targets::frames(bytes, &mut lengths);
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
        targets::messages(bytes);
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
        targets::values(bytes);
    });
}

/// Tries what was found before, then mutations of the seeds until the time is over.
#[allow(clippy::print_stdout, reason = "the seed is what repeats a run")]
fn fuzz(target: &str, seeds: &[Vec<u8>], mut check: impl FnMut(&[u8], &mut StdRng)) {
    if let Some(corpus) = std::env::var_os("FUZZ_CORPUS") {
        write_seeds(&Path::new(&corpus).join(target), seeds);
        return;
    }
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

/// One file each, with those that were found.
fn write_seeds(directory: &Path, seeds: &[Vec<u8>]) {
    std::fs::create_dir_all(directory).unwrap();
    let name = directory.file_name().unwrap().to_str().unwrap();
    let found = FOUND.lines().filter_map(|line| line.strip_prefix(name));
    let found = found.map(|hex| hex::decode(hex.trim()).unwrap());
    for (number, bytes) in seeds.iter().cloned().chain(found).enumerate() {
        std::fs::write(directory.join(format!("seed-{number}")), bytes).unwrap();
    }
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
