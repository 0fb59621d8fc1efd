//! Documents of snapshots become records.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::draft::Standing;
use crate::plan::accept::{Limits, Subject};
use crate::plan::faults::Faults;
use crate::plan::hold::{Hold, Reason};
use crate::plan::pass::PlanInput;
use crate::plan::record::{SnapshotRecord, SnapshotState};
use crate::resources::jet_job_snapshot::JetJobSnapshotSpec;
use crate::resources::{Declared, ResourceId};

/// Where every snapshot of this run's sources stands.
pub(super) fn accept(
    input: &PlanInput<'_>,
    (faults, limits): (&Faults<'_>, &Limits<'_>),
) -> BTreeMap<String, Standing> {
    let mut standings = BTreeMap::new();
    for (name, declared) in &input.desired.snapshots {
        let standing = match input.recorded.snapshots.get(name) {
            Some(record) => known(input, name, record, declared),
            None => Standing::of(Arc::new(SnapshotRecord::new(
                declared.place.clone(),
                declared.digest,
                Arc::clone(&declared.spec),
                declared.annotations.clone(),
            ))),
        };
        standings.insert(name.clone(), standing);
    }
    for (name, record) in &input.recorded.snapshots {
        if record.commanded && !input.desired.snapshots.contains_key(name) {
            let standing = Standing {
                may_delete: record.deleting,
                ..Standing::of(Arc::clone(record))
            };
            standings.insert(name.clone(), standing);
            continue;
        }
        let of_this_run = input.desired.sources.contains_key(&record.place.source);
        if of_this_run && !input.desired.snapshots.contains_key(name) {
            standings.insert(
                name.clone(),
                undeclared(input, name, record, (faults, limits)),
            );
        }
    }
    standings
}

fn known(
    input: &PlanInput<'_>,
    name: &str,
    record: &Arc<SnapshotRecord>,
    declared: &Declared<JetJobSnapshotSpec>,
) -> Standing {
    let mut standing = Standing::of(Arc::clone(record));
    let id = ResourceId::jet_job_snapshot(name);
    if record.commanded {
        Arc::make_mut(&mut standing.record).commanded = false;
    }
    if record.deleting || record.place != declared.place {
        let record = Arc::make_mut(&mut standing.record);
        record.deleting = false;
        // What was said of its removal is void.
        record.deletion_confirmed = false;
        record.outside_windows = false;
        record.place = declared.place.clone();
    }
    if record.digest == declared.digest || input.recorded.in_flight.contains_key(&id) {
        return standing;
    }
    let final_now = record.state == SnapshotState::Exported || record.begun_at.is_some();
    if final_now && !same_snapshot(&record.spec, &declared.spec) {
        let message = "a snapshot that was begun is final: what it is of, its name and how it is made \
                       can't change; add a resource of another name for another snapshot";
        standing
            .holds
            .push(Hold::new(Reason::ImmutableField, vec![id], message));
        return standing;
    }
    let record = Arc::make_mut(&mut standing.record);
    record.generation += 1;
    record.digest = declared.digest;
    record.spec = Arc::clone(&declared.spec);
    record.annotations = declared.annotations.clone();
    if record.state == SnapshotState::Failed {
        record.state = SnapshotState::Waiting;
        record.retry = None;
        record.told = None;
    }
    standing
}

/// Whether both specs ask for the very same snapshot.
fn same_snapshot(old: &JetJobSnapshotSpec, new: &JetJobSnapshotSpec) -> bool {
    // Field by field, so that a new one has to be thought of here.
    let JetJobSnapshotSpec {
        name,
        jet_job_resource_name,
        cancel_job,
        strategy,
        archive,
        source,
        // How long it may take, whether it may pause the job, and what becomes of it, may change.
        timeout: _,
        pause_to_copy: _,
        deletion_policy: _,
    } = new;
    old.name == *name
        && old.jet_job_resource_name == *jet_job_resource_name
        && old.cancel_job == *cancel_job
        && old.strategy == *strategy
        && old.archive == *archive
        && old.source == *source
}

/// A document that is gone, or there with faults.
fn undeclared(
    input: &PlanInput<'_>,
    name: &str,
    record: &Arc<SnapshotRecord>,
    (faults, limits): (&Faults<'_>, &Limits<'_>),
) -> Standing {
    let id = ResourceId::jet_job_snapshot(name);
    let mut standing = Standing::of(Arc::clone(record));
    if let Some(place) = input.desired.faulty.get(&id) {
        let hold = faults.hold(id, place, Some(record.generation));
        standing.holds.push(hold);
        return standing;
    }
    if record.annotations.prune_disabled {
        let message = "its document is gone; jetkeeper.io/prune: disabled keeps it as it is";
        let hold = Hold::new(Reason::PruneDisabled, vec![id], message);
        standing.holds.push(hold);
        return standing;
    }
    let confirmed = match limits.allow(input, Subject::Snapshot(name, record)) {
        Ok(confirmed) => confirmed,
        Err(hold) => {
            standing.withheld = hold.cloned();
            return standing;
        }
    };
    standing.may_delete = true;
    if !record.deleting || record.deletion_confirmed != confirmed {
        let record = Arc::make_mut(&mut standing.record);
        if !record.deleting {
            // Tries of what the document asked for don't hold its removal up.
            record.retry = None;
        }
        record.deleting = true;
        record.deletion_confirmed = confirmed;
    }
    standing
}
