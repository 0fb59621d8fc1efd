//! Who keeps which job, as the cluster's map `jetkeeper.ownership` says.

use serde::{Deserialize, Serialize};

use super::job::JobId;
use crate::resources::{Digest, ResourceId};

/// The map's name.
pub const OWNERSHIP_MAP: &str = "jetkeeper.ownership";

/// One entry, keyed by the job's name, stored as JSON. It outlives the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnershipEntry {
    /// The owner, from the configuration.
    pub owner: String,
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
