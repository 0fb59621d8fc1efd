//! The protocol client alone, under the name that the targets know it by: it uses nothing of the rest of the crate, so the
//! fuzzer has neither to build nor to watch it.

#[path = "../src/hazelcast/mod.rs"]
pub mod hazelcast;
