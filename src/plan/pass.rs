//! One planning pass over everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::accept::{self, Standing};
use super::cluster::{self, ClusterSight};
use super::draft::Draft;
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
    let mut upgrades = count_upgrades(&standings);
    for (name, standing) in standings {
        plan_job(input, &sights, name, standing, &mut upgrades, &mut plan);
    }
    let void = input.recorded.confirmations.keys().filter(|id| {
        !plan.spent_confirmations.contains(*id) && !plan.holds.iter().any(|hold| hold.id == **id)
    });
    let void: Vec<HoldId> = void.cloned().collect();
    plan.spent_confirmations.extend(void);
    plan
}

fn plan_job(
    input: &PlanInput<'_>,
    sights: &BTreeMap<&str, ClusterSight<'_>>,
    name: String,
    standing: Standing,
    upgrades: &mut BTreeMap<String, usize>,
    plan: &mut Plan,
) {
    let before = input.recorded.jobs.get(&name).cloned();
    let cluster = standing.record.spec.hazelcast_resource_name.clone();
    let sight = sights.get(cluster.as_str());
    let mut draft = Draft::new(input, &name, standing, sight);
    learn::learn(&mut draft);
    jet_job::decide(&mut draft);
    limit_upgrades(&mut draft, &cluster, upgrades);
    let status = report::report(&mut draft);
    draft.finish_into(plan, before.as_ref());
    let removed = matches!(plan.jobs.get(&name), Some(None));
    if !removed {
        plan.statuses.insert(name, status);
    }
}

fn count_upgrades(standings: &BTreeMap<String, Standing>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for standing in standings.values() {
        let operation = standing.record.operation.as_ref();
        let replaces = operation.is_some_and(|operation| operation.kind == OperationKind::Replace);
        if replaces && standing.record.deletion.is_none() {
            *counts
                .entry(standing.record.spec.hazelcast_resource_name.clone())
                .or_default() += 1;
        }
    }
    counts
}

/// Keeps the number of jobs of one cluster that are upgraded at the same time within its limit.
fn limit_upgrades(draft: &mut Draft<'_>, cluster: &str, upgrades: &mut BTreeMap<String, usize>) {
    let begins = draft.step.as_ref().is_some_and(|step| {
        step.remember.operation == Some(OperationKind::Replace) && draft.record.operation.is_none()
    });
    if !begins {
        return;
    }
    let count = upgrades.entry(cluster.to_owned()).or_default();
    let limit = draft.cluster_spec().max_concurrent_upgrades;
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
