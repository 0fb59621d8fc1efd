//! Work that takes a while, done without holding up what else runs on the same thread.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// Does work that doesn't await. On a runtime of several threads others take over what waits for this
/// one. On a runtime of one thread it is done in place, and so nothing comes in another order: a seed
/// of the simulation replays.
pub(super) fn aside<T>(work: impl FnOnce() -> T) -> T {
    let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
    match flavor {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn others_go_on_meanwhile() {
        let (sender, receiver) = mpsc::channel();
        let work = tokio::spawn(async move {
            // On the same thread, of which there is one.
            tokio::spawn(async move { sender.send(()) });
            aside(|| receiver.recv_timeout(Duration::from_secs(30)))
        });
        assert_eq!(work.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn one_thread_does_it_in_place() {
        assert_eq!(aside(|| 1), 1);
    }
}
