//! How often something may be asked for.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many may come at once after a rest.
const MOST: u32 = 30;
/// How soon there may be one more: 5 in a second.
const REFILL: Duration = Duration::from_millis(200);

/// What may still be asked for. It fills up again as time passes.
#[derive(Debug)]
pub(super) struct Bucket(Mutex<Level>);

#[derive(Debug)]
struct Level {
    left: u32,
    since: Instant,
}

impl Bucket {
    pub(super) fn full() -> Self {
        Self(Mutex::new(Level {
            left: MOST,
            since: Instant::now(),
        }))
    }

    /// Whether one more may be asked for now; then it is.
    pub(super) fn take(&self) -> bool {
        // A level is whole whatever became of who held it.
        let mut level = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = level.since.elapsed().as_millis() / REFILL.as_millis();
        let refilled = u32::try_from(passed).unwrap_or(MOST).min(MOST);
        if level.left + refilled >= MOST {
            level.left = MOST;
            level.since = Instant::now();
        } else {
            level.left += refilled;
            level.since += REFILL * refilled;
        }
        let takes = level.left > 0;
        level.left = level.left.saturating_sub(1);
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_fills_up_as_time_passes_and_no_further() {
        let bucket = Bucket::full();
        let take = |count: u32| (0..count).filter(|_| bucket.take()).count();
        assert_eq!(take(100), MOST as usize);
        tokio::time::advance(REFILL * 3 / 2).await;
        assert_eq!(take(10), 1);
        tokio::time::advance(REFILL / 2).await;
        assert_eq!(take(10), 1, "what had begun to fill is not lost");
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(take(100), MOST as usize);
    }
}
