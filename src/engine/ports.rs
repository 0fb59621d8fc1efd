//! The narrow ports that only the engine needs: jars by digest, and connections by target.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::cluster::Cluster;
use crate::plan::hold::Reason;
use crate::plan::jar::{JarRequest, JarView};
use crate::resources::Digest;

/// What is known of the jars that are wanted, by request.
pub type JarViews = std::collections::BTreeMap<JarRequest, JarView>;

/// Gets jars and keeps them.
#[async_trait]
pub trait Jars: Send + Sync {
    /// Says which jars are wanted from now on. The same set again is no work.
    fn want(&self, wanted: BTreeSet<JarRequest>);

    /// What is known of the wanted jars, and word of every change.
    fn views(&self) -> watch::Receiver<Arc<JarViews>>;

    /// The file with exactly these bytes: they were compared with the digest during the call.
    async fn path(&self, digest: &Digest) -> Result<PathBuf, JarLost>;
}

/// Why a jar that was ready can't be uploaded now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JarLost {
    /// Why, in one word.
    pub reason: Reason,
    /// Why, and what to do.
    pub message: String,
}

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
