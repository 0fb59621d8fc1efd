//! Carries plans out on an ideal cluster: every step is done at once, starting jobs run a second
//! later.

use std::collections::BTreeSet;
use std::sync::Arc;

use jetkeeper::plan::hold::{HoldClass, Reason};
use jetkeeper::plan::job::{JobId, JobStatus};
use jetkeeper::plan::observed::Seen;
use jetkeeper::plan::ownership::{AnchorEntry, OwnershipEntry, anchor_key};
use jetkeeper::plan::record::{SnapshotRecord, UploadOutcome};
use jetkeeper::plan::snapshot::{SnapshotFacts, Standing};
use jetkeeper::plan::step::{Action, ExportSnapshot, Outcome, Step, Submit};
use jetkeeper::plan::upload::file_name;
use jetkeeper::plan::{Plan, begin, begin_snapshot, finish, finish_snapshot, trust};
use jetkeeper::resources::Kind;

use super::observe::config;
use super::scene::{CLUSTER, Scene, seconds};

/// How many passes a scene may need until nothing is left to do.
const MOST_PASSES: usize = 40;

impl Scene {
    /// Makes passes until nothing is left to do, and tells which steps that took. What waits for a
    /// time is waited for.
    pub(crate) fn settle(&mut self) -> Vec<String> {
        let mut verbs = Vec::new();
        for _ in 0..MOST_PASSES {
            let plan = self.learn();
            for step in &plan.steps {
                verbs.push(step.verb().to_owned());
                self.carry_out(step);
            }
            let waits = plan
                .holds
                .iter()
                .any(|hold| hold.class == HoldClass::Waiting);
            if is_empty(&plan) && !waits && !self.is_starting() {
                self.assert_at_rest();
                return verbs;
            }
            self.tick();
        }
        panic!(
            "not settled after {MOST_PASSES} passes: {verbs:?}, {:#?}",
            self.plan()
        );
    }

    /// Nothing left to do: the same input again makes a plan that changes nothing.
    pub(crate) fn assert_at_rest(&self) {
        let plan = self.plan();
        assert!(is_empty(&plan), "not at rest: {plan:#?}");
    }

    fn is_starting(&mut self) -> bool {
        let starting = [JobStatus::NotRunning, JobStatus::Starting];
        let on_the_way = |status| starting.contains(&status);
        self.jobs().values().any(|job| on_the_way(job.status))
    }

    /// A second goes by: what was starting runs.
    pub(crate) fn tick(&mut self) {
        self.pass_time(seconds(1));
        for job in self.jobs().values_mut() {
            if matches!(job.status, JobStatus::NotRunning | JobStatus::Starting) {
                Arc::make_mut(job).status = JobStatus::Running;
            }
        }
    }

    /// One pass whose steps are carried out; the plan.
    pub(crate) fn pass(&mut self) -> Plan {
        let plan = self.learn();
        for step in &plan.steps {
            self.carry_out(step);
        }
        self.tick();
        plan
    }

    /// Begins a step, does it, and finishes it.
    pub(crate) fn carry_out(&mut self, step: &Step) {
        self.begin(step);
        let outcome = self.effect(step);
        self.finish(step, &outcome);
    }

    /// The step's intent is durable.
    pub(crate) fn begin(&mut self, step: &Step) {
        let now = self.now;
        if matches!(step.action, Action::Anchor { .. }) {
            return;
        }
        let name = &step.resource.name;
        if step.resource.kind == Kind::JetJobSnapshot {
            self.snapshot_record(name, |record| begin_snapshot(record, step, now));
            return;
        }
        self.record(name, |record| *record = begin(record, step, now));
    }

    /// The step's outcome is durable.
    pub(crate) fn finish(&mut self, step: &Step, outcome: &Outcome) {
        let now = self.now;
        if let Action::Anchor { entry, .. } = &step.action {
            let record = self.recorded.sources.get_mut(&entry.source).unwrap();
            *record = Arc::new(trust::finish(record, step, outcome, now));
            return;
        }
        let name = &step.resource.name;
        if step.resource.kind == Kind::JetJobSnapshot {
            self.snapshot_record(name, |record| finish_snapshot(record, step, outcome, now));
            return;
        }
        let mut next = self.view().lists;
        if let Some(lists) = &mut next {
            lists.count += 1;
        }
        self.record(name, |record| {
            *record = finish(record, step, outcome, now, next);
        });
    }

    fn snapshot_record(
        &mut self,
        name: &str,
        next: impl FnOnce(&SnapshotRecord) -> SnapshotRecord,
    ) {
        let record = self.recorded.snapshots.get_mut(name).unwrap();
        *record = Arc::new(next(record));
    }

    /// Begins the step of a plan and finishes it with this outcome, without any effect.
    pub(crate) fn end_with(&mut self, plan: &Plan, outcome: &Outcome) {
        let [step] = plan.steps.as_slice() else {
            panic!("one step expected: {plan:#?}");
        };
        self.begin(step);
        self.finish(step, outcome);
    }

    /// What an ideal cluster does.
    pub(crate) fn effect(&mut self, step: &Step) -> Outcome {
        assert_eq!(step.cluster, CLUSTER);
        let fits = step.expects.job.as_ref().is_none_or(|(id, statuses)| {
            let job = self.jobs().get(id);
            job.is_some_and(|job| statuses.contains(&job.status))
        });
        if !fits {
            return stale("another status");
        }
        if let Some(expected) = &step.expects.snapshot {
            let there = self.snapshots.get(&expected.name);
            let same = |facts: &SnapshotFacts| {
                expected
                    .facts
                    .as_ref()
                    .is_none_or(|known| known.is_same(facts))
            };
            if !there.is_some_and(same) && expected.last_of.is_some() {
                return stale("the snapshot is not there");
            }
            if !there.is_some_and(same) {
                return failed(Reason::SnapshotMissing, "the snapshot is not there");
            }
        }
        let now = self.now;
        match &step.action {
            Action::Export(export) => return self.export(step, export),
            Action::DeleteSnapshot { name, .. } => {
                self.snapshots.remove(name);
            }
            Action::Claim {
                entry, replaces, ..
            } => return self.write(&step.job_name, replaces.as_ref(), Some(entry)),
            Action::Release { entry } => return self.write(&step.job_name, Some(entry), None),
            Action::Anchor { entry, replaces } => return self.anchor(entry, replaces.as_deref()),
            Action::Submit(submit) => return self.submit(&step.job_name, submit),
            Action::Suspend { job } => self.suspend_by_hand(*job),
            Action::Resume { job } => self.job(*job, |job| {
                job.status = JobStatus::NotRunning;
                job.suspension_failure = None;
            }),
            Action::Restart { job, .. } => self.job(*job, |job| {
                job.status = JobStatus::NotRunning;
                job.execution_id += 1;
            }),
            Action::Cancel { job, forceful } => self.job(*job, |job| {
                assert!(*forceful || job.status == JobStatus::Running);
                job.status = JobStatus::Failed;
                job.user_cancelled = true;
                job.completed_at = Some(now);
            }),
            Action::UpdateConfig { job, settings } => {
                self.job_config(*job, |config| config.settings = *settings);
            }
        }
        Outcome::Done
    }

    fn anchor(&mut self, entry: &AnchorEntry, old: Option<&AnchorEntry>) -> Outcome {
        let key = anchor_key(&entry.owner, &entry.source);
        let Seen::Known(entries) = &mut self.view().anchors else {
            return stale("nobody knows what is there");
        };
        if entries.get(&key) != old {
            return stale("another entry");
        }
        entries.insert(key, entry.clone());
        Outcome::Done
    }

    fn write(
        &mut self,
        name: &str,
        old: Option<&OwnershipEntry>,
        new: Option<&OwnershipEntry>,
    ) -> Outcome {
        let entries = self.entries();
        if entries.get(name) != old {
            return stale("another entry");
        }
        match new {
            Some(entry) => entries.insert(name.to_owned(), entry.clone()),
            None => entries.remove(name),
        };
        Outcome::Done
    }

    /// An export of the job's last snapshot, whose number tells nothing here but that it is one.
    fn export(&mut self, step: &Step, export: &ExportSnapshot) -> Outcome {
        let facts = SnapshotFacts {
            snapshot_id: 7,
            job: export.job,
            job_name: step.job_name.clone(),
            created_at: self.now,
            chunks: 3,
            bytes: 300,
            stateful: ["counter".to_owned()].into(),
        };
        self.snapshots.insert(export.name.clone(), facts.clone());
        Outcome::Exported { facts }
    }

    /// A job commits a snapshot of its own, its DAG having these vertices.
    pub(crate) fn commit_snapshot(&mut self, job: JobId, vertices: &[&str]) {
        let standing = Standing {
            committed: Some(0),
            begun: 0,
            failed: false,
            suspended: false,
            vertices: vertices.iter().map(ToString::to_string).collect(),
        };
        self.view().standings.insert(job, Arc::new(standing));
    }

    /// Where a job's snapshots stand is read: it has committed none.
    pub(crate) fn follow_snapshots(&mut self, job: JobId) {
        let standing = Standing {
            committed: None,
            begun: -1,
            failed: false,
            suspended: false,
            vertices: BTreeSet::new(),
        };
        self.view().standings.insert(job, Arc::new(standing));
    }

    /// An upload whose `main` submits the job.
    pub(crate) fn submit(&mut self, name: &str, submit: &Submit) -> Outcome {
        let active = |name: &str, scene: &mut Self| {
            let mut jobs = scene.jobs().values();
            jobs.any(|job| job.name == name && !job.status.is_terminal())
        };
        assert!(!active(name, self), "a second active job of {name}");
        let resource_id = match (&submit.jar, &submit.jar_on_member) {
            (Some(jar), _) => format!("{}1234.jar", file_name(&submit.nonce, jar)),
            (None, Some(path)) => path.rsplit('/').next().unwrap().to_owned(),
            (None, None) => panic!("an upload without a jar"),
        };
        self.add_job(name, JobStatus::NotRunning, config(&resource_id));
        uploaded(UploadOutcome::Accepted)
    }
}

/// Whether a plan does nothing, learns nothing and tells nothing.
pub(crate) fn is_empty(plan: &Plan) -> bool {
    plan.steps.is_empty()
        && plan.jobs.is_empty()
        && plan.clusters.is_empty()
        && plan.sources.is_empty()
        && plan.events.is_empty()
        && plan.spent_confirmations.is_empty()
        && plan.spent_adoptions.is_empty()
        && plan.fatal.is_none()
}

pub(crate) fn stale(message: &str) -> Outcome {
    let message = message.to_owned();
    Outcome::Stale { message }
}

pub(crate) fn failed(reason: Reason, message: &str) -> Outcome {
    let message = message.to_owned();
    Outcome::Failed { reason, message }
}

/// How an upload ended, without a reason.
pub(crate) fn uploaded(outcome: UploadOutcome) -> Outcome {
    Outcome::Uploaded {
        outcome,
        reason: None,
        message: "so it was said".to_owned(),
        member: Some(super::scene::member(1)),
    }
}
