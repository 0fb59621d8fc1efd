//! Whether the list of a cluster's jobs can be trusted yet.
//!
//! A master that has just come up answers before it has loaded its jobs. While the connection is young, a list
//! that lacks what was recorded, or is empty where the ownership map is not, starts and stops nothing; nor does
//! one of that time later on, until there is another.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::cluster::{MASTER_SETTLES, Obstacle};
use super::hold::Reason;
use super::job::{JobId, JobView};
use super::keeper::keeper;
use super::observed::ClusterView;
use super::ownership::OwnershipEntry;
use super::pass::PlanInput;
use super::record::{BoundJob, JobRecord};
use super::transition::after;

/// The jobs of a list.
type Listed = BTreeMap<JobId, Arc<JobView>>;

/// Why the list can't be trusted yet, if so.
pub(super) fn unsettled(input: &PlanInput<'_>, name: &str, view: &ClusterView) -> Option<Obstacle> {
    let settled = after(view.connected_at?, MASTER_SETTLES);
    if view.listed_at.is_some_and(|listed| listed >= settled) {
        return None;
    }
    let (jobs, id) = (view.jobs.known()?, view.cluster_id?);
    let lacking = recorded(input, (name, id), jobs)
        .or_else(|| claimed(input, view.ownership.known()?, jobs))?;
    let message = format!(
        "cluster {name} was connected a moment ago and does not list job {lacking}, which it may have; \
         waiting until its list has settled"
    );
    Some(Obstacle {
        // After that it is the next list that is waited for.
        until: Some(settled).filter(|settled| input.now < *settled),
        ..Obstacle::new(Reason::ClusterUnsafe, message)
    })
}

/// A job that was active there when it was seen last.
fn recorded<'a>(input: &PlanInput<'a>, (name, id): (&str, Uuid), jobs: &Listed) -> Option<&'a str> {
    let lacks =
        |job: &BoundJob| job.is_active() && job.cluster_id == id && !jobs.contains_key(&job.id);
    let mut records = input.recorded.jobs.iter();
    let lacking = records.find(|(_, record)| {
        record.spec.hazelcast_resource_name == name && record.job.as_ref().is_some_and(lacks)
    });
    lacking.map(|(resource, record)| record.spec.job_name(resource))
}

/// A job that an entry of the ownership map speaks of, and no record explains why it is not there. Those of
/// others, whose jobs may have ended long ago, count only where there is no job at all.
fn claimed<'a>(
    input: &PlanInput<'_>,
    entries: &'a BTreeMap<String, OwnershipEntry>,
    jobs: &Listed,
) -> Option<&'a str> {
    // One that has ended says nothing of the job that the claim may have made.
    let active = jobs.values().filter(|job| !job.status.is_terminal());
    let names: HashSet<&str> = active.map(|job| job.name.as_str()).collect();
    let lacks = |(name, entry): &(&String, &OwnershipEntry)| {
        let record = input.recorded.jobs.get(&entry.resource.name);
        let ours = keeper(input, record.map(|record| &**record), Some(entry)).is_us();
        let explained = ours && record.is_some_and(|record| explains(record, entry));
        let listed =
            names.contains(name.as_str()) || entry.job_id.is_some_and(|id| jobs.contains_key(&id));
        (ours || jobs.is_empty()) && !explained && !listed
    };
    let lacking = entries.iter().find(lacks);
    lacking.map(|(name, _)| name.as_str())
}

/// Whether the record knows what became of the claim: its job is followed, or looked for.
fn explains(record: &JobRecord, entry: &OwnershipEntry) -> bool {
    let of_its_job = |job: &BoundJob| {
        entry.job_id == Some(job.id) || (!job.nonce.is_empty() && entry.attempt == job.nonce)
    };
    record.attempt.is_some() || record.job.as_ref().is_some_and(of_its_job)
}
