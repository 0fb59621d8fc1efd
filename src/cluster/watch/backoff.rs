//! Pauses after failures: they double, are bounded, and differ from one watch to the next.

use std::time::Duration;

use crate::clock::Entropy;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// Counts failures in a row.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Whether the last try failed.
    pub(super) fn is_failing(self) -> bool {
        self.failures > 0
    }

    /// Counts a failure; how long to wait before the next try.
    pub(super) fn failed(&mut self, entropy: &dyn Entropy) -> Duration {
        let whole = FIRST
            .saturating_mul(2_u32.saturating_pow(self.failures.min(16)))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let half = whole / 2;
        let span = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).max(1);
        half + Duration::from_millis(entropy.next_u64() % span)
    }

    /// Counts from zero again.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Random;

    #[test]
    fn pauses_grow_up_to_a_limit() {
        let entropy = Random::from_seed(1);
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> = (0..12).map(|_| backoff.failed(&entropy)).collect();
        assert!(pauses[0] >= FIRST / 2 && pauses[0] < FIRST);
        assert!(pauses[3] > pauses[0]);
        assert!(pauses.iter().all(|pause| *pause <= LONGEST));
        assert!(pauses[11] >= LONGEST / 2);
    }
}
