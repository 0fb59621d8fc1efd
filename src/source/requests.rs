//! Requests to look at a source now.

use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::{Notify, mpsc, oneshot};

/// How many requests may wait.
const MAX_REQUESTS: usize = 64;

/// Asked for with each: that a look which began later has ended.
pub(super) type Request = oneshot::Sender<()>;

/// The way to ask. The source stops when it is dropped.
#[derive(Debug)]
pub(super) struct Requests {
    looks: mpsc::Sender<Request>,
    wakes: Arc<Notify>,
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
pub(super) struct Wakes(Arc<Notify>);

impl Requests {
    /// The way to ask, and where the requests come in.
    pub(super) fn channel() -> (Self, Received) {
        let (looks, received) = mpsc::channel(MAX_REQUESTS);
        let wakes = Arc::new(Notify::new());
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
        self.wakes.notify_one();
    }
}

impl Wakes {
    /// Waits until it is time.
    pub(super) async fn wait(&self) {
        self.0.notified().await;
    }

    /// Forgets what was asked for until now: a look begins.
    pub(super) fn clear(&self) {
        let _whether_any_was = self.0.notified().now_or_never();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_wakes_are_one_look_and_none_is_lost() {
        let (requests, received) = Requests::channel();
        for _ in 0..1_000 {
            requests.wake();
        }
        let woken = || received.wakes.wait().now_or_never().is_some();
        assert!(woken());
        assert!(!woken());
        // One that comes while a look is under way is for the next.
        received.wakes.clear();
        requests.wake();
        assert!(woken());
    }
}
