//! The narrow port that only the engine needs: connections by target.

use std::sync::Arc;

use crate::cluster::Cluster;

/// Where a cluster is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClusterTarget {
    /// The members' `cluster-name`.
    pub cluster_name: String,
    /// Members to connect to first, `host:port`.
    pub addresses: Vec<String>,
}

/// Makes connections to clusters.
pub trait Clusters: Send + Sync {
    /// Begins to connect. The connection is kept up until [`Cluster::close`].
    fn connect(&self, target: &ClusterTarget) -> Arc<dyn Cluster>;
}
