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
}

impl Lane {
    /// Wants the call at this time, or sooner.
    pub(super) fn want(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Wants the call now, because somebody waits for it.
    pub(super) fn want_urgently(&mut self, now: Instant) {
        self.want(now);
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
        self.held_until = Some(now + self.backoff.failed(entropy));
        self.want(now);
        first
    }
}
