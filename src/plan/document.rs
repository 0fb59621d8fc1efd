//! The last good document about each cluster: it stays in force while it has faults or is gone, as
//! long as jobs refer to the cluster.
//!
//! Without it a cluster whose document vanished would be judged by the defaults, `minMembers: 1` say,
//! and after a restart nobody would know its addresses.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::accept::Accepted;
use super::faults::Faults;
use super::hold::{Hold, Reason, Release};
use super::pass::{Plan, PlanInput};
use super::record::{ClusterDocument, ClusterRecord, JobRecord};
use crate::resources::ResourceId;

/// Records the documents that are good, and says which others are in force.
pub(super) fn keep(
    input: &PlanInput<'_>,
    accepted: &Accepted<'_>,
    faults: &Faults<'_>,
    plan: &mut Plan,
) {
    let recorded = input.recorded.clusters.keys();
    let names: BTreeSet<String> = recorded.chain(plan.clusters.keys()).cloned().collect();
    for name in names {
        let recorded = || input.recorded.clusters.get(&name).cloned();
        let Some(before) = plan.clusters.get(&name).cloned().or_else(recorded) else {
            continue;
        };
        let document = next(input, &name, &before, accepted, faults, plan);
        if document != before.document {
            let record = ClusterRecord {
                document,
                ..(*before).clone()
            };
            plan.clusters.insert(name, Arc::new(record));
        }
    }
}

/// The document that is in force from now on.
fn next(
    input: &PlanInput<'_>,
    name: &str,
    record: &ClusterRecord,
    accepted: &Accepted<'_>,
    faults: &Faults<'_>,
    plan: &mut Plan,
) -> Option<ClusterDocument> {
    let before = record.document.clone();
    if let Some(declared) = input.desired.hazelcasts.get(name) {
        let generation = match &before {
            Some(before) if before.spec == declared.spec => before.generation,
            Some(before) => before.generation + 1,
            None => 1,
        };
        return Some(ClusterDocument {
            generation,
            place: declared.place.clone(),
            spec: Arc::clone(&declared.spec),
        });
    }
    let before = before?;
    // What another run's source says is not ours to forget.
    if !input.desired.sources.contains_key(&before.place.source) {
        return Some(before);
    }
    let id = ResourceId::hazelcast(name);
    if let Some(place) = input.desired.faulty.get(&id) {
        let hold = faults.hold(id, place, Some(before.generation));
        if input.recorded.confirmations.contains_key(&hold.id) {
            // It was given while the document was gone, which it is no more.
            plan.spent_confirmations.insert(hold.id.clone());
        }
        plan.holds.push(hold);
        return Some(before);
    }
    let refers = |job: &JobRecord| job.spec.hazelcast_resource_name == name;
    let staying = accepted
        .records()
        .filter(|job| refers(job) && job.deletion.is_none());
    let count = staying.count();
    if count == 0 {
        // Those that are on their way out still need it, and those of another run's source.
        let mut recorded = input.recorded.jobs.values();
        return Some(before).filter(|_| recorded.any(|job| refers(job)));
    }
    let who = match count {
        1 => "1 job refers".to_owned(),
        count => format!("{count} jobs refer"),
    };
    let message = format!(
        "the document of cluster {name} ({}) is gone, and {who} to it; its generation {} \
         stays in force (minMembers {}). Put it back, or confirm that the configuration and the \
         defaults hold from now on",
        before.place, before.generation, before.spec.min_members
    );
    let hold = Hold::new(Reason::Faulty, vec![id], message).released_by(Release::Confirm);
    if input.recorded.confirmations.contains_key(&hold.id) {
        plan.spent_confirmations.insert(hold.id);
        return None;
    }
    plan.holds.push(hold);
    Some(before)
}
