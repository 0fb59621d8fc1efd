//! What holds of every plan, whatever the documents, records and views: random worlds, where steps
//! are done, refused, lost and late, and people interfere.

use std::collections::BTreeSet;
use std::sync::Arc;

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::jar::{JarProblem, JarView};
use jetkeeper::plan::job::{Guarantee, JobId, JobStatus};
use jetkeeper::plan::observed::{ClusterState, Link, Seen};
use jetkeeper::plan::record::{OperationKind, Pause, StoppedBy, UploadOutcome};
use jetkeeper::plan::step::{Action, Outcome, Step};
use jetkeeper::plan::{Plan, Planner};
use jetkeeper::resources::{Digest, ResourceId};
use proptest::prelude::*;
use uuid::Uuid;

use super::drive::{is_empty, stale, uploaded};
use super::happenings::{Happening, NAMES, happening};
use super::observe::config;
use super::scene::{OWNER, SOURCE, Scene, member, ready, seconds};

/// A scene to which things happen.
struct World {
    scene: Scene,
    steps: u8,
    /// Jobs that somebody else submitted, and those among them that were adopted.
    theirs: BTreeSet<JobId>,
    adopted: BTreeSet<String>,
    /// Resources whose upload's outcome is open.
    in_flight: Vec<Step>,
    /// Has planned in every pass so far.
    planner: Planner,
}

impl World {
    fn new() -> Self {
        Self {
            scene: Scene::new(),
            steps: 0,
            theirs: BTreeSet::new(),
            adopted: BTreeSet::new(),
            in_flight: Vec::new(),
            planner: Planner::default(),
        }
    }

    fn newest(&mut self, which: usize) -> Option<JobId> {
        let name = NAMES[which];
        let view = self.scene.view();
        let Seen::Known(jobs) = &view.jobs else {
            return None;
        };
        let mut named = jobs.values().filter(|job| job.name == name);
        named.next_back().map(|job| job.id)
    }

    fn happens(&mut self, happening: &Happening) {
        let scene = &mut self.scene;
        match happening {
            Happening::Declare(which, spec) => {
                let id = ResourceId::jet_job(NAMES[*which]);
                scene.desired.faulty.remove(&id);
                scene.declare(NAMES[*which], spec.clone());
            }
            Happening::Remove(which) => {
                let id = ResourceId::jet_job(NAMES[*which]);
                scene.desired.faulty.remove(&id);
                scene.remove(NAMES[*which]);
            }
            Happening::Break(which) => scene.break_document(NAMES[*which]),
            Happening::Jar(which, jar) => {
                if scene.desired.jobs.contains_key(NAMES[*which]) {
                    scene.new_jar(NAMES[*which], &jar.to_string());
                }
            }
            Happening::Job(which, status, by_person) => {
                self.change_job(*which, *status, *by_person);
            }
            Happening::Vanish(which, proven) => {
                if let Some(job) = self.newest(*which) {
                    if *proven {
                        self.scene.lose(job);
                    } else {
                        self.scene.jobs().remove(&job);
                    }
                }
            }
            Happening::Commit(which, whole) => self.commit(*which, *whole),
            Happening::Foreign(which) => self.submit_theirs(*which),
            Happening::Taken(which) => {
                if let Seen::Known(_) = scene.view().ownership {
                    scene.add_entry(NAMES[*which], "keeper-2", NAMES[*which]);
                }
            }
            Happening::View(what) => self.change_view(*what),
            Happening::Bytes(which, wait) => self.change_bytes(NAMES[*which], *wait),
            Happening::Pause(which, time) => self.pause(*which, *time),
            Happening::Time(time) => scene.pass_time(seconds(i64::from(*time))),
            Happening::Confirm(discard_state) => {
                let holds = scene.plan().holds;
                for hold in holds {
                    scene.confirm(&hold, *discard_state);
                }
            }
            Happening::Adopt(which) => {
                let id = ResourceId::jet_job(NAMES[*which]);
                self.adopted.insert(NAMES[*which].to_owned());
                scene.recorded.adoptions.insert(id);
            }
            Happening::Steps(what) => self.steps = *what,
            Happening::Source(what) => {
                let source = scene.source(SOURCE);
                source.present = *what != 1;
                source.identified = *what != 2;
            }
        }
    }

    fn commit(&mut self, which: usize, whole: bool) {
        if let Some(job) = self.newest(which) {
            let vertex = if whole { "counter" } else { "other" };
            self.scene.commit_snapshot(job, &[vertex]);
        }
    }

    fn change_job(&mut self, which: usize, status: JobStatus, by_person: bool) {
        let Some(id) = self.newest(which) else { return };
        let scene = &mut self.scene;
        if scene.jobs()[&id].status.is_terminal() {
            return;
        }
        match (status, by_person) {
            (JobStatus::Suspended, true) => scene.suspend_by_hand(id),
            (JobStatus::Suspended, false) => scene.suspend_by_failure(id),
            (JobStatus::Failed, true) => scene.cancel_by_hand(id),
            (JobStatus::Failed, false) => scene.fail(id),
            (status, _) => scene.job(id, |job| job.status = status),
        }
    }

    fn submit_theirs(&mut self, which: usize) {
        let active = |world: &mut Self| {
            let view = world.scene.view();
            let Seen::Known(jobs) = &view.jobs else {
                return true;
            };
            let mut jobs = jobs.values();
            jobs.any(|job| job.name == NAMES[which] && !job.status.is_terminal())
        };
        if !active(self) {
            let job = self.scene.foreign_job(NAMES[which], JobStatus::Running);
            self.theirs.insert(job);
        }
    }

    fn change_bytes(&mut self, name: &str, wait: Option<u8>) {
        let scene = &mut self.scene;
        if !scene.desired.jobs.contains_key(name) {
            return;
        }
        let view = match wait {
            Some(0) => JarView::Unavailable {
                problem: JarProblem::NotFound,
                message: "it is not there".to_owned(),
                retry_at: None,
            },
            Some(wait) => JarView::Unavailable {
                problem: JarProblem::FetchFailed,
                message: "no answer".to_owned(),
                retry_at: Some(scene.now + seconds(i64::from(wait))),
            },
            None => ready(&Digest::of_json(&scene.jar_request(name).origin)),
        };
        scene.set_jar(name, view);
    }

    /// Pauses a resource, or everything; no time at all ends all pauses.
    fn pause(&mut self, which: Option<usize>, time: u8) {
        let scene = &mut self.scene;
        let pause = Pause {
            reason: "a night shift".to_owned(),
            by: "ops".to_owned(),
            since: scene.now,
            until: Some(scene.now + seconds(i64::from(time))),
        };
        let what = which.map(|which| ResourceId::jet_job(NAMES[which]));
        if time == 0 {
            scene.recorded.pauses.clear();
        } else {
            scene.recorded.pauses.insert(what, pause);
        }
    }

    fn change_view(&mut self, what: u8) {
        let now = self.scene.now;
        let view = self.scene.view();
        match what {
            1 => {
                view.link = Link::Down {
                    since: now,
                    error: None,
                }
            }
            2 => view.state = Seen::Known(ClusterState::Passive),
            3 => view.partitions_safe = Seen::Known(false),
            4 => view.master_changed_at = Some(now),
            5 => view.foreign_cluster_id = Some(Uuid::from_u128(9)),
            6 => view.upload_enabled = Seen::Known(false),
            7 => view.members = [member(2)].into(),
            8 => view.state = Seen::Unknown,
            9 => view.members.clear(),
            _ => {
                let well = super::scene::healthy(now);
                view.link = well.link;
                view.state = well.state;
                view.partitions_safe = well.partitions_safe;
                view.master_changed_at = None;
                view.foreign_cluster_id = None;
                view.upload_enabled = well.upload_enabled;
                view.members = well.members;
            }
        }
    }

    /// A pass: what it plans is checked, then becomes true as far as `steps` says.
    fn pass(&mut self) {
        let plan = self.scene.plan();
        let again = self.scene.plan();
        assert_eq!(plan, again, "the same input, another plan");
        for _ in 0..2 {
            let kept = self.scene.plan_with(&mut self.planner);
            assert_eq!(plan, kept, "another plan for who planned before");
        }
        for step in &plan.steps {
            self.check(step);
        }
        self.check_together(&plan);
        self.scene.remember(&plan);
        self.check_records();
        for step in plan.steps {
            self.begin(step);
        }
        self.land();
    }

    fn check_together(&self, plan: &Plan) {
        let mut resources = BTreeSet::new();
        let mut names = BTreeSet::new();
        for step in &plan.steps {
            assert!(resources.insert(&step.resource), "two steps of a resource");
            assert!(names.insert(&step.job_name), "two steps of a job name");
            assert!(!self.scene.recorded.in_flight.contains_key(&step.resource));
        }
        let ids: BTreeSet<_> = plan.holds.iter().map(|hold| &hold.id).collect();
        assert_eq!(
            ids.len(),
            plan.holds.len(),
            "a hold twice: {:#?}",
            plan.holds
        );
        if let Some(wake) = plan.next_wake {
            assert!(wake > self.scene.now);
        }
    }

    fn check(&self, step: &Step) {
        let view = &self.scene.views[&step.cluster];
        assert_eq!(view.link, Link::Up, "{step}");
        assert_eq!(view.state, Seen::Known(ClusterState::Active), "{step}");
        assert_eq!(view.partitions_safe, Seen::Known(true), "{step}");
        assert!(!view.members.is_empty(), "{step}");
        assert_eq!(view.foreign_cluster_id, None, "{step}");
        assert_eq!(Some(step.expects.cluster_id), view.cluster_id, "{step}");
        let settled = view
            .master_changed_at
            .is_none_or(|at| self.scene.now.duration_since(at) >= seconds(10));
        assert!(settled, "{step} under a new master");
        match &step.action {
            Action::Submit(_) => self.check_submit(step),
            Action::Cancel { job, forceful } => self.check_cancel(step, *job, *forceful),
            Action::Suspend { job }
            | Action::Resume { job }
            | Action::Restart { job, .. }
            | Action::UpdateConfig { job, .. } => self.check_job(step, *job),
            Action::Claim {
                entry, replaces, ..
            } => {
                assert_eq!(entry.owner, OWNER, "{step}");
                let foreign = replaces.as_ref().is_some_and(|old| old.owner != OWNER);
                assert!(
                    !foreign || self.adopted.contains(&step.resource.name),
                    "{step}"
                );
            }
            Action::Release { entry } => assert_eq!(entry.owner, OWNER, "{step}"),
            Action::Anchor { entry, .. } => assert_eq!(entry.owner, OWNER, "{step}"),
            Action::Export(export) => {
                self.check_job(step, export.job);
                assert_eq!(export.mark.owner, OWNER, "{step}");
                let there = self.scene.snapshots.contains_key(&export.name);
                // One that had no answer is gone on with under its name.
                let begun = self.has_begun(&step.resource.name, &export.name);
                assert!(!there || begun, "{step}: a name that was used before");
            }
            Action::DeleteSnapshot { name, .. } => {
                let record = &self.scene.recorded.jobs[&step.resource.name];
                assert!(record.surplus.contains(name), "{step}: not ours to delete");
                let kept = record.kept.as_ref().map(|kept| &kept.name);
                assert_ne!(kept, Some(name), "{step}: it is kept");
            }
        }
    }

    /// Whether an export under this name was begun and not read back.
    fn has_begun(&self, resource: &str, name: &str) -> bool {
        let operation = self.scene.recorded.jobs[resource].operation.as_ref();
        let snapshot = operation.and_then(|operation| operation.snapshot.as_ref());
        snapshot.is_some_and(|snapshot| snapshot.name == name && snapshot.facts.is_none())
    }

    /// Only ours, or adopted, and not another owner's.
    fn check_job(&self, step: &Step, job: JobId) {
        let adopted = self.adopted.contains(&step.resource.name);
        assert!(!self.theirs.contains(&job) || adopted, "{step}: not ours");
        let view = &self.scene.views[&step.cluster];
        let seen = &view.jobs.known().unwrap()[&job];
        let (expected, statuses) = step.expects.job.as_ref().unwrap();
        assert_eq!(
            (*expected, statuses.contains(&seen.status)),
            (job, true),
            "{step}"
        );
        let entry = view.ownership.known().unwrap().get(&step.job_name);
        let foreign = entry.is_some_and(|entry| {
            let written = self.scene.recorded.jobs[&step.resource.name].entry.as_ref();
            let newer = written.is_none_or(|written| written.epoch <= entry.epoch);
            entry.owner != OWNER && newer
        });
        assert!(!foreign, "{step}: another owner's");
    }

    /// No state is lost: its document, a person, or the job itself says that it may go.
    fn check_cancel(&self, step: &Step, job: JobId, forceful: bool) {
        self.check_job(step, job);
        let view = &self.scene.views[&step.cluster];
        let seen = &view.jobs.known().unwrap()[&job];
        assert!(forceful || seen.status == JobStatus::Running, "{step}");
        let stateless = seen
            .config
            .as_ref()
            .is_some_and(|config| config.guarantee == Guarantee::None);
        let spec = match self.scene.desired.jobs.get(&step.resource.name) {
            Some(declared) => &declared.spec,
            None => &self.scene.recorded.jobs[&step.resource.name].spec,
        };
        let spec = serde_json::to_value(&**spec).unwrap();
        let declared = self.scene.desired.jobs.contains_key(&step.resource.name);
        let may_go = spec["deletionPolicy"] == "Cancel"
            && (spec["state"] == "Canceled" || !declared)
            || spec["upgradePolicy"]["mode"] == "Stateless";
        let plan = self.scene.plan();
        let record = plan.jobs.get(&step.resource.name).cloned().flatten();
        let record =
            record.unwrap_or_else(|| Arc::clone(&self.scene.recorded.jobs[&step.resource.name]));
        let secured = step.expects.snapshot.as_ref().is_some_and(|snapshot| {
            let there = self.scene.snapshots.get(&snapshot.name);
            let same = there.zip(snapshot.facts.as_ref());
            let same = same.is_some_and(|(there, known)| there.is_same(known) && known.job == job);
            same && snapshot.last_of == Some(job) && seen.status == JobStatus::Suspended
        });
        assert!(
            may_go
                || stateless
                || secured
                || record.discard_for.is_some()
                || has_made_none(step, job),
            "{step}: its state may not go"
        );
    }

    /// No submit while another upload's outcome is open, or while a job of the name is active.
    fn check_submit(&self, step: &Step) {
        let record = &self.scene.recorded.jobs[&step.resource.name];
        let attempt = record.attempt.as_ref().unwrap();
        assert!(!attempt.uploading, "{step}: an upload is open");
        let view = &self.scene.views[&step.cluster];
        let mut jobs = view.jobs.known().unwrap().values();
        let active = jobs.find(|job| job.name == step.job_name && !job.status.is_terminal());
        assert_eq!(active, None, "{step}: one is active");
        assert_eq!(view.upload_enabled, Seen::Known(true), "{step}");
    }

    fn check_records(&self) {
        let bound = self.scene.recorded.jobs.values();
        let bound: Vec<JobId> = bound
            .filter_map(|record| record.job.as_ref())
            .map(|job| job.id)
            .collect();
        let distinct: BTreeSet<&JobId> = bound.iter().collect();
        assert_eq!(distinct.len(), bound.len(), "two records of one job");
        for (name, record) in &self.scene.recorded.jobs {
            let job = record.job.as_ref();
            let theirs = job.filter(|job| self.theirs.contains(&job.id));
            assert!(
                theirs.is_none() || self.adopted.contains(name),
                "{name} is bound to theirs"
            );
            let drifted = record.drift.is_some();
            let by_person = job.is_some_and(|job| job.stopped_by == Some(StoppedBy::Person));
            assert!(
                !drifted || by_person || job.is_some_and(|job| job.gone),
                "{name} drifts"
            );
        }
    }

    fn begin(&mut self, step: Step) {
        self.scene.begin(&step);
        let id = step.resource.clone();
        let shared = Arc::new(step.clone());
        self.scene.recorded.in_flight.insert(id, shared);
        self.in_flight.push(step);
    }

    fn land(&mut self) {
        if self.steps == 5 {
            return;
        }
        for step in std::mem::take(&mut self.in_flight) {
            self.scene.recorded.in_flight.remove(&step.resource);
            let refused = Outcome::Failed {
                reason: Reason::BackingOff,
                message: "no".to_owned(),
            };
            let unknown = match step.action {
                Action::Submit(_) => uploaded(UploadOutcome::Unknown),
                _ => Outcome::Unknown {
                    message: "no answer".to_owned(),
                },
            };
            let outcome = match self.steps {
                1 if matches!(step.action, Action::Submit(_)) => uploaded(UploadOutcome::Refused),
                1 => refused,
                2 => stale("it changed"),
                3 => {
                    self.effect(&step);
                    unknown
                }
                4 => unknown,
                _ => self.effect(&step),
            };
            if self.scene.recorded.jobs.contains_key(&step.resource.name) {
                self.scene.finish(&step, &outcome);
            }
        }
    }

    /// What the cluster does when the step reaches it, which may be later than it was planned.
    fn effect(&mut self, step: &Step) -> Outcome {
        let jobs = self.scene.jobs();
        let fits = step.expects.job.as_ref().is_none_or(|(id, statuses)| {
            let job = jobs.get(id);
            job.is_some_and(|job| statuses.contains(&job.status))
        });
        let alone = step.expects.only_active.is_none()
            || !jobs
                .values()
                .any(|job| job.name == step.job_name && !job.status.is_terminal());
        if !fits || !alone {
            return stale("it changed");
        }
        let outcome = self.scene.effect(step);
        // Some jobs have no state.
        let stateless = self.scene.next_job % 2 == 0;
        if stateless && matches!(step.action, Action::Submit(_)) {
            let id = JobId(self.scene.next_job - 1);
            self.scene
                .job_config(id, |config| config.guarantee = Guarantee::None);
        }
        outcome
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_breaks_an_invariant(happenings in prop::collection::vec(happening(), 1..60)) {
        let mut world = World::new();
        for happening in &happenings {
            world.happens(happening);
            world.pass();
            world.pass();
        }
        // All is well again: it comes to rest.
        world.steps = 0;
        world.land();
        world.change_view(0);
        world.pause(None, 0);
        for name in NAMES {
            world.change_bytes(name, None);
        }
        world.happens(&Happening::Source(0));
        for _ in 0..40 {
            world.pass();
            world.scene.tick();
            world.scene.pass_time(seconds(60));
        }
        let plan = world.scene.plan();
        prop_assert!(plan.steps.is_empty(), "never at rest: {plan:#?}");
        let quiet = is_empty(&world.scene.plan()) || plan.holds.iter().any(|hold| hold.reason == Reason::BackingOff);
        prop_assert!(quiet, "at rest it still changes: {plan:#?}");
    }
}

#[test]
fn jobs_of_a_world_look_as_real_ones_do() {
    assert_eq!(config("theirs.jar").nonce, None);
}

/// Whether a version is stopped that has made no snapshot of its own: a new one that failed, or one that never ran.
fn has_made_none(step: &Step, job: JobId) -> bool {
    let kinds = [OperationKind::Rollback, OperationKind::Replace].map(Some);
    kinds.contains(&step.remember.operation) && step.expects.uncommitted == Some(job)
}
