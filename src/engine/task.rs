//! The engine's task: it sleeps until something wakes it, and makes passes.
//!
//! ```text
//! sources ──┐                                        ┌─▶ store      one commit a pass
//! clusters ─┤ bell                                   │
//! jars ─────┼──────▶ one task, owner of the records ─┼─▶ steps      tasks of their own
//! steps ────┤        pass, pass, pass …              │
//! requests ─┤                                        └─▶ Published  a watch channel
//! timer ────┘
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::anew::try_anew;
use super::changes::Changes;
use super::desk::{Answers, Desk};
use super::error::EngineError;
use super::executor::Executor;
use super::flights::Flights;
use super::footing::tell_first;
use super::hush::Hush;
use super::ledger::recover;
use super::links::Links;
use super::manifests::Manifests;
use super::notices::Notices;
use super::progress::ProgressBoard;
use super::publish::in_words;
use super::published::{PlannedStep, Published};
use super::pulse::Pulse;
use super::request::{Envelope, Handle, Reading};
use super::settings::{Configuration, EngineParts, Mode, Settings};
use super::telling::Telling;
use super::wake::Bell;
use super::watches::Watches;
use crate::artifacts::{Artifacts, JarRequest, JarViews};
use crate::clock::Clock;
use crate::plan::record::Recorded;
use crate::plan::{Plan, Planner};
use crate::store::{Change, Store};
use crate::telemetry::Meters;

/// How many requests may wait to be received.
const REQUESTS: usize = 64;

/// How many events are read to know what earlier runs told.
const EVENTS_RECALLED: usize = 1_000;

/// The longest sleep: a clock that is set back or forth is noticed after that.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// The shortest sleep until a time that is due, so that no plan can keep the engine busy.
const SHORTEST_SLEEP: Duration = Duration::from_millis(10);

/// How many passes may follow each other at once because each learnt something.
const PASSES_IN_A_ROW: u32 = 8;

/// How long the next one then waits.
const BREATH: Duration = Duration::from_secs(1);

/// How long connections may take to be closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The engine. There is one, and it is the only writer of the store.
pub(super) struct Engine {
    pub(super) settings: Settings,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) artifacts: Arc<dyn Artifacts>,
    pub(super) jar_views: watch::Receiver<JarViews>,
    pub(super) wanted_jars: BTreeSet<JarRequest>,
    pub(super) recorded: Recorded,
    pub(super) manifests: Manifests,
    pub(super) planner: Planner,
    pub(super) watches: Watches,
    pub(super) executor: Executor,
    pub(super) flights: Flights,
    pub(super) notices: Notices,
    pub(super) telling: Telling,
    pub(super) desk: Desk,
    readings: mpsc::Receiver<Reading>,
    pub(super) links: Links,
    pub(super) answers: Answers,
    pub(super) published: watch::Sender<Arc<Published>>,
    pub(super) bell: Bell,
    pub(super) next_wake: Option<Timestamp>,
    /// How many passes in a row learnt something; 0 when the last one learnt nothing.
    pub(super) again: u32,
    /// Whether documents or records changed since watches and artifacts were told what is wanted.
    pub(super) want_due: bool,
    pulse: Pulse,
    pub(super) meters: Meters,
    pub(super) changes: Changes,
    configuration: watch::Receiver<Option<Arc<Configuration>>>,
    sleep_until: Instant,
}

/// The running engine. Dropping it breaks everything off as a crash would.
pub struct EngineTask {
    stop: watch::Sender<Option<Instant>>,
    /// None once its end was told.
    task: Option<JoinHandle<Result<Vec<PlannedStep>, EngineError>>>,
}

/// Starts the engine: reads the records, writes down what an earlier run left open, makes passes.
pub async fn start(parts: EngineParts) -> Result<(Handle, EngineTask), EngineError> {
    let mut recorded = parts.store.load().await.map_err(EngineError::Load)?;
    if parts.settings.mode == Mode::Keep {
        let now = parts.clock.now();
        let mut left_open = recover(&recorded, now);
        try_anew(&recorded, now, &mut left_open);
        if !left_open.is_empty() {
            parts
                .store
                .commit(&left_open)
                .await
                .map_err(EngineError::Commit)?;
            left_open.apply(&mut recorded);
        }
    }
    let settings = &parts.settings.plan;
    tell_first(&parts.sources, &recorded, settings, &*parts.clock).await;
    let events = parts
        .store
        .events(EVENTS_RECALLED)
        .await
        .map_err(EngineError::Load)?;
    let (requests, incoming) = mpsc::channel(REQUESTS);
    let (published, readers) = watch::channel(Arc::default());
    let (readings, read) = mpsc::channel(REQUESTS);
    let progress = ProgressBoard::default();
    let store = Arc::clone(&parts.store);
    let handle = Handle::new(readers, store, requests, readings, progress.clone());
    let (pulse, meters) = (handle.pulse.clone(), handle.meters.clone());
    let configuration = handle.configuration.subscribe();
    let telling = Telling::new(&handle, &recorded);
    let engine = Engine::new(
        parts,
        recorded,
        (Notices::recall(&events), telling),
        (incoming, read),
        Outlets {
            published,
            progress,
            pulse,
            meters,
            configuration,
        },
    );
    let (stop, stopped) = watch::channel(None);
    let task = tokio::spawn(engine.run(stopped));
    let task = Some(task);
    Ok((handle, EngineTask { stop, task }))
}

impl EngineTask {
    /// Waits until the engine ends by itself, which it does only when going on would do harm.
    pub async fn ended(&mut self) -> EngineError {
        match self.end().await {
            Err(error) => error,
            Ok(_) => EngineError::Fatal("the engine was stopped".to_owned()),
        }
    }

    /// Starts no more steps, gives those in flight this long, and tells which were left. Their
    /// intents stay in the journal, and the next run finds out what became of them.
    pub async fn stop(mut self, grace: Duration) -> Result<Vec<PlannedStep>, EngineError> {
        self.stop.send_replace(Some(Instant::now() + grace));
        self.end().await
    }

    async fn end(&mut self) -> Result<Vec<PlannedStep>, EngineError> {
        let Some(task) = &mut self.task else {
            return Ok(Vec::new());
        };
        let result = task.await;
        self.task = None;
        result.unwrap_or_else(|error| Err(EngineError::Broken(error)))
    }
}

impl Drop for EngineTask {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Where readers see what the engine does.
struct Outlets {
    published: watch::Sender<Arc<Published>>,
    progress: ProgressBoard,
    pulse: Pulse,
    meters: Meters,
    configuration: watch::Receiver<Option<Arc<Configuration>>>,
}

impl Engine {
    fn new(
        parts: EngineParts,
        recorded: Recorded,
        (notices, telling): (Notices, Telling),
        (incoming, readings): (mpsc::Receiver<Envelope>, mpsc::Receiver<Reading>),
        Outlets {
            published,
            progress,
            pulse,
            meters,
            configuration,
        }: Outlets,
    ) -> Self {
        let EngineParts {
            sources,
            clusters,
            artifacts,
            secrets,
            store,
            clock,
            entropy,
            settings,
        } = parts;
        let bell = Bell::default();
        let names = settings.clusters.keys().cloned().collect();
        let jar_views = artifacts.views();
        Self {
            manifests: match settings.mode {
                Mode::Keep => Manifests::new(sources, names, &bell),
                Mode::Look => Manifests::new(sources, names, &bell).only_readable(),
            },
            planner: Planner::default(),
            watches: Watches::new(
                clusters,
                Arc::clone(&clock),
                entropy,
                settings.clusters.clone(),
            ),
            executor: Executor {
                artifacts: Arc::clone(&artifacts),
                hush: Arc::new(Hush::new(Arc::clone(&secrets))),
                secrets,
                progress,
            },
            flights: Flights::default(),
            desk: Desk::new(incoming),
            readings,
            links: Links::default(),
            answers: Answers::default(),
            next_wake: None,
            again: 0,
            want_due: true,
            pulse,
            meters,
            changes: Changes::default(),
            configuration,
            sleep_until: Instant::now(),
            settings,
            store,
            clock,
            artifacts,
            jar_views,
            wanted_jars: BTreeSet::new(),
            recorded,
            notices,
            telling,
            published,
            bell,
        }
    }

    async fn run(
        mut self,
        mut stop: watch::Receiver<Option<Instant>>,
    ) -> Result<Vec<PlannedStep>, EngineError> {
        loop {
            self.pulse.beat();
            tokio::select! {
                biased;
                deadline = stopped(&mut stop) => return self.wind_down(deadline).await,
                Ok(()) = self.configuration.changed() => self.reconfigure(),
                () = self.bell.rung() => {}
                Ok(()) = self.jar_views.changed() => {}
                () = self.flights.next() => {}
                () = self.telling.delivered() => {}
                () = self.desk.next(&mut self.answers) => {}
                Some(reader) = self.readings.recv() => {
                    // Whoever asked may have gone away; a look at the records is no reason to plan.
                    drop(reader.send(self.recorded.clone()));
                    continue;
                }
                () = self.pulse.asked() => continue,
                () = tokio::time::sleep_until(self.sleep_until) => {}
            }
            self.pass().await?;
        }
    }

    /// Goes on with another configuration. What was planned under the one before is planned anew.
    fn reconfigure(&mut self) {
        let latest = self.configuration.borrow_and_update().clone();
        let Some(latest) = latest else { return };
        let Configuration {
            sources,
            clusters,
            plan,
        } = (*latest).clone();
        let names = clusters.keys().cloned().collect();
        self.manifests.replace(sources, names, &self.bell);
        self.watches.configure(clusters.clone());
        self.settings.clusters = clusters;
        self.settings.plan = plan;
        self.planner = Planner::default();
        self.want_due = true;
    }

    /// Decides when the next pass is made, if nothing wakes the engine before.
    ///
    /// A pass that learnt something is followed by another, until one learns nothing: what it
    /// learnt may be what the next decision waits for.
    pub(super) fn schedule(&mut self, plan: &Plan, told: Option<Timestamp>, now: Timestamp) {
        let learnt = !plan.jobs.is_empty()
            || !plan.clusters.is_empty()
            || !plan.spent_confirmations.is_empty()
            || !plan.spent_adoptions.is_empty();
        self.again = if learnt && self.settings.mode == Mode::Keep {
            self.again + 1
        } else {
            0
        };
        self.next_wake = plan.next_wake.into_iter().chain(told).min();
        let until_due = self
            .next_wake
            .map_or(LONGEST_SLEEP, |due| pause_until(due, now));
        let pause = match self.again {
            0 => until_due,
            1..=PASSES_IN_A_ROW => Duration::ZERO,
            _ => until_due.min(BREATH),
        };
        self.sleep_until = Instant::now() + pause;
    }

    /// Lets what is in flight end, writes down how, and tells what was left.
    async fn wind_down(&mut self, deadline: Instant) -> Result<Vec<PlannedStep>, EngineError> {
        self.desk.close();
        loop {
            self.pulse.beat();
            let now = self.clock.now();
            let mut change = Change::default();
            self.take_outcomes(now, &mut change).await;
            let rules = &self.settings.notifications;
            self.telling.settle(&self.recorded, rules, &mut change);
            self.commit(&change).await?;
            if self.flights.is_idle() {
                break;
            }
            tokio::select! {
                biased;
                () = self.flights.next() => {}
                () = tokio::time::sleep_until(deadline) => break,
                () = self.pulse.asked() => {}
            }
        }
        self.flights.abandon();
        let left = self
            .recorded
            .in_flight
            .values()
            .map(|step| in_words(step))
            .collect();
        if tokio::time::timeout(CLOSE_TIMEOUT, self.watches.close())
            .await
            .is_err()
        {
            tracing::warn!("connections were dropped without being closed");
        }
        Ok(left)
    }
}

/// How long to sleep until a time.
fn pause_until(due: Timestamp, now: Timestamp) -> Duration {
    let pause = due
        .duration_since(now)
        .max(SignedDuration::ZERO)
        .unsigned_abs();
    pause.clamp(SHORTEST_SLEEP, LONGEST_SLEEP)
}

/// Waits until the engine is to stop; tells by when. Never returns where nobody can stop it.
async fn stopped(stop: &mut watch::Receiver<Option<Instant>>) -> Instant {
    loop {
        if let Some(deadline) = *stop.borrow_and_update() {
            return deadline;
        }
        if stop.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::clock::{Random, SystemClock};
    use crate::cluster::Cluster;
    use crate::engine::fake::{FakeArtifacts, FakeSecrets};
    use crate::engine::{ClusterTarget, Clusters, Request};
    use crate::store::{EventEntry, JournalEntry, RevisionEntry, StoreError};

    struct NoClusters;

    impl Clusters for NoClusters {
        fn connect(&self, _: &ClusterTarget) -> Arc<dyn Cluster> {
            panic!("no cluster is declared")
        }
    }

    /// A disk that takes no more, and says nothing.
    struct HangingStore;

    #[async_trait]
    impl Store for HangingStore {
        async fn load(&self) -> Result<Recorded, StoreError> {
            Ok(Recorded::default())
        }

        async fn commit(&self, _: &Change) -> Result<(), StoreError> {
            std::future::pending().await
        }

        async fn events(&self, _: usize) -> Result<Vec<EventEntry>, StoreError> {
            Ok(Vec::new())
        }

        async fn journal(&self, _: usize) -> Result<Vec<JournalEntry>, StoreError> {
            Ok(Vec::new())
        }

        async fn revisions(&self, _: usize) -> Result<Vec<RevisionEntry>, StoreError> {
            Ok(Vec::new())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_that_hangs_stops_the_pulse() {
        let parts = EngineParts {
            sources: Vec::new(),
            clusters: Arc::new(NoClusters),
            artifacts: FakeArtifacts::new(false),
            secrets: Arc::new(FakeSecrets),
            store: Arc::new(HangingStore),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(Random::from_seed(1)),
            settings: Settings::default(),
        };
        let (handle, _task) = start(parts).await.unwrap();
        let turns = || tokio::time::timeout(LONGEST_SLEEP, handle.pulse.turn());
        let mut published = handle.published.clone();
        published.wait_for(|it| it.pass > 1).await.unwrap();
        turns().await.expect("an engine at rest turns when asked");

        let pause = Request::Pause {
            resource: None,
            reason: "maintenance".to_owned(),
            by: "me".to_owned(),
            until: None,
        };
        let asked = tokio::spawn({
            let handle = handle.clone();
            async move { handle.request(pause).await }
        });
        tokio::time::sleep(LONGEST_SLEEP * 2).await;
        assert!(!asked.is_finished(), "it can't be written down");
        assert!(turns().await.is_err(), "an engine that hangs can't");
        assert!(handle.pulse.age() >= LONGEST_SLEEP * 2);
    }
}
