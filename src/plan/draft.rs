//! The plan of one job while it is being made.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::accept::Standing;
use super::cluster::{self, ClusterSight};
use super::event::{Event, EventKind};
use super::hold::{Hold, HoldId, Reason, Release};
use super::jar::{JarRequest, JarView};
use super::job::{JobId, JobStatus, JobView};
use super::keeper::{self, Keeper};
use super::observed::{ClusterView, Lists};
use super::ownership::OwnershipEntry;
use super::pass::{Plan, PlanInput};
use super::planner::Kept;
use super::record::{Deed, JobRecord, SnapshotRecord};
use super::status::JobStatusReport;
use super::step::{
    Action, Expectation, ExpectedKeeper, ExpectedSnapshot, ExportSnapshot, Remember, Step,
};
use super::word;
use crate::resources::ResourceId;

/// The questions that a job may be held by about which nothing could be decided now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Questions {
    /// These, or none.
    These(Vec<HoldId>),
    /// That can't be told.
    Any,
}

/// The ids of the questions that jobs may be held by which nothing could be decided about now.
#[derive(Default)]
pub(super) struct Unasked {
    ids: BTreeSet<HoldId>,
    any: bool,
}

impl Unasked {
    /// Adds those of a job.
    pub(super) fn add(&mut self, questions: &Questions) {
        match questions {
            Questions::These(ids) => self.ids.extend(ids.iter().cloned()),
            Questions::Any => self.any = true,
        }
    }

    /// Whether this may be one of them.
    pub(super) fn may_have(&self, id: &HoldId) -> bool {
        self.any || self.ids.contains(id)
    }
}

/// How long everything but an upload may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// The plan of one job while it is being made: its record, what is seen, what was decided so far.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one answer of its own"
)]
pub(super) struct Draft<'a> {
    /// Everything.
    pub(super) input: &'a PlanInput<'a>,
    /// The resource.
    pub(super) id: ResourceId,
    /// The record, as it is now known.
    pub(super) record: Arc<JobRecord>,
    /// The cluster, where it is configured at all.
    pub(super) sight: Option<&'a ClusterSight<'a>>,
    /// The snapshot that can't be made unless this plan stops the job for it, by its resource's name.
    pub(super) stops_for: Option<(&'a str, &'a SnapshotRecord)>,
    /// Whether the removal of the job may go on, where its document is gone.
    pub(super) may_delete: bool,
    /// The step, if one is to be started.
    pub(super) step: Option<Step>,
    /// Whether the record is to be dropped.
    pub(super) removed: bool,
    /// Whether nothing could be decided now, so that confirmations have to wait.
    pub(super) undecided: bool,
    /// Whether a person's wish to adopt the job is still to be acted on.
    pub(super) adoption_open: bool,
    /// Whether this follows from something that is not compared from pass to pass, so that it can't be
    /// kept for the next one: other jobs, or when the cluster was listed.
    pub(super) fleeting: bool,
    jar: OnceCell<Option<(JarRequest, &'a JarView)>>,
    holds: Vec<Hold>,
    withheld: Option<Hold>,
    events: Vec<Event>,
    wake: Option<Timestamp>,
    spent: Vec<HoldId>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        input: &'a PlanInput<'a>,
        name: &str,
        standing: Standing,
        sight: Option<&'a ClusterSight<'a>>,
    ) -> Self {
        Self {
            input,
            id: ResourceId::jet_job(name),
            record: standing.record,
            sight,
            stops_for: None,
            may_delete: standing.may_delete,
            step: None,
            removed: false,
            undecided: false,
            adoption_open: false,
            fleeting: false,
            jar: OnceCell::new(),
            holds: standing.holds,
            withheld: standing.withheld,
            events: standing.events,
            wake: None,
            spent: Vec::new(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.input.now
    }

    /// The record, to be changed.
    pub(super) fn edit(&mut self) -> &mut JobRecord {
        Arc::make_mut(&mut self.record)
    }

    /// The latest view of the cluster.
    pub(super) fn view(&self) -> Option<&'a ClusterView> {
        self.sight.map(|sight| sight.view)
    }

    /// The job's name on the cluster.
    pub(super) fn job_name(&self) -> &str {
        self.record.spec.job_name(&self.id.name)
    }

    /// The cluster's id, where it is known.
    pub(super) fn cluster_id(&self) -> Option<Uuid> {
        self.view().and_then(|view| view.cluster_id)
    }

    /// The job's entry in the ownership map as far as is known: what was read there or what we wrote,
    /// whichever is newer.
    pub(super) fn entry(&self) -> Option<&OwnershipEntry> {
        keeper::entry(Some(&self.record), self.view(), self.job_name())
    }

    /// Who keeps the job, by that entry.
    pub(super) fn keeper(&self) -> Keeper<'_> {
        keeper::keeper(self.input, Some(&self.record), self.entry())
    }

    /// When the list was asked for that is seen.
    pub(super) fn listed_at(&mut self) -> Option<Timestamp> {
        self.fleeting = true;
        self.view().and_then(|view| view.listed_at)
    }

    /// Which orders to list the list that is seen answers.
    pub(super) fn lists(&mut self) -> Option<Lists> {
        self.fleeting = true;
        self.view().and_then(|view| view.lists)
    }

    /// A job as it is seen now.
    pub(super) fn seen(&self, job: JobId) -> Option<&'a Arc<JobView>> {
        self.view()?.jobs.known()?.get(&job)
    }

    /// Whether the document is there, good, and the one that is in force.
    pub(super) fn in_force(&self) -> bool {
        let declared = self.input.desired.jobs.get(&self.id.name);
        declared.is_some_and(|declared| declared.digest == self.record.digest)
    }

    /// The jar that the document asks for; none where the document is not in force.
    pub(super) fn jar(&self) -> Option<&(JarRequest, &'a JarView)> {
        self.jar.get_or_init(|| self.find_jar()).as_ref()
    }

    /// Whether it is known what the jar is that the document asks for, or that it can't be had.
    pub(super) fn is_jar_known(&self) -> bool {
        let jar = self.jar();
        !self.in_force() || jar.is_some_and(|(_, view)| !matches!(view, JarView::Fetching { .. }))
    }

    fn find_jar(&self) -> Option<(JarRequest, &'a JarView)> {
        let origin = self.input.desired.jars.get(&self.id.name)?;
        if !self.in_force() {
            return None;
        }
        let request = JarRequest {
            origin: origin.clone(),
            main_class: self.record.spec.main_class.clone(),
        };
        let view = self.input.observed.jars.get(&request)?;
        Some((request, view))
    }

    /// The jobs of this job's name, newest first.
    pub(super) fn namesakes(&self) -> &'a [&'a Arc<JobView>] {
        self.sight.map_or(&[], |sight| sight.named(self.job_name()))
    }

    /// Holds for a reason.
    pub(super) fn hold(&mut self, reason: Reason, message: impl Into<String>) {
        let hold = Hold::new(reason, vec![self.id.clone()], message);
        self.push(hold);
    }

    /// Holds until a time at which it has to be looked at again.
    pub(super) fn hold_until(
        &mut self,
        reason: Reason,
        until: Timestamp,
        message: impl Into<String>,
    ) {
        let hold = Hold::new(reason, vec![self.id.clone()], message).until(until);
        self.push(hold);
    }

    /// Holds until a person releases it by something else than a confirmation.
    pub(super) fn hold_released_by(
        &mut self,
        reason: Reason,
        release: Release,
        until: Option<Timestamp>,
        message: impl Into<String>,
    ) {
        let mut hold = Hold::new(reason, vec![self.id.clone()], message).released_by(release);
        hold.deadline = until;
        self.push(hold);
    }

    /// Holds until a person says that this may be done; whether one did. That word is spent in this
    /// pass, so what it allows has to be in the record when this pass ends.
    pub(super) fn ask(
        &mut self,
        reason: Reason,
        deed: Deed,
        release: Release,
        message: impl Into<String>,
    ) -> bool {
        self.ask_until(reason, deed, release, None, message)
    }

    /// The same for what ends by itself too, if it has a time.
    pub(super) fn ask_until(
        &mut self,
        reason: Reason,
        deed: Deed,
        release: Release,
        until: Option<Timestamp>,
        message: impl Into<String>,
    ) -> bool {
        let mut hold = word::question(self, reason, deed, message).released_by(release);
        hold.deadline = until;
        let confirmation = self.input.recorded.confirmations.get(&hold.id);
        let enough = confirmation
            .is_some_and(|given| release != Release::DiscardState || given.discard_state);
        if enough {
            self.spent.push(hold.id);
        } else {
            self.push(hold);
        }
        enough
    }

    /// What is held of this job, and of its source where that concerns it.
    pub(super) fn all_holds(&self) -> Vec<Hold> {
        self.holds.iter().chain(&self.withheld).cloned().collect()
    }

    /// What is held.
    pub(super) fn holds(&self) -> &[Hold] {
        &self.holds
    }

    /// Holds.
    pub(super) fn push(&mut self, hold: Hold) {
        if let Some(deadline) = hold.deadline {
            self.wake_at(deadline);
        }
        self.holds.retain(|other| other.id != hold.id);
        self.holds.push(hold);
    }

    /// Plans again at this time.
    pub(super) fn wake_at(&mut self, at: Timestamp) {
        if at > self.now() {
            self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
        }
    }

    /// Tells what happened.
    pub(super) fn tell(&mut self, kind: EventKind, message: impl Into<String>) {
        let resource = Some(self.id.clone());
        let revision = self.record.revision.clone();
        self.events.push(Event {
            kind,
            resource,
            message: message.into(),
            revision: revision.filter(|_| kind.may_be_asked_for()),
        });
    }

    /// Whether a person gave this job to us, by annotation or command.
    pub(super) fn adoption_wanted(&self) -> bool {
        self.record.annotations.adopt || self.adoption_commanded()
    }

    /// Whether a person gave this job to us by command.
    pub(super) fn adoption_commanded(&self) -> bool {
        self.input.recorded.adoptions.contains(&self.id)
    }

    /// Plans a step with a job that must be in one of these statuses.
    pub(super) fn act_on(
        &mut self,
        job: JobId,
        statuses: &[JobStatus],
        action: Action,
        remember: Remember,
    ) {
        let expected = Some((job, statuses.to_vec()));
        self.act(expected, None, action, remember, STEP_TIMEOUT);
    }

    /// Plans a step with a job that must be in one of these statuses, relying on an exported snapshot.
    pub(super) fn act_secured(
        &mut self,
        job: JobId,
        statuses: &[JobStatus],
        action: Action,
        remember: Remember,
        snapshot: ExpectedSnapshot,
    ) {
        self.act_on(job, statuses, action, remember);
        if let Some(step) = &mut self.step {
            step.expects.snapshot = Some(snapshot);
        }
    }

    /// Plans the export of a snapshot of a job that must be in one of these statuses.
    pub(super) fn export(
        &mut self,
        export: ExportSnapshot,
        statuses: &[JobStatus],
        remember: Remember,
        timeout: Duration,
    ) {
        let expected = Some((export.job, statuses.to_vec()));
        self.act(expected, None, Action::Export(export), remember, timeout);
    }

    /// Plans a step with our entry in the ownership map.
    pub(super) fn act_on_entry(&mut self, action: Action) {
        self.act(None, None, action, Remember::default(), STEP_TIMEOUT);
    }

    /// Plans an upload, which no active job of the name may precede.
    pub(super) fn act_alone(&mut self, action: Action, timeout: Duration) {
        let nobody = Some(BTreeSet::new());
        self.act(None, nobody, action, Remember::default(), timeout);
    }

    fn act(
        &mut self,
        job: Option<(JobId, Vec<JobStatus>)>,
        only_active: Option<BTreeSet<JobId>>,
        action: Action,
        remember: Remember,
        timeout: Duration,
    ) {
        let Some(cluster_id) = self.cluster_id() else {
            return;
        };
        let keeper = ExpectedKeeper::of(
            &action,
            &self.input.settings.owner,
            &self.input.recorded.store_id,
        );
        self.step = Some(Step {
            resource: self.id.clone(),
            generation: self.record.generation,
            cluster: self.record.spec.hazelcast_resource_name.clone(),
            job_name: self.job_name().to_owned(),
            expects: Expectation {
                cluster_id,
                master: self.view().and_then(|view| view.master),
                min_members: self.min_members(),
                job,
                only_active,
                snapshot: None,
                uncommitted: None,
                keeper,
            },
            action,
            remember,
            timeout,
        });
    }

    /// How many members the cluster's document asks for, where one is not enough.
    fn min_members(&self) -> Option<u32> {
        let name = &self.record.spec.hazelcast_resource_name;
        // Where the document can't be read, no step is left at the gate.
        let spec = cluster::spec(self.input, name).ok()?;
        (spec.min_members > 1).then_some(spec.min_members)
    }

    /// What may stand for this in later passes, as long as what it follows from is the same: nothing
    /// was done, learnt, told or spent.
    pub(super) fn to_keep(
        &self,
        before: Option<&Arc<JobRecord>>,
        status: &Arc<JobStatusReport>,
    ) -> Option<Kept> {
        let unchanged = before.is_some_and(|before| Arc::ptr_eq(before, &self.record));
        let quiet = self.step.is_none()
            && self.events.is_empty()
            && self.spent.is_empty()
            && self.withheld.is_none()
            && !self.removed
            && !self.adoption_commanded();
        // An operation counts among those of its cluster.
        let alone = self.record.operation.is_none() && !self.fleeting;
        (unchanged && quiet && alone).then(|| Kept {
            name: self.id.name.clone(),
            record: Arc::clone(&self.record),
            planned_at: self.now(),
            wake: self.wake,
            unasked: self.unasked(),
            status: Arc::clone(status),
        })
    }

    /// What a person may have been asked about the job, should nothing be decided now.
    fn unasked(&self) -> Questions {
        if !self.undecided || self.input.recorded.confirmations.is_empty() {
            return Questions::These(Vec::new());
        }
        word::possible(self).map_or(Questions::Any, Questions::These)
    }

    /// Puts everything into the plan of the pass.
    pub(super) fn finish_into(
        self,
        plan: &mut Plan,
        before: Option<&Arc<JobRecord>>,
        unasked: &mut Unasked,
    ) {
        unasked.add(&self.unasked());
        let adopted = self.adoption_commanded() && !self.adoption_open && !self.undecided;
        if self.removed {
            // A record that was made in this pass needs no removal.
            if before.is_some() {
                plan.jobs.insert(self.id.name.clone(), None);
            }
        } else if before
            .is_none_or(|before| !Arc::ptr_eq(before, &self.record) && *before != self.record)
        {
            plan.jobs.insert(self.id.name.clone(), Some(self.record));
        }
        plan.steps.extend(self.step);
        plan.holds.extend(self.holds);
        plan.events.extend(self.events);
        plan.spent_confirmations.extend(self.spent);
        if adopted {
            plan.spent_adoptions.insert(self.id.clone());
        }
        plan.wake_at(self.wake);
    }
}
