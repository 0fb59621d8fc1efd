//! Which revision of a source may be in force, and where that is remembered.
//!
//! ```text
//! source ── Lineage, Proposal ──▶ admits? ─▶ loaded ─▶ anchor (record) ─▶ step ─▶ the cluster's map
//!    ▲                               │ no: held until a person confirms            │
//!    └────────── Footing ◀───────────┴──────────── what a map says that this state doesn't know
//! ```
//!
//! The **anchor** is the last commit that was verified, where that is asked for, and in force. It moves
//! only with what was planned with, never with what was merely fetched. It stands in the record of the
//! source and in a map of every cluster that has jobs of the source, so that state that was deleted, or
//! set back, doesn't let an older commit in again.

mod anchor;
mod contradiction;
mod proposal;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use anchor::finish;
pub(super) use anchor::write_all;
pub(super) use contradiction::contradictions;
pub(super) use proposal::hold_all;

use super::observed::ClusterView;
use super::ownership::{AnchorEntry, anchor_key};
use super::pass::{Plan, PlanInput};
use super::record::SourceRecord;
use crate::resources::{Footing, Lineage, SourceName};

/// Whether a revision may be planned with: it goes on from what is in force, or a person let it in.
pub fn admits(record: Option<&SourceRecord>, lineage: &Lineage) -> bool {
    let Some(anchor) = record.and_then(|record| record.anchor.as_ref()) else {
        return true;
    };
    lineage.goes_on_from(anchor) == Some(true)
        || record.is_some_and(|it| it.released.as_deref() == Some(&*lineage.commit))
}

/// From where a source may go on.
pub fn footing(source: &SourceName, input: &PlanInput<'_>) -> Footing {
    let record = input.recorded.sources.get(source).map(|it| &**it);
    let lineage = input.desired.sources.get(source);
    let lineage = lineage.and_then(|view| view.lineage.as_deref());
    let mut asked = BTreeSet::new();
    if let Some(lineage) = lineage {
        for (cluster, view) in &input.observed.clusters {
            let entry = stranger(source, record, cluster, (view, &input.settings.owner));
            let entry = entry.filter(|entry| entry.anchor.commit != lineage.commit);
            asked.extend(entry.map(|entry| entry.anchor.commit.clone()));
        }
    }
    Footing {
        anchor: record.and_then(|record| record.anchor.clone()),
        asked,
        released: record.and_then(|record| record.released.clone()),
    }
}

/// What a cluster says was in force of a source, where this state doesn't know that it said so.
fn stranger<'a>(
    source: &SourceName,
    record: Option<&SourceRecord>,
    cluster: &str,
    (view, owner): (&'a ClusterView, &str),
) -> Option<&'a AnchorEntry> {
    let entry = view.anchors.known()?.get(&anchor_key(owner, source))?;
    let commit = &entry.anchor.commit;
    let is_known = record.is_some_and(|record| {
        let in_force = record.anchor.as_ref();
        let written = record.anchored.get(cluster);
        in_force.is_some_and(|it| it.commit == *commit)
            || written.is_some_and(|it| it.commit == *commit)
    });
    (!is_known).then_some(entry)
}

/// The record of a source as this pass leaves it, to be changed.
fn edit<'a>(
    source: &SourceName,
    input: &PlanInput<'_>,
    plan: &'a mut Plan,
) -> Option<&'a mut SourceRecord> {
    let recorded = input.recorded.sources.get(source);
    let record = match plan.sources.get(source) {
        Some(changed) => Arc::clone(changed),
        None => Arc::clone(recorded?),
    };
    let record = plan.sources.entry(source.clone()).or_insert(record);
    Some(Arc::make_mut(record))
}
