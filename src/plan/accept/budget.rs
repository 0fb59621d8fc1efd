//! How many jobs of a source may be deleted without a person's word: counted over an hour, so that
//! documents which vanish one by one, or a slow rename of many, are no way round the limit.
//!
//! A deletion counts from when it began for [`WINDOW`], whether it has ended or not, or until a person
//! confirms a mass deletion of its source. While deletions of the source are held, none is forgotten:
//! what is held for being too many at once doesn't go by itself because time went by.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::limits::nothing_done;
use crate::plan::pass::{Plan, PlanInput};
use crate::plan::record::{JobRecord, SourceRecord};
use crate::resources::{ResourceId, SourceName, SourceView};

/// For how long a deletion counts.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// How many jobs of the source would be deleted within the window, and how many there were.
pub(super) fn count(
    input: &PlanInput<'_>,
    source: &SourceName,
    gone: &[(&str, &JobRecord)],
) -> (usize, usize) {
    // What a person confirmed doesn't count.
    let unconfirmed = gone
        .iter()
        .filter(|(_, record)| !record.deletion.as_ref().is_some_and(|it| it.confirmed))
        .filter(|(_, record)| !nothing_done(record));
    let mut deleted: BTreeSet<&str> = unconfirmed.map(|(name, _)| *name).collect();
    let mut all: BTreeSet<&str> = BTreeSet::new();
    if let Some(record) = input.recorded.sources.get(source) {
        let recent = recent(record, input.now);
        let recent: Vec<&str> = recent.map(|(name, _)| name.as_str()).collect();
        deleted.extend(&recent);
        all.extend(recent);
    }
    let jobs = input.recorded.jobs.iter();
    let ours = jobs.filter(|(_, record)| record.place.source == *source && !nothing_done(record));
    all.extend(ours.map(|(name, _)| name.as_str()));
    (deleted.len(), all.len())
}

/// The deletions that still count.
fn recent(record: &SourceRecord, now: Timestamp) -> impl Iterator<Item = (&String, &Timestamp)> {
    let until = record.held_since.unwrap_or(now);
    let deletions = record.deletions.iter();
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
        let kept = recent(record, input.now).map(|(name, begun)| (name.clone(), *begun));
        record.deletions = kept.collect();
        let begun = new.iter().map(|id| (id.name.clone(), input.now));
        record.deletions.extend(begun);
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
