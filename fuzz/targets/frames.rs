//! Frames of a stream; the first byte says in which pieces it arrives.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "each target is one of them")]
#[path = "../../tests/it/hazelcast/fuzz_targets.rs"]
mod targets;

fuzz_target!(|bytes: &[u8]| {
    if let Some((longest, stream)) = bytes.split_first() {
        let longest = usize::from(*longest).max(1);
        targets::frames(stream, &mut (1..=longest).cycle());
    }
});
