//! The commit in force, written into the map of each cluster that has jobs of its source.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::plan::cluster::{ClusterSight, guard, keeps_entries, spec};
use crate::plan::hold::{Hold, Reason};
use crate::plan::observed::ClusterView;
use crate::plan::ownership::{AnchorEntry, anchor_key};
use crate::plan::pass::{Plan, PlanInput};
use crate::plan::record::{Anchored, Retry, SourceRecord};
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
    let everything = input.recorded.pauses.get(&None);
    if everything.is_some_and(|pause| pause.goes_on(input.now)) {
        return;
    }
    for (source, record) in &input.recorded.sources {
        let shown = input.desired.sources.get(source);
        // Only of what is shown now: the record of another run's source is left alone.
        if record.anchor.is_none() || shown.is_none_or(|view| view.lineage.is_none()) {
            continue;
        }
        for cluster in clusters_of(input, source) {
            let Some(sight) = sights.get(cluster) else {
                continue;
            };
            if sight.obstacle_for(source).is_none() {
                write(input, (source, record), (cluster, sight.view), plan);
            }
        }
    }
}

/// The clusters that have something of a source.
fn clusters_of<'a>(
    input: &PlanInput<'a>,
    source: &'a SourceName,
) -> std::collections::BTreeSet<&'a str> {
    let jobs = input.recorded.jobs.values();
    let jobs = jobs
        .filter(|job| job.place.source == *source && (job.entry.is_some() || job.job.is_some()));
    jobs.map(|job| job.spec.hazelcast_resource_name.as_str())
        .collect()
}

fn write(
    input: &PlanInput<'_>,
    (source, record): (&SourceName, &SourceRecord),
    (cluster, view): (&str, &ClusterView),
    plan: &mut Plan,
) {
    let (Some(anchor), Some(cluster_id)) = (&record.anchor, view.cluster_id) else {
        return;
    };
    let Some(entries) = view.anchors.known() else {
        return;
    };
    let key = anchor_key(&input.settings.owner, source);
    let there = entries.get(&key);
    let is_there = there.is_some_and(|entry| entry.anchor == *anchor);
    let written = record.anchored.get(cluster);
    let was_written = written.is_some_and(|it| {
        // What was seen is older than what was written. A time to come was noted by a clock that was put
        // back since, and says nothing of that.
        let older = view.ownership_asked_at.is_none_or(|seen| seen <= it.at);
        it.commit == anchor.commit && older && it.at <= input.now
    });
    if is_there || was_written {
        return;
    }
    let resource = ResourceId::hazelcast(cluster);
    if let Some(retry) = record.retries.get(cluster)
        && retry.goes_on(input.now)
    {
        let message = format!("{}, tried again: {}", retry.verb, retry.message);
        let hold = Hold::new(Reason::BackingOff, vec![resource], message).until(retry.at);
        plan.holds.push(hold);
        plan.wake_at(Some(retry.at));
        return;
    }
    let can_be = spec(input, cluster)
        .and_then(|spec| guard(cluster, view, &spec, input.now))
        .and_then(|()| keeps_entries(cluster, view));
    if can_be.is_err() || plan.steps.iter().any(|step| step.resource == resource) {
        // Jobs say what hinders them there; the write waits for the same.
        return;
    }
    let entry = AnchorEntry {
        owner: input.settings.owner.clone(),
        source: source.clone(),
        anchor: anchor.clone(),
    };
    plan.steps.push(Step {
        resource,
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
        },
        action: Action::Anchor {
            entry: Box::new(entry),
            replaces: there.cloned().map(Box::new),
        },
        remember: Remember::default(),
        timeout: TIMEOUT,
    });
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
