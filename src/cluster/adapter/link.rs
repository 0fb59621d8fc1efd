//! The state of the client's connections, in the words of the port.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::refusal;
use crate::clock::Clock;
use crate::cluster::port::Connection;
use crate::hazelcast::{self, ClusterState};
use crate::plan::observed::Link;

/// Before anything was tried.
pub(super) fn unknown(since: Timestamp) -> Connection {
    Connection {
        link: Link::Down { since, error: None },
        refused: false,
        cluster_id: None,
        foreign_cluster_id: None,
        members: Vec::new(),
        version: None,
    }
}

/// Tells every change of the client's state, until the client is gone.
pub(super) async fn follow(
    mut states: watch::Receiver<ClusterState>,
    told: watch::Sender<Connection>,
    clock: Arc<dyn Clock>,
) {
    loop {
        let state = states.borrow_and_update().clone();
        told.send_if_modified(|connection| {
            let next = connection_of(&state, &connection.link, clock.now());
            let changed = *connection != next;
            *connection = next;
            changed
        });
        if states.changed().await.is_err() {
            return;
        }
    }
}

fn connection_of(state: &ClusterState, before: &Link, now: Timestamp) -> Connection {
    let foreign = state.foreign_clusters.values().copied();
    Connection {
        link: link_of(&state.link, before, now),
        refused: is_refused(&state.link),
        cluster_id: state.cluster_id,
        foreign_cluster_id: foreign
            .filter(|found| Some(*found) != state.cluster_id)
            .min(),
        members: state.members.iter().map(|member| member.uuid).collect(),
        version: state.server_version.clone(),
    }
}

fn link_of(link: &hazelcast::Link, before: &Link, now: Timestamp) -> Link {
    let hazelcast::Link::Connecting { last_error } = link else {
        return Link::Up;
    };
    let since = match before {
        Link::Down { since, .. } => *since,
        Link::Up => now,
    };
    Link::Down {
        since,
        error: last_error.as_ref().map(refusal::unreached),
    }
}

/// Another member may be away: what one that answers says is worth more.
fn is_refused(link: &hazelcast::Link) -> bool {
    match link {
        hazelcast::Link::Connecting { last_error } => {
            last_error.as_ref().is_some_and(refusal::is_refused)
        }
        hazelcast::Link::Connected => false,
    }
}
