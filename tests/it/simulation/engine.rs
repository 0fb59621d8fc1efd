//! The real engine in the simulated world, through crashes and restarts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jetkeeper::clock::{Clock, Random};
use jetkeeper::engine::published::PlannedStep;
use jetkeeper::engine::{self, EngineError, EngineParts, EngineTask, Handle, Mode, Settings};
use jetkeeper::notifications::Rules;
use jetkeeper::plan;
use jetkeeper::store::MemoryDisk;
use jetkeeper::store::memory::{Fault, FaultKind};

use super::client::SimulatedClusters;
use super::clock::SimulatedClock;
use super::hazelcast::Hazelcast;
use super::jars::{JarCache, NoSecrets, SimulatedJars};
use super::source::SimulatedSource;
use super::trace::{Trace, TracedStore};
use super::watchdog::OWNER;

/// Everything that outlives the process.
pub(crate) struct Surroundings {
    pub(crate) clock: SimulatedClock,
    pub(crate) disk: MemoryDisk,
    pub(crate) source: Arc<SimulatedSource>,
    pub(crate) jars: JarCache,
    pub(crate) clusters: BTreeMap<String, Hazelcast>,
    pub(crate) trace: Trace,
    pub(crate) notifications: Rules,
}

/// The process.
pub(crate) struct Process {
    pub(crate) handle: Handle,
    task: EngineTask,
}

/// Why a process ended.
#[derive(Debug)]
pub(crate) enum End {
    /// A planned crash.
    Crash,
    /// By itself.
    Error(EngineError),
}

impl Surroundings {
    /// Starts the process. A planned fault may end it before it is up.
    pub(crate) async fn start(&self, seed: u64) -> Result<Process, End> {
        self.start_in(Mode::Keep, seed).await
    }

    /// Starts the process in a mode.
    pub(crate) async fn start_in(&self, mode: Mode, seed: u64) -> Result<Process, End> {
        for hazelcast in self.clusters.values() {
            hazelcast.state().watchdog.engine_since = self.clock.now();
        }
        let store = TracedStore {
            store: self.disk.open().unwrap(),
            trace: self.trace.clone(),
        };
        let parts = EngineParts {
            sources: vec![Arc::clone(&self.source) as _],
            clusters: Arc::new(SimulatedClusters(self.clusters.clone())),
            artifacts: Arc::new(SimulatedJars::new(&self.jars)),
            secrets: Arc::new(NoSecrets),
            store: Arc::new(store),
            clock: Arc::new(self.clock),
            entropy: Arc::new(Random::from_seed(seed)),
            settings: Settings {
                plan: plan::Settings {
                    owner: OWNER.to_owned(),
                    ..plan::Settings::default()
                },
                clusters: BTreeMap::new(),
                steps_per_cluster: 8,
                mode,
                notifications: self.notifications.clone(),
            },
        };
        tokio::select! {
            biased;
            started = engine::start(parts) => match started {
                Ok((handle, task)) => Ok(Process { handle, task }),
                Err(error) => Err(End::Error(error)),
            },
            () = self.disk.crashed() => Err(End::Crash),
        }
    }

    /// Has the n-th commit from now go wrong.
    pub(crate) fn plan_fault(&self, commits_from_now: u64, durable: bool, kind: FaultKind) {
        let commit = self.disk.commits() + commits_from_now;
        self.disk.plan_fault(Some(Fault {
            commit,
            durable,
            kind,
        }));
    }
}

impl Process {
    /// Lives on for this long, or until it ends. A crash takes everything that it was doing along.
    pub(crate) async fn live(mut self, disk: &MemoryDisk, time: Duration) -> Result<Self, End> {
        let end = tokio::select! {
            biased;
            () = disk.crashed() => End::Crash,
            error = self.task.ended() => End::Error(error),
            () = tokio::time::sleep(time) => return Ok(self),
        };
        Err(end)
    }

    /// Stops in good order, unless it ends before that. A commit that crashes never returns, so
    /// nothing but the crash tells of it.
    pub(crate) async fn stop(
        self,
        disk: &MemoryDisk,
        grace: Duration,
    ) -> Result<Vec<PlannedStep>, End> {
        tokio::select! {
            biased;
            () = disk.crashed() => Err(End::Crash),
            left = self.task.stop(grace) => left.map_err(End::Error),
        }
    }
}
