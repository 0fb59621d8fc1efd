//! The commit in force, written into the map of each cluster that has jobs of its source.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::plan::cluster::{ClusterSight, guard, keeps_entries, spec};
use crate::plan::hold::{Hold, Reason};
use crate::plan::observed::ClusterView;
use crate::plan::ownership::{AnchorEntry, anchor_key};
use crate::plan::pass::{Plan, PlanInput};
use crate::plan::record::{Anchored, Recorded, Retry, SourceRecord};
use crate::plan::step::{Action, Expectation, Outcome, Remember, Step};
use crate::plan::transition::{after, backoff};
use crate::resources::{ResourceId, SourceName};

/// How long a write may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The pauses between writes that fail.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(1);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(5);

/// Plans the writes: one a cluster at a time, and none where the cluster has it.
pub(in crate::plan) fn write_all(
    input: &PlanInput<'_>,
    sights: &BTreeMap<&str, ClusterSight<'_>>,
    plan: &mut Plan,
) {
    let pause = input.recorded.pauses.get(&None);
    if pause.is_some_and(|pause| pause.goes_on(input.now)) {
        return;
    }
    let homes = LazyCell::new(|| homes(input.recorded));
    for (source, record) in &input.recorded.sources {
        let shown = input.desired.sources.get(source);
        // Only of what is shown now: the record of another run's source is left alone.
        if shown.is_none_or(|view| view.lineage.is_none()) {
            continue;
        }
        for (cluster, sight) in sights {
            let missing = missing(input, (source, record), (cluster, sight.view));
            if let Some(write) = missing
                && homes.contains(&(source, *cluster))
                && sight.obstacle_for(source).is_none()
            {
                plan_write(input, record, sight.view, write, plan);
            }
        }
    }
}

/// Which sources have something on which clusters. Walks all jobs.
fn homes(recorded: &Recorded) -> BTreeSet<(&SourceName, &str)> {
    let jobs = recorded.jobs.values();
    let there = jobs.filter(|job| job.entry.is_some() || job.job.is_some());
    there
        .map(|job| {
            let cluster = job.spec.hazelcast_resource_name.as_str();
            (&job.place.source, cluster)
        })
        .collect()
}

/// The write of the commit in force, where the cluster doesn't have it.
fn missing(
    input: &PlanInput<'_>,
    (source, record): (&SourceName, &SourceRecord),
    (cluster, view): (&str, &ClusterView),
) -> Option<Step> {
    let (anchor, cluster_id) = (record.anchor.as_ref()?, view.cluster_id?);
    let key = anchor_key(&input.settings.owner, source);
    let there = view.anchors.known()?.get(&key);
    let is_there = there.is_some_and(|entry| entry.anchor == *anchor);
    let written = record.anchored.get(cluster);
    let was_written = written.is_some_and(|it| {
        // What was seen is older than what was written. A time to come was noted by a clock that was put
        // back since, and says nothing of that.
        let older = view.ownership_asked_at.is_none_or(|seen| seen <= it.at);
        it.commit == anchor.commit && older && it.at <= input.now
    });
    if is_there || was_written {
        return None;
    }
    let entry = AnchorEntry {
        owner: input.settings.owner.clone(),
        source: source.clone(),
        anchor: anchor.clone(),
    };
    Some(Step {
        resource: ResourceId::hazelcast(cluster),
        generation: 1,
        cluster: cluster.to_owned(),
        job_name: key,
        expects: Expectation {
            cluster_id,
            master: None,
            min_members: None,
            job: None,
            only_active: None,
            snapshot: None,
            uncommitted: None,
            keeper: None,
        },
        action: Action::Anchor {
            entry: Box::new(entry),
            replaces: there.cloned().map(Box::new),
        },
        remember: Remember::default(),
        timeout: TIMEOUT,
    })
}

/// Puts a write into the plan once nothing speaks against it.
fn plan_write(
    input: &PlanInput<'_>,
    record: &SourceRecord,
    view: &ClusterView,
    write: Step,
    plan: &mut Plan,
) {
    let cluster = &*write.cluster;
    let retry = record.retries.get(cluster);
    if let Some(retry) = retry.filter(|retry| retry.goes_on(input.now)) {
        let message = format!("{}, tried again: {}", retry.verb, retry.message);
        let hold = Hold::new(Reason::BackingOff, vec![write.resource], message).until(retry.at);
        plan.holds.push(hold);
        plan.wake_at(Some(retry.at));
        return;
    }
    let can_be = spec(input, cluster)
        .and_then(|spec| guard(cluster, view, &spec, input.now))
        .and_then(|()| keeps_entries(cluster, view));
    let is_busy = |step: &Step| step.resource == write.resource;
    if can_be.is_err() || plan.steps.iter().any(is_busy) {
        // Jobs say what hinders them there; the write waits for the same.
        return;
    }
    plan.steps.push(write);
}

/// The record of a source once a write of its commit in force has ended.
pub fn finish(
    record: &SourceRecord,
    step: &Step,
    outcome: &Outcome,
    now: Timestamp,
) -> SourceRecord {
    let mut record = record.clone();
    let Action::Anchor { entry, .. } = &step.action else {
        return record;
    };
    let message = match outcome {
        Outcome::Done => {
            let commit = entry.anchor.commit.clone();
            let written = Anchored { commit, at: now };
            record.anchored.insert(step.cluster.clone(), written);
            record.retries.remove(&step.cluster);
            return record;
        }
        Outcome::Failed { message, .. }
        | Outcome::Unknown { message }
        | Outcome::Stale { message } => message.clone(),
        Outcome::Exported { .. } | Outcome::Uploaded { .. } => return record,
    };
    let before = record.retries.get(&step.cluster);
    let count = before.map_or(0, |retry| retry.count);
    let retry = Retry {
        verb: step.verb().to_owned(),
        count: count.saturating_add(1),
        at: after(now, backoff(FIRST_PAUSE, count, LONGEST_PAUSE)),
        reason: Reason::BackingOff,
        message,
    };
    record.retries.insert(step.cluster.clone(), retry);
    record
}
