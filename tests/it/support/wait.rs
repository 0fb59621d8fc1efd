//! Waiting for a condition, with a deadline: the only place in tests that sleeps.

use std::thread;
use std::time::{Duration, Instant};

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Long enough for anything that is not broken, also where all cores are busy.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The same for what is over in a moment.
const SHORT_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Whether the condition came true before the deadline.
pub(crate) fn within(deadline: Duration, condition: impl FnMut() -> bool) -> bool {
    poll(deadline, POLL_INTERVAL, condition)
}

/// The same, for who has to act at once.
#[allow(dead_code, reason = "for the tests; the benchmarks share this file")]
pub(crate) fn promptly(deadline: Duration, condition: impl FnMut() -> bool) -> bool {
    poll(deadline, SHORT_POLL_INTERVAL, condition)
}

fn poll(deadline: Duration, interval: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if started.elapsed() >= deadline {
            return false;
        }
        thread::sleep(interval);
    }
}

/// Returns once the condition is true; panics with `what` was waited for when the deadline passes.
pub(crate) fn eventually(deadline: Duration, what: &str, condition: impl FnMut() -> bool) {
    assert!(
        within(deadline, condition),
        "waited {deadline:?} in vain: {what}"
    );
}

/// The same for a condition that asks asynchronously.
pub(crate) async fn eventually_async(
    deadline: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> bool,
) {
    let poll = async {
        while !condition().await {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let outcome = tokio::time::timeout(deadline, poll).await;
    assert!(outcome.is_ok(), "waited {deadline:?} in vain: {what}");
}
