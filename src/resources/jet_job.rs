//! The `JetJob` resource: one job, its jar, and what may happen to its state.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::remote_url::RemoteUrl;

/// `spec` of a `JetJob`.
// Absent optional fields are absent in its JSON too, so that a field added in a later version changes
// no digest of a spec that doesn't use it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JetJobSpec {
    /// The job's name on the cluster; the resource's name where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The `Hazelcast` resource, or the cluster of the configuration, that runs the job.
    pub hazelcast_resource_name: String,
    /// What the job should be doing.
    #[serde(default)]
    pub state: DesiredState,
    /// The jar's file name: beside the YAML file, else in the source's `jars/`, or in the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jar_name: Option<String>,
    /// The class whose `main` submits the job; the jar's `Main-Class` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main_class: Option<String>,
    /// The arguments of `main`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<String>,
    /// Arguments of `main` whose values are secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_parameters: Vec<SecretParameter>,
    /// The `JetJobSnapshot` whose snapshot the first submit starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_snapshot_resource_name: Option<String>,
    /// The exported snapshot, by its name on the cluster, that the first submit starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_snapshot_name: Option<String>,
    /// The bucket that holds the jar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_config: Option<BucketConfig>,
    /// The URL that the jar is downloaded from.
    #[serde(default, rename = "remoteURL", skip_serializing_if = "Option::is_none")]
    pub remote_url: Option<RemoteUrl>,
    /// The secret whose `token` the server of `remoteURL` gets, as a bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_secret_name: Option<String>,
    /// The jar's SHA-256, 64 hex digits; another jar is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-fA-F]{64}$"))]
    pub jar_sha256: Option<String>,
    /// The jar's path on the members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jar_on_member: Option<String>,
    /// Restarts the job whenever it changes to another value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_nonce: Option<Nonce>,
    /// Replaces the job, from its initial snapshot if it names one, whenever it changes to another
    /// value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redeploy_nonce: Option<Nonce>,
    /// Settings that a member lets us change on a suspended job.
    #[serde(default, skip_serializing_if = "JobConfigSpec::is_empty")]
    pub job_config: JobConfigSpec,
    /// How a change of jar, main class or parameters reaches the job.
    #[serde(default)]
    pub upgrade_policy: UpgradePolicy,
    /// What happens to the job when it is Canceled or its document is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// What happens when a person changed the job by hand.
    #[serde(default)]
    pub drift_policy: DriftPolicy,
    /// What happens when the job failed.
    #[serde(default)]
    pub restart_policy: RestartPolicy,
    /// What happens when the cluster lost the job.
    #[serde(default)]
    pub on_state_loss: OnStateLoss,
    /// How long the steps of its life may take.
    #[serde(default)]
    pub timeouts: Timeouts,
}

/// What a job should be doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DesiredState {
    /// Running.
    #[default]
    Running,
    /// Suspended, its state kept on the cluster.
    Suspended,
    /// Cancelled, its state handled by `deletionPolicy`.
    Canceled,
    /// Running, and restarted once on the change to this value.
    Restarted,
}

impl DesiredState {
    /// Whether a job that is wanted so is to run.
    pub fn runs(self) -> bool {
        matches!(self, Self::Running | Self::Restarted)
    }
}

/// A value whose change asks for something to be done once. Numbers and strings are alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("type" = ["string", "integer"]))]
pub struct Nonce(pub String);

impl<'de> Deserialize<'de> for Nonce {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Number(i64),
            Text(String),
        }
        Ok(Self(match Raw::deserialize(deserializer)? {
            Raw::Number(number) => number.to_string(),
            Raw::Text(text) => text,
        }))
    }
}

/// One argument of `main` that comes from a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretParameter {
    /// The argument's position, from 0, in the final list.
    pub index: u32,
    /// The secret.
    pub secret_name: String,
    /// The key in the secret.
    pub key: String,
}

/// Where a bucket is and which secret opens it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BucketConfig {
    /// `s3://…`, `gs://…`, `azblob://…` or `file://…`.
    #[serde(rename = "bucketURI")]
    pub bucket_uri: String,
    /// The secret with the bucket's keys; the default credentials where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
}

/// Settings of a job that can be changed while it is suspended. Absent ones are left as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JobConfigSpec {
    /// Time between two snapshots.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "jiff::fmt::serde::duration::friendly::compact::optional"
    )]
    pub snapshot_interval: Option<SignedDuration>,
    /// Suspend the job instead of failing it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend_on_failure: Option<bool>,
    /// Restart the job when members come and go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_scaling: Option<bool>,
    /// Restart after a split only on the bigger side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_brain_protection: Option<bool>,
    /// Collect metrics of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_enabled: Option<bool>,
    /// Keep its metrics after it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_metrics_after_job_completion: Option<bool>,
    /// The most records that a processor may accumulate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_processor_accumulated_records: Option<i64>,
    /// Cancel the job after this long.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "jiff::fmt::serde::duration::friendly::compact::optional"
    )]
    pub timeout: Option<SignedDuration>,
}

impl JetJobSpec {
    /// The job's name on the cluster, for the resource of this name.
    pub fn job_name<'a>(&'a self, resource_name: &'a str) -> &'a str {
        self.name.as_deref().unwrap_or(resource_name)
    }
}

impl JobConfigSpec {
    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How a change of jar, main class or parameters reaches the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpgradePolicy {
    /// Whether its state is carried over.
    pub mode: UpgradeMode,
    /// How long the new version may take to run before it is rolled back.
    #[serde(serialize_with = "jiff::fmt::serde::duration::friendly::compact::required")]
    pub timeout: SignedDuration,
    /// Whether a version that doesn't run is rolled back.
    pub rollback: bool,
    /// What happens when the new version dropped a stateful vertex.
    pub on_state_mismatch: OnStateMismatch,
}

impl Default for UpgradePolicy {
    fn default() -> Self {
        Self {
            mode: UpgradeMode::Stateful,
            timeout: SignedDuration::from_mins(5),
            rollback: true,
            on_state_mismatch: OnStateMismatch::Hold,
        }
    }
}

/// Whether an upgrade carries state over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UpgradeMode {
    /// The new version starts from a snapshot of the old one.
    #[default]
    Stateful,
    /// The old version is cancelled and its state is gone.
    Stateless,
    /// Changes hold.
    Forbid,
}

/// What happens when an upgrade dropped a stateful vertex.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnStateMismatch {
    /// Not counted as stable until a person accepts it.
    #[default]
    Hold,
    /// Accepted.
    Accept,
}

/// What happens to the job when it is Canceled or its document is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// Cancelled once a snapshot of its state was exported and verified.
    #[default]
    Snapshot,
    /// Cancelled; its state is gone.
    Cancel,
    /// Suspended and left.
    Suspend,
    /// Left as it is.
    Orphan,
}

/// What happens when a person changed the job by hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DriftPolicy {
    /// Shown, and held until the YAML changes, the person undoes it, or it is confirmed.
    #[default]
    Warn,
    /// Undone.
    Correct,
}

/// What happens when the job failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RestartPolicy {
    /// Whether it is restarted.
    #[serde(rename = "type")]
    pub kind: RestartKind,
    /// How often in a row; a job that ran for ten times the backoff starts anew.
    #[schemars(range(max = 1000))]
    pub max_restarts: u32,
    /// The pause before the first restart; it doubles with each, up to an hour.
    #[serde(serialize_with = "jiff::fmt::serde::duration::friendly::compact::required")]
    pub backoff: SignedDuration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            kind: RestartKind::Never,
            max_restarts: 5,
            backoff: SignedDuration::from_secs(10),
        }
    }
}

/// Whether a failed job is restarted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RestartKind {
    /// Never.
    #[default]
    Never,
    /// When it failed by itself.
    OnFailure,
}

/// What happens when the cluster lost the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OnStateLoss {
    /// Whether and from what it is submitted again.
    pub mode: StateLossMode,
    /// The oldest snapshot that may be restored.
    #[serde(serialize_with = "jiff::fmt::serde::duration::friendly::compact::required")]
    pub max_snapshot_age: SignedDuration,
}

impl Default for OnStateLoss {
    fn default() -> Self {
        Self {
            mode: StateLossMode::Restore,
            max_snapshot_age: SignedDuration::from_hours(24),
        }
    }
}

/// Whether and from what a lost job is submitted again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StateLossMode {
    /// From its newest verified snapshot; held where there is none.
    #[default]
    Restore,
    /// Not; a person decides.
    Hold,
    /// Without state.
    StartFresh,
}

/// How long the steps of a job's life may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Timeouts {
    /// From the upload to the member's answer; `main` runs in it.
    #[serde(serialize_with = "jiff::fmt::serde::duration::friendly::compact::required")]
    pub submit: SignedDuration,
    /// From the submit to RUNNING; then it is Stalled.
    #[serde(serialize_with = "jiff::fmt::serde::duration::friendly::compact::required")]
    pub start: SignedDuration,
    /// From the request to SUSPENDED; then it is Stalled.
    #[serde(serialize_with = "jiff::fmt::serde::duration::friendly::compact::required")]
    pub suspend: SignedDuration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            submit: SignedDuration::from_mins(2),
            start: SignedDuration::from_mins(5),
            suspend: SignedDuration::from_mins(5),
        }
    }
}
