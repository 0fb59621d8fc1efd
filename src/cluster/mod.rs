//! Clusters: the port that effects and looks go through, its adapter to the protocol client, and the
//! watch that keeps the latest view of each.

pub mod adapter;
pub mod port;
pub mod snapshot;
pub mod watch;

pub use adapter::{ClusterTarget, HazelcastCluster};
pub use port::{
    CallError, Cluster, Connection, Health, Snapshots, StatusEvent, Upload, UploadReport,
};
pub use snapshot::{Export, Inspection, Progress};
pub use watch::{ClusterWatch, WatchError, WatchOptions};
