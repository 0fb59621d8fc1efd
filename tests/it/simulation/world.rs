//! The world of one seed: the documents, the process and what surrounds it, and time that passes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jetkeeper::clock::Clock;
use jetkeeper::engine::{Published, Request};
use jetkeeper::notifications::Rules;
use jetkeeper::plan::hold::{Hold, Reason, Release};
use jetkeeper::plan::observed::ClusterState;
use jetkeeper::store::{MemoryDisk, Store};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::clock::SimulatedClock;
use super::engine::{End, Process, Surroundings};
use super::hazelcast::{Hazelcast, Maker, Weather};
use super::jars::JarCache;
use super::jobs::Stop;
use super::pipeline::Pipeline;
use super::snapshots::Start;
use super::source::{JobDocument, SimulatedSource};
use super::trace::Trace;
use super::trouble::may_release;

/// How many lines of its past a world that failed shows.
const LINES: usize = 150;

/// Names of jobs. The first ones are precious: nobody ever says that their state may go.
pub(super) const NAMES: [&str; 7] = [
    "orders", "payments", "clicks", "stock", "mail", "audit", "trips",
];
pub(super) const PRECIOUS: usize = 3;

/// The world of one seed.
pub(crate) struct World {
    pub(crate) around: Surroundings,
    pub(crate) documents: BTreeMap<String, JobDocument>,
    /// The names of jobs with a sound document, then or earlier, by which they outlive it.
    pub(super) outliving: BTreeSet<String>,
    pub(crate) process: Option<Process>,
    pub(super) rng: StdRng,
    names: BTreeSet<String>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let clock = SimulatedClock::new();
        let trace = Trace::new(clock);
        let names: BTreeSet<String> = ["alpha", "beta"].map(str::to_owned).into();
        let clusters: BTreeMap<String, Hazelcast> = names
            .iter()
            .zip(1..)
            .map(|(name, salt)| {
                (
                    format!("{name}:5701"),
                    Hazelcast::new(name, seed ^ (salt << 32), clock, trace.clone()),
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
                jars: JarCache::default(),
                clusters,
                trace,
                notifications: Rules::default(),
            },
            documents: BTreeMap::new(),
            outliving: BTreeSet::new(),
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
        self.around.trace.note(line);
        if let Some(hazelcast) = self.around.clusters.values().next() {
            hazelcast.state().watchdog.note(line);
        }
    }

    pub(super) fn roll(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    pub(super) fn cluster(&mut self) -> Hazelcast {
        let at = self.rng.random_range(0..self.around.clusters.len());
        self.around.clusters.values().nth(at).unwrap().clone()
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
            self.request(Request::Unpause {
                resource,
                by: "me".to_owned(),
            })
            .await;
        }
        // By now every main has returned. What still isn't known never will be: the daemon or the
        // network ended before the upload arrived. A person who looked at the members may say so.
        self.pass_time(Duration::from_mins(10)).await;
        self.check();
        self.give_up_what_is_unknown().await;
        self.mend().await;
        self.pass_time(Duration::from_mins(30)).await;
        self.check();
    }

    /// Users give some of the jobs whose version fails one that doesn't, and let go on what is held
    /// for their word. What goes wrong again then, or needs something else, stays held.
    async fn mend(&mut self) {
        let names: Vec<String> = self.documents.keys().cloned().collect();
        for name in names {
            let sound = self.roll(50);
            let document = self.documents.get_mut(&name).unwrap();
            if sound && document.fails() {
                document.version = 1;
                let line = format!("EDIT mend {name} {document:?}");
                self.note(&line);
            }
        }
        self.show();
        self.pass_time(Duration::from_mins(1)).await;
        let holds = Arc::clone(&self.shown().holds);
        for hold in holds.iter().filter(|hold| may_release(hold)) {
            self.request(self.release(hold)).await;
        }
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

    /// The store of the process that runs.
    pub(crate) fn shown_store(&self) -> Arc<dyn Store> {
        match &self.process {
            Some(process) => Arc::clone(&process.handle.store),
            None => self.fail("the engine does not run"),
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

    /// Somebody else submits a job of this name.
    pub(crate) fn submit_foreign_to(&self, cluster: &str, name: &str) {
        submit_foreign(&self.around.clusters[&format!("{cluster}:5701")], name);
    }

    /// A person does something to the active job of a cluster, if there is one.
    pub(crate) fn lay_hands_on(&self, cluster: &str, deed: &str) {
        let hazelcast = &self.around.clusters[&format!("{cluster}:5701")];
        let mut state = hazelcast.state();
        let mut jobs = state.jobs.iter_mut();
        let Some((id, job)) = jobs.find(|(_, job)| !job.status.is_terminal()) else {
            return;
        };
        let id = *id;
        job.touched_at = Some(hazelcast.clock.now());
        state.watchdog.note(&format!("PERSON does {deed} to {id}"));
        let done = match deed {
            "resume" => hazelcast.resume(&mut state, id),
            "suspend" => hazelcast.stop(&mut state, id, Stop::Suspend, false),
            _ => hazelcast.stop(&mut state, id, Stop::Cancel, true),
        };
        // What is refused is not done.
        drop(done);
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
            let by = "me".to_owned();
            return Request::Adopt { resource, by };
        }
        Request::Confirm {
            hold: hold.id.clone(),
            discard_state: hold.release == Release::DiscardState,
            by: "me".to_owned(),
        }
    }
}

/// Whether a job is one of ours.
pub(crate) fn is_ours(maker: &Maker) -> bool {
    matches!(maker, Maker::Us(_))
}

pub(super) fn submit_foreign(hazelcast: &Hazelcast, name: &str) {
    let mut state = hazelcast.state();
    state.watchdog.note(&format!("PERSON submits {name}"));
    let jar = "theirs123.jar".to_owned();
    drop(hazelcast.submit(&mut state, name, Pipeline::Stream, jar, None, Start::Empty));
}
