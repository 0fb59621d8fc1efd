//! A simulated Hazelcast cluster: its members, its jobs and the rules that they follow.
//!
//! ```text
//! NOT_RUNNING ─▶ STARTING ─▶ RUNNING ─▶ COMPLETED | FAILED
//!      ▲                        │ suspend, restart, cancel: COMPLETING for a while, which no event tells
//!      └── resume, restart ─────┴─▶ SUSPENDED | NOT_RUNNING | FAILED (user cancelled)
//! ```
//!
//! The rules are those of the members, with which `compared` compares them: everything but a forceful
//! cancel needs a RUNNING job, nothing is accepted while a termination is pending, resume is silently
//! ignored unless SUSPENDED, one active job a name. What is done to jobs is in `jobs`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jetkeeper::clock::Clock;
use jetkeeper::cluster::{CallError, Connection, Health, StatusEvent};
use jetkeeper::plan::job::{Guarantee, JobConfigView, JobId, JobStatus, JobView};
use jetkeeper::plan::observed::{ClusterState, Link};
use jetkeeper::plan::ownership::{AnchorEntry, OwnershipEntry};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, mpsc, watch};
use uuid::Uuid;

use super::clock::SimulatedClock;
use super::pipeline::Pipeline;
use super::refusal::{no_job, refused};
use super::snapshots::{Own, Shelf};
use super::trace::Trace;
use super::watchdog::Watchdog;

/// How long a new master has to be trusted before a job is stopped or started.
pub(crate) const MASTER_SETTLES: SignedDuration = SignedDuration::from_secs(10);

/// The cluster. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Hazelcast {
    name: Arc<str>,
    pub(crate) clock: SimulatedClock,
    trace: Trace,
    state: Arc<Mutex<State>>,
    connection: Arc<watch::Sender<Connection>>,
    /// Tells calls that the link was lost, in the order in which they were made.
    link_lost: Arc<Notify>,
}

/// Everything about it.
pub(crate) struct State {
    pub(crate) rng: StdRng,
    pub(crate) weather: Weather,
    /// Counts the times that all members started empty.
    pub(crate) incarnation: u64,
    pub(crate) cluster_id: Uuid,
    pub(crate) members: Vec<Uuid>,
    pub(crate) master_changed_at: Option<Timestamp>,
    /// Until then the master knows no job, because it is new.
    pub(crate) blind_until: Option<Timestamp>,
    pub(crate) link: Link,
    pub(crate) mode: ClusterState,
    pub(crate) partitions_safe: bool,
    pub(crate) jobs: BTreeMap<JobId, Job>,
    pub(crate) shelf: Shelf,
    pub(crate) ownership: BTreeMap<String, OwnershipEntry>,
    pub(crate) anchors: BTreeMap<String, AnchorEntry>,
    /// Uploads whose `main` runs, by nonce: the job's name, and the member that runs it.
    pub(crate) mains: BTreeMap<String, (String, Uuid)>,
    pub(crate) watchdog: Watchdog,
    pub(super) listeners: BTreeMap<JobId, Vec<mpsc::Sender<StatusEvent>>>,
    pub(super) next_job: i64,
}

/// What goes wrong with calls, in percent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    pub(crate) not_sent: u32,
    pub(crate) request_lost: u32,
    pub(crate) answer_lost: u32,
    pub(crate) late: u32,
    pub(crate) snapshot_fails: u32,
    pub(crate) export_fails: u32,
}

/// One job.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) status: JobStatus,
    pub(crate) execution_id: i64,
    pub(crate) submitted_at: Timestamp,
    pub(crate) completed_at: Option<Timestamp>,
    pub(crate) user_cancelled: bool,
    pub(crate) failure: Option<String>,
    pub(crate) suspension_failure: Option<String>,
    pub(crate) config: JobConfigView,
    pub(crate) pipeline: Pipeline,
    /// The jar's name and the arguments, for a job of an upload.
    pub(crate) deployed: Option<(String, Vec<String>)>,
    pub(crate) maker: Maker,
    /// We made it, or were given it.
    pub(crate) is_ours: bool,
    pub(crate) own: Own,
    pub(crate) cancelled_by_us: bool,
    /// When somebody else did something to it.
    pub(crate) touched_at: Option<Timestamp>,
    /// Changes with every change of status.
    pub(super) epoch: u64,
}

/// Who made a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Maker {
    /// An upload of ours, with its nonce.
    Us(String),
    /// Somebody else.
    Person,
}

impl Hazelcast {
    pub(crate) fn new(name: &str, seed: u64, clock: SimulatedClock, trace: Trace) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let (cluster_id, member) = (uuid(&mut rng), uuid(&mut rng));
        let members = vec![member, uuid(&mut rng)];
        let connection = Connection {
            link: Link::Up,
            refused: false,
            cluster_id: Some(cluster_id),
            foreign_cluster_id: None,
            members: members.clone(),
            version: Some("5.7.0".to_owned()),
        };
        let state = State {
            rng,
            weather: Weather::default(),
            incarnation: 1,
            cluster_id,
            members,
            master_changed_at: None,
            blind_until: None,
            link: Link::Up,
            mode: ClusterState::Active,
            partitions_safe: true,
            jobs: BTreeMap::new(),
            shelf: Shelf::default(),
            ownership: BTreeMap::new(),
            anchors: BTreeMap::new(),
            mains: BTreeMap::new(),
            watchdog: Watchdog::new(clock),
            listeners: BTreeMap::new(),
            next_job: 1,
        };
        Self {
            name: name.into(),
            clock,
            trace,
            state: Arc::new(Mutex::new(state)),
            connection: Arc::new(watch::channel(connection).0),
            link_lost: Arc::default(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }

    /// Waits until the link is lost, from the moment of this call on.
    pub(crate) fn link_lost(&self) -> Notified<'_> {
        self.link_lost.notified()
    }

    /// Traces a call.
    pub(crate) fn trace(&self, what: &str) {
        self.trace.note(&format!("{what} [{}]", self.name));
    }

    /// Tells clients what is true of members and link now.
    fn tell_connection(&self, state: &State) {
        self.connection.send_replace(Connection {
            link: state.link.clone(),
            refused: false,
            cluster_id: Some(state.cluster_id),
            foreign_cluster_id: None,
            members: state.members.clone(),
            version: Some("5.7.0".to_owned()),
        });
    }

    /// Does something to a job later, unless its status changes before.
    pub(super) fn later(
        &self,
        state: &State,
        id: JobId,
        millis: u64,
        act: impl FnOnce(&Self, &mut State) + Send + 'static,
    ) {
        let epoch = state.jobs.get(&id).map(|job| job.epoch);
        let hazelcast = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            let mut state = hazelcast.state();
            if state.jobs.get(&id).map(|job| job.epoch) == epoch && epoch.is_some() {
                act(&hazelcast, &mut state);
            }
        });
    }

    // What happens to members and the network.

    pub(crate) fn set_link(&self, up: bool) {
        let mut state = self.state();
        state.link = if up {
            Link::Up
        } else {
            state.listeners.clear();
            self.link_lost.notify_waiters();
            Link::Down {
                since: self.clock.now(),
                error: Some("no member answers".to_owned()),
            }
        };
        self.tell_connection(&state);
    }

    /// The oldest member leaves. The next one becomes master, and for a moment knows no job.
    pub(crate) fn change_master(&self) {
        let mut state = self.state();
        let leaving = state.members.remove(0);
        state.mains.retain(|_, (_, member)| *member != leaving);
        let joining = uuid(&mut state.rng);
        state.members.push(joining);
        let now = self.clock.now();
        let blind = state.rng.random_range(0..4_000);
        state.master_changed_at = Some(now);
        state.blind_until = Some(now + SignedDuration::from_millis(blind));
        let ids: Vec<JobId> = state.jobs.keys().copied().collect();
        for id in ids {
            // Jobs restart on the members that are left.
            if state.jobs[&id].status == JobStatus::Running {
                self.begin(&mut state, id, None);
            }
        }
        self.tell_connection(&state);
    }

    /// All members end and others start, empty, as another cluster.
    pub(crate) fn replace(&self) {
        let mut state = self.state();
        state.incarnation += 1;
        state.cluster_id = uuid(&mut state.rng);
        state.members = vec![uuid(&mut state.rng), uuid(&mut state.rng)];
        state.jobs.clear();
        state.shelf = Shelf::default();
        state.ownership.clear();
        state.anchors.clear();
        state.mains.clear();
        state.listeners.clear();
        state.blind_until = None;
        state.master_changed_at = Some(self.clock.now());
        self.tell_connection(&state);
    }

    // What calls read.

    pub(crate) fn listen(&self, id: JobId) -> Result<mpsc::Receiver<StatusEvent>, CallError> {
        let mut state = self.state();
        match state.jobs.get(&id) {
            Some(job) if !job.status.is_terminal() => {
                let (sender, receiver) = mpsc::channel(64);
                state.listeners.entry(id).or_default().push(sender);
                Ok(receiver)
            }
            Some(_) => Err(refused("cannot add a status listener to a completed job")),
            None => Err(no_job()),
        }
    }
}

impl State {
    /// Whether a chance of this many percent comes true.
    pub(crate) fn roll(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    /// What the master lists: nothing, while it is new.
    pub(crate) fn listed(&self, now: Timestamp) -> Vec<JobView> {
        if self.blind_until.is_some_and(|until| now < until) {
            return Vec::new();
        }
        self.jobs.iter().map(|(id, job)| job.view(*id)).collect()
    }

    pub(crate) fn status(&self, id: JobId, now: Timestamp) -> Option<JobStatus> {
        if self.blind_until.is_some_and(|until| now < until) {
            return None;
        }
        self.jobs.get(&id).map(|job| job.status)
    }

    pub(crate) fn health(&self) -> Health {
        Health {
            state: self.mode,
            partitions_safe: self.partitions_safe,
            jet_enabled: true,
            upload_enabled: true,
            ownership_map_fault: None,
        }
    }

    /// The active jobs of each name that were made by us.
    pub(crate) fn active_ours(&self) -> BTreeMap<&str, BTreeSet<JobId>> {
        let mut active: BTreeMap<&str, BTreeSet<JobId>> = BTreeMap::new();
        for (id, job) in &self.jobs {
            if matches!(job.maker, Maker::Us(_)) && !job.status.is_terminal() {
                active.entry(&job.name).or_default().insert(*id);
            }
        }
        active
    }
}

impl Job {
    fn view(&self, id: JobId) -> JobView {
        JobView {
            id,
            name: self.name.clone(),
            status: self.status,
            // Of ended jobs members keep the result alone.
            execution_id: if self.status.is_terminal() {
                0
            } else {
                self.execution_id
            },
            submitted_at: self.submitted_at,
            completed_at: self.completed_at,
            user_cancelled: self.user_cancelled,
            user_requested: None,
            restarted: None,
            failure: self.failure.as_deref().map(Into::into),
            suspension_failure: self.suspension_failure.as_deref().map(Into::into),
            config: None,
        }
    }

    /// Whether it was RUNNING ever, or anything but on its way there for the first time.
    pub(crate) fn has_run(&self) -> bool {
        let first = self.epoch <= 2;
        !first || !matches!(self.status, JobStatus::NotRunning | JobStatus::Starting)
    }

    pub(crate) fn keeps_state(&self) -> bool {
        self.config.guarantee != Guarantee::None
    }
}

pub(crate) fn uuid(rng: &mut StdRng) -> Uuid {
    uuid::Builder::from_random_bytes(rng.random()).into_uuid()
}
