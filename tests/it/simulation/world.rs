//! One seed's worth of trouble: users who edit, people who meddle, members that go, a network that
//! loses calls, a process that crashes. Then calm, and the question whether everything is as it
//! should be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jetkeeper::engine::{Published, Request};
use jetkeeper::plan::hold::{Hold, Reason, Release};
use jetkeeper::plan::job::{JobId, JobStatus};
use jetkeeper::plan::observed::ClusterState;
use jetkeeper::resources::ResourceId;
use jetkeeper::store::MemoryDisk;
use jetkeeper::store::memory::FaultKind;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::clock::SimulatedClock;
use super::engine::{End, Process, Surroundings};
use super::hazelcast::{Hazelcast, Maker, Stop, Weather};
use super::pipeline::Pipeline;
use super::source::{JobDocument, SimulatedSource};

/// How many lines of its past a world that failed shows.
const LINES: usize = 150;

/// How many things happen.
const HAPPENINGS: u32 = 40;

/// Names of jobs. The first ones are precious: nobody ever says that their state may go.
const NAMES: [&str; 7] = [
    "orders", "payments", "clicks", "stock", "mail", "audit", "trips",
];
const PRECIOUS: usize = 3;

/// The world of one seed.
pub(crate) struct World {
    pub(crate) around: Surroundings,
    pub(crate) documents: BTreeMap<String, JobDocument>,
    pub(crate) process: Option<Process>,
    rng: StdRng,
    names: BTreeSet<String>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let clock = SimulatedClock::new();
        let names: BTreeSet<String> = ["alpha", "beta"].map(str::to_owned).into();
        let clusters: BTreeMap<String, Hazelcast> = names
            .iter()
            .zip(1..)
            .map(|(name, salt)| {
                (
                    format!("{name}:5701"),
                    Hazelcast::new(seed ^ (salt << 32), clock),
                )
            })
            .collect();
        for hazelcast in clusters.values() {
            let precious = NAMES[..PRECIOUS].iter().map(|name| (*name).to_owned());
            hazelcast.state().watchdog.precious.extend(precious);
        }
        Self {
            around: Surroundings {
                clock,
                disk: MemoryDisk::new("simulated").unwrap(),
                source: Arc::new(SimulatedSource::new(&names)),
                clusters,
            },
            documents: BTreeMap::new(),
            process: None,
            rng: StdRng::seed_from_u64(seed),
            names,
        }
    }

    /// Everything that is known of the clusters' past, for the report of a failure.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, hazelcast) in &self.around.clusters {
            let state = hazelcast.state();
            lines.extend(
                state
                    .watchdog
                    .lines()
                    .map(|line| format!("{line} [{name}]")),
            );
        }
        // By time; what happened at the same time stays in order.
        lines.sort_by(|left, right| left[..10].cmp(&right[..10]));
        lines
    }

    pub(crate) fn note(&self, line: &str) {
        if let Some(hazelcast) = self.around.clusters.values().next() {
            hazelcast.state().watchdog.note(line);
        }
    }

    fn roll(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn cluster(&mut self) -> Hazelcast {
        let at = self.rng.random_range(0..self.around.clusters.len());
        self.around.clusters.values().nth(at).unwrap().clone()
    }

    /// The troubled part. Panics at the first violation.
    pub(crate) async fn trouble(&mut self) {
        let stormy = self.rng.random_range(0..4) > 0;
        for hazelcast in self.around.clusters.values() {
            let mut state = hazelcast.state();
            state.weather = if stormy { storm() } else { Weather::default() };
        }
        for _ in 0..HAPPENINGS {
            self.happen().await;
            let millis = if self.roll(50) {
                self.rng.random_range(1..500)
            } else {
                self.rng.random_range(500..20_000)
            };
            self.pass_time(Duration::from_millis(millis)).await;
            self.check();
        }
    }

    /// The calm part: nobody meddles any more, and everything has the time it needs.
    pub(crate) async fn calm(&mut self) {
        self.note("CALM");
        self.around.disk.plan_fault(None);
        for hazelcast in self.around.clusters.values() {
            hazelcast.state().weather = Weather::default();
            hazelcast.set_link(true);
            let mut state = hazelcast.state();
            state.mode = ClusterState::Active;
            state.partitions_safe = true;
        }
        // Each file is written once more, whole and sound.
        for document in self.documents.values_mut() {
            document.broken = false;
        }
        self.show();
        self.pass_time(Duration::from_mins(1)).await;
        for (resource, _) in self.shown().pauses.clone() {
            self.request(Request::Unpause { resource }).await;
        }
        // By now every main has returned. What still isn't known never will be: the daemon or the
        // network ended before the upload arrived. A person who looked at the members may say so.
        self.pass_time(Duration::from_mins(10)).await;
        self.check();
        self.give_up_what_is_unknown().await;
        self.pass_time(Duration::from_mins(30)).await;
        self.check();
    }

    /// A person says that no job will come any more of uploads that had no answer.
    pub(crate) async fn give_up_what_is_unknown(&mut self) {
        let holds = Arc::clone(&self.shown().holds);
        for hold in holds
            .iter()
            .filter(|hold| hold.reason == Reason::OutcomeUnknown)
        {
            self.request(self.release(hold)).await;
        }
    }

    /// What readers see now.
    pub(crate) fn shown(&self) -> Arc<Published> {
        match &self.process {
            Some(process) => process.handle.published.borrow().clone(),
            None => self.fail("the engine does not run"),
        }
    }

    /// Lets time pass; a process that ended is started again after a while.
    pub(crate) async fn pass_time(&mut self, time: Duration) {
        let until = tokio::time::Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            let result = match self.process.take() {
                Some(process) => process.live(&self.around.disk, left).await,
                None => self.around.start(self.rng.random()).await,
            };
            match result {
                Ok(process) => self.process = Some(process),
                Err(End::Crash) => self.note("CRASH"),
                Err(End::Error(jetkeeper::engine::EngineError::Commit(_))) => {
                    self.note("COMMIT FAILED");
                }
                Err(End::Error(error)) => self.fail(&format!("the engine ended: {error:?}")),
            }
            if self.process.is_none() {
                let pause = Duration::from_millis(self.rng.random_range(1..5_000));
                tokio::time::sleep(pause).await;
            } else if left.is_zero() {
                return;
            }
        }
    }

    pub(crate) fn show(&self) {
        self.around.source.show(&self.names, &self.documents);
    }

    pub(crate) fn check(&self) {
        for hazelcast in self.around.clusters.values() {
            let state = hazelcast.state();
            if let Some(wrong) = state.watchdog.wrong.first().cloned() {
                drop(state);
                self.fail(&wrong);
            }
            let doubled = state
                .active_ours()
                .into_iter()
                .find(|(_, jobs)| jobs.len() > 1);
            let doubled = doubled.map(|(name, jobs)| format!("{jobs:?} of {name} are active"));
            drop(state);
            if let Some(doubled) = doubled {
                self.fail(&doubled);
            }
        }
    }

    pub(crate) fn fail(&self, why: &str) -> ! {
        let lines = self.lines();
        let latest = &lines[lines.len().saturating_sub(LINES)..];
        let records = self.records().join("\n");
        panic!("{}\n\n{records}\n\n{why}", latest.join("\n"));
    }

    /// What is recorded of each job, as far as decisions depend on it.
    fn records(&self) -> Vec<String> {
        let store = self.process.as_ref().map(|process| &process.handle.store);
        let recorded = store.and_then(|store| store.load().now_or_never());
        let Some(Ok(recorded)) = recorded else {
            return Vec::new();
        };
        let jobs = recorded.jobs.iter().map(|(name, record)| {
            format!(
                "RECORD {name} operation {:?} attempt {:?} job {:?} deletion {:?} retry {:?}",
                record.operation, record.attempt, record.job, record.deletion, record.retry
            )
        });
        jobs.collect()
    }

    pub(crate) async fn request(&mut self, request: Request) {
        let Some(process) = &self.process else {
            return;
        };
        self.note(&format!("REQUEST {request:?}"));
        let answer = process.handle.request(request);
        // A refusal is an answer too; a process that crashes gives none.
        let answer = tokio::time::timeout(Duration::from_secs(2), answer).await;
        self.note(&format!("ANSWER {answer:?}"));
    }

    async fn happen(&mut self) {
        match self.rng.random_range(0..100) {
            0..40 => self.edit(),
            40..60 => self.meddle(),
            60..75 => self.shake().await,
            75..88 => self.hit_process().await,
            _ => self.ask().await,
        }
    }

    // Users edit documents.

    fn edit(&mut self) {
        let name = self.pick_name();
        let precious = NAMES[..PRECIOUS].contains(&name.as_str());
        let resource = self.resource_of(&name);
        match resource {
            None => {
                let pipeline = Pipeline::random(&mut self.rng);
                let cluster = if self.roll(70) { "alpha" } else { "beta" };
                let mut document = JobDocument::new(&name, cluster, pipeline);
                if !precious {
                    self.loosen(&mut document);
                }
                self.note(&format!("EDIT add {name} {document:?}"));
                self.documents.insert(name, document);
            }
            Some(resource) if self.roll(12) => {
                self.note(&format!("EDIT delete {resource}"));
                let document = self.documents.remove(&resource).unwrap();
                if matches!(document.deletion, "Orphan" | "Suspend") {
                    for hazelcast in self.around.clusters.values() {
                        let mut state = hazelcast.state();
                        state.watchdog.left_behind.insert(document.job_name.clone());
                    }
                }
            }
            Some(resource) if self.roll(6) => {
                let renamed = if resource == name {
                    format!("{name}-renamed")
                } else {
                    name
                };
                let document = self.documents.remove(&resource).unwrap();
                self.note(&format!("EDIT rename {resource} to {renamed}"));
                self.documents.insert(renamed, document);
            }
            Some(resource) => {
                let mut document = self.documents[&resource].clone();
                self.change(&mut document, precious);
                self.note(&format!("EDIT {resource} {document:?}"));
                self.documents.insert(resource, document);
            }
        }
        self.show();
    }

    fn pick_name(&mut self) -> String {
        (*NAMES.choose(&mut self.rng).unwrap()).to_owned()
    }

    fn resource_of(&self, job_name: &str) -> Option<String> {
        let found = self
            .documents
            .iter()
            .find(|(_, document)| document.job_name == job_name);
        found.map(|(resource, _)| resource.clone())
    }

    fn loosen(&mut self, document: &mut JobDocument) {
        document.upgrade = ["Stateless", "Stateless", "Stateful", "Forbid"]
            .choose(&mut self.rng)
            .unwrap();
        document.deletion = ["Cancel", "Cancel", "Snapshot", "Suspend", "Orphan"]
            .choose(&mut self.rng)
            .unwrap();
        document.on_state_loss = ["StartFresh", "Restore", "Hold"]
            .choose(&mut self.rng)
            .unwrap();
    }

    fn change(&mut self, document: &mut JobDocument, precious: bool) {
        match self.rng.random_range(0..11) {
            0..3 => {
                document.state = ["Running", "Running", "Suspended", "Restarted", "Canceled"]
                    .choose(&mut self.rng)
                    .unwrap();
            }
            3 => document.version = document.version % 3 + 1,
            4 => document.parameters = vec![self.rng.random_range(0..3).to_string()],
            5 => document.drift = ["Warn", "Correct"].choose(&mut self.rng).unwrap(),
            6 => document.restarts = !document.restarts,
            7 => document.restart_nonce = Some(self.rng.random_range(0..5)),
            8 => document.snapshot_interval = Some(self.rng.random_range(1..20)),
            9 => document.broken = !document.broken,
            _ if precious => document.drift = "Correct",
            _ => {
                document.redeploy_nonce = Some(self.rng.random_range(0..5));
                self.loosen(document);
            }
        }
    }

    // People do things to jobs by hand, and jobs fail.

    fn meddle(&mut self) {
        let hazelcast = self.cluster();
        let mut state = hazelcast.state();
        let jobs: Vec<JobId> = state
            .jobs
            .iter()
            .filter(|(_, job)| !job.status.is_terminal())
            .map(|(id, _)| *id)
            .collect();
        let Some(id) = jobs.choose(&mut self.rng).copied() else {
            drop(state);
            self.submit_foreign(&hazelcast);
            return;
        };
        let what = self.rng.random_range(0..10);
        state.watchdog.note(&format!("PERSON does {what} to {id}"));
        let result = match what {
            0..3 => hazelcast.stop(&mut state, id, Stop::Suspend, false),
            3..5 => {
                hazelcast.resume(&mut state, id);
                Ok(())
            }
            5 => hazelcast.stop(&mut state, id, Stop::Cancel, true),
            6 => hazelcast.stop(&mut state, id, Stop::Restart, false),
            7 if state.jobs[&id].status == JobStatus::Running => {
                hazelcast.fail(&mut state, id);
                Ok(())
            }
            _ => {
                drop(state);
                self.submit_foreign(&hazelcast);
                return;
            }
        };
        drop(result);
    }

    fn submit_foreign(&mut self, hazelcast: &Hazelcast) {
        let name = self.pick_name();
        submit_foreign(hazelcast, &name);
    }

    /// Somebody else submits a job of this name.
    pub(crate) fn submit_foreign_to(&self, cluster: &str, name: &str) {
        submit_foreign(&self.around.clusters[&format!("{cluster}:5701")], name);
    }

    // The network and the members.

    async fn shake(&mut self) {
        let hazelcast = self.cluster();
        match self.rng.random_range(0..20) {
            0..8 => {
                self.note("LINK down");
                hazelcast.set_link(false);
                let time = Duration::from_millis(self.rng.random_range(10..40_000));
                self.pass_time(time).await;
                self.note("LINK up");
                hazelcast.set_link(true);
            }
            8..13 => {
                self.note("MASTER changes");
                hazelcast.change_master();
            }
            13..15 => {
                self.note("CLUSTER frozen");
                hazelcast.state().mode = ClusterState::Frozen;
                self.pass_time(Duration::from_secs(20)).await;
                hazelcast.state().mode = ClusterState::Active;
            }
            15..17 => {
                hazelcast.state().partitions_safe = false;
                self.pass_time(Duration::from_secs(15)).await;
                hazelcast.state().partitions_safe = true;
            }
            17 => {
                self.note("CLUSTER replaced");
                hazelcast.set_link(false);
                self.pass_time(Duration::from_secs(5)).await;
                hazelcast.replace();
                hazelcast.set_link(true);
            }
            _ => {
                let mut state = hazelcast.state();
                let calm = state.weather.answer_lost == 0;
                state.weather = if calm { storm() } else { Weather::default() };
            }
        }
    }

    // The process.

    async fn hit_process(&mut self) {
        match self.rng.random_range(0..10) {
            0..3 => {
                self.note("KILL");
                self.process = None;
            }
            3 => {
                if let Some(process) = self.process.take() {
                    self.note("STOP");
                    let grace = Duration::from_secs(self.rng.random_range(0..40));
                    if let Err(error) = process.stop(grace).await {
                        self.note(&format!("stopped with {error:?}"));
                    }
                }
            }
            _ => {
                let kind = if self.roll(85) {
                    FaultKind::Crash
                } else {
                    FaultKind::Error
                };
                let (after, durable) = (self.rng.random_range(1..6), self.roll(50));
                self.note(&format!(
                    "FAULT {kind:?} at commit +{after} durable {durable}"
                ));
                self.around.plan_fault(after, durable, kind);
            }
        }
    }

    // People ask for something.

    async fn ask(&mut self) {
        let Some(process) = &self.process else {
            return;
        };
        let shown = Arc::clone(&process.handle.published.borrow());
        let request = match self.rng.random_range(0..10) {
            0..2 => Request::Reconcile,
            2 => Request::Pause {
                resource: shown.jobs.keys().next().map(ResourceId::jet_job),
                reason: "a look".to_owned(),
                by: "somebody".to_owned(),
                until: None,
            },
            3 => {
                let paused = shown.pauses.first();
                Request::Unpause {
                    resource: paused.and_then(|(resource, _)| resource.clone()),
                }
            }
            _ => {
                let holds: Vec<&Hold> = shown
                    .holds
                    .iter()
                    .filter(|hold| may_release(hold))
                    .collect();
                let Some(hold) = holds.choose(&mut self.rng) else {
                    return;
                };
                self.release(hold)
            }
        };
        self.request(request).await;
    }

    pub(crate) fn release(&self, hold: &Hold) -> Request {
        if hold.release == Release::Adopt {
            let resource = hold.subjects[0].clone();
            let name = self
                .documents
                .get(&resource.name)
                .map(|document| document.job_name.clone());
            for hazelcast in self.around.clusters.values() {
                hazelcast.state().watchdog.adoptions.extend(name.clone());
            }
            return Request::Adopt { resource };
        }
        Request::Confirm {
            hold: hold.id.clone(),
            discard_state: hold.release == Release::DiscardState,
        }
    }
}

fn storm() -> Weather {
    Weather {
        not_sent: 3,
        request_lost: 3,
        answer_lost: 5,
        late: 3,
        snapshot_fails: 10,
    }
}

/// Whether a job is one of ours.
pub(crate) fn is_ours(maker: &Maker) -> bool {
    matches!(maker, Maker::Us(_))
}

fn submit_foreign(hazelcast: &Hazelcast, name: &str) {
    let mut state = hazelcast.state();
    state.watchdog.note(&format!("PERSON submits {name}"));
    let jar = "theirs123.jar".to_owned();
    drop(hazelcast.submit(&mut state, name, Pipeline::Stream, jar, None));
}

/// Nobody gives up the state of precious jobs, nor says that an upload made no job without
/// knowing it.
fn may_release(hold: &Hold) -> bool {
    let precious = hold.subjects.iter().any(|id| {
        NAMES[..PRECIOUS]
            .iter()
            .any(|name| id.name.starts_with(name))
    });
    let unsure = hold.reason == Reason::OutcomeUnknown;
    match hold.release {
        Release::Confirm | Release::Adopt => !unsure,
        Release::DiscardState => !precious,
        Release::None | Release::Unpause => false,
    }
}
