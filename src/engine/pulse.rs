//! The engine's pulse: proof that its loop still turns.
//!
//! The loop beats every time it turns, and turns when it is asked to. So who asks and gets no beat
//! knows that the loop hangs, however many timers and tasks still run beside it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// The pulse of one engine. Cloning gives another handle of the same pulse.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    beaten: watch::Sender<Instant>,
    asked: Notify,
}

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(Inner {
            beaten: watch::channel(Instant::now()).0,
            asked: Notify::new(),
        }))
    }
}

impl Pulse {
    /// Asks the loop to turn, and waits until it did. A loop that hangs never lets this return.
    pub async fn turn(&self) {
        let mut beats = self.0.beaten.subscribe();
        self.0.asked.notify_one();
        // The sender lives as long as this handle does.
        if beats.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// How long ago the loop turned last.
    pub fn age(&self) -> Duration {
        self.0.beaten.borrow().elapsed()
    }

    /// The loop turned.
    pub(super) fn beat(&self) {
        self.0.beaten.send_replace(Instant::now());
    }

    /// Waits until somebody asks for a turn.
    pub(super) async fn asked(&self) {
        self.0.asked.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_turns_answers_and_one_that_hangs_does_not() {
        let pulse = Pulse::default();
        let turning = tokio::spawn({
            let pulse = pulse.clone();
            async move {
                loop {
                    pulse.beat();
                    pulse.asked().await;
                }
            }
        });
        tokio::time::sleep(LONG).await;
        assert_eq!(pulse.age(), LONG, "at rest nothing turns it");
        pulse.turn().await;
        assert_eq!(pulse.age(), Duration::ZERO);

        turning.abort();
        let answer = tokio::time::timeout(LONG, pulse.turn());
        assert!(answer.await.is_err(), "nobody turns any more");
        assert_eq!(pulse.age(), LONG);
    }
}
