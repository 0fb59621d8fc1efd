//! Time and chance: the only two places where either enters.
//!
//! Everything that needs the time or a fresh identity takes these ports, so that one seed can drive
//! the whole engine in a simulation. Waiting is `tokio::time`, whose clock a simulation pauses.

use std::sync::Mutex;

use jiff::Timestamp;
use rand::{RngCore, SeedableRng, rngs::StdRng};
use uuid::Uuid;

/// Tells the time of day.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Gives random numbers: nonces, identities, jitter.
pub trait Entropy: Send + Sync {
    /// The next 64 random bits.
    fn next_u64(&self) -> u64;

    /// A fresh random identity (UUID version 4).
    fn uuid(&self) -> Uuid {
        let bits = (u128::from(self.next_u64()) << 64) | u128::from(self.next_u64());
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }
}

/// A generator that is either seeded by the operating system or by a number that replays it.
#[derive(Debug)]
pub struct Random(Mutex<StdRng>);

impl Random {
    /// A generator that nobody can predict.
    pub fn from_os() -> Self {
        Self(Mutex::new(StdRng::from_os_rng()))
    }

    /// A generator that gives the same numbers for the same seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Entropy for Random {
    fn next_u64(&self) -> u64 {
        let mut generator = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        generator.next_u64()
    }
}
