//! Requests to look at a source now.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

/// How many requests may wait.
const MAX_REQUESTS: usize = 64;

/// Asked for with each: that a look which began later has ended.
pub(super) type Request = oneshot::Sender<()>;

/// The way to ask. The source stops when it is dropped.
#[derive(Debug)]
pub(super) struct Requests {
    looks: mpsc::Sender<Request>,
    wakes: Arc<Said>,
}

/// Where the requests come in.
#[derive(Debug)]
pub(super) struct Received {
    /// From those who wait for the end of a look.
    pub(super) looks: mpsc::Receiver<Request>,
    /// From those who only say that it is time for one.
    pub(super) wakes: Wakes,
}

/// That it is time to look, said any number of times.
#[derive(Debug)]
pub(super) struct Wakes(Arc<Said>);

/// When it was said last that nobody began to look since.
#[derive(Debug, Default)]
struct Said {
    last: Mutex<Option<Instant>>,
    notify: Notify,
}

impl Requests {
    /// The way to ask, and where the requests come in.
    pub(super) fn channel() -> (Self, Received) {
        let (looks, received) = mpsc::channel(MAX_REQUESTS);
        let wakes = Arc::new(Said::default());
        let received = Received {
            looks: received,
            wakes: Wakes(Arc::clone(&wakes)),
        };
        (Self { looks, wakes }, received)
    }

    /// Asks for a look, and waits for its end.
    pub(super) async fn look(&self) {
        let (done, made) = oneshot::channel();
        if self.looks.send(done).await.is_ok() {
            // An answer that doesn't come means that the source has stopped.
            drop(made.await);
        }
    }

    /// Asks for a look, and waits for nothing. However often it is asked for before one begins, it is
    /// one look.
    pub(super) fn wake(&self) {
        *self.wakes.said() = Some(Instant::now());
        self.wakes.notify.notify_one();
    }
}

impl Wakes {
    /// Waits until somebody said that it is time. That stays said until a look began later.
    pub(super) async fn wait(&self) {
        while self.0.last().is_none() {
            self.0.notify.notified().await;
        }
    }

    /// Forgets what was said until a look began.
    pub(super) fn clear_before(&self, began: Instant) {
        self.0.said().take_if(|last| *last <= began);
    }
}

impl Said {
    fn said(&self) -> MutexGuard<'_, Option<Instant>> {
        // A time is whole whatever became of who wrote it.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> Option<Instant> {
        *self.said()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_wakes_are_one_look_and_none_is_lost() {
        let (requests, received) = Requests::channel();
        let woken = || received.wakes.wait().now_or_never().is_some();
        assert!(!woken());
        for _ in 0..1_000 {
            requests.wake();
        }
        // Who stops waiting for it has not taken it away.
        assert!(woken() && woken());
        received.wakes.clear_before(Instant::now());
        assert!(!woken());
        // What is looked at as it was before shows nothing of what came since.
        let began = Instant::now();
        tokio::time::advance(Duration::from_millis(1)).await;
        requests.wake();
        received.wakes.clear_before(began);
        assert!(woken());
    }
}
