//! What members tell of the cluster, brought into the published state.

use std::collections::BTreeMap;

use tokio::time::Instant;
use uuid::Uuid;

use super::Cluster;
use super::partitions::PartitionTable;
use crate::hazelcast::codec::client::add_cluster_view_listener::ClusterViewEvent;
use crate::hazelcast::connection::Identity;
use crate::hazelcast::error::{AuthenticationError, Error};
use crate::hazelcast::state::{Link, Member};

/// Takes over which cluster the first connection leads to. A new cluster id makes a new world: what
/// was known of members and partitions is forgotten.
pub(super) fn enter(cluster: &Cluster, identity: &Identity) {
    cluster.state.send_if_modified(|state| {
        let known = state.cluster_id.replace(identity.cluster_id);
        state.server_version = Some(identity.server_version.clone());
        state.partition_count = identity.partition_count;
        if known != Some(identity.cluster_id) {
            state.previous_cluster_id = known;
            state.cluster_version = None;
            state.members.clear();
            cluster.roster.set_partitions(PartitionTable::default());
        }
        false
    });
}

/// Checks that another connection leads to the same cluster.
pub(super) fn check(cluster: &Cluster, identity: &Identity) -> Result<(), AuthenticationError> {
    let state = cluster.state.borrow();
    match state.cluster_id {
        Some(expected) if expected != identity.cluster_id => {
            let found = identity.cluster_id;
            Err(AuthenticationError::DifferentCluster { expected, found })
        }
        _ if state.partition_count != identity.partition_count => {
            let (expected, found) = (state.partition_count, identity.partition_count);
            Err(AuthenticationError::PartitionCountChanged { expected, found })
        }
        _ => Ok(()),
    }
}

/// Brings an event into the state. True when it told the members.
pub(super) fn apply(cluster: &Cluster, event: ClusterViewEvent) -> bool {
    match event {
        ClusterViewEvent::Members { version, members } => {
            set_members(cluster, version, members);
            return true;
        }
        ClusterViewEvent::Partitions { owners, .. } => {
            let count = cluster.state.borrow().partition_count;
            cluster
                .roster
                .set_partitions(PartitionTable::new(count, &owners));
        }
        ClusterViewEvent::ClusterVersion { major, minor } => {
            cluster.state.send_if_modified(|state| {
                state.cluster_version.replace((major, minor)) != Some((major, minor))
            });
        }
        ClusterViewEvent::Other(message_type) => {
            tracing::trace!(message_type, "cluster event of no use here");
        }
    }
    false
}

/// Says which configured addresses lead to other clusters.
pub(super) fn set_foreign(cluster: &Cluster, foreign: &BTreeMap<String, Uuid>) {
    cluster.state.send_if_modified(|state| {
        let changed = state.foreign_clusters != *foreign;
        if changed {
            state.foreign_clusters.clone_from(foreign);
        }
        changed
    });
}

/// Says that calls can be made.
pub(super) fn connected(cluster: &Cluster) {
    cluster.state.send_if_modified(|state| {
        let before = state.is_connected();
        state.link = Link::Connected;
        !before
    });
}

/// Says that no member can be reached, and why.
pub(super) fn disconnected(cluster: &Cluster, error: Error) {
    cluster.state.send_modify(|state| {
        state.link = Link::Connecting {
            last_error: Some(error),
        }
    });
}

fn set_members(cluster: &Cluster, version: i32, members: Vec<Member>) {
    cluster
        .roster
        .set_master(members.first().map(|member| member.uuid));
    cluster
        .roster
        .retain_members(|uuid| members.iter().any(|member| member.uuid == uuid));
    cluster.state.send_if_modified(|state| {
        state.member_list_version = version;
        if state.members == members {
            return false;
        }
        let now = Instant::now();
        if state.master().map(|member| member.uuid) != members.first().map(|member| member.uuid) {
            state.master_changed = Some(now);
        }
        state.members_changed = Some(now);
        state.members = members;
        true
    });
}
