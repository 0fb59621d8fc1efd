//! The plan of one snapshot while it is being made.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::report;
use crate::plan::cluster::{ClusterSight, Obstacle};
use crate::plan::event::{Event, EventKind};
use crate::plan::hold::{Hold, HoldId, Reason, Release};
use crate::plan::job::{JobId, JobStatus};
use crate::plan::keeper::{self, Keeper};
use crate::plan::observed::ClusterView;
use crate::plan::pass::{Plan, PlanInput};
use crate::plan::record::{JobRecord, SnapshotRecord, SnapshotState};
use crate::plan::step::{Action, Expectation, ExpectedKeeper, Remember, Step};
use crate::plan::transition::after;
use crate::resources::ResourceId;

/// Where a snapshot stands after the documents were read.
pub(super) struct Standing {
    pub(super) record: Arc<SnapshotRecord>,
    /// Whether its removal may go on.
    pub(super) may_delete: bool,
    pub(super) holds: Vec<Hold>,
    /// What is held for the whole source and keeps this snapshot from being removed.
    pub(super) withheld: Option<Hold>,
}

impl Standing {
    pub(super) fn of(record: Arc<SnapshotRecord>) -> Self {
        Self {
            record,
            may_delete: false,
            holds: Vec::new(),
            withheld: None,
        }
    }
}

/// A cluster as it is seen, and why nothing can be done there, if so.
pub(super) struct Sight<'a> {
    pub(super) view: &'a ClusterView,
    pub(super) obstacle: Option<Obstacle>,
}

/// The plan of one snapshot while it is being made.
pub(super) struct Draft<'a> {
    pub(super) input: &'a PlanInput<'a>,
    pub(super) id: ResourceId,
    pub(super) record: Arc<SnapshotRecord>,
    /// Its job, as this pass leaves it.
    pub(super) job: Option<Arc<JobRecord>>,
    /// The cluster, where it is configured at all.
    pub(super) sight: Option<Sight<'a>>,
    pub(super) may_delete: bool,
    pub(super) removed: bool,
    step: Option<Step>,
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
        sights: &BTreeMap<&str, ClusterSight<'a>>,
        plan: &Plan,
    ) -> Self {
        let record = standing.record;
        let job_name = &record.spec.jet_job_resource_name;
        let job = match plan.jobs.get(job_name) {
            Some(changed) => changed.clone(),
            None => input.recorded.jobs.get(job_name).cloned(),
        };
        let of_job = job.as_ref().map(|job| &job.spec.hazelcast_resource_name);
        let cluster = record.cluster.as_ref().or(of_job);
        Self {
            input,
            id: ResourceId::jet_job_snapshot(name),
            sight: cluster
                .and_then(|cluster| sights.get(cluster.as_str()))
                .map(|sight| Sight {
                    view: sight.view,
                    obstacle: sight.obstacle_for(&record.place.source).cloned(),
                }),
            record,
            job,
            may_delete: standing.may_delete,
            removed: false,
            step: None,
            holds: standing.holds,
            withheld: standing.withheld,
            events: Vec::new(),
            wake: None,
            spent: Vec::new(),
        }
    }

    pub(super) fn edit(&mut self) -> &mut SnapshotRecord {
        Arc::make_mut(&mut self.record)
    }

    pub(super) fn view(&self) -> Option<&'a ClusterView> {
        self.sight.as_ref().map(|sight| sight.view)
    }

    /// The snapshot's name on its cluster.
    pub(super) fn name(&self) -> &str {
        self.record.spec.snapshot_name(&self.id.name)
    }

    /// The name of its job on the cluster.
    fn job_name(&self) -> &str {
        match &self.job {
            Some(job) => job.spec.job_name(&self.record.spec.jet_job_resource_name),
            None => &self.record.job_name,
        }
    }

    /// Who keeps its job.
    pub(super) fn keeper(&self) -> Keeper<'_> {
        let job = self.job.as_deref();
        let entry = keeper::entry(job, self.view(), self.job_name());
        keeper::keeper(self.input, job, entry)
    }

    pub(super) fn hold(&mut self, reason: Reason, message: impl Into<String>) {
        self.push(Hold::new(reason, vec![self.id.clone()], message));
    }

    pub(super) fn hold_until(
        &mut self,
        reason: Reason,
        until: Timestamp,
        message: impl Into<String>,
    ) {
        self.push(Hold::new(reason, vec![self.id.clone()], message).until(until));
    }

    pub(super) fn push(&mut self, hold: Hold) {
        self.wake = self.wake.into_iter().chain(hold.deadline).min();
        self.holds.retain(|other| other.id != hold.id);
        self.holds.push(hold);
    }

    pub(super) fn tell(&mut self, kind: EventKind, message: impl Into<String>) {
        self.events.push(Event {
            kind,
            resource: Some(self.id.clone()),
            message: message.into(),
            revision: None,
        });
    }

    /// Whether a step of its job is being carried out.
    pub(super) fn job_is_busy(&self) -> bool {
        let job = ResourceId::jet_job(&self.record.spec.jet_job_resource_name);
        self.input.recorded.in_flight.contains_key(&job)
    }

    /// Waits for something, and says so in the state.
    pub(super) fn wait(&mut self, reason: Reason, message: impl Into<String>) {
        self.stand(SnapshotState::Waiting, reason, message.into());
    }

    /// Is being exported, or waits for the next try.
    pub(super) fn exporting(&mut self, reason: Reason, message: impl Into<String>) {
        self.stand(SnapshotState::Exporting, reason, message.into());
    }

    /// Waits until a person confirms it; whether one did. That word is spent in this pass, so what it
    /// allows has to be in the record when this pass ends.
    pub(super) fn ask(&mut self, reason: Reason, message: &str) -> bool {
        let about = (self.record.generation, self.record.digest);
        let hold = Hold::new(reason, vec![self.id.clone()], message)
            .about(&about)
            .released_by(Release::Confirm);
        let confirmed = self.is_released(hold);
        if !confirmed {
            self.note(SnapshotState::Waiting, reason, message.to_owned());
        }
        confirmed
    }

    /// The same for what is done about it once it is to go: how far it is stays as it was.
    pub(super) fn ask_of_removal(
        &mut self,
        reason: Reason,
        release: Release,
        until: Option<Timestamp>,
        message: impl Into<String>,
    ) -> bool {
        let record = &self.record;
        let about = (record.generation, record.digest, record.job, "removal");
        let mut hold = Hold::new(reason, vec![self.id.clone()], message)
            .about(&about)
            .released_by(release);
        hold.deadline = until;
        self.is_released(hold)
    }

    /// Whether a person said that this may go on; holds it where nobody did.
    fn is_released(&mut self, hold: Hold) -> bool {
        let given = self.input.recorded.confirmations.get(&hold.id);
        let enough =
            given.is_some_and(|it| hold.release != Release::DiscardState || it.discard_state);
        if enough {
            self.spent.push(hold.id);
        } else {
            self.push(hold);
        }
        enough
    }

    /// Plans again at this time.
    pub(super) fn wake_at(&mut self, at: Timestamp) {
        self.wake = self.wake.into_iter().chain([at]).min();
    }

    fn stand(&mut self, state: SnapshotState, reason: Reason, message: String) {
        self.hold(reason, message.clone());
        self.note(state, reason, message);
    }

    fn note(&mut self, state: SnapshotState, reason: Reason, message: String) {
        let record = &self.record;
        if (record.state, record.reason, &record.message) != (state, reason, &message) {
            let record = self.edit();
            (record.state, record.reason, record.message) = (state, reason, message);
        }
    }

    /// Can't be made, until its document changes.
    pub(super) fn fail(&mut self, reason: Reason, message: impl Into<String>) {
        let message = message.into();
        let record = self.edit();
        (record.state, record.reason, record.message) = (SnapshotState::Failed, reason, message);
    }

    /// Plans a step, with the job in one of these statuses where it concerns one.
    pub(super) fn act(&mut self, action: Action, job: Option<(JobId, Vec<JobStatus>)>) {
        let Some(cluster_id) = self.view().and_then(|view| view.cluster_id) else {
            return;
        };
        let of_job = self
            .job
            .as_ref()
            .map(|job| &job.spec.hazelcast_resource_name);
        let Some(cluster) = self.record.cluster.as_ref().or(of_job).cloned() else {
            return;
        };
        let (owner, store) = (&self.input.settings.owner, &self.input.recorded.store_id);
        // What we made of the state of a job that is another owner's now stays ours.
        let keeper = match self.keeper() {
            Keeper::Stranger(_) => None,
            _ => ExpectedKeeper::of(&action, owner, store),
        };
        self.step = Some(Step {
            resource: self.id.clone(),
            generation: self.record.generation,
            cluster,
            job_name: self.job_name().to_owned(),
            expects: Expectation {
                cluster_id,
                master: None,
                min_members: None,
                job,
                only_active: None,
                snapshot: None,
                uncommitted: None,
                keeper,
            },
            action,
            remember: Remember::default(),
            timeout: super::export::timeout(&self.record),
        });
    }

    pub(super) fn finish_into(mut self, plan: &mut Plan) {
        let status = report::report(&mut self);
        let name = self.id.name.clone();
        let before = self.input.recorded.snapshots.get(&name);
        if before.is_none_or(|before| before.state != self.record.state) {
            // Jobs were planned before: those that make it, or wait for it, are looked at again.
            let soon = after(self.input.now, SignedDuration::from_millis(1));
            self.wake = self.wake.into_iter().chain([soon]).min();
        }
        if self.removed {
            if before.is_some() {
                plan.snapshots.insert(name, None);
            }
        } else {
            if before.is_none_or(|before| **before != *self.record) {
                plan.snapshots.insert(name.clone(), Some(self.record));
            }
            plan.snapshot_statuses.insert(name, Arc::new(status));
        }
        plan.steps.extend(self.step);
        plan.holds.extend(self.holds);
        plan.events.extend(self.events);
        plan.spent_confirmations.extend(self.spent);
        plan.wake_at(self.wake);
    }

    /// What is held of it, and of its source where that concerns it.
    pub(super) fn all_holds(&self) -> Vec<Hold> {
        self.holds.iter().chain(&self.withheld).cloned().collect()
    }
}
