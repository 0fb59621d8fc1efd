//! The thread on which the database is used.
//!
//! One for all calls: sled keeps what it threw away until the thread that did so comes back, and
//! allocators keep memory by thread, so a pool of threads would keep many times what one does.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::sync::oneshot;

use super::StoreError;

type Work = Box<dyn FnOnce() + Send>;

/// A thread that does one thing after another. It ends with this.
pub(super) struct Worker {
    work: Sender<Work>,
}

impl Worker {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Self> {
        let (work, queue) = channel();
        let thread = thread::Builder::new().name("store".to_owned());
        thread.spawn(move || serve(&queue))?;
        Ok(Self { work })
    }

    /// Does this after all that was asked for before. A panic in there is an error here, and ends the
    /// thread: what it left behind can't be trusted.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        path: String,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, result) = oneshot::channel();
        let work = Box::new(move || {
            // Nobody may be left who waits for it.
            drop(done.send(work()));
        });
        let gone = || StoreError::Unusable { path };
        if self.work.send(work).is_err() {
            return Err(gone());
        }
        result.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn serve(queue: &Receiver<Work>) {
    while let Ok(work) = queue.recv() {
        work();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_now_and_later() {
        let worker = Worker::start().unwrap();
        let label = || "there".to_owned();
        assert_eq!(worker.run(label(), || Ok(7)).await.unwrap(), 7);
        let broken = worker.run(label(), || -> Result<(), _> { panic!("a defect") });
        assert!(matches!(broken.await, Err(StoreError::Unusable { .. })));
        let later = worker.run(label(), || Ok(7)).await;
        assert!(matches!(later, Err(StoreError::Unusable { .. })));
    }
}
