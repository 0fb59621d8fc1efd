//! What wakes the engine. A wake says only that it is time for a pass, never what changed; any
//! number of wakes before a pass make one.

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// The bell that wakes the engine. Cloning gives another handle of the same bell.
#[derive(Clone, Default)]
pub(super) struct Bell(Arc<Notify>);

impl Bell {
    /// Asks for a pass.
    pub(super) fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits until somebody asked.
    pub(super) async fn rung(&self) {
        self.0.notified().await;
    }

    /// Rings at every change of a watched value, until the returned guard is dropped.
    pub(super) fn follow<T: Send + Sync + 'static>(
        &self,
        mut changes: watch::Receiver<T>,
    ) -> Follower {
        let bell = self.clone();
        changes.mark_changed();
        Follower(tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                bell.ring();
            }
        }))
    }
}

/// Ends the following when it is dropped.
pub(super) struct Follower(JoinHandle<()>);

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.abort();
    }
}
