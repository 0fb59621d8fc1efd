//! No mass deletion by accident: which removals may go on.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::hold::{Hold, Reason, Release};
use crate::plan::pass::{Plan, PlanInput};
use crate::plan::record::JobRecord;
use crate::resources::{Kind, Place, ResourceId, SourceName, SourceView};

/// What each source may delete.
pub(super) struct Limits<'a>(BTreeMap<&'a SourceName, (Verdict, Option<Hold>)>);

/// What one source may delete.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// What was said to be gone.
    Allowed,
    /// The same, because a person confirmed it.
    Confirmed,
    /// Only what was begun before.
    OnlyBegun,
    /// Only what a person confirmed before.
    OnlyConfirmed,
    /// Nothing.
    Nothing,
}

impl<'a> Limits<'a> {
    /// Judges the jobs whose documents are gone; holds those beyond the limits.
    pub(super) fn of(input: &PlanInput<'a>, gone: &BTreeSet<&str>, plan: &mut Plan) -> Self {
        let mut by_source: BTreeMap<&SourceName, Vec<(&str, &JobRecord)>> = BTreeMap::new();
        for name in gone {
            if let Some(record) = input.recorded.jobs.get(*name)
                && !record.annotations.prune_disabled
            {
                let records = by_source.entry(&record.place.source).or_default();
                records.push((name, record));
            }
        }
        let mut totals: BTreeMap<&SourceName, usize> = BTreeMap::new();
        if !by_source.is_empty() {
            for record in input.recorded.jobs.values() {
                *totals.entry(&record.place.source).or_default() += 1;
            }
        }
        let judged = by_source.into_iter().filter_map(|(source, records)| {
            let view = input.desired.sources.get(source)?;
            let total = totals.get(source).copied().unwrap_or_default();
            Some((source, judge(input, (source, view, total), &records, plan)))
        });
        let judged: BTreeMap<_, _> = judged.collect();
        let holds = judged.values().filter_map(|(_, hold)| hold.clone());
        plan.holds.extend(holds);
        Self(judged)
    }

    /// Whether a person confirmed the removal of this job, where it may be removed; else what holds
    /// it up.
    pub(super) fn allow(&self, record: &JobRecord) -> Result<bool, Option<&Hold>> {
        let judged = self.0.get(&record.place.source);
        let Some((verdict, hold)) = judged.filter(|_| !record.annotations.prune_disabled) else {
            return Err(None);
        };
        let begun = record.deletion.as_ref();
        let confirmed = begun.is_some_and(|deletion| deletion.confirmed);
        let allowed = match verdict {
            Verdict::Allowed => Some(confirmed),
            Verdict::Confirmed => Some(true),
            Verdict::OnlyBegun => begun.map(|deletion| deletion.confirmed),
            Verdict::OnlyConfirmed => confirmed.then_some(true),
            Verdict::Nothing => None,
        };
        allowed.ok_or(hold.as_ref())
    }
}

fn judge(
    input: &PlanInput<'_>,
    (source, view, total): (&SourceName, &SourceView, usize),
    records: &[(&str, &JobRecord)],
    plan: &mut Plan,
) -> (Verdict, Option<Hold>) {
    let ids = |wanted: &dyn Fn(&JobRecord) -> bool| -> Vec<ResourceId> {
        let chosen = records.iter().filter(|(_, record)| wanted(record));
        chosen.map(|(name, _)| ResourceId::jet_job(*name)).collect()
    };
    if !view.present {
        let unconfirmed = ids(&|record| !record.deletion.as_ref().is_some_and(|d| d.confirmed));
        let message = format!(
            "source {source} is missing or has no documents; its {} jobs are left as they are",
            unconfirmed.len()
        );
        let verdict = Verdict::OnlyConfirmed;
        return ask(
            input,
            Reason::SourceMissing,
            unconfirmed,
            message,
            verdict,
            plan,
        );
    }
    if !view.identified {
        let message = format!(
            "a document of source {source} can't be identified, so nothing is deleted; mend it \
             (`jetkeeper validate` shows it)"
        );
        let hold = Hold::new(Reason::SourceUnidentified, ids(&|_| true), message);
        return (Verdict::Nothing, Some(hold));
    }
    let new = ids(&|record| record.deletion.is_none());
    if let Some((id, place)) = new_and_faulty(input, source).filter(|_| !new.is_empty()) {
        let message = format!(
            "{id} ({place}) is new and has faults: it may be one of these jobs under another name, \
             so none is deleted; mend it (`jetkeeper validate` shows what is wrong)"
        );
        let hold = Hold::new(Reason::SourceUnidentified, new, message);
        return (Verdict::OnlyBegun, Some(hold));
    }
    // What was begun without a person's word counts too: documents that vanish one by one must not
    // each be within the limits.
    let begun = ids(&|record| record.deletion.as_ref().is_some_and(|d| !d.confirmed));
    let (count, settings) = (new.len() + begun.len(), input.settings);
    let too_many = count > settings.max_deletions
        || (count >= 4
            && count.saturating_mul(100) > settings.max_deletions_percent.saturating_mul(total));
    if !too_many {
        return (Verdict::Allowed, None);
    }
    let message = format!(
        "{count} of the {total} jobs of source {source} would be deleted; at most {} or {} % go \
         without confirmation (prune.maxDeletions, prune.maxDeletionsPercent)",
        settings.max_deletions, settings.max_deletions_percent
    );
    ask(
        input,
        Reason::MassDeletion,
        new,
        message,
        Verdict::OnlyBegun,
        plan,
    )
}

/// A document of the source that can't be used and of which nothing is recorded: what job it is
/// about can't be told.
fn new_and_faulty<'a>(
    input: &PlanInput<'a>,
    source: &SourceName,
) -> Option<(&'a ResourceId, &'a Place)> {
    input.desired.faulty.iter().find(|(id, place)| {
        id.kind == Kind::JetJob
            && place.source == *source
            && !input.recorded.jobs.contains_key(&id.name)
    })
}

/// Holds these jobs until a person confirms; the verdict until then is given.
fn ask(
    input: &PlanInput<'_>,
    reason: Reason,
    mut subjects: Vec<ResourceId>,
    message: String,
    until_then: Verdict,
    plan: &mut Plan,
) -> (Verdict, Option<Hold>) {
    if subjects.is_empty() {
        return (until_then, None);
    }
    subjects.sort();
    // A word about these jobs as they are says nothing of what bears their names another day.
    let jobs = subjects.iter().map(|id| {
        let record = input.recorded.jobs.get(&id.name)?;
        let job = record.job.as_ref().map(|job| job.id);
        Some((record.generation, record.digest, job))
    });
    let jobs: Vec<_> = jobs.collect();
    let hold = Hold::new(reason, subjects, message)
        .about(&jobs)
        .released_by(Release::Confirm);
    if input.recorded.confirmations.contains_key(&hold.id) {
        plan.spent_confirmations.insert(hold.id);
        return (Verdict::Confirmed, None);
    }
    (until_then, Some(hold))
}
