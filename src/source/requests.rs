//! Requests to look at a source now.

use tokio::sync::{mpsc, oneshot};

/// How many requests may wait.
const MAX_REQUESTS: usize = 64;

/// Asked for with each: that a look which began later has ended.
pub(super) type Request = oneshot::Sender<()>;

/// The way to ask. The source stops when it is dropped.
#[derive(Debug)]
pub(super) struct Requests(mpsc::Sender<Request>);

impl Requests {
    /// The way to ask, and where the requests come in.
    pub(super) fn channel() -> (Self, mpsc::Receiver<Request>) {
        let (requests, received) = mpsc::channel(MAX_REQUESTS);
        (Self(requests), received)
    }

    /// Asks for a look, and waits for its end.
    pub(super) async fn look(&self) {
        let (done, made) = oneshot::channel();
        if self.0.send(done).await.is_ok() {
            // An answer that doesn't come means that the source has stopped.
            drop(made.await);
        }
    }
}
