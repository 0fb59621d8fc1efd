//! A cluster that does what a test says, counts the calls, and can hold an answer back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock::Clock;
use crate::cluster::port::{
    CallError, Cluster, Connection, Health, Snapshots, StatusEvent, Upload, UploadReport,
};
use crate::plan::hold::Reason;
use crate::plan::job::{Guarantee, JobConfigView, JobId, JobSettings, JobStatus, JobView};
use crate::plan::observed::{ClusterState, Link, Seen};
use crate::plan::ownership::{AnchorEntry, OwnershipEntry};
use crate::plan::record::UploadOutcome;

pub(super) const MASTER: Uuid = Uuid::from_u128(1);
pub(super) const OTHER_MEMBER: Uuid = Uuid::from_u128(2);
pub(super) const CLUSTER_ID: Uuid = Uuid::from_u128(100);

/// More lists than any test asks for.
const PLENTY: usize = 1_000_000;

/// The time of day, moved by tokio's clock, and put back by hand.
pub(super) struct TestClock {
    since: Instant,
    back: Mutex<SignedDuration>,
}

impl TestClock {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            back: Mutex::default(),
        }
    }

    pub(super) fn put_back(&self, by: SignedDuration) {
        *self.back.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.since.elapsed()).unwrap();
        let back = *self.back.lock().unwrap();
        Timestamp::from_second(1_800_000_000).unwrap() + elapsed - back
    }
}

pub(super) struct Scripted {
    connection: watch::Sender<Connection>,
    state: Mutex<State>,
    /// Lists are made when asked for, and answered when there is a permit.
    gate: Semaphore,
    /// So are single statuses.
    status_gate: Semaphore,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) jobs: BTreeMap<JobId, JobView>,
    pub(super) hidden: BTreeSet<JobId>,
    pub(super) calls: BTreeMap<&'static str, usize>,
    pub(super) failing: BTreeSet<&'static str>,
    pub(super) unsafe_partitions: bool,
    pub(super) settings_of: BTreeMap<JobId, Duration>,
    pub(super) ownership: BTreeMap<String, OwnershipEntry>,
    pub(super) anchors: BTreeMap<String, AnchorEntry>,
    listeners: BTreeMap<JobId, mpsc::Sender<StatusEvent>>,
}

impl Scripted {
    pub(super) fn up() -> Arc<Self> {
        let connection = Connection {
            link: Link::Up,
            refused: false,
            cluster_id: Some(CLUSTER_ID),
            foreign_cluster_id: None,
            members: vec![MASTER, OTHER_MEMBER],
            version: Some("5.7.0".to_owned()),
        };
        Arc::new(Self {
            connection: watch::Sender::new(connection),
            state: Mutex::default(),
            gate: Semaphore::new(PLENTY),
            status_gate: Semaphore::new(PLENTY),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn calls(&self, name: &str) -> usize {
        self.state().calls.get(name).copied().unwrap_or_default()
    }

    pub(super) fn all_calls(&self) -> usize {
        self.state().calls.values().sum()
    }

    pub(super) fn connect(&self, change: impl FnOnce(&mut Connection)) {
        self.connection.send_modify(change);
        let members = self.connection.borrow().link == Link::Up;
        if !members {
            self.state().listeners.clear();
        }
    }

    /// Holds lists back from now on.
    pub(super) fn hold_lists(&self) {
        self.gate.forget_permits(usize::MAX);
    }

    /// Answers lists again, those held back first.
    pub(super) fn release_lists(&self) {
        self.gate.add_permits(PLENTY);
    }

    /// Answers the first list that is held back.
    pub(super) fn release_one_list(&self) {
        self.gate.add_permits(1);
    }

    /// Holds single statuses back from now on.
    pub(super) fn hold_statuses(&self) {
        self.status_gate.forget_permits(usize::MAX);
    }

    /// Answers them again.
    pub(super) fn release_statuses(&self) {
        self.status_gate.add_permits(PLENTY);
    }

    /// Changes a job's status without telling.
    pub(super) fn set(&self, id: JobId, status: JobStatus) {
        self.state().jobs.get_mut(&id).unwrap().status = status;
    }

    /// Tells a status, whatever the list says.
    pub(super) async fn tell(&self, id: JobId, status: JobStatus, user_requested: bool) {
        self.tell_why(id, status, user_requested, "because").await;
    }

    /// The same, with a description.
    pub(super) async fn tell_why(
        &self,
        id: JobId,
        status: JobStatus,
        user_requested: bool,
        why: &str,
    ) {
        let listener = self.state().listeners.get(&id).cloned();
        let event = StatusEvent {
            job: id,
            status,
            user_requested,
            description: Some(why.to_owned()),
        };
        listener.unwrap().send(event).await.unwrap();
    }

    /// Ends a listener, as a connection does that breaks.
    pub(super) fn end_listener(&self, id: JobId) {
        self.state().listeners.remove(&id);
    }

    pub(super) fn listens_to(&self, id: JobId) -> bool {
        let state = self.state();
        state
            .listeners
            .get(&id)
            .is_some_and(|sender| !sender.is_closed())
    }

    fn called(&self, name: &'static str) -> Result<MutexGuard<'_, State>, CallError> {
        let mut state = self.state();
        *state.calls.entry(name).or_default() += 1;
        if state.failing.contains(name) {
            return Err(CallError::Refused {
                transient: true,
                reason: Reason::ClusterUnreachable,
                message: "as the test says".to_owned(),
            });
        }
        Ok(state)
    }
}

pub(super) fn job(id: i64, name: &str, status: JobStatus) -> JobView {
    JobView {
        id: JobId(id),
        name: name.to_owned(),
        status,
        execution_id: 1,
        submitted_at: Timestamp::UNIX_EPOCH,
        completed_at: None,
        user_cancelled: false,
        user_requested: None,
        restarted: None,
        failure: None,
        suspension_failure: None,
        config: None,
    }
}

fn config(interval: Duration) -> JobConfigView {
    JobConfigView {
        nonce: None,
        resource_ids: Vec::new(),
        guarantee: Guarantee::ExactlyOnce,
        suspendable: true,
        initial_snapshot: Seen::Known(None),
        settings: JobSettings {
            snapshot_interval: SignedDuration::try_from(interval).unwrap(),
            suspend_on_failure: false,
            auto_scaling: true,
            split_brain_protection: false,
            metrics_enabled: true,
            store_metrics_after_job_completion: false,
            max_processor_accumulated_records: -1,
            timeout: SignedDuration::ZERO,
        },
    }
}

#[async_trait]
impl Cluster for Scripted {
    fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }

    async fn list(&self) -> Result<Vec<JobView>, CallError> {
        let jobs: Vec<JobView> = {
            let state = self.called("list")?;
            let shown = state
                .jobs
                .values()
                .filter(|job| !state.hidden.contains(&job.id));
            shown.cloned().collect()
        };
        self.gate.acquire().await.unwrap().forget();
        Ok(jobs)
    }

    async fn status(&self, job: JobId) -> Result<Option<JobStatus>, CallError> {
        let found = {
            let state = self.called("status")?;
            state.jobs.get(&job).map(|job| job.status)
        };
        self.status_gate.acquire().await.unwrap().forget();
        Ok(found)
    }

    async fn config(&self, job: JobId) -> Result<JobConfigView, CallError> {
        let state = self.called("config")?;
        let interval = state.settings_of.get(&job).copied();
        Ok(config(interval.unwrap_or(Duration::from_secs(1))))
    }

    async fn health(&self) -> Result<Health, CallError> {
        let state = self.called("health")?;
        Ok(Health {
            state: ClusterState::Active,
            partitions_safe: !state.unsafe_partitions,
            jet_enabled: true,
            upload_enabled: true,
            ownership_map_fault: None,
        })
    }

    async fn ownership(&self) -> Result<BTreeMap<String, OwnershipEntry>, CallError> {
        Ok(self.called("ownership")?.ownership.clone())
    }

    async fn ownership_of(&self, job_name: &str) -> Result<Option<OwnershipEntry>, CallError> {
        Ok(self
            .called("ownership_of")?
            .ownership
            .get(job_name)
            .cloned())
    }

    async fn anchors(&self) -> Result<BTreeMap<String, AnchorEntry>, CallError> {
        Ok(self.called("anchors")?.anchors.clone())
    }

    async fn write_anchor(
        &self,
        _old: Option<&AnchorEntry>,
        _new: &AnchorEntry,
    ) -> Result<bool, CallError> {
        self.called("write_anchor").map(|_| true)
    }

    async fn listen(&self, job: JobId) -> Result<mpsc::Receiver<StatusEvent>, CallError> {
        let mut state = self.called("listen")?;
        let (sender, receiver) = mpsc::channel(16);
        state.listeners.insert(job, sender);
        Ok(receiver)
    }

    async fn write_ownership(
        &self,
        _job_name: &str,
        _old: Option<&OwnershipEntry>,
        _new: Option<&OwnershipEntry>,
    ) -> Result<bool, CallError> {
        self.called("write_ownership").map(|_| true)
    }

    async fn upload(&self, _upload: Upload) -> UploadReport {
        UploadReport {
            outcome: UploadOutcome::NotRun,
            reason: None,
            message: String::new(),
            member: None,
        }
    }

    async fn suspend(&self, _job: JobId) -> Result<(), CallError> {
        self.called("suspend").map(|_| ())
    }

    async fn resume(&self, _job: JobId) -> Result<(), CallError> {
        self.called("resume").map(|_| ())
    }

    async fn restart(&self, _job: JobId) -> Result<(), CallError> {
        self.called("restart").map(|_| ())
    }

    async fn cancel(&self, _job: JobId, _forceful: bool) -> Result<(), CallError> {
        self.called("cancel").map(|_| ())
    }

    async fn update_config(&self, _job: JobId, _to: &JobSettings) -> Result<(), CallError> {
        self.called("update_config").map(|_| ())
    }

    fn snapshots(&self) -> &dyn Snapshots {
        panic!("the watch asks for no snapshots")
    }

    async fn close(&self) {
        self.connect(|connection| {
            connection.link = Link::Down {
                since: Timestamp::UNIX_EPOCH,
                error: None,
            };
        });
    }
}
