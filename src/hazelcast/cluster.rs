//! The cluster as one client sees it: open connections, who owns which partition, and the keeper
//! that opens, replaces and closes connections.

pub(crate) mod backoff;
pub(crate) mod candidates;
pub(crate) mod keeper;
pub(crate) mod partitions;
pub(crate) mod roster;
pub(crate) mod sides;
pub(crate) mod view;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::roster::Roster;
use super::config::ClientConfig;
use super::state::ClusterState;

/// What the keeper and the calls of one client share.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) config: ClientConfig,
    pub(crate) client_uuid: Uuid,
    pub(crate) roster: Roster,
    pub(crate) state: watch::Sender<ClusterState>,
    pub(crate) shutdown: CancellationToken,
}

impl Cluster {
    pub(crate) fn new(config: ClientConfig) -> Self {
        Self {
            config,
            client_uuid: Uuid::new_v4(),
            roster: Roster::default(),
            state: watch::Sender::new(ClusterState::default()),
            shutdown: CancellationToken::new(),
        }
    }
}
