//! The hash that decides on the partition of a key: murmur3, 32 bits, with Hazelcast's seed.

const SEED: u32 = 0x0100_0193;
const C1: u32 = 0xcc9e_2d51;
const C2: u32 = 0x1b87_3593;

/// Hash of a key's serialised bytes.
pub(super) fn hash(bytes: &[u8]) -> i32 {
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = blocks.iter().fold(SEED, |hash, block| {
        (hash ^ mix(u32::from_le_bytes(*block)))
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64)
    });
    if !tail.is_empty() {
        let rest = tail
            .iter()
            .rev()
            .fold(0u32, |rest, byte| rest << 8 | u32::from(*byte));
        hash ^= mix(rest);
    }
    // Lengths of keys are far below 2^32; Java counts them in 32 bits too.
    hash ^= u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    finish(hash).cast_signed()
}

fn mix(block: u32) -> u32 {
    block.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2)
}

fn finish(mut hash: u32) -> u32 {
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}
