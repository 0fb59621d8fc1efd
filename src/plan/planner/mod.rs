//! One planning pass over everything, made of what changed since the last one.
//!
//! ```text
//! input ─▶ accept ─┬─ documents as recorded ─┬─ nothing changed ─▶ as it was planned before
//!                  │                         └─ something did  ─┐
//!                  └─ all others ───────────────────────────────┴▶ planned anew
//! ```
//!
//! What holds: a planner that saw other inputs before plans the same as one that saw none. A part of a
//! plan is kept only where nothing was to be done, learnt or told, and it stands for as long as
//! everything is the same that it followed from: the job's record and document, its cluster but for
//! other jobs, its jar, what people said, and the time up to its next wake.

mod changes;
mod jobs;
mod kept;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::accept::{self, Accepted, Standing};
use super::cluster::{self, ClusterSight};
use super::document;
use super::draft::Unasked;
use super::faults::{self, Faults};
use super::hold::HoldId;
use super::jet_job_snapshot;
use super::pass::{Plan, PlanInput, Statuses};
use super::trust;
use crate::resources::Kind;
use changes::{Changes, Circumstances};
use jobs::Jobs;
pub(super) use kept::Kept;

/// Plans pass after pass, and keeps what it planned for jobs of which nothing changes.
#[derive(Debug, Default)]
pub struct Planner {
    /// What the last plan followed from beside records and documents.
    circumstances: Option<Circumstances>,
    /// By name, in order.
    kept: Vec<Kept>,
    /// As the last plan had them.
    statuses: Statuses,
}

/// What is planned for one job.
enum Part<'a> {
    /// What was planned before.
    Kept(Kept),
    /// What follows from where it stands.
    Anew(Box<Anew<'a>>),
}

/// A job to be planned anew.
struct Anew<'a> {
    name: Cow<'a, str>,
    standing: Standing,
    /// Whether its document is as it was recorded.
    is_unchanged: bool,
}

impl Planner {
    /// Decides everything. The same input gives the same plan, whatever was planned before.
    pub fn plan(&mut self, input: &PlanInput<'_>) -> Plan {
        let mut plan = Plan::default();
        let mut sights = cluster::look(input, &mut plan);
        if plan.fatal.is_some() {
            *self = Self::default();
            return plan;
        }
        let faults = Faults::of(input.desired);
        faults::hold_new(input, &faults, &mut plan);
        trust::hold_all(input, &mut plan);
        let (accepted, limits) = accept::accept(input, &faults, &mut plan);
        document::keep(input, &accepted, &faults, &mut plan);
        let now = Circumstances::of(input, &sights);
        let before = self.circumstances.take();
        let changes = before.map_or(Changes::Everything, |before| before.compare(&now));
        let parts = self.sort_out(input, accepted, &changes);
        seek_namesakes(&parts, &mut sights);
        plan.statuses = std::mem::take(&mut self.statuses);
        let mut jobs = Jobs::new(input, &sights, &parts, plan);
        self.kept = parts
            .into_iter()
            .filter_map(|part| jobs.take(part))
            .collect();
        self.circumstances = Some(now);
        let (mut plan, unasked) = jobs.finish(&self.kept);
        self.statuses = plan.statuses.clone();
        trust::write_all(input, &sights, &mut plan);
        jet_job_snapshot::plan_all(input, &sights, (&faults, &limits), &mut plan);
        void_confirmations(input, &unasked, &mut plan);
        plan
    }

    /// All jobs in order of their names, those among them that were planned before and of which
    /// nothing changed with what was planned.
    fn sort_out<'a>(
        &mut self,
        input: &PlanInput<'a>,
        accepted: Accepted<'a>,
        changes: &Changes,
    ) -> Vec<Part<'a>> {
        let in_flight = input.recorded.in_flight.keys();
        let in_flight = in_flight.filter(|id| id.kind == Kind::JetJob);
        let in_flight: HashSet<&str> = in_flight.map(|id| id.name.as_str()).collect();
        let mut kept = std::mem::take(&mut self.kept).into_iter().peekable();
        let mut standings = accepted.standings.into_iter().peekable();
        let mut parts = Vec::with_capacity(accepted.unchanged.len() + standings.len());
        let changed = |(name, standing): (String, Standing)| {
            Part::Anew(Box::new(Anew {
                name: Cow::Owned(name),
                standing,
                is_unchanged: false,
            }))
        };
        for (name, record) in accepted.unchanged {
            while let Some(other) = standings.next_if(|(other, _)| other.as_str() < name) {
                parts.push(changed(other));
            }
            while kept.next_if(|kept| kept.name.as_str() < name).is_some() {}
            let stands = |kept: &Kept| {
                kept.name == name
                    && kept.stands(record, input.now)
                    && !in_flight.contains(name)
                    && !changes.touch(kept)
            };
            parts.push(match kept.next_if(stands) {
                Some(kept) => Part::Kept(kept),
                None => Part::Anew(Box::new(Anew {
                    name: Cow::Borrowed(name),
                    standing: Standing::of(record.clone()),
                    is_unchanged: true,
                })),
            });
        }
        parts.extend(standings.map(changed));
        parts
    }
}

/// What is planned anew may ask for the jobs of its name.
fn seek_namesakes(parts: &[Part<'_>], sights: &mut BTreeMap<&str, ClusterSight<'_>>) {
    for part in parts {
        let Part::Anew(anew) = part else { continue };
        let spec = &anew.standing.record.spec;
        if let Some(sight) = sights.get_mut(spec.hazelcast_resource_name.as_str()) {
            sight.seek(spec.job_name(&anew.name));
        }
    }
}

/// Gives up confirmations of holds that are no more. Where nothing could be decided now, because the
/// cluster can't be seen, say, the hold may be there again, and so they wait.
fn void_confirmations(input: &PlanInput<'_>, unasked: &Unasked, plan: &mut Plan) {
    let recorded = &input.recorded.confirmations;
    if recorded.is_empty() || input.desired.sources.is_empty() {
        return;
    }
    let standing: BTreeSet<&HoldId> = plan.holds.iter().map(|hold| &hold.id).collect();
    let stands = |id: &HoldId| standing.contains(id) || unasked.may_have(id);
    let void = recorded.keys().filter(|id| !stands(id));
    let void: Vec<HoldId> = void.cloned().collect();
    plan.spent_confirmations.extend(void);
}
