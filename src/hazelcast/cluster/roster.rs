//! The open connections by member, and which of them a call takes.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use uuid::Uuid;

use super::partitions::PartitionTable;
use crate::hazelcast::connection::Connection;
use crate::hazelcast::serialization::Data;

/// Where a call goes. What is not there is replaced by any connection: every member forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// The master if possible, because it coordinates the jobs.
    Any,
    /// The owner of a key's partition if possible.
    Key(&'a Data),
    /// The owner of a partition if possible.
    Partition(i32),
    /// This member if possible.
    Member(Uuid),
}

/// Connections and what is needed to choose among them. Written by the keeper only.
#[derive(Debug, Default)]
pub(crate) struct Roster(RwLock<Inner>);

#[derive(Debug, Default)]
struct Inner {
    connections: HashMap<Uuid, Connection>,
    master: Option<Uuid>,
    partitions: PartitionTable,
}

impl Roster {
    /// A connection for a call, if any is open.
    pub(crate) fn pick(&self, target: Target<'_>) -> Option<Connection> {
        self.read(|inner| {
            let preferred = match target {
                Target::Any => inner.master,
                Target::Key(key) => inner.partitions.owner_of(key).or(inner.master),
                Target::Partition(id) => inner.partitions.owner(id).or(inner.master),
                Target::Member(uuid) => Some(uuid),
            };
            let open = |connection: &&Connection| connection.is_open();
            preferred
                .and_then(|uuid| inner.connections.get(&uuid))
                .filter(open)
                .or_else(|| {
                    inner
                        .master
                        .and_then(|uuid| inner.connections.get(&uuid))
                        .filter(open)
                })
                .or_else(|| inner.connections.values().find(open))
                .cloned()
        })
    }

    /// Members there is a connection to.
    pub(crate) fn has(&self, member: Uuid) -> bool {
        self.read(|inner| {
            inner
                .connections
                .get(&member)
                .is_some_and(Connection::is_open)
        })
    }

    /// All connections.
    pub(crate) fn all(&self) -> Vec<Connection> {
        self.read(|inner| inner.connections.values().cloned().collect())
    }

    /// Adds a connection; an older one to the same member is closed.
    pub(crate) fn add(&self, connection: Connection) {
        let member = connection.identity().member_uuid;
        if let Some(older) = self.write(|inner| inner.connections.insert(member, connection)) {
            older.close();
        }
    }

    /// Takes out a connection that has ended.
    pub(crate) fn remove_closed(&self) {
        self.write(|inner| {
            inner
                .connections
                .retain(|_, connection| connection.is_open());
        });
    }

    /// Closes and takes out connections to members that left.
    pub(crate) fn retain_members(&self, keep: impl Fn(Uuid) -> bool) {
        self.write(|inner| {
            inner.connections.retain(|member, connection| {
                let kept = keep(*member);
                if !kept {
                    connection.close();
                }
                kept
            });
        });
    }

    /// Closes and takes out everything.
    pub(crate) fn clear(&self) {
        self.retain_members(|_| false);
        self.write(|inner| *inner = Inner::default());
    }

    pub(crate) fn set_master(&self, master: Option<Uuid>) {
        self.write(|inner| inner.master = master);
    }

    pub(crate) fn set_partitions(&self, partitions: PartitionTable) {
        self.write(|inner| inner.partitions = partitions);
    }

    // Nothing in here panics while it holds the lock, so a poisoned one is still consistent.
    fn read<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}
