//! What was recorded of one `JetJobSnapshot`.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{RecordedStatus, Retry};
use crate::plan::hold::Reason;
use crate::plan::job::JobId;
use crate::plan::snapshot::{SnapshotFacts, Strategy};
use crate::resources::desired::Annotations;
use crate::resources::jet_job_snapshot::{JetJobSnapshotSpec, PauseToCopy, SnapshotDeletionPolicy};
use crate::resources::{Digest, Place, SourceName};

/// What was recorded of one snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact with a life of its own"
)]
pub struct SnapshotRecord {
    /// Where it was declared last.
    pub place: Place,
    /// Counts the changes of `digest`, from 1.
    pub generation: u64,
    /// The digest of the last good spec and annotations.
    pub digest: Digest,
    /// The last good spec.
    pub spec: Arc<JetJobSnapshotSpec>,
    /// Its annotations.
    #[serde(default)]
    pub annotations: Annotations,
    /// How far it is.
    pub state: SnapshotState,
    /// Why it is not further, in one word.
    pub reason: Reason,
    /// The same in words.
    #[serde(default)]
    pub message: String,
    /// The cluster, by the name that jobs refer to it with, from the first try on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// That cluster's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<Uuid>,
    /// The job that it is exported from, from the first try on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// That job's name on its cluster.
    #[serde(default)]
    pub job_name: String,
    /// When the first try began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_at: Option<Timestamp>,
    /// Whether the job's own snapshots overtook the copy, so that it needs a pause.
    #[serde(default)]
    pub overtaken: bool,
    /// What was exported. Once it is there it never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported: Option<ExportedSnapshot>,
    /// Whether what was exported was seen to be gone from its cluster.
    #[serde(default)]
    pub missing: bool,
    /// Whether a person asked for it by command; there is no document then.
    #[serde(default)]
    pub commanded: bool,
    /// Whether its document is gone, or the person who asked for it withdrew it.
    #[serde(default)]
    pub deleting: bool,
    /// Whether a person confirmed that it goes with its document.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deletion_confirmed: bool,
    /// Whether a person confirmed that it is deleted outside of the windows of its source.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outside_windows: bool,
    /// Whether nothing is known of what became of it, because the state was lost, and nobody confirmed
    /// yet that it may stop its job.
    #[serde(default)]
    pub rebuilt: bool,
    /// The end that users were told of.
    #[serde(default)]
    pub told: Option<SnapshotState>,
    /// The last failure of a step.
    #[serde(default)]
    pub retry: Option<Retry>,
    /// What users were told last.
    #[serde(default)]
    pub status: RecordedStatus,
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportedSnapshot {
    /// What was read back.
    pub facts: SnapshotFacts,
    /// When it was read back.
    pub at: Timestamp,
    /// How it was asked to be made.
    pub strategy: Option<Strategy>,
    /// Whether the job went on from the very state.
    pub fork: bool,
    /// The spec's digest that it was exported for; a later one changes nothing.
    pub digest: Digest,
}

/// How far a snapshot is, in the operator's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SnapshotState {
    /// It waits for its job.
    Waiting,
    /// It is being exported.
    Exporting,
    /// It is there, and final.
    Exported,
    /// It can't be made; the message says why.
    Failed,
}

impl SnapshotRecord {
    /// A record of a document seen for the first time.
    pub fn new(
        place: Place,
        digest: Digest,
        spec: Arc<JetJobSnapshotSpec>,
        annotations: Annotations,
    ) -> Self {
        Self {
            place,
            generation: 1,
            digest,
            spec,
            annotations,
            state: SnapshotState::Waiting,
            reason: Reason::WaitingForJob,
            message: "it is looked at next".to_owned(),
            cluster: None,
            cluster_id: None,
            job: None,
            job_name: String::new(),
            begun_at: None,
            overtaken: false,
            exported: None,
            missing: false,
            commanded: false,
            deleting: false,
            deletion_confirmed: false,
            outside_windows: false,
            rebuilt: false,
            told: None,
            retry: None,
            status: RecordedStatus::default(),
        }
    }

    /// A record of a snapshot that a person asks for by command.
    pub fn commanded(spec: JetJobSnapshotSpec) -> Self {
        let place = Place {
            source: SourceName("command".to_owned()),
            path: "jetkeeper snapshot export".to_owned(),
            // A command stands on no line.
            line: 0,
            column: 0,
        };
        let annotations = Annotations::default();
        let digest = Digest::of_json(&(&spec, &annotations));
        let record = Self::new(place, digest, Arc::new(spec), annotations);
        Self {
            commanded: true,
            ..record
        }
    }

    /// The record once the person who asked for it wants it no more.
    #[must_use]
    pub fn withdrawn(&self) -> Self {
        Self {
            deleting: true,
            retry: None,
            ..self.clone()
        }
    }

    /// Whether it is to be made still: neither there, nor given up, nor waiting for a person's word.
    pub fn is_open(&self) -> bool {
        self.is_unfinished() && !self.rebuilt
    }

    /// Whether it is deleted from its cluster once its record is to go.
    pub fn goes_from_cluster(&self) -> bool {
        let retained = self.spec.deletion_policy == SnapshotDeletionPolicy::Retain;
        // An export that failed left nothing, and what has its name may be somebody else's.
        let failed = self.state == SnapshotState::Failed && self.exported.is_none();
        (!retained || self.commanded) && !failed && self.begun_at.is_some()
    }

    /// The record as it is made anew where nothing tells what became of it: a document that ends or
    /// pauses its job is followed only once a person confirms it.
    #[must_use]
    pub fn made_anew(&self) -> Self {
        let stops = self.spec.cancel_job || self.spec.pause_to_copy == PauseToCopy::Allowed;
        Self {
            rebuilt: self.rebuilt || (stops && self.is_unfinished()),
            ..self.clone()
        }
    }

    fn is_unfinished(&self) -> bool {
        matches!(
            self.state,
            SnapshotState::Waiting | SnapshotState::Exporting
        ) && !self.deleting
    }
}
