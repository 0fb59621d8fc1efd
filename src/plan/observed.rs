//! What clusters and artifacts say now. Unknown is never absent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::jar::{JarRequest, JarView};
use super::job::{JobId, JobView};
use super::ownership::{AnchorEntry, OwnershipEntry};
use super::snapshot::{SnapshotFacts, SnapshotMark, Standing};

/// Everything observed at the moment of a pass. Cloning is cheap.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The clusters, by the name that jobs refer to them with.
    pub clusters: BTreeMap<String, Arc<ClusterView>>,
    /// The jars.
    pub jars: Arc<BTreeMap<JarRequest, JarView>>,
}

/// Something that may not be known now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Seen<T> {
    /// What it is.
    Known(T),
    /// Not known now.
    #[default]
    Unknown,
}

impl<T> Seen<T> {
    /// The value, where known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown => None,
        }
    }
}

/// A cluster's own state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterState {
    /// Everything is allowed.
    Active,
    /// Partitions don't migrate.
    NoMigration,
    /// Members that leave keep their partitions.
    Frozen,
    /// Almost nothing is allowed.
    Passive,
    /// Between two states.
    InTransition,
}

/// Whether a cluster can be talked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// No connection to any member.
    Down {
        /// Since when.
        since: Timestamp,
        /// Why, and what to do, where it was tried already.
        error: Option<String>,
    },
    /// Connected.
    Up,
}

/// The latest view of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterView {
    /// Whether it can be talked to; if not, nothing below is newer than `link.since`.
    pub link: Link,
    /// Whether a member answers and takes us for no client of its cluster: that has another name, say.
    pub refused: bool,
    /// When the present connection was made, where the watch told.
    pub connected_at: Option<Timestamp>,
    /// Its id; another id is another cluster, without our jobs.
    pub cluster_id: Option<Uuid>,
    /// An id that another configured address answered with, when it isn't `cluster_id`.
    pub foreign_cluster_id: Option<Uuid>,
    /// Its members.
    pub members: BTreeSet<Uuid>,
    /// The member that coordinates jobs: the oldest.
    pub master: Option<Uuid>,
    /// When the master was last seen to change; never for the first one seen.
    pub master_changed_at: Option<Timestamp>,
    /// The members' version.
    pub version: Option<String>,
    /// The cluster's state.
    pub state: Seen<ClusterState>,
    /// Whether all partitions have their backups.
    pub partitions_safe: Seen<bool>,
    /// Whether Jet is enabled.
    pub jet_enabled: Seen<bool>,
    /// Whether jars may be uploaded.
    pub upload_enabled: Seen<bool>,
    /// What is wrong with the configuration of the ownership map, if anything.
    pub ownership_map_fault: Seen<Option<String>>,
    /// Every job of the list, light ones left out.
    pub jobs: Seen<BTreeMap<JobId, Arc<JobView>>>,
    /// When the list was asked for that `jobs` shows; later status events may be in it too.
    pub listed_at: Option<Timestamp>,
    /// Which orders to list `jobs` answers.
    pub lists: Option<Lists>,
    /// Ids that were asked for one by one because the list lacked them, and were not found.
    pub missing: BTreeMap<JobId, Missing>,
    /// The entries of the ownership map, by job name.
    pub ownership: Seen<BTreeMap<String, OwnershipEntry>>,
    /// The commits that were in force last, by owner and source; only known where a source has a history.
    pub anchors: Seen<BTreeMap<String, AnchorEntry>>,
    /// Exported snapshots that were asked about, by name; none where one isn't there or isn't whole.
    pub snapshots: BTreeMap<String, Option<SnapshotFacts>>,
    /// What those of them are signed with that one of us made, by name.
    pub snapshot_marks: BTreeMap<String, SnapshotMark>,
    /// Where the snapshots of jobs stand that were asked about.
    pub standings: BTreeMap<JobId, Arc<Standing>>,
    /// When the ownership map was asked for that `ownership` shows.
    pub ownership_asked_at: Option<Timestamp>,
}

/// How many lists of a cluster were ordered by then. Unlike a time, a count is never set back or forth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lists {
    /// Who counts: the watch of one cluster in one run.
    pub watch: Uuid,
    /// How many.
    pub count: u64,
}

impl Lists {
    /// Whether the list that answers these orders was asked for after that one was made. Another watch
    /// began later than whatever was ordered of the one before.
    pub fn answer(self, order: Option<Self>) -> bool {
        order.is_none_or(|order| order.watch != self.watch || order.count <= self.count)
    }
}

/// When and by whom an id was answered as not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The first such answer.
    pub first_at: Timestamp,
    /// The latest.
    pub last_at: Timestamp,
    /// The master at all of them.
    pub master: Uuid,
}

/// What is known of one job id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look<'a> {
    /// It is there.
    Present(&'a Arc<JobView>),
    /// It was asked for twice, 10 s apart, under one master, and is not there.
    Gone,
    /// Not known.
    Unknown,
}

/// How far apart the two answers must be that prove a job gone.
pub const GONE_AFTER: jiff::SignedDuration = jiff::SignedDuration::from_secs(10);

impl ClusterView {
    /// A cluster that nothing is known of yet.
    pub fn unknown(since: Timestamp) -> Self {
        Self {
            link: Link::Down { since, error: None },
            refused: false,
            connected_at: None,
            cluster_id: None,
            foreign_cluster_id: None,
            members: BTreeSet::new(),
            master: None,
            master_changed_at: None,
            version: None,
            state: Seen::Unknown,
            partitions_safe: Seen::Unknown,
            jet_enabled: Seen::Unknown,
            upload_enabled: Seen::Unknown,
            ownership_map_fault: Seen::Unknown,
            jobs: Seen::Unknown,
            listed_at: None,
            lists: None,
            missing: BTreeMap::new(),
            ownership: Seen::Unknown,
            anchors: Seen::Unknown,
            snapshots: BTreeMap::new(),
            snapshot_marks: BTreeMap::new(),
            standings: BTreeMap::new(),
            ownership_asked_at: None,
        }
    }

    /// What is known of this job.
    pub fn look(&self, id: JobId) -> Look<'_> {
        let Seen::Known(jobs) = &self.jobs else {
            return Look::Unknown;
        };
        if let Some(job) = jobs.get(&id) {
            return Look::Present(job);
        }
        match self.missing.get(&id) {
            Some(missing)
                if Some(missing.master) == self.master
                    && missing.last_at.duration_since(missing.first_at) >= GONE_AFTER =>
            {
                Look::Gone
            }
            _ => Look::Unknown,
        }
    }
}
