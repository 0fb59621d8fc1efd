//! No mass deletion by accident: which removals of jobs and snapshots may go on.
//!
//! In this order: a source that is missing, or declares no job or no snapshot any more, deletes nothing
//! without a person's word; nor does one with a document that can't be identified; nothing new is deleted
//! while a document anywhere may turn out to be one of those that are gone; and what is begun within an
//! hour has to be within the limits ([`budget`]). A job of which nothing was ever put on a cluster is no
//! loss, nor is a snapshot that stays there: where the source can be read, its record goes with its
//! document, and it counts nowhere.

use std::collections::BTreeMap;

use super::budget;
use super::subject::Subject;
use crate::plan::hold::{Hold, Reason, Release};
use crate::plan::pass::{Plan, PlanInput};
use crate::plan::plural::counted;
use crate::resources::{Desired, Kind, Place, ResourceId, SourceName, SourceView};

/// What each source may delete.
pub(in crate::plan) struct Limits<'a>(BTreeMap<&'a SourceName, (Verdict, Option<Hold>)>);

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
    /// Judges the jobs and snapshots whose documents are gone; holds those beyond the limits.
    pub(super) fn of(
        input: &PlanInput<'a>,
        gone: impl Iterator<Item = Subject<'a>>,
        plan: &mut Plan,
    ) -> Self {
        let mut by_source: BTreeMap<&SourceName, Vec<Subject<'a>>> = BTreeMap::new();
        for subject in gone.filter(|subject| !subject.prune_disabled()) {
            let view = input.desired.sources.get(subject.source());
            if view.is_some_and(|view| !subject.goes_freely(view)) {
                by_source.entry(subject.source()).or_default().push(subject);
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

    /// Whether a person confirmed this removal, where it may go on; else what holds it up.
    pub(in crate::plan) fn allow(
        &self,
        input: &PlanInput<'_>,
        subject: Subject<'_>,
    ) -> Result<bool, Option<&Hold>> {
        if subject.prune_disabled() {
            return Err(None);
        }
        let begun = subject.begun();
        let confirmed = begun == Some(true);
        let view = input.desired.sources.get(subject.source());
        if view.is_some_and(|view| subject.goes_freely(view)) {
            return Ok(confirmed);
        }
        let Some((verdict, hold)) = self.0.get(subject.source()) else {
            return Err(None);
        };
        let allowed = match verdict {
            Verdict::Allowed => Some(confirmed),
            Verdict::OnlyBegun if subject.nothing_lost() => Some(confirmed),
            Verdict::Confirmed => Some(true),
            Verdict::OnlyBegun => begun,
            Verdict::OnlyConfirmed => confirmed.then_some(true),
            Verdict::Nothing => None,
        };
        allowed.ok_or(hold.as_ref())
    }
}

/// What of one source is to go with its documents.
struct Removals<'a, 'b> {
    input: &'b PlanInput<'a>,
    source: &'a SourceName,
    view: &'a SourceView,
    gone: Vec<Subject<'a>>,
}

impl Removals<'_, '_> {
    fn judge(&self, plan: &mut Plan) -> (Verdict, Option<Hold>) {
        if !self.view.present || self.kind_left_out().is_some() {
            return self.emptied(plan);
        }
        if !self.view.identified {
            let message = format!(
                "a document of source {} can't be identified, so nothing is deleted; mend it \
                 (`jetkeeper validate PATH` shows it)",
                self.source
            );
            let hold = Hold::new(Reason::SourceUnidentified, self.ids(|_| true), message);
            return (Verdict::Nothing, Some(hold));
        }
        let new = self.ids(|subject| subject.begun().is_none() && !subject.nothing_lost());
        if new.is_empty() {
            budget::keep(self.input, (self.source, self.view), plan);
            return (Verdict::OnlyBegun, None);
        }
        if let Some(message) = self.may_go_on_elsewhere(&new) {
            let hold = Hold::new(Reason::SourceUnidentified, new, message);
            return (Verdict::OnlyBegun, Some(hold));
        }
        self.within_budget(new, plan)
    }

    /// The path is missing, or no document of a job, or of a snapshot, is left there.
    fn emptied(&self, plan: &mut Plan) -> (Verdict, Option<Hold>) {
        let unconfirmed = self.ids(|subject| subject.begun() != Some(true));
        let what = match self.kind_left_out() {
            _ if !self.view.present => "is missing or has no documents",
            Some(Kind::JetJobSnapshot) => "declares no snapshot any more",
            _ => "declares no job any more",
        };
        let are = match unconfirmed.len() {
            1 => "is left as it is",
            _ => "are left as they are",
        };
        let left = named(&unconfirmed);
        let message = format!("source {} {what}; its {left} {are}", self.source);
        let until_then = Verdict::OnlyConfirmed;
        self.ask(
            Reason::SourceMissing,
            unconfirmed,
            message,
            until_then,
            plan,
        )
    }

    /// The kind of which the source declares nothing now, although something may be there of what it
    /// declared. What a person confirmed is no question any more, and holds up nothing else while it goes.
    fn kind_left_out(&self) -> Option<Kind> {
        let desired = self.input.desired;
        let declares = |kind| {
            let jobs = desired.jobs.values().map(|job| &job.place);
            let snapshots = desired.snapshots.values().map(|it| &it.place);
            let mut faulty = desired.faulty.iter();
            let is_here = |place: &Place| place.source == *self.source;
            let declared = match kind {
                Kind::JetJob => jobs.into_iter().any(is_here),
                _ => snapshots.into_iter().any(is_here),
            };
            declared || faulty.any(|(id, place)| id.kind == kind && is_here(place))
        };
        let lost = |kind| {
            let mut gone = self.gone.iter();
            gone.any(|subject| {
                let confirmed = subject.begun() == Some(true);
                subject.kind() == kind && !subject.nothing_lost() && !confirmed
            })
        };
        let mut kinds = [Kind::JetJob, Kind::JetJobSnapshot].into_iter();
        kinds.find(|kind| lost(*kind) && !declares(*kind))
    }

    /// Why one of these may be declared by a document that can't be used, wherever that is.
    fn may_go_on_elsewhere(&self, gone: &[ResourceId]) -> Option<String> {
        let Desired {
            faulty, sources, ..
        } = self.input.desired;
        let recorded = self.input.recorded;
        let may_be_one = |id: &ResourceId| {
            gone.iter().any(|gone| gone.kind == id.kind) && Subject::find(recorded, id).is_none()
        };
        if let Some((id, place)) = faulty.iter().find(|(id, _)| may_be_one(id)) {
            return Some(format!(
                "{id} ({}{place}) is new and has faults: it may be one of those that are gone, under \
                 another name, so none is deleted; mend it (`jetkeeper validate PATH` shows what is wrong)",
                self.elsewhere(&place.source)
            ));
        }
        let (other, _) = sources
            .iter()
            .find(|(name, view)| !view.identified && *name != self.source)?;
        Some(format!(
            "a document of source {other} can't be identified and may be one of those that are gone \
             here, moved there, so none is deleted; mend it (`jetkeeper validate PATH` shows it)"
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
        let settings = self.input.settings;
        let kinds = [Kind::JetJob, Kind::JetJobSnapshot];
        let counts = kinds.map(|kind| {
            (
                kind,
                budget::count(self.input, self.source, &self.gone, kind),
            )
        });
        let all: usize = counts.iter().map(|(_, (count, _))| count).sum();
        let too_many = |(_, (count, total)): &(Kind, (usize, usize))| {
            *count >= 4
                && count.saturating_mul(100) > settings.max_deletions_percent.saturating_mul(*total)
        };
        if all <= settings.max_deletions && !counts.iter().any(too_many) {
            budget::spend(self.input, source, &new, plan);
            return (Verdict::Allowed, None);
        }
        let concerned = counts.iter().filter(|(_, (count, _))| *count > 0);
        let parts = concerned
            .map(|(kind, (count, total))| format!("{count} of the {}", nouns(*kind, *total)));
        let parts: Vec<String> = parts.collect();
        let message = format!(
            "{} of source {} would be deleted within an hour, those that went already counted; without \
             confirmation at most {} go, and at most {} % (prune.maxDeletions, prune.maxDeletionsPercent)",
            parts.join(" and "),
            self.source,
            settings.max_deletions,
            settings.max_deletions_percent
        );
        let judged = self.ask(Reason::MassDeletion, new, message, Verdict::OnlyBegun, plan);
        match judged.0 {
            Verdict::Confirmed => budget::restore(self.input, source, plan),
            _ => budget::hold(self.input, source, plan),
        }
        judged
    }

    fn ids(&self, wanted: impl Fn(&Subject<'_>) -> bool) -> Vec<ResourceId> {
        let chosen = self.gone.iter().filter(|subject| wanted(subject));
        chosen.map(|subject| subject.id()).collect()
    }

    /// Holds these until a person confirms; the verdict until then is given.
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
        let recorded = self.input.recorded;
        let about = subjects.iter().map(|id| {
            let subject = Subject::find(recorded, id);
            subject.map(Subject::about)
        });
        let about: Vec<_> = about.collect();
        let hold = Hold::new(reason, subjects, message)
            .about(&about)
            .released_by(Release::Confirm);
        if self.input.recorded.confirmations.contains_key(&hold.id) {
            plan.spent_confirmations.insert(hold.id);
            return (Verdict::Confirmed, None);
        }
        (until_then, Some(hold))
    }
}

/// `5 jobs and 20 snapshots`.
fn named(subjects: &[ResourceId]) -> String {
    let count = |kind| subjects.iter().filter(|id| id.kind == kind).count();
    let kinds = [Kind::JetJob, Kind::JetJobSnapshot].into_iter();
    let counts = kinds.map(|kind| (kind, count(kind)));
    let counts = counts.filter(|(_, count)| *count > 0);
    let parts: Vec<String> = counts.map(|(kind, count)| nouns(kind, count)).collect();
    parts.join(" and ")
}

fn nouns(kind: Kind, count: usize) -> String {
    match kind {
        Kind::JetJobSnapshot => counted(count, "snapshot", "snapshots"),
        _ => counted(count, "job", "jobs"),
    }
}
