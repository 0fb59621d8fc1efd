//! The jobs of a pass, planned one after another.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Anew, Kept, Part};
use crate::plan::accept::Standing;
use crate::plan::cluster::{self, ClusterSight};
use crate::plan::draft::{Draft, Unasked};
use crate::plan::hold::Reason;
use crate::plan::pass::{Plan, PlanInput};
use crate::plan::record::{OperationKind, SnapshotRecord};
use crate::plan::status::JobStatusReport;
use crate::plan::{jet_job, learn, report};

/// The upgrades under way on a cluster.
#[derive(Default)]
struct Upgrades {
    count: usize,
    /// Until when those behind them wait for the first snapshots of new versions, which then run without
    /// a step or hold that would show it.
    until: Option<Timestamp>,
}

/// The plan of a pass while the jobs are put into it.
pub(super) struct Jobs<'a> {
    input: &'a PlanInput<'a>,
    sights: &'a BTreeMap<&'a str, ClusterSight<'a>>,
    /// The first snapshot by job for which that job has to be stopped.
    stops_for: BTreeMap<&'a str, (&'a str, &'a SnapshotRecord)>,
    /// The upgrades under way on each cluster.
    upgrades: BTreeMap<String, Upgrades>,
    /// A job of each cluster whose document asks for a version that was rolled back.
    rolled_back: BTreeMap<String, String>,
    plan: Plan,
    /// How many jobs have the status that they had in the last plan.
    same: usize,
    /// The statuses of all others.
    statuses: Vec<(String, Arc<JobStatusReport>)>,
    /// What the jobs may be held by about which nothing could be decided now.
    unasked: Unasked,
}

impl<'a> Jobs<'a> {
    pub(super) fn new(
        input: &'a PlanInput<'a>,
        sights: &'a BTreeMap<&'a str, ClusterSight<'a>>,
        parts: &[Part<'_>],
        plan: Plan,
    ) -> Self {
        Self {
            input,
            sights,
            stops_for: jet_job::stops_for(input.recorded),
            upgrades: count_upgrades(parts),
            rolled_back: find_rolled_back(input, sights, parts),
            plan,
            same: 0,
            statuses: Vec::new(),
            unasked: Unasked::default(),
        }
    }

    /// Puts a job into the plan; gives what may stand for it in the next pass.
    pub(super) fn take(&mut self, part: Part<'_>) -> Option<Kept> {
        match part {
            Part::Kept(kept) => {
                self.join(&kept);
                Some(kept)
            }
            Part::Anew(anew) => self.plan(*anew),
        }
    }

    fn join(&mut self, kept: &Kept) {
        self.plan.holds.extend_from_slice(&kept.status.holds);
        self.plan.wake_at(kept.wake);
        self.unasked.add(&kept.unasked);
        self.same += 1;
    }

    fn plan(&mut self, anew: Anew<'_>) -> Option<Kept> {
        let Anew {
            name,
            standing,
            is_unchanged,
        } = anew;
        let before = self.input.recorded.jobs.get(&*name);
        let cluster = standing.record.spec.hazelcast_resource_name.as_str();
        let sight = self.sights.get(cluster);
        let mut draft = Draft::new(self.input, &name, standing, sight);
        draft.stops_for = self.stops_for.get(&*name).copied();
        learn::learn(&mut draft);
        if !learn::looks_for_its_job(&mut draft) {
            jet_job::decide(&mut draft);
        }
        limit_upgrades(&mut draft, &mut self.upgrades, &self.rolled_back);
        let status = Arc::new(report::report(&mut draft));
        let kept = draft.to_keep(before, &status).filter(|_| is_unchanged);
        if !draft.removed {
            self.statuses.push((name.into_owned(), status));
        }
        draft.finish_into(&mut self.plan, before, &mut self.unasked);
        kept
    }

    /// The plan, and what the jobs may be held by about which nothing could be decided.
    pub(super) fn finish(mut self, kept: &[Kept]) -> (Plan, Unasked) {
        let statuses = &mut self.plan.statuses;
        let count = self.same + self.statuses.len();
        for (name, status) in &self.statuses {
            statuses.insert(name.clone(), Arc::clone(status));
        }
        if statuses.len() != count {
            // Jobs have gone since the last plan.
            let kept = kept.iter();
            let kept = kept.map(|kept| (kept.name.clone(), Arc::clone(&kept.status)));
            *statuses = kept.chain(self.statuses).collect();
        }
        (self.plan, self.unasked)
    }
}

/// No job with an operation is kept, so all that count are planned anew.
fn count_upgrades(parts: &[Part<'_>]) -> BTreeMap<String, Upgrades> {
    let mut counts: BTreeMap<String, Upgrades> = BTreeMap::new();
    for part in parts {
        let Part::Anew(anew) = part else { continue };
        let record = &anew.standing.record;
        let operation = record.operation.as_ref();
        // One that is left to run for an hour keeps no other waiting.
        let under_way = operation.filter(|it| it.is_upgrade() && !jet_job::is_left_running(it));
        if under_way.is_some() {
            let upgrades = counts
                .entry(record.spec.hazelcast_resource_name.clone())
                .or_default();
            upgrades.count += 1;
            upgrades.until = upgrades.until.max(jet_job::others_wait_until(record));
        }
    }
    counts
}

/// The first job of each cluster whose document still asks for a version that was rolled back.
fn find_rolled_back<'a>(
    input: &'a PlanInput<'a>,
    sights: &'a BTreeMap<&'a str, ClusterSight<'a>>,
    parts: &[Part<'_>],
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for part in parts {
        let (name, record) = match part {
            Part::Kept(kept) => (&*kept.name, &kept.record),
            Part::Anew(anew) => (&*anew.name, &anew.standing.record),
        };
        if record.rejected.is_none() {
            continue;
        }
        let cluster = record.spec.hazelcast_resource_name.as_str();
        let sight = sights.get(cluster);
        let draft = Draft::new(input, name, Standing::of(Arc::clone(record)), sight);
        if jet_job::still_rejected(&draft).is_some() {
            found
                .entry(cluster.to_owned())
                .or_insert_with(|| name.to_owned());
        }
    }
    found
}

/// Keeps the number of jobs of one cluster that are upgraded at the same time within its limit. Once
/// one was rolled back no other begins.
fn limit_upgrades(
    draft: &mut Draft<'_>,
    upgrades: &mut BTreeMap<String, Upgrades>,
    rolled_back: &BTreeMap<String, String>,
) {
    let replaces = |kind: Option<OperationKind>| {
        use OperationKind as Kind;
        matches!(kind, Some(Kind::Replace | Kind::Upgrade | Kind::Rollback))
    };
    let step = draft.step.as_ref();
    let under_way = draft.record.operation.as_ref();
    if !step.is_some_and(|step| replaces(step.remember.operation))
        || replaces(under_way.map(|operation| operation.kind))
    {
        return;
    }
    let cluster = draft.record.spec.hazelcast_resource_name.clone();
    if let Some(other) = rolled_back
        .get(&cluster)
        .filter(|name| **name != draft.id.name)
    {
        draft.step = None;
        draft.fleeting = true;
        let message = format!(
            "the new version of {other} on {cluster} was rolled back; upgrades of other jobs wait \
             until its document asks for another version, or another try of it is confirmed"
        );
        draft.hold(Reason::RolledBack, message);
        return;
    }
    let upgrades = upgrades.entry(cluster.clone()).or_default();
    let count = upgrades.count;
    // Where the cluster's document can't be read, no step was left to limit.
    let spec = cluster::spec(draft.input, &cluster).unwrap_or_default();
    let limit = spec.max_concurrent_upgrades;
    if count >= usize::try_from(limit).unwrap_or(usize::MAX) {
        draft.step = None;
        // It follows from what other jobs do.
        draft.fleeting = true;
        let message = format!(
            "upgrades under way on {cluster}: {count} of at most {limit}; this one follows \
             (maxConcurrentUpgrades of the Hazelcast resource)"
        );
        match upgrades.until.filter(|until| draft.now() < *until) {
            Some(until) => draft.hold_until(Reason::UpgradeQueued, until, message),
            None => draft.hold(Reason::UpgradeQueued, message),
        }
    } else {
        upgrades.count += 1;
    }
}
