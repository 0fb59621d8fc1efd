//! The simulated time of day: tokio's paused clock, counted from a fixed date.

use std::time::Duration;

use jetkeeper::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Counts from the moment it was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SimulatedClock {
    started: Instant,
}

impl SimulatedClock {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// The time that passed.
    pub(crate) fn elapsed(self) -> Duration {
        self.started.elapsed()
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        let begin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let elapsed = SignedDuration::try_from(self.elapsed()).unwrap();
        begin.checked_add(elapsed).unwrap()
    }
}
