//! What a planning pass takes and gives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::event::Event;
use super::hold::{Hold, HoldId};
use super::observed::Observed;
use super::planner::Planner;
use super::record::{ClusterRecord, JobRecord, Recorded, SnapshotRecord, SourceRecord};
use super::snapshot::SnapshotMaker;
use super::status::{JobStatusReport, SnapshotStatusReport};
use super::step::Step;
use crate::resources::sync_window::SyncWindows;
use crate::resources::{Desired, ResourceId, Shared, SourceName};

/// Everything that a plan follows from.
#[derive(Debug, Clone, Copy)]
pub struct PlanInput<'a> {
    /// What the sources ask for.
    pub desired: &'a Desired,
    /// What was recorded.
    pub recorded: &'a Recorded,
    /// What is observed.
    pub observed: &'a Observed,
    /// What the configuration says.
    pub settings: &'a Settings,
    /// Now.
    pub now: Timestamp,
}

/// What the configuration says about planning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Our name in the ownership map.
    pub owner: String,
    /// The most deletions of one source that need no confirmation.
    pub max_deletions: usize,
    /// The same in percent of the source's jobs; counts from four deletions on.
    pub max_deletions_percent: usize,
    /// When what a source asks for may begin, where that is not at any time.
    pub sync_windows: BTreeMap<SourceName, Arc<SyncWindows>>,
    /// Plan as if the records were lost and are to be found again: for `plan` without state and for
    /// `state rebuild`. Entries of ours are then no reason to stop.
    pub rebuilding: bool,
    /// The command by which a person makes the records of this run anew.
    pub rebuild: String,
}

impl Settings {
    /// How what a resource of ours makes in a cluster is marked.
    pub fn maker(&self, resource: ResourceId) -> SnapshotMaker {
        SnapshotMaker {
            owner: self.owner.clone(),
            resource,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            owner: "jetkeeper".to_owned(),
            max_deletions: 10,
            max_deletions_percent: 25,
            sync_windows: BTreeMap::new(),
            rebuilding: false,
            rebuild: "jetkeeper state rebuild PATH".to_owned(),
        }
    }
}

/// The statuses of jobs, by resource name.
pub type Statuses = Shared<BTreeMap<String, Arc<JobStatusReport>>>;

/// What is to be done, and everything that is known about it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The effects to start now; at most one for each resource.
    pub steps: Vec<Step>,
    /// Why something is not done.
    pub holds: Vec<Hold>,
    /// Changed job records; `None` where one is to be dropped.
    pub jobs: BTreeMap<String, Option<Arc<JobRecord>>>,
    /// Changed snapshot records; `None` where one is to be dropped.
    pub snapshots: BTreeMap<String, Option<Arc<SnapshotRecord>>>,
    /// The status of every snapshot of this run's sources.
    pub snapshot_statuses: BTreeMap<String, Arc<SnapshotStatusReport>>,
    /// Changed cluster records.
    pub clusters: BTreeMap<String, Arc<ClusterRecord>>,
    /// Changed source records.
    pub sources: BTreeMap<SourceName, Arc<SourceRecord>>,
    /// Confirmations that were acted on or are void.
    pub spent_confirmations: BTreeSet<HoldId>,
    /// Adoptions that were acted on or are void.
    pub spent_adoptions: BTreeSet<ResourceId>,
    /// What happened, seen in this pass.
    pub events: Vec<Event>,
    /// The status of every job of this run's sources.
    pub statuses: Statuses,
    /// When to plan again, if nothing happens before.
    pub next_wake: Option<Timestamp>,
    /// Why nothing may go on, and the command that repairs it.
    pub fatal: Option<String>,
}

impl Plan {
    /// Plans again at this time, or sooner.
    pub(super) fn wake_at(&mut self, at: Option<Timestamp>) {
        self.next_wake = self.next_wake.into_iter().chain(at).min();
    }
}

/// Decides everything. The same input gives the same plan.
pub fn plan(input: &PlanInput<'_>) -> Plan {
    Planner::default().plan(input)
}
