//! What travels over the socket besides resources: lists, changes, the plan, and what is asked for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::Published;
use crate::engine::published::{PlannedStep, SourceReport};
use crate::plan::hold::{Hold, HoldId};
use crate::plan::record::Pause;
use crate::resources::jet_job_snapshot::JetJobSnapshotSpec;
use crate::resources::{Fault, ResourceId, SourceName};

/// Several resources, as `kubectl` spells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct List<T> {
    /// `v1`.
    pub api_version: String,
    /// `List`.
    pub kind: String,
    /// The resources.
    pub items: Vec<T>,
}

impl<T> List<T> {
    /// A list of these.
    pub fn new(items: Vec<T>) -> Self {
        Self {
            api_version: "v1".to_owned(),
            kind: "List".to_owned(),
            items,
        }
    }
}

/// One line of a watched list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change<T> {
    /// What happened to it.
    #[serde(rename = "type")]
    pub kind: ChangeKind,
    /// It, as it is now, or as it was last.
    pub object: T,
}

/// What happened to an item of a watched list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ChangeKind {
    /// It was there at the start, or came.
    Added,
    /// It changed.
    Modified,
    /// It went.
    Deleted,
}

/// How far a step is that takes long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressView {
    /// What it is done for.
    pub resource: ResourceId,
    /// How far, in words.
    pub message: String,
}

/// What `POST /v1/snapshots` takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotBody {
    /// The name of the resource, and of the snapshot on its cluster.
    pub name: String,
    /// What is exported, and how.
    pub spec: JetJobSnapshotSpec,
}

/// What `POST /v1/snapshots/withdraw` takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithdrawBody {
    /// The name of the resource.
    pub name: String,
}

/// The latest pass, without the resources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    /// Counts the passes.
    pub pass: u64,
    /// When it was made; none before the first.
    pub at: Option<Timestamp>,
    /// Whether there is nothing left to do now.
    pub settled: bool,
    /// When the next pass is made at the latest.
    pub next_wake: Option<Timestamp>,
    /// What is to be done, in order.
    pub steps: Vec<PlannedStep>,
    /// What is being done.
    pub in_flight: Vec<PlannedStep>,
    /// What is held.
    pub holds: Vec<Hold>,
    /// What is wrong with the documents.
    pub faults: Vec<Fault>,
    /// The sources and their revisions.
    pub sources: BTreeMap<SourceName, SourceReport>,
    /// What is paused.
    pub pauses: Vec<PauseView>,
}

impl From<&Published> for PlanView {
    fn from(published: &Published) -> Self {
        let pauses = published.pauses.iter();
        Self {
            pass: published.pass,
            at: published.at,
            settled: published.settled,
            next_wake: published.next_wake,
            steps: published.steps.to_vec(),
            in_flight: published.in_flight.to_vec(),
            holds: published.holds.to_vec(),
            faults: published.faults.to_vec(),
            sources: published.sources.clone(),
            pauses: pauses
                .map(|(resource, pause)| PauseView {
                    resource: resource.clone(),
                    pause: pause.clone(),
                })
                .collect(),
        }
    }
}

/// One pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PauseView {
    /// What is paused; everything where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceId>,
    /// Why, by whom, how long.
    #[serde(flatten)]
    pub pause: Pause,
}

/// The answer to everything that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The pass that saw it.
    pub pass: u64,
}

/// The body of `POST /v1/pause`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PauseBody {
    /// What; everything where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceId>,
    /// Why.
    pub reason: String,
    /// Who, as whoever asks says; the user that the system knows is told beside it.
    #[serde(default)]
    pub by: String,
    /// Until when; for good where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// The body of `POST /v1/unpause`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnpauseBody {
    /// What; everything where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceId>,
    /// Who.
    #[serde(default)]
    pub by: String,
}

/// The body of `POST /v1/confirm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfirmBody {
    /// The hold.
    pub hold: HoldId,
    /// Whether the state of the jobs concerned may go.
    #[serde(default)]
    pub discard_state: bool,
    /// Who.
    #[serde(default)]
    pub by: String,
}

/// The body of `POST /v1/adopt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdoptBody {
    /// The resource that declares the job.
    pub resource: ResourceId,
    /// Who.
    #[serde(default)]
    pub by: String,
}

/// The body of `POST /v1/reconcile`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReconcileBody {}
