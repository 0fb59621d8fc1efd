//! STAND-IN until planning lands: the signatures that the engine is written against. Delete it then.
#![allow(missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::event::Event;
use super::hold::{Hold, HoldId};
use super::jar::JarRequest;
use super::job::JobId;
use super::observed::Observed;
use super::record::{ClusterRecord, JobRecord, Recorded};
use super::status::JobStatusReport;
use super::step::{Outcome, Step};
use crate::resources::{Desired, ResourceId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub owner: String,
    pub max_deletions: usize,
    pub max_deletions_percent: usize,
    pub rebuilding: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            owner: "jetkeeper".to_owned(),
            max_deletions: 10,
            max_deletions_percent: 25,
            rebuilding: false,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct PlanInput<'a> {
    pub desired: &'a Desired,
    pub recorded: &'a Recorded,
    pub observed: &'a Observed,
    pub settings: &'a Settings,
    pub now: Timestamp,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    pub steps: Vec<Step>,
    pub holds: Vec<Hold>,
    pub jobs: BTreeMap<String, Option<Arc<JobRecord>>>,
    pub clusters: BTreeMap<String, Arc<ClusterRecord>>,
    pub spent_confirmations: BTreeSet<HoldId>,
    pub spent_adoptions: BTreeSet<ResourceId>,
    pub events: Vec<Event>,
    pub statuses: BTreeMap<String, JobStatusReport>,
    pub next_wake: Option<Timestamp>,
    pub fatal: Option<String>,
}

pub fn plan(_input: &PlanInput<'_>) -> Plan {
    Plan::default()
}

pub fn begin(record: &JobRecord, _step: &Step, _now: Timestamp) -> JobRecord {
    record.clone()
}

pub fn finish(record: &JobRecord, _step: &Step, _outcome: &Outcome, _now: Timestamp) -> JobRecord {
    record.clone()
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interest {
    pub names: BTreeSet<String>,
    pub ids: BTreeSet<JobId>,
}

pub fn wanted_jars(_desired: &Desired) -> BTreeSet<JarRequest> {
    BTreeSet::new()
}

pub fn interest(_desired: &Desired, _recorded: &Recorded) -> BTreeMap<String, Interest> {
    BTreeMap::new()
}
