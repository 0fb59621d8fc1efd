//! Who keeps which job, as the cluster's map `jetkeeper.ownership` says.

use serde::{Deserialize, Serialize};

use super::job::JobId;
use crate::resources::{Anchor, Digest, ResourceId, SourceName};

/// The map's name.
pub const OWNERSHIP_MAP: &str = "jetkeeper.ownership";
/// The map of the commits that were in force last, beside it.
pub const ANCHORS_MAP: &str = "jetkeeper.anchors";

/// Under what the commit in force of a source stands in its map.
pub fn anchor_key(owner: &str, source: &SourceName) -> String {
    format!("{owner}/{source}")
}

/// One entry of the map of commits, stored as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnchorEntry {
    /// The owner, from the configuration.
    pub owner: String,
    /// The source.
    pub source: SourceName,
    /// What was in force.
    #[serde(flatten)]
    pub anchor: Anchor,
}

/// One entry, keyed by the job's name, stored as JSON. It outlives the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnershipEntry {
    /// The owner, from the configuration.
    pub owner: String,
    /// The id of the state by whose keeper it was written: of several with one owner it tells which one keeps the job.
    /// Empty where a version before this one wrote it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub keeper: String,
    /// Counts the writes of the entry.
    pub epoch: u64,
    /// The nonce of the latest submit.
    pub attempt: String,
    /// The job that it made, where it was found already when the entry was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// The resource that declares the job.
    pub resource: ResourceId,
    /// The digest of the spec that was submitted.
    pub digest: Digest,
}
