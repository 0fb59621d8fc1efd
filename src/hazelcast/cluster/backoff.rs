//! Pauses between attempts: doubling, bounded, with jitter so that many clients do not come back
//! at the same moment.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::hazelcast::config::bearable;

/// Pauses of one series of attempts.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    initial: Duration,
    max: Duration,
    next: Duration,
    random: StdRng,
}

impl Backoff {
    pub(crate) fn new(initial: Duration, max: Duration) -> Self {
        let (initial, max) = (bearable(initial), bearable(max));
        Self {
            initial,
            max,
            next: initial.min(max),
            random: StdRng::from_os_rng(),
        }
    }

    /// The next pause: between half and all of the present step, which doubles.
    pub(crate) fn pause(&mut self) -> Duration {
        let step = self.next;
        self.next = step.saturating_mul(2).min(self.max);
        step.mul_f64(self.random.random_range(0.5..=1.0))
    }

    /// Starts over, after a success.
    pub(crate) fn reset(&mut self) {
        self.next = self.initial.min(self.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(500));
        for step in [100, 200, 400, 500, 500] {
            let step = Duration::from_millis(step);
            let pause = backoff.pause();
            assert!(pause >= step / 2 && pause <= step, "{pause:?} for {step:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= Duration::from_millis(100));
    }
}
