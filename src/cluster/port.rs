//! The narrow port to one cluster. The real one is the protocol client; a simulated one has the same
//! answers. Nothing here retries an effect.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::plan::hold::Reason;
use crate::plan::job::{JobConfigView, JobId, JobSettings, JobStatus, JobView};
use crate::plan::observed::{ClusterState, Link};
use crate::plan::ownership::{AnchorEntry, OwnershipEntry};
use crate::plan::record::UploadOutcome;
use crate::plan::snapshot::{ListedSnapshot, ReadBack, SnapshotFacts, SnapshotMaker, Standing};

use super::snapshot::{Export, Inspection, Progress};

/// One cluster. Every call has its own deadline inside and ends when the connection dies.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// The connection, kept up by the client: who answers, who the members are.
    fn connection(&self) -> watch::Receiver<Connection>;

    /// All jobs but light ones, without their configurations.
    async fn list(&self) -> Result<Vec<JobView>, CallError>;

    /// The status of one job by its id; `None` where the master says that there is none.
    async fn status(&self, job: JobId) -> Result<Option<JobStatus>, CallError>;

    /// What a job was submitted with.
    async fn config(&self, job: JobId) -> Result<JobConfigView, CallError>;

    /// The cluster's state and settings, as far as they decide what may be done.
    async fn health(&self) -> Result<Health, CallError>;

    /// All entries of the ownership map, by job name.
    async fn ownership(&self) -> Result<BTreeMap<String, OwnershipEntry>, CallError>;

    /// One entry of the ownership map; `None` where there is none.
    async fn ownership_of(&self, job_name: &str) -> Result<Option<OwnershipEntry>, CallError>;

    /// The commits of sources that were in force last, by owner and source.
    async fn anchors(&self) -> Result<BTreeMap<String, AnchorEntry>, CallError>;

    /// Puts `new` in the place of `old` in the map of commits, atomically; `false` where the entry is
    /// not `old` any more. `None` is no entry.
    async fn write_anchor(
        &self,
        old: Option<&AnchorEntry>,
        new: &AnchorEntry,
    ) -> Result<bool, CallError>;

    /// Changes of a job's status from now on; ends with the connection or the job.
    async fn listen(&self, job: JobId) -> Result<mpsc::Receiver<StatusEvent>, CallError>;

    /// Puts `new` in the place of `old` in the ownership map, atomically; `false` where the entry
    /// is not `old` any more. `None` is no entry.
    async fn write_ownership(
        &self,
        job_name: &str,
        old: Option<&OwnershipEntry>,
        new: Option<&OwnershipEntry>,
    ) -> Result<bool, CallError>;

    /// Uploads a jar to one member, where its `main` runs. Never repeated inside.
    async fn upload(&self, upload: Upload) -> UploadReport;

    /// Asks for a graceful suspension.
    async fn suspend(&self, job: JobId) -> Result<(), CallError>;

    /// Asks for a suspended job to run again.
    async fn resume(&self, job: JobId) -> Result<(), CallError>;

    /// Asks for a graceful restart.
    async fn restart(&self, job: JobId) -> Result<(), CallError>;

    /// Asks for a job's end.
    async fn cancel(&self, job: JobId, forceful: bool) -> Result<(), CallError>;

    /// Changes the settings of a suspended job.
    async fn update_config(&self, job: JobId, settings: &JobSettings) -> Result<(), CallError>;

    /// The snapshots of its jobs.
    fn snapshots(&self) -> &dyn Snapshots;

    /// Ends the connection.
    async fn close(&self);
}

/// The snapshots of one cluster's jobs.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Where a job's own snapshots stand; `None` for a job that ended or was never executed.
    async fn standing(&self, job: JobId) -> Result<Option<Standing>, CallError>;

    /// Exports a snapshot and reads it back; tells how far it is. An export of the same mark that
    /// was committed already is the answer.
    async fn export(
        &self,
        export: &Export,
        report: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<SnapshotFacts, CallError>;

    /// Reads an exported snapshot back; `None` where there is none.
    async fn read(&self, name: &str) -> Result<Option<ReadBack>, CallError>;

    /// All exported snapshots.
    async fn list(&self) -> Result<Vec<ListedSnapshot>, CallError>;

    /// Reads an exported snapshot to its last chunk; `None` where there is none.
    async fn inspect(&self, name: &str) -> Result<Option<Inspection>, CallError>;

    /// Deletes an exported snapshot, where a maker is named only one that it signed; fine where there is
    /// none. Says whether it is gone: `false` is that another made it, and that nothing was done.
    async fn delete(&self, name: &str, maker: Option<&SnapshotMaker>) -> Result<bool, CallError>;
}

/// The state of the connection to a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Whether there is one.
    pub link: Link,
    /// Whether a member answers and takes us for no client of its cluster, so that there is none.
    pub refused: bool,
    /// The cluster's id, once a member told it.
    pub cluster_id: Option<Uuid>,
    /// Another id that a configured address answered with.
    pub foreign_cluster_id: Option<Uuid>,
    /// The members in the order in which they joined: the first coordinates jobs.
    pub members: Vec<Uuid>,
    /// The version of the member that answers.
    pub version: Option<String>,
}

/// The cluster's state and settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Its state.
    pub state: ClusterState,
    /// Whether all partitions have their backups.
    pub partitions_safe: bool,
    /// Whether Jet is enabled.
    pub jet_enabled: bool,
    /// Whether jars may be uploaded.
    pub upload_enabled: bool,
    /// What is wrong with the ownership map's configuration, if anything.
    pub ownership_map_fault: Option<String>,
}

/// A change of a job's status that the member told by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusEvent {
    /// The job.
    pub job: JobId,
    /// What it is now.
    pub status: JobStatus,
    /// Whether it was asked for.
    pub user_requested: bool,
    /// By what, or the failure.
    pub description: Option<String>,
}

/// Everything an upload sends. Its Debug shows no parameters.
pub struct Upload {
    /// The name to give: the jar's prefix on the member, or its path there.
    pub file_name: String,
    /// The jar on our disk; none for one on the members.
    pub jar: Option<PathBuf>,
    /// Its SHA-256; none for one on the members.
    pub sha256: Option<String>,
    /// The job's name.
    pub job_name: String,
    /// The exported snapshot that it starts from.
    pub snapshot: Option<String>,
    /// The class whose `main` runs.
    pub main_class: Option<String>,
    /// The arguments of `main`, secrets included.
    pub parameters: Vec<String>,
    /// Those of the arguments that are secrets: nothing that is told of the upload has them.
    pub secrets: Vec<String>,
    /// How long until the answer.
    pub timeout: Duration,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload")
            .field("file_name", &self.file_name)
            .field("job_name", &self.job_name)
            .field("main_class", &self.main_class)
            .finish_non_exhaustive()
    }
}

/// How an upload ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadReport {
    /// What that proves.
    pub outcome: UploadOutcome,
    /// Why it failed.
    pub reason: Option<Reason>,
    /// What the member said, bounded, without secrets.
    pub message: String,
    /// The member that got it.
    pub member: Option<Uuid>,
}

/// Why a call did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// It was never sent.
    #[error("{message}")]
    NotSent {
        /// Why.
        message: String,
    },
    /// The member refused it.
    #[error("{message}")]
    Refused {
        /// Whether the same call may be accepted a little later.
        transient: bool,
        /// The reason that users are told.
        reason: Reason,
        /// What the member said, bounded.
        message: String,
    },
    /// It was sent and not answered.
    #[error("{message}")]
    Unknown {
        /// What is known.
        message: String,
        /// When it was given up.
        at: Option<Timestamp>,
    },
}
