//! The plan of one job while it is being made.

use std::sync::Arc;

use jiff::Timestamp;

use super::accept::Standing;
use super::cluster::ClusterSight;
use super::event::{Event, EventKind};
use super::hold::{Hold, HoldId, Reason, Release};
use super::jar::{JarRequest, JarView};
use super::job::{JobId, JobStatus, JobView};
use super::observed::ClusterView;
use super::pass::{Plan, PlanInput};
use super::record::{Confirmation, JobRecord};
use super::step::{Action, Expectation, Remember, Step};
use super::transition::after;
use super::wanted::job_name;
use crate::resources::{HazelcastSpec, ResourceId};

/// The plan of one job while it is being made: its record, what is seen, what was decided so far.
pub(super) struct Draft<'a> {
    /// Everything.
    pub(super) input: &'a PlanInput<'a>,
    /// The resource.
    pub(super) id: ResourceId,
    /// The record, as it is now known.
    pub(super) record: Arc<JobRecord>,
    /// The cluster, where it is configured at all.
    pub(super) sight: Option<&'a ClusterSight<'a>>,
    /// Whether the removal of the job may go on, where its document is gone.
    pub(super) may_delete: bool,
    /// The step, if one is to be started.
    pub(super) step: Option<Step>,
    /// Whether the record is to be dropped.
    pub(super) removed: bool,
    holds: Vec<Hold>,
    events: Vec<Event>,
    wake: Option<Timestamp>,
    spent: Vec<HoldId>,
    spent_adoption: bool,
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
            may_delete: standing.may_delete,
            step: None,
            removed: false,
            holds: standing.holds,
            events: standing.events,
            wake: None,
            spent: Vec::new(),
            spent_adoption: false,
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
        job_name(&self.id.name, &self.record.spec)
    }

    /// The cluster's spec; the defaults where no document declares it.
    pub(super) fn cluster_spec(&self) -> HazelcastSpec {
        let clusters = &self.input.desired.hazelcasts;
        let declared = clusters.get(&self.record.spec.hazelcast_resource_name);
        declared
            .map(|declared| (*declared.spec).clone())
            .unwrap_or_default()
    }

    /// The jar that the document asks for; none where the document is gone.
    pub(super) fn jar(&self) -> Option<(JarRequest, &'a JarView)> {
        let origin = self.input.desired.jars.get(&self.id.name)?;
        let main_class = self.record.spec.main_class.clone();
        let request = JarRequest {
            origin: origin.clone(),
            main_class,
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
        message: impl Into<String>,
    ) {
        self.push(Hold::new(reason, vec![self.id.clone()], message).released_by(release));
    }

    /// Holds until a person releases it; `Some` with the person's word where one did.
    pub(super) fn ask(
        &mut self,
        reason: Reason,
        release: Release,
        message: impl Into<String>,
    ) -> Option<Confirmation> {
        let hold = Hold::new(reason, vec![self.id.clone()], message).released_by(release);
        let confirmation = self.input.recorded.confirmations.get(&hold.id);
        let enough = confirmation
            .filter(|given| release != Release::DiscardState || given.discard_state)
            .cloned();
        if enough.is_some() {
            self.spent.push(hold.id);
        } else {
            self.push(hold);
        }
        enough
    }

    /// Whether anything is held.
    pub(super) fn holds(&self) -> &[Hold] {
        &self.holds
    }

    fn push(&mut self, hold: Hold) {
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
        self.events.push(Event {
            kind,
            resource,
            message: message.into(),
        });
    }

    /// Whether a person gave this job to us, by annotation or command.
    pub(super) fn adoption_wanted(&self) -> bool {
        self.record.annotations.adopt || self.input.recorded.adoptions.contains(&self.id)
    }

    /// The command to adopt was acted on.
    pub(super) fn spend_adoption(&mut self) {
        self.spent_adoption = true;
    }

    /// Plans a step with a job that must be in one of these statuses.
    pub(super) fn act_on(
        &mut self,
        job: JobId,
        statuses: &[JobStatus],
        action: Action,
        remember: Remember,
    ) {
        let Some(cluster_id) = self.view().and_then(|view| view.cluster_id) else {
            return;
        };
        let expects = Expectation {
            cluster_id,
            job: Some((job, statuses.to_vec())),
            only_active: None,
        };
        self.act(
            expects,
            action,
            remember,
            std::time::Duration::from_secs(30),
        );
    }

    /// Plans a step.
    pub(super) fn act(
        &mut self,
        expects: Expectation,
        action: Action,
        remember: Remember,
        timeout: std::time::Duration,
    ) {
        self.step = Some(Step {
            resource: self.id.clone(),
            generation: self.record.generation,
            cluster: self.record.spec.hazelcast_resource_name.clone(),
            job_name: self.job_name().to_owned(),
            expects,
            action,
            remember,
            timeout,
        });
    }

    /// Whether the job has been in its status for longer than this.
    pub(super) fn overdue(&self, since: Timestamp, limit: jiff::SignedDuration) -> bool {
        self.now() >= after(since, limit)
    }

    /// Puts everything into the plan of the pass.
    pub(super) fn finish_into(self, plan: &mut Plan, before: Option<&Arc<JobRecord>>) {
        if self.removed {
            plan.jobs.insert(self.id.name.clone(), None);
        } else if before
            .is_none_or(|before| !Arc::ptr_eq(before, &self.record) && *before != self.record)
        {
            plan.jobs.insert(self.id.name.clone(), Some(self.record));
        }
        plan.steps.extend(self.step);
        plan.holds.extend(self.holds);
        plan.events.extend(self.events);
        plan.spent_confirmations.extend(self.spent);
        if self.spent_adoption {
            plan.spent_adoptions.insert(self.id);
        }
        if let Some(wake) = self.wake {
            plan.next_wake = Some(plan.next_wake.map_or(wake, |other| other.min(wake)));
        }
    }
}
