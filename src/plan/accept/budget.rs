//! How many jobs and snapshots of a source may be deleted without a person's word: counted over an hour, so that
//! documents which vanish one by one, or a slow rename of many, are no way round the limit.
//!
//! A deletion counts from when it began for [`WINDOW`], whether it has ended or not, or until a person
//! confirms a mass deletion of its source. While deletions of the source are held, none is forgotten:
//! what is held for being too many at once doesn't go by itself because time went by.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::subject::Subject;
use crate::plan::pass::{Plan, PlanInput};
use crate::plan::record::SourceRecord;
use crate::resources::{Kind, ResourceId, SourceName, SourceView};

/// For how long a deletion counts.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// How many of one kind would be deleted of the source within the window, and how many there were.
pub(super) fn count(
    input: &PlanInput<'_>,
    source: &SourceName,
    gone: &[Subject<'_>],
    kind: Kind,
) -> (usize, usize) {
    let counts = |subject: &&Subject<'_>| subject.kind() == kind && !subject.nothing_lost();
    let counted = gone.iter().filter(counts);
    // What a person confirmed doesn't count.
    let unconfirmed = counted.filter(|subject| subject.begun() != Some(true));
    let mut deleted: BTreeSet<&str> = unconfirmed.map(|subject| subject.name()).collect();
    let mut all: BTreeSet<&str> = BTreeSet::new();
    if let Some(record) = input.recorded.sources.get(source) {
        let recent = recent(record, kind, input.now);
        let recent: Vec<&str> = recent.map(|(name, _)| name.as_str()).collect();
        deleted.extend(&recent);
        all.extend(recent);
    }
    let ours = Subject::all(input.recorded).filter(|subject| subject.source() == source);
    let ours = ours.filter(|subject| counts(&subject));
    all.extend(ours.map(Subject::name));
    (deleted.len(), all.len())
}

/// The deletions of one kind that still count.
fn recent(
    record: &SourceRecord,
    kind: Kind,
    now: Timestamp,
) -> impl Iterator<Item = (&String, &Timestamp)> {
    let until = record.held_since.unwrap_or(now);
    let deletions = match kind {
        Kind::JetJobSnapshot => &record.snapshot_deletions,
        _ => &record.deletions,
    };
    let deletions = deletions.iter();
    deletions.filter(move |(_, begun)| until.duration_since(**begun) < WINDOW)
}

/// These deletions begin.
pub(super) fn spend(
    input: &PlanInput<'_>,
    source: (&SourceName, &SourceView),
    new: &[ResourceId],
    plan: &mut Plan,
) {
    change(input, source, plan, |record| {
        let counted = |kind| {
            let kept = recent(record, kind, input.now).map(|(name, begun)| (name.clone(), *begun));
            let new = new.iter().filter(move |id| id.kind == kind);
            kept.chain(new.map(|id| (id.name.clone(), input.now)))
                .collect()
        };
        let (jobs, snapshots) = (counted(Kind::JetJob), counted(Kind::JetJobSnapshot));
        (record.deletions, record.snapshot_deletions) = (jobs, snapshots);
        record.held_since = None;
    });
}

/// Deletions of the source are held.
pub(super) fn hold(input: &PlanInput<'_>, source: (&SourceName, &SourceView), plan: &mut Plan) {
    change(input, source, plan, |record| {
        record.held_since.get_or_insert(input.now);
    });
}

/// A person said that so many may go: from here on it is counted anew.
pub(super) fn restore(input: &PlanInput<'_>, source: (&SourceName, &SourceView), plan: &mut Plan) {
    change(input, source, plan, |record| {
        record.deletions.clear();
        record.snapshot_deletions.clear();
        record.held_since = None;
    });
}

/// Deletions of the source go on, and none is held.
pub(super) fn keep(input: &PlanInput<'_>, source: (&SourceName, &SourceView), plan: &mut Plan) {
    change(input, source, plan, |record| record.held_since = None);
}

/// The same for the sources of this run of which no document is gone.
pub(super) fn forget_held(
    input: &PlanInput<'_>,
    is_gone_from: impl Fn(&SourceName) -> bool,
    plan: &mut Plan,
) {
    for (source, record) in &input.recorded.sources {
        if record.held_since.is_some()
            && !is_gone_from(source)
            && let Some(view) = input.desired.sources.get(source)
        {
            keep(input, (source, view), plan);
        }
    }
}

fn change(
    input: &PlanInput<'_>,
    (source, view): (&SourceName, &SourceView),
    plan: &mut Plan,
    change: impl FnOnce(&mut SourceRecord),
) {
    let changed = plan.sources.get(source);
    let before = changed
        .or_else(|| input.recorded.sources.get(source))
        .cloned();
    let before =
        before.unwrap_or_else(|| Arc::new(SourceRecord::new(view.revision.clone(), input.now)));
    let mut record = Arc::clone(&before);
    change(Arc::make_mut(&mut record));
    if record != before {
        plan.sources.insert(source.clone(), record);
    }
}
