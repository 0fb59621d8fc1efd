//! Steps: one effect each, fully specified, with what must still be true when it is carried out.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::hold::Reason;
use super::job::{JobId, JobSettings, JobStatus};
use super::ownership::{AnchorEntry, OwnershipEntry};
use super::record::{Attempt, OperationKind, UploadOutcome};
use super::snapshot::{SnapshotFacts, SnapshotMaker, SnapshotMark, Strategy};
use crate::resources::jet_job::{Nonce, SecretParameter};
use crate::resources::lineage::short;
use crate::resources::{Digest, ResourceId};

/// A step's id: the digest of what makes it the same step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub String);

/// One effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What it is done for.
    pub resource: ResourceId,
    /// The generation it is done for.
    pub generation: u64,
    /// The cluster, by the name that jobs refer to it with.
    pub cluster: String,
    /// The job's name.
    pub job_name: String,
    /// What must still be true.
    pub expects: Expectation,
    /// The effect.
    pub action: Action,
    /// What the record remembers from the moment the intent is durable.
    pub remember: Remember,
    /// How long the effect may take.
    pub timeout: Duration,
}

/// What must still be true right before the effect; else the step is Stale and nothing is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expectation {
    /// The cluster's id.
    pub cluster_id: Uuid,
    /// The member that coordinates jobs; another one has to settle first.
    #[serde(default)]
    pub master: Option<Uuid>,
    /// How many members there have to be; not said where one is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_members: Option<u32>,
    /// The job's id and the statuses that it may have.
    pub job: Option<(JobId, Vec<JobStatus>)>,
    /// No active job of `job_name` but these may exist.
    pub only_active: Option<BTreeSet<JobId>>,
    /// The exported snapshot that the effect relies on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<ExpectedSnapshot>,
    /// The job that must not have committed a snapshot of its own yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncommitted: Option<JobId>,
    /// Who has to keep the job, by its entry in the ownership map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeper: Option<ExpectedKeeper>,
}

/// Who has to keep a job right before the effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpectedKeeper {
    /// The owner that its entry has to name.
    pub owner: String,
    /// The keeper that it has to name, where it names one.
    pub keeper: String,
    /// Whether the entry has to be there: nothing is submitted under a name that isn't claimed. What a
    /// job of ours needs is done also where a person removed its entry, and nobody wrote another.
    pub claimed: bool,
}

impl ExpectedKeeper {
    /// What an effect on a job, or on a snapshot of its state, expects; none for others.
    pub fn of(action: &Action, owner: &str, keeper: &str) -> Option<Self> {
        let claimed = match action {
            Action::Submit(_) => true,
            Action::Suspend { .. }
            | Action::Resume { .. }
            | Action::Restart { .. }
            | Action::Cancel { .. }
            | Action::UpdateConfig { .. }
            | Action::Export(_)
            | Action::DeleteSnapshot { .. } => false,
            // They are written in the place of the very entry that was seen.
            Action::Claim { .. } | Action::Release { .. } | Action::Anchor { .. } => return None,
        };
        Some(Self {
            owner: owner.to_owned(),
            keeper: keeper.to_owned(),
            claimed,
        })
    }
}

/// What must be true of an exported snapshot, read back right before the effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpectedSnapshot {
    /// Its name.
    pub name: String,
    /// What was read back of it before; where that isn't known it only has to be whole.
    pub facts: Option<SnapshotFacts>,
    /// The job whose last committed snapshot it must still be.
    #[serde(default)]
    pub last_of: Option<JobId>,
    /// Whether it may be a fork of a job that is still active.
    #[serde(default)]
    pub fork_allowed: bool,
}

/// The effect of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub enum Action {
    /// Writes our entry into the ownership map, if it still is as `replaces` says.
    Claim {
        /// The new entry.
        entry: OwnershipEntry,
        /// The entry that is there now; none where there is none.
        replaces: Option<OwnershipEntry>,
        /// The attempt that it is made for.
        attempt: Option<Box<Attempt>>,
    },
    /// Uploads the jar; `main` runs on the member and submits the job.
    Submit(Submit),
    /// Suspends the job with a terminal snapshot.
    Suspend {
        /// The job.
        job: JobId,
    },
    /// Resumes the job.
    Resume {
        /// The job.
        job: JobId,
    },
    /// Restarts the job with a terminal snapshot.
    Restart {
        /// The job.
        job: JobId,
        /// Its execution before; another one afterwards proves the restart.
        execution_id: i64,
    },
    /// Cancels the job.
    Cancel {
        /// The job.
        job: JobId,
        /// Without waiting for a terminal snapshot; the only way for a job that isn't RUNNING.
        forceful: bool,
    },
    /// Changes the settings of a suspended job.
    UpdateConfig {
        /// The job.
        job: JobId,
        /// The settings as they are to be.
        settings: JobSettings,
    },
    /// Removes our entry from the ownership map, if it still is this one.
    Release {
        /// The entry.
        entry: OwnershipEntry,
    },
    /// Writes the commit in force into the cluster's map, if the entry there still is as `replaces` says.
    Anchor {
        /// The new entry.
        entry: Box<AnchorEntry>,
        /// The entry that is there now; none where there is none.
        replaces: Option<Box<AnchorEntry>>,
    },
    /// Exports a snapshot of a job's state and reads it back.
    Export(ExportSnapshot),
    /// Deletes an exported snapshot, if it is signed by its maker still.
    DeleteSnapshot {
        /// Its name.
        name: String,
        /// Whose it has to be; an intent of an earlier version names none.
        #[serde(default)]
        maker: Option<SnapshotMaker>,
    },
}

/// Everything an export needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportSnapshot {
    /// The snapshot's name.
    pub name: String,
    /// The job.
    pub job: JobId,
    /// Which of its snapshots.
    pub which: WhichSnapshot,
    /// How it is made; as the cluster can where absent.
    #[serde(default)]
    pub strategy: Option<Strategy>,
    /// What it is signed with.
    pub mark: SnapshotMark,
}

/// Which of a job's own snapshots is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhichSnapshot {
    /// One that a running job begins from now on.
    Fresh,
    /// The one that a job was suspended with: it has all that the job did.
    Terminal,
    /// The last one that is committed, of a job that a failure suspended: it has all that a resumed
    /// job would have.
    Last,
}

/// Everything an upload needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Submit {
    /// The attempt's nonce.
    pub nonce: String,
    /// The bytes to upload, by which the cache finds them; none for a jar on the members.
    pub jar: Option<Digest>,
    /// The jar's path on the members.
    pub jar_on_member: Option<String>,
    /// The class whose `main` runs.
    pub main_class: Option<String>,
    /// The arguments of `main` that are no secrets.
    pub parameters: Vec<String>,
    /// The arguments that are; put in at their index right before the call.
    pub secret_parameters: Vec<SecretParameter>,
}

/// What the record remembers from the moment a step's intent is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Remember {
    /// The operation that this step begins or goes on with.
    pub operation: Option<OperationKind>,
    /// The restart nonce that this step acts on.
    pub restart_nonce: Option<Nonce>,
    /// The redeploy nonce that this step acts on.
    pub redeploy_nonce: Option<Nonce>,
    /// `state: Restarted` is acted on.
    pub restarted: bool,
    /// A restart after a failure.
    pub failure_restart: bool,
}

impl Remember {
    /// A step of this operation that acts on nothing else.
    pub fn of(operation: OperationKind) -> Self {
        Self {
            operation: Some(operation),
            ..Self::default()
        }
    }
}

impl Step {
    /// What makes it the same step.
    pub fn id(&self) -> StepId {
        let mut digest = Digest::of_json(self).to_string();
        digest.truncate(16);
        StepId(digest)
    }

    /// What is said while it is being carried out.
    pub(super) fn under_way(&self) -> String {
        format!("under way: {self}")
    }

    /// All that [`Self::verb`] can say.
    pub const VERBS: [&'static str; 11] = [
        "claim",
        "submit",
        "suspend",
        "resume",
        "restart",
        "cancel",
        "update",
        "release",
        "anchor",
        "export",
        "delete snapshot",
    ];

    /// What it does, in one word.
    pub fn verb(&self) -> &'static str {
        match self.action {
            Action::Claim { .. } => "claim",
            Action::Submit(_) => "submit",
            Action::Suspend { .. } => "suspend",
            Action::Resume { .. } => "resume",
            Action::Restart { .. } => "restart",
            Action::Cancel { .. } => "cancel",
            Action::UpdateConfig { .. } => "update",
            Action::Release { .. } => "release",
            Action::Anchor { .. } => "anchor",
            Action::Export(_) => "export",
            Action::DeleteSnapshot { .. } => "delete snapshot",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, cluster) = (&self.job_name, &self.cluster);
        match &self.action {
            Action::Claim { replaces: None, .. } => {
                write!(f, "claim the name {name} on {cluster}")
            }
            Action::Claim { .. } => write!(f, "renew the claim on the name {name} on {cluster}"),
            Action::Submit(_) => {
                write!(f, "submit job {name} to {cluster}")?;
                let snapshot = self.expects.snapshot.as_ref();
                snapshot.map_or(Ok(()), |it| write!(f, " from snapshot {}", it.name))
            }
            Action::Suspend { job } => write!(f, "suspend job {name} ({job}) on {cluster}"),
            Action::Resume { job } => write!(f, "resume job {name} ({job}) on {cluster}"),
            Action::Restart { job, .. } => write!(f, "restart job {name} ({job}) on {cluster}"),
            Action::Cancel {
                job,
                forceful: false,
            } => {
                write!(f, "cancel job {name} ({job}) on {cluster}")
            }
            Action::Cancel {
                job,
                forceful: true,
            } => {
                write!(f, "cancel job {name} ({job}) on {cluster} forcefully")
            }
            Action::UpdateConfig { job, .. } => {
                write!(
                    f,
                    "change the configuration of job {name} ({job}) on {cluster}"
                )
            }
            Action::Release { .. } => write!(f, "give up the name {name} on {cluster}"),
            Action::Anchor { entry, .. } => {
                let (source, commit) = (&entry.source, short(&entry.anchor.commit));
                write!(
                    f,
                    "write down on {cluster} that {commit} of source {source} is in force"
                )
            }
            Action::Export(export) => {
                let (snapshot, job) = (&export.name, export.job);
                write!(
                    f,
                    "export snapshot {snapshot} of job {name} ({job}) on {cluster}"
                )
            }
            Action::DeleteSnapshot { name, .. } => write!(f, "delete snapshot {name} on {cluster}"),
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "event")]
pub enum Outcome {
    /// The member did it.
    Done,
    /// The member refused, or it was never asked.
    Failed {
        /// Why, in one word.
        reason: Reason,
        /// Why, in words, bounded, without secrets.
        message: String,
    },
    /// Nobody knows whether it was done.
    Unknown {
        /// What is known.
        message: String,
    },
    /// What it expected was no longer true; nothing was done.
    Stale {
        /// What had changed.
        message: String,
    },
    /// A snapshot was exported and read back.
    Exported {
        /// What was read back.
        facts: SnapshotFacts,
    },
    /// An upload ended; see the outcome inside for what that proves.
    Uploaded {
        /// How.
        outcome: UploadOutcome,
        /// Why, where it failed.
        reason: Option<Reason>,
        /// What the member said, bounded, without parameters.
        message: String,
        /// The member that got it.
        member: Option<Uuid>,
    },
}
