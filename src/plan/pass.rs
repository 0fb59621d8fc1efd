//! One planning pass over everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::accept::{self, Standing};
use super::cluster::{self, ClusterSight};
use super::draft::{Draft, Unasked};
use super::event::Event;
use super::hold::{Hold, HoldId, Reason};
use super::observed::Observed;
use super::record::{ClusterRecord, JobRecord, OperationKind, Recorded};
use super::status::JobStatusReport;
use super::step::Step;
use super::{jet_job, learn, report};
use crate::resources::{Desired, ResourceId};

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
    /// Plan as if the records were lost and are to be found again: for `plan` without state and for
    /// `state rebuild`. Entries of ours are then no reason to stop.
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

/// What is to be done, and everything that is known about it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The effects to start now; at most one for each resource.
    pub steps: Vec<Step>,
    /// Why something is not done.
    pub holds: Vec<Hold>,
    /// Changed job records; `None` where one is to be dropped.
    pub jobs: BTreeMap<String, Option<Arc<JobRecord>>>,
    /// Changed cluster records.
    pub clusters: BTreeMap<String, Arc<ClusterRecord>>,
    /// Confirmations that were acted on or are void.
    pub spent_confirmations: BTreeSet<HoldId>,
    /// Adoptions that were acted on or are void.
    pub spent_adoptions: BTreeSet<ResourceId>,
    /// What happened, seen in this pass.
    pub events: Vec<Event>,
    /// The status of every job of this run's sources.
    pub statuses: BTreeMap<String, JobStatusReport>,
    /// When to plan again, if nothing happens before.
    pub next_wake: Option<Timestamp>,
    /// Why nothing may go on, and the command that repairs it.
    pub fatal: Option<String>,
}

/// Decides everything. The same input gives the same plan.
pub fn plan(input: &PlanInput<'_>) -> Plan {
    let mut plan = Plan::default();
    let sights = cluster::look(input, &mut plan);
    if plan.fatal.is_some() {
        return plan;
    }
    let standings = accept::accept(input, &mut plan);
    let mut jobs = Jobs {
        input,
        sights: &sights,
        upgrades: count_upgrades(&standings),
        unasked: Unasked::default(),
    };
    for (name, standing) in standings {
        jobs.plan(name, standing, &mut plan);
    }
    let unasked = jobs.unasked;
    void_confirmations(input, &unasked, &mut plan);
    plan
}

/// The jobs of a pass, planned one after another.
struct Jobs<'a> {
    input: &'a PlanInput<'a>,
    sights: &'a BTreeMap<&'a str, ClusterSight<'a>>,
    /// How many jobs of each cluster are being upgraded.
    upgrades: BTreeMap<String, usize>,
    /// What the jobs may be held by about which nothing could be decided now.
    unasked: Unasked,
}

impl Jobs<'_> {
    fn plan(&mut self, name: String, standing: Standing, plan: &mut Plan) {
        let before = self.input.recorded.jobs.get(&name);
        let sight = self
            .sights
            .get(standing.record.spec.hazelcast_resource_name.as_str());
        let mut draft = Draft::new(self.input, &name, standing, sight);
        learn::learn(&mut draft);
        jet_job::decide(&mut draft);
        limit_upgrades(&mut draft, &mut self.upgrades);
        let status = report::report(&mut draft);
        if !draft.removed {
            plan.statuses.insert(name, status);
        }
        draft.finish_into(plan, before, &mut self.unasked);
    }
}

/// Gives up confirmations of holds that are no more. Where nothing could be decided now, because the
/// cluster can't be seen, say, the hold may be there again, and so they wait.
fn void_confirmations(input: &PlanInput<'_>, unasked: &Unasked, plan: &mut Plan) {
    let recorded = &input.recorded.confirmations;
    if recorded.is_empty() || input.desired.sources.is_empty() {
        return;
    }
    let standing: BTreeSet<&HoldId> = plan.holds.iter().map(|hold| &hold.id).collect();
    let stands = |id: &HoldId| standing.contains(id) || unasked.may_have(id);
    let void = recorded.keys().filter(|id| !stands(id));
    let void: Vec<HoldId> = void.cloned().collect();
    plan.spent_confirmations.extend(void);
}

fn count_upgrades(standings: &BTreeMap<String, Standing>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for standing in standings.values() {
        let operation = standing.record.operation.as_ref();
        if operation.is_some_and(|operation| operation.kind == OperationKind::Replace) {
            *counts
                .entry(standing.record.spec.hazelcast_resource_name.clone())
                .or_default() += 1;
        }
    }
    counts
}

/// Keeps the number of jobs of one cluster that are upgraded at the same time within its limit.
fn limit_upgrades(draft: &mut Draft<'_>, upgrades: &mut BTreeMap<String, usize>) {
    let replaces = |kind: Option<OperationKind>| kind == Some(OperationKind::Replace);
    let step = draft.step.as_ref();
    let under_way = draft.record.operation.as_ref();
    if !step.is_some_and(|step| replaces(step.remember.operation))
        || replaces(under_way.map(|operation| operation.kind))
    {
        return;
    }
    let cluster = draft.record.spec.hazelcast_resource_name.clone();
    let count = upgrades.entry(cluster.clone()).or_default();
    // Where the cluster's document can't be read, no step was left to limit.
    let spec = cluster::spec(draft.input.desired, &cluster).unwrap_or_default();
    let limit = spec.max_concurrent_upgrades;
    if *count >= usize::try_from(limit).unwrap_or(usize::MAX) {
        draft.step = None;
        draft.hold(
            Reason::UpgradeQueued,
            format!(
                "{count} of at most {limit} jobs of {cluster} are being upgraded; this one follows \
                 (maxConcurrentUpgrades of the Hazelcast resource)"
            ),
        );
    } else {
        *count += 1;
    }
}
