//! The `JetJobSnapshot` resource: an exported snapshot of a job's state.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::jet_job::BucketConfig;

/// `spec` of a `JetJobSnapshot`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JetJobSnapshotSpec {
    /// The snapshot's name on the cluster; the resource's name where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The `JetJob` whose state is exported.
    pub jet_job_resource_name: String,
    /// Cancel the job once its state is exported.
    #[serde(default)]
    pub cancel_job: bool,
    /// How the snapshot is made.
    #[serde(default)]
    pub strategy: SnapshotStrategy,
    /// Whether the job may be suspended while its snapshot is copied.
    #[serde(default)]
    pub pause_to_copy: PauseToCopy,
    /// How long the export may take.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "jiff::fmt::serde::duration::friendly::compact::optional"
    )]
    pub timeout: Option<SignedDuration>,
    /// What happens to the snapshot when its document is deleted.
    #[serde(default)]
    pub deletion_policy: SnapshotDeletionPolicy,
    /// Where a copy is kept outside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<SnapshotArchive>,
    /// Where the snapshot comes from, when it isn't exported from a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SnapshotSource>,
}

impl JetJobSnapshotSpec {
    /// The snapshot's name on the cluster.
    pub fn snapshot_name<'a>(&'a self, resource: &'a str) -> &'a str {
        self.name.as_deref().unwrap_or(resource)
    }
}

/// How a snapshot is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SnapshotStrategy {
    /// Native where the cluster can do it, else Copy.
    #[default]
    Auto,
    /// The member exports it (Enterprise).
    Native,
    /// The entries of the job's own snapshot are copied.
    Copy,
}

/// Whether the job may be suspended while its snapshot is copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PauseToCopy {
    /// It may not.
    #[default]
    Never,
    /// It may.
    Allowed,
}

/// What happens to a snapshot when its document is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SnapshotDeletionPolicy {
    /// It stays on the cluster.
    #[default]
    Retain,
    /// It is deleted.
    Delete,
}

/// Where a copy of a snapshot is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SnapshotArchive {
    /// The bucket.
    pub bucket_config: BucketConfig,
}

/// Where a snapshot comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SnapshotSource {
    /// The archive.
    #[serde(rename = "archiveURI")]
    pub archive_uri: String,
}
