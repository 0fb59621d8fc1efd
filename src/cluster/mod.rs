//! Clusters: the port that effects and looks go through, its adapter to the protocol client, and the
//! watch that keeps the latest view of each.

pub mod port;
pub mod watch;

pub use port::{CallError, Cluster, Connection, Health, StatusEvent, Upload, UploadReport};
pub use watch::{ClusterWatch, WatchError, WatchOptions};
