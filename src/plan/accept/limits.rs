//! No mass deletion by accident: which removals may go on.
//!
//! In this order: a source that is missing or declares no job any more deletes nothing without a
//! person's word; nor does one with a document that can't be identified; nothing new is deleted while
//! a document anywhere may turn out to be one of these jobs; and what is begun within an hour has to
//! be within the limits ([`budget`]). A job of which nothing was ever put on a cluster is no loss: where
//! the source can be read, its record goes with its document, and it counts nowhere.

use std::collections::{BTreeMap, BTreeSet};

use super::budget;
use crate::plan::hold::{Hold, Reason, Release};
use crate::plan::pass::{Plan, PlanInput};
use crate::plan::record::JobRecord;
use crate::resources::{Desired, Kind, ResourceId, SourceName, SourceView};

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
    pub(super) fn of(input: &PlanInput<'a>, gone: &BTreeSet<&'a str>, plan: &mut Plan) -> Self {
        let mut by_source: BTreeMap<&SourceName, Vec<(&str, &JobRecord)>> = BTreeMap::new();
        for name in gone {
            if let Some(record) = input.recorded.jobs.get(*name)
                && !record.annotations.prune_disabled
            {
                let records = by_source.entry(&record.place.source).or_default();
                records.push((name, record));
            }
        }
        budget::forget_held(input, |source| by_source.contains_key(source), plan);
        let judged = by_source.into_iter().filter_map(|(source, gone)| {
            let view = input.desired.sources.get(source)?;
            let removals = Removals {
                input,
                source,
                view,
                gone,
            };
            Some((source, removals.judge(plan)))
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
            Verdict::OnlyBegun if nothing_done(record) => Some(confirmed),
            Verdict::Confirmed => Some(true),
            Verdict::OnlyBegun => begun.map(|deletion| deletion.confirmed),
            Verdict::OnlyConfirmed => confirmed.then_some(true),
            Verdict::Nothing => None,
        };
        allowed.ok_or(hold.as_ref())
    }
}

/// The jobs of one source whose documents are gone.
struct Removals<'a, 'b> {
    input: &'b PlanInput<'a>,
    source: &'a SourceName,
    view: &'a SourceView,
    gone: Vec<(&'a str, &'a JobRecord)>,
}

impl Removals<'_, '_> {
    fn judge(&self, plan: &mut Plan) -> (Verdict, Option<Hold>) {
        if !self.view.present || self.leaves_nothing() {
            return self.emptied(plan);
        }
        if !self.view.identified {
            let message = format!(
                "a document of source {} can't be identified, so nothing is deleted; mend it \
                 (`jetkeeper validate` shows it)",
                self.source
            );
            let hold = Hold::new(Reason::SourceUnidentified, self.ids(|_| true), message);
            return (Verdict::Nothing, Some(hold));
        }
        let new = self.ids(|record| is_new(record) && !nothing_done(record));
        if new.is_empty() {
            budget::keep(self.input, (self.source, self.view), plan);
            return (Verdict::OnlyBegun, None);
        }
        if let Some(message) = self.may_go_on_elsewhere() {
            let hold = Hold::new(Reason::SourceUnidentified, new, message);
            return (Verdict::OnlyBegun, Some(hold));
        }
        self.within_budget(new, plan)
    }

    /// The path is missing, or no document of a job is left there.
    fn emptied(&self, plan: &mut Plan) -> (Verdict, Option<Hold>) {
        let unconfirmed = self.ids(|record| !record.deletion.as_ref().is_some_and(|d| d.confirmed));
        let what = if self.view.present {
            "declares no job any more"
        } else {
            "is missing or has no documents"
        };
        let left = match unconfirmed.len() {
            1 => "1 job is left as it is".to_owned(),
            count => format!("{count} jobs are left as they are"),
        };
        let message = format!("source {} {what}; its {left}", self.source);
        let until_then = Verdict::OnlyConfirmed;
        self.ask(
            Reason::SourceMissing,
            unconfirmed,
            message,
            until_then,
            plan,
        )
    }

    /// Whether the source declares no job now, and something may be there of those that it did.
    fn leaves_nothing(&self) -> bool {
        let desired = self.input.desired;
        let mut places = desired.jobs.values().map(|job| &job.place);
        let mut faulty = desired.faulty.iter();
        let declares = places.any(|place| place.source == *self.source)
            || faulty.any(|(id, place)| id.kind == Kind::JetJob && place.source == *self.source);
        !declares && self.gone.iter().any(|(_, record)| !nothing_done(record))
    }

    /// Why one of these jobs may be declared by a document that can't be used, wherever that is.
    fn may_go_on_elsewhere(&self) -> Option<String> {
        let Desired {
            faulty, sources, ..
        } = self.input.desired;
        let unknown = |id: &ResourceId| {
            id.kind == Kind::JetJob && !self.input.recorded.jobs.contains_key(&id.name)
        };
        if let Some((id, place)) = faulty.iter().find(|(id, _)| unknown(id)) {
            return Some(format!(
                "{id} ({}{place}) is new and has faults: it may be one of these jobs under another \
                 name, so none is deleted; mend it (`jetkeeper validate` shows what is wrong)",
                self.elsewhere(&place.source)
            ));
        }
        let (other, _) = sources
            .iter()
            .find(|(name, view)| !view.identified && *name != self.source)?;
        Some(format!(
            "a document of source {other} can't be identified and may be one of these jobs that \
             moved there, so none is deleted; mend it (`jetkeeper validate` shows it)"
        ))
    }

    fn elsewhere(&self, other: &SourceName) -> String {
        if other == self.source {
            String::new()
        } else {
            format!("source {other}, ")
        }
    }

    /// Judges how many go at once.
    fn within_budget(&self, new: Vec<ResourceId>, plan: &mut Plan) -> (Verdict, Option<Hold>) {
        let source = (self.source, self.view);
        let (count, total) = budget::count(self.input, self.source, &self.gone);
        let settings = self.input.settings;
        let too_many = count > settings.max_deletions
            || (count >= 4
                && count.saturating_mul(100)
                    > settings.max_deletions_percent.saturating_mul(total));
        if !too_many {
            budget::spend(self.input, source, &new, plan);
            return (Verdict::Allowed, None);
        }
        let message = format!(
            "{count} of the {total} jobs of source {} would be deleted within an hour; at most {} or \
             {} % go without confirmation (prune.maxDeletions, prune.maxDeletionsPercent)",
            self.source, settings.max_deletions, settings.max_deletions_percent
        );
        let judged = self.ask(Reason::MassDeletion, new, message, Verdict::OnlyBegun, plan);
        match judged.0 {
            Verdict::Confirmed => budget::restore(self.input, source, plan),
            _ => budget::hold(self.input, source, plan),
        }
        judged
    }

    fn ids(&self, wanted: impl Fn(&JobRecord) -> bool) -> Vec<ResourceId> {
        let chosen = self.gone.iter().filter(|(_, record)| wanted(record));
        chosen.map(|(name, _)| ResourceId::jet_job(*name)).collect()
    }

    /// Holds these jobs until a person confirms; the verdict until then is given.
    fn ask(
        &self,
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
            let record = self.input.recorded.jobs.get(&id.name)?;
            let job = record.job.as_ref().map(|job| job.id);
            Some((record.generation, record.digest, job))
        });
        let jobs: Vec<_> = jobs.collect();
        let hold = Hold::new(reason, subjects, message)
            .about(&jobs)
            .released_by(Release::Confirm);
        if self.input.recorded.confirmations.contains_key(&hold.id) {
            plan.spent_confirmations.insert(hold.id);
            return (Verdict::Confirmed, None);
        }
        (until_then, Some(hold))
    }
}

fn is_new(record: &JobRecord) -> bool {
    record.deletion.is_none()
}

/// Whether nothing of the job was ever put on a cluster: its removal removes nothing.
pub(super) fn nothing_done(record: &JobRecord) -> bool {
    record.attempts == 0 && record.job.is_none() && record.entry.is_none()
}
