//! When a call about the whole cluster is made: one at a time, wanted by many, paused after failures.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use crate::clock::Entropy;

/// Who waits for an answer is not kept waiting longer than this after a failure.
const URGENT_PAUSE: Duration = Duration::from_secs(1);

/// The timing of one kind of call.
#[derive(Debug, Default)]
pub(super) struct Lane {
    due: Option<Instant>,
    in_flight: bool,
    backoff: Backoff,
    failed_at: Option<Instant>,
    held_until: Option<Instant>,
    /// Whether somebody waits for the call that is to follow the one in flight.
    urgent: bool,
}

impl Lane {
    /// Wants the call at this time, or sooner.
    pub(super) fn want(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Wants the call now, because somebody waits for it.
    pub(super) fn want_urgently(&mut self, now: Instant) {
        self.want(now);
        self.urgent = true;
        if let Some(failed_at) = self.failed_at {
            let urgent = failed_at + URGENT_PAUSE;
            self.held_until = self.held_until.map(|held| held.min(urgent));
        }
    }

    /// When the call is to be made next, unless it is in flight or not wanted.
    pub(super) fn next(&self) -> Option<Instant> {
        let due = self.due.filter(|_| !self.in_flight)?;
        Some(self.held_until.map_or(due, |held| held.max(due)))
    }

    /// Whether the call is to be made now; it is in flight then.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        let ready = self.next().is_some_and(|next| next <= now);
        if ready {
            self.due = None;
            self.in_flight = true;
            self.urgent = false;
        }
        ready
    }

    /// The call was answered.
    pub(super) fn succeeded(&mut self) {
        self.in_flight = false;
        self.backoff.succeeded();
        self.failed_at = None;
        self.held_until = None;
    }

    /// The call failed; it is made again after a pause. Whether it had not failed before.
    pub(super) fn failed(&mut self, now: Instant, entropy: &dyn Entropy) -> bool {
        let first = !self.backoff.is_failing();
        self.in_flight = false;
        self.failed_at = Some(now);
        let pause = self.backoff.failed(entropy);
        let pause = if self.urgent {
            pause.min(URGENT_PAUSE)
        } else {
            pause
        };
        self.held_until = Some(now + pause);
        self.want(now);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Random;

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_the_next_call_is_not_kept_waiting_by_the_one_in_flight() {
        let entropy = Random::from_seed(1);
        let mut lane = Lane::default();
        let now = Instant::now();
        let late = now + URGENT_PAUSE * 60;
        for _ in 0..20 {
            lane.want(late);
            assert!(lane.begin(late));
            lane.failed(now, &entropy);
        }
        assert!(lane.next().unwrap() > now + URGENT_PAUSE);
        lane.begin(late);
        lane.want_urgently(now);
        lane.failed(now, &entropy);
        assert!(lane.next().unwrap() <= now + URGENT_PAUSE);
    }
}
