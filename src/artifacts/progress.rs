//! How far a download is, for those who wait for it.

use std::sync::atomic::{AtomicU64, Ordering};

/// How far a download is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    bytes: AtomicU64,
    /// One more than the total; zero where it isn't known.
    total: AtomicU64,
}

impl Progress {
    /// The bytes so far, and in all where the server said so.
    pub(super) fn get(&self) -> (u64, Option<u64>) {
        let total = self.total.load(Ordering::Relaxed);
        (self.bytes.load(Ordering::Relaxed), total.checked_sub(1))
    }

    /// Sets how many bytes there are in all.
    pub(super) fn set_total(&self, total: u64) {
        self.total.store(total.saturating_add(1), Ordering::Relaxed);
    }

    /// Adds bytes that have come.
    pub(super) fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}
