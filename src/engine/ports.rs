//! The narrow port that only the engine needs: connections by target.

use std::sync::Arc;

use crate::cluster::Cluster;
use crate::resources::{CredentialsSpec, HazelcastSpec, TlsSpec};

/// Where a cluster is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ClusterTarget {
    /// The members' `cluster-name`.
    pub cluster_name: String,
    /// Members to connect to first, `host:port`.
    pub addresses: Vec<String>,
    /// Where the credentials are, if the members want any.
    pub credentials: Option<CredentialsSpec>,
    /// How to connect with TLS, if the members want it.
    pub tls: Option<TlsSpec>,
}

impl ClusterTarget {
    /// The cluster as its document says.
    pub fn of(spec: &HazelcastSpec) -> Self {
        Self {
            cluster_name: spec.cluster_name.clone(),
            addresses: spec.addresses.clone(),
            credentials: spec.credentials.clone(),
            tls: spec.tls.clone(),
        }
    }
}

/// Makes connections to clusters.
pub trait Clusters: Send + Sync {
    /// Begins to connect. The connection is kept up until [`Cluster::close`].
    fn connect(&self, target: &ClusterTarget) -> Arc<dyn Cluster>;
}
