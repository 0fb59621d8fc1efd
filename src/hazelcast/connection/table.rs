//! Who waits for what on one connection: calls by correlation id, listeners likewise.

use std::collections::HashMap;

use super::events::EventSender;
use super::{Refusal, Reply};
use crate::hazelcast::error::LossCause;
use crate::hazelcast::message::ClientMessage;

/// The correlation table. An entry stays until its answer comes, whether or not somebody still
/// waits for it, so that no id is ever used twice while an answer may be on its way.
#[derive(Debug)]
pub(super) struct Table {
    last_id: i64,
    limit: usize,
    pending: HashMap<i64, Reply>,
    listeners: HashMap<i64, EventSender>,
}

impl Table {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            last_id: 0,
            limit,
            pending: HashMap::new(),
            listeners: HashMap::new(),
        }
    }

    /// Whether another call may wait.
    pub(super) fn has_room(&self) -> bool {
        self.pending.len() < self.limit
    }

    /// An id for the next request.
    pub(super) fn next_id(&mut self) -> i64 {
        self.last_id = self.last_id.wrapping_add(1);
        self.last_id
    }

    /// Remembers who gets the answer, and the events if the request registers a listener.
    pub(super) fn register(&mut self, id: i64, reply: Reply, events: Option<EventSender>) {
        self.pending.insert(id, reply);
        if let Some(events) = events {
            self.listeners.insert(id, events);
        }
    }

    /// Hands a message to whom it belongs; what belongs to nobody is dropped.
    pub(super) fn dispatch(&mut self, message: ClientMessage) {
        let id = message.correlation_id();
        if message.is_event() {
            if let Some(listener) = self.listeners.get(&id) {
                listener.push(message);
            } else {
                tracing::trace!(id, "event for no listener");
            }
            return;
        }
        if message.is_error() {
            self.listeners.remove(&id);
        }
        match self.pending.remove(&id) {
            Some(Some(reply)) => {
                if reply.send(Ok(message)).is_err() {
                    tracing::debug!(id, "answer to a call that was given up");
                }
            }
            Some(None) => {}
            None => tracing::debug!(id, "answer to no call"),
        }
    }

    /// Forgets listeners that nobody reads.
    pub(super) fn sweep(&mut self) {
        self.listeners.retain(|_, listener| !listener.is_closed());
    }

    /// Ends every call and listener.
    pub(super) fn fail_all(&mut self, cause: &LossCause) {
        self.listeners.clear();
        for reply in self.pending.drain().filter_map(|(_, reply)| reply) {
            if reply.send(Err(Refusal::Lost(cause.clone()))).is_err() {
                tracing::trace!("a call that was given up ended with its connection");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::hazelcast::codec::{Request, client::ping::Ping};

    fn answer(id: i64) -> ClientMessage {
        let mut message = Ping.encode_request();
        message.set_correlation_id(id);
        message
    }

    #[test]
    fn an_abandoned_call_keeps_its_id_until_answered() {
        let mut table = Table::new(1);
        let id = table.next_id();
        let (reply, waiter) = oneshot::channel();
        table.register(id, Some(reply), None);
        drop(waiter);
        assert!(!table.has_room());
        table.dispatch(answer(id + 1));
        assert!(!table.has_room());
        table.dispatch(answer(id));
        assert!(table.has_room());
        assert_eq!(table.next_id(), id + 1);
    }
}
