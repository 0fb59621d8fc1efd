//! What is done to simulated jobs, by us or by somebody, and what they do by themselves.

use jetkeeper::clock::Clock;
use jetkeeper::cluster::{CallError, StatusEvent};
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::job::{JobConfigView, JobId, JobSettings, JobStatus};
use jetkeeper::plan::observed::Seen;
use jetkeeper::plan::upload::nonce_of;
use jiff::SignedDuration;
use rand::Rng;

use super::hazelcast::{Hazelcast, Job, Maker, State};
use super::pipeline::{Mishap, Pipeline};
use super::refusal::{no, no_job, refused};
use super::snapshots::{Own, Start};

/// How a running job is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Suspend,
    Restart,
    Cancel,
}

impl Hazelcast {
    /// A new job, one active at most for each name.
    pub(crate) fn submit(
        &self,
        state: &mut State,
        name: &str,
        pipeline: Pipeline,
        resource_id: String,
        deployed: Option<(String, Vec<String>)>,
        start: Start,
    ) -> Result<JobId, CallError> {
        let active = state
            .jobs
            .values()
            .any(|job| job.name == name && !job.status.is_terminal());
        if active {
            return Err(no(
                Reason::Conflict,
                &format!("job {name} is already active"),
            ));
        }
        let id = JobId(0x0100_0000_0000_0000 + state.next_job * 0x1_0001);
        state.next_job += 1;
        let nonce = nonce_of(&resource_id).map(str::to_owned);
        let maker = nonce.clone().map_or(Maker::Person, Maker::Us);
        let is_ours = maker != Maker::Person;
        let initial = match &start {
            Start::Empty => None,
            Start::Snapshot(name, _) | Start::Missing(name) => Some(name.clone()),
        };
        let own = Own::starting_from(start);
        if is_ours && !own.is_missing {
            state.watch_start(name, &own);
        }
        let mut settings = usual_settings();
        settings.suspend_on_failure = Mishap::of(deployed.as_ref()) == Mishap::Suspends;
        let job = Job {
            name: name.to_owned(),
            status: JobStatus::NotRunning,
            execution_id: 0,
            submitted_at: self.clock.now(),
            completed_at: None,
            user_cancelled: false,
            failure: None,
            suspension_failure: None,
            config: JobConfigView {
                nonce,
                resource_ids: vec![resource_id],
                guarantee: pipeline.guarantee(),
                suspendable: true,
                initial_snapshot: Seen::Known(initial),
                settings,
            },
            pipeline,
            deployed,
            maker,
            is_ours,
            own,
            cancelled_by_us: false,
            touched_at: None,
            epoch: 0,
        };
        state
            .watchdog
            .note(&format!("job {id} {name} submitted by {:?}", job.maker));
        state.jobs.insert(id, job);
        self.begin(state, id, None);
        Ok(id)
    }

    /// Begins an execution, after what somebody asked for.
    pub(super) fn begin(&self, state: &mut State, id: JobId, asked: Option<&str>) {
        let execution = state.rng.random_range(1..i64::MAX);
        if let Some(job) = state.jobs.get_mut(&id) {
            job.execution_id = execution;
            job.suspension_failure = None;
        }
        let why = asked.map(str::to_owned);
        self.change(state, id, JobStatus::NotRunning, asked.is_some(), why);
        let pause = state.rng.random_range(1..30);
        self.later(state, id, pause, move |it, state| {
            it.change(state, id, JobStatus::Starting, false, None);
            let pause = state.rng.random_range(5..200);
            it.later(state, id, pause, move |it, state| {
                let job = &state.jobs[&id];
                let mishap = Mishap::of(job.deployed.as_ref());
                if mishap == Mishap::AtStart || job.own.is_missing {
                    it.fail(state, id);
                } else {
                    it.run(state, id);
                }
            });
        });
    }

    fn run(&self, state: &mut State, id: JobId) {
        self.change(state, id, JobStatus::Running, false, None);
        self.snapshot_later(state, id);
        let lifetime = state.rng.random_range(2_000..15_000);
        let mishap = Mishap::of(state.jobs[&id].deployed.as_ref());
        match state.jobs[&id].pipeline {
            _ if matches!(mishap, Mishap::Fails | Mishap::Suspends) => {
                self.later(state, id, lifetime, move |it, state| it.fail(state, id));
            }
            Pipeline::Batch => self.later(state, id, lifetime, move |it, state| {
                it.change(state, id, JobStatus::Completed, false, None);
            }),
            Pipeline::Fails => {
                self.later(state, id, lifetime, move |it, state| it.fail(state, id));
            }
            _ => {}
        }
    }

    /// The job fails by itself.
    pub(crate) fn fail(&self, state: &mut State, id: JobId) {
        let why = "java.lang.IllegalStateException: simulated".to_owned();
        let suspends = state.jobs[&id].config.settings.suspend_on_failure;
        if let (true, Some(job)) = (suspends, state.jobs.get_mut(&id)) {
            job.suspension_failure = Some(why.clone());
            self.change(state, id, JobStatus::Suspended, false, Some(why));
        } else {
            self.change(state, id, JobStatus::Failed, false, Some(why));
        }
    }

    pub(crate) fn stop(
        &self,
        state: &mut State,
        id: JobId,
        stop: Stop,
        forceful: bool,
    ) -> Result<(), CallError> {
        let Some(status) = state.jobs.get(&id).map(|job| job.status) else {
            return Err(no_job());
        };
        match status {
            JobStatus::Running => {}
            JobStatus::Completing => return Err(refused("a termination is pending")),
            JobStatus::Failed | JobStatus::Completed if stop == Stop::Cancel && forceful => {
                return Ok(());
            }
            JobStatus::Suspended | JobStatus::NotRunning | JobStatus::Starting
                if stop == Stop::Cancel && forceful => {}
            _ => return Err(refused(&format!("the job is {status}"))),
        }
        self.change(state, id, JobStatus::Completing, true, None);
        let fails = stop == Stop::Suspend && state.roll(state.weather.snapshot_fails);
        let pause = state.rng.random_range(5..500);
        self.later(state, id, pause, move |it, state| match stop {
            Stop::Suspend if fails && state.roll(50) => it.begin(state, id, None),
            Stop::Suspend => {
                let (more, now) = (state.rng.random_range(1..5), it.clock.now());
                let job = state.jobs.get_mut(&id).filter(|job| job.keeps_state());
                match job {
                    Some(job) if fails => job.own.fail_snapshot(),
                    Some(job) => job.own.end_with_snapshot(more, now),
                    None => {}
                }
                let why = Some("Suspend".to_owned());
                it.change(state, id, JobStatus::Suspended, true, why);
            }
            Stop::Restart => it.begin(state, id, Some("Restart")),
            Stop::Cancel => {
                if let Some(job) = state.jobs.get_mut(&id) {
                    job.user_cancelled = true;
                }
                it.change(
                    state,
                    id,
                    JobStatus::Failed,
                    true,
                    Some("Cancel".to_owned()),
                );
            }
        });
        Ok(())
    }

    /// Ignored where the job is neither suspended nor ended.
    pub(crate) fn resume(&self, state: &mut State, id: JobId) -> Result<(), CallError> {
        let job = state.jobs.get(&id).ok_or_else(no_job)?;
        if job.status.is_terminal() {
            return Err(refused("the job has ended"));
        }
        if job.status == JobStatus::Suspended {
            self.begin(state, id, Some("Resume"));
        }
        Ok(())
    }

    fn change(
        &self,
        state: &mut State,
        id: JobId,
        status: JobStatus,
        user_requested: bool,
        description: Option<String>,
    ) {
        let now = self.clock.now();
        let Some(job) = state.jobs.get_mut(&id) else {
            return;
        };
        job.epoch += 1;
        job.status = status;
        if status.is_terminal() {
            job.completed_at = Some(now);
            job.failure.clone_from(&description);
            job.suspension_failure = None;
        }
        let text = format!("job {id} {} is {status}", job.name);
        state.watchdog.note(&text);
        // Members never tell COMPLETING.
        if status != JobStatus::Completing {
            let event = StatusEvent {
                job: id,
                status,
                user_requested,
                description,
            };
            for listener in state.listeners.get(&id).into_iter().flatten() {
                drop(listener.try_send(event.clone()));
            }
        }
        if status.is_terminal() {
            state.listeners.remove(&id);
        }
    }
}

/// Those of a job as pipelines submit it.
pub(super) fn usual_settings() -> JobSettings {
    JobSettings {
        snapshot_interval: SignedDuration::from_secs(10),
        suspend_on_failure: false,
        auto_scaling: true,
        split_brain_protection: false,
        metrics_enabled: true,
        store_metrics_after_job_completion: false,
        max_processor_accumulated_records: -1,
        timeout: SignedDuration::ZERO,
    }
}
