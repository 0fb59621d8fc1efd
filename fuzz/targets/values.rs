//! A serialised value, read as whatever it may be.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "each target is one of them")]
#[path = "../../tests/it/hazelcast/fuzz_targets.rs"]
mod targets;

fuzz_target!(|bytes: &[u8]| targets::values(bytes));
