//! The queue between the socket's task and one listener: bounded, and never waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use crate::hazelcast::message::ClientMessage;

/// Makes a queue that keeps at most `capacity` events.
pub(crate) fn queue(capacity: usize) -> (EventSender, EventReceiver) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    let missed = Arc::new(AtomicU64::new(0));
    (
        EventSender {
            sender,
            missed: Arc::clone(&missed),
        },
        EventReceiver { receiver, missed },
    )
}

/// The task's end of the queue.
#[derive(Clone, Debug)]
pub(crate) struct EventSender {
    sender: mpsc::Sender<ClientMessage>,
    missed: Arc<AtomicU64>,
}

/// The listener's end of the queue.
#[derive(Debug)]
pub(crate) struct EventReceiver {
    receiver: mpsc::Receiver<ClientMessage>,
    missed: Arc<AtomicU64>,
}

/// What comes out of the queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum QueuedEvent {
    Message(ClientMessage),
    /// So many events found the queue full and were thrown away.
    Lagged(u64),
}

impl EventSender {
    /// Adds an event, or counts it as missed if there is no room.
    pub(crate) fn push(&self, event: ClientMessage) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.sender.try_send(event) {
            self.missed.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Whether nobody listens any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

impl EventReceiver {
    /// The next event; none when the connection has ended. Missed events are reported before those
    /// that are still queued, so that the listener asks for the state first.
    pub(crate) async fn next(&mut self) -> Option<QueuedEvent> {
        match self.missed.swap(0, Ordering::AcqRel) {
            0 => self.receiver.recv().await.map(QueuedEvent::Message),
            missed => Some(QueuedEvent::Lagged(missed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazelcast::codec::{Request, client::ping::Ping};

    #[tokio::test]
    async fn a_slow_listener_is_told_what_it_missed() {
        let (sender, mut receiver) = queue(2);
        for _ in 0..5 {
            sender.push(Ping.encode_request());
        }
        drop(sender);
        assert_eq!(receiver.next().await, Some(QueuedEvent::Lagged(3)));
        for _ in 0..2 {
            assert!(matches!(
                receiver.next().await,
                Some(QueuedEvent::Message(_))
            ));
        }
        assert_eq!(receiver.next().await, None);
    }
}
