//! Submitting a job by uploading its jar: the only way for a client that is not a JVM.
//!
//! A member stores the parts, and runs the jar's `main` inside the request of the last part. An
//! answer therefore proves little: `main` may have submitted a job and failed later, or have
//! returned without submitting any. Callers look for the job afterwards.

use std::fmt;
use std::time::Duration;

use uuid::Uuid;

use super::error::Error;

/// A jar on this machine and what its `main` is to get.
#[derive(Clone)]
pub struct Upload {
    /// Prefix of the file's name on the member, without directory or extension. Comes back in
    /// [`JobConfig::resource_ids`](super::JobConfig::resource_ids).
    pub file_name: String,
    /// Digest of the whole jar: 64 lower-case hex digits.
    pub sha256_hex: String,
    /// Exported snapshot the job is to start from.
    pub snapshot_name: Option<String>,
    /// Name for the job, overriding what `main` sets.
    pub job_name: Option<String>,
    /// Class to run; none takes it from the jar's manifest.
    pub main_class: Option<String>,
    /// Arguments of `main`. Kept out of `Debug`; where a member lists them in an error, they are
    /// taken out.
    pub parameters: Vec<String>,
    /// Values that must not be seen: taken out of errors wherever they occur. Kept out of `Debug`.
    pub secrets: Vec<String>,
    /// Bytes per part; members forget an upload that rests for two minutes between parts.
    pub part_size: usize,
    /// Bounds the whole upload, `main` included.
    pub timeout: Duration,
}

/// A jar on the members' disk and what its `main` is to get.
#[derive(Clone)]
pub struct MemberUpload {
    /// Path on the member, ending in `.jar`; must exist on whichever member is asked.
    pub path: String,
    /// Exported snapshot the job is to start from.
    pub snapshot_name: Option<String>,
    /// Name for the job, overriding what `main` sets.
    pub job_name: Option<String>,
    /// Class to run; none takes it from the jar's manifest.
    pub main_class: Option<String>,
    /// Arguments of `main`. Kept out of `Debug`; where a member lists them in an error, they are
    /// taken out.
    pub parameters: Vec<String>,
    /// Values that must not be seen: taken out of errors wherever they occur. Kept out of `Debug`.
    pub secrets: Vec<String>,
    /// Bounds the call, `main` included.
    pub timeout: Duration,
}

/// An upload that did not end with the member's consent.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", stage.describe())]
pub struct UploadError {
    /// How far it came.
    pub stage: UploadStage,
    /// The member that it was sent to, once one was chosen.
    pub member: Option<Uuid>,
    /// What happened.
    #[source]
    pub source: Error,
}

/// How far an upload came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadStage {
    /// The request that runs `main` was certainly not sent: no job was submitted.
    Before,
    /// The request that runs `main` may have reached the member: look for the job.
    LastPartSent,
}

impl UploadStage {
    fn describe(self) -> &'static str {
        match self {
            Self::Before => "the jar was not uploaded, its main did not run",
            Self::LastPartSent => "the jar was uploaded, but its main may or may not have run",
        }
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("file_name", &self.file_name)
            .field("sha256_hex", &self.sha256_hex)
            .field("snapshot_name", &self.snapshot_name)
            .field("job_name", &self.job_name)
            .field("main_class", &self.main_class)
            .field("parameters", &self.parameters.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MemberUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemberUpload")
            .field("path", &self.path)
            .field("snapshot_name", &self.snapshot_name)
            .field("job_name", &self.job_name)
            .field("main_class", &self.main_class)
            .field("parameters", &self.parameters.len())
            .finish_non_exhaustive()
    }
}
