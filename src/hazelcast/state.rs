//! What the client knows of its cluster at one moment, published on a `watch` channel.

use std::collections::BTreeMap;

use tokio::time::Instant;
use uuid::Uuid;

use super::error::Error;

/// The cluster as last seen. While [`Link::Connecting`] everything but `link` is of the past.
#[derive(Clone, Debug, Default)]
pub struct ClusterState {
    /// Whether calls can be made now.
    pub link: Link,
    /// Changes when the whole cluster was restarted (its jobs and maps are gone), or when the
    /// addresses now lead to another cluster of the same name.
    pub cluster_id: Option<Uuid>,
    /// The id before the present one, when it changed during the life of this client.
    pub previous_cluster_id: Option<Uuid>,
    /// Members in join order: the first is the master, which coordinates the jobs.
    pub members: Vec<Member>,
    /// Version of the member list, which grows with each change.
    pub member_list_version: i32,
    /// When `members` last changed, in this process's monotonic time.
    pub members_changed: Option<Instant>,
    /// When another member became master (or the first one was seen).
    pub master_changed: Option<Instant>,
    /// Release of the member that was asked first, such as `5.7.0`.
    pub server_version: Option<String>,
    /// Version the cluster as a whole works at, `(major, minor)`; members tell it when it changes.
    pub cluster_version: Option<(u8, u8)>,
    /// Configured addresses that answered with the id of another cluster, and that id. Asked now and
    /// then while connected.
    pub foreign_clusters: BTreeMap<String, Uuid>,
    /// Number of partitions of the cluster's maps; 0 before the first connection.
    pub partition_count: u32,
}

impl ClusterState {
    /// The member that coordinates the jobs.
    pub fn master(&self) -> Option<&Member> {
        self.members.first()
    }

    /// Whether calls can be made now.
    pub fn is_connected(&self) -> bool {
        matches!(self.link, Link::Connected)
    }
}

/// Whether there is an authenticated connection to at least one member.
#[derive(Clone, Debug)]
pub enum Link {
    /// There is none; attempts go on for ever.
    Connecting {
        /// Why the last attempt failed, or the last connection ended; none before the first.
        last_error: Option<Error>,
    },
    /// There is one.
    Connected,
}

impl Default for Link {
    fn default() -> Self {
        Self::Connecting { last_error: None }
    }
}

/// One member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Changes when the member process is restarted.
    pub uuid: Uuid,
    /// `host:port` as the member advertises it.
    pub address: String,
    /// The member's release, `major.minor.patch`.
    pub version: String,
    /// Holds no partitions.
    pub lite: bool,
}
