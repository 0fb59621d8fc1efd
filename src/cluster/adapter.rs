//! The port to a real cluster, over the protocol client.
//!
//! Nothing is decided here: what members say is put into the words of planning, and what stands in
//! the way into words that name the setting to change. No parameter of `main` is in any of them.

mod anchors;
mod health;
mod jobs;
mod link;
mod member_config;
mod ownership;
mod refusal;
mod snapshots;
mod text;
mod upload;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use super::port::{
    CallError, Cluster, Connection, Health, Snapshots, StatusEvent, Upload, UploadReport,
};
use crate::clock::Clock;
use crate::hazelcast::{
    Client, ClientConfig, CredentialsSource, Error, ErrorCode, JobEvent, JobEvents, TerminateMode,
    TlsConfig,
};
use crate::plan::hold::Reason;
use crate::plan::job::{JobConfigView, JobId, JobSettings, JobStatus, JobView};
use crate::plan::ownership::{AnchorEntry, OwnershipEntry};
use health::{HealthError, Settings};
use ownership::WriteError;
use snapshots::HazelcastSnapshots;

/// How long the list may take; it can be long.
const LIST_TIMEOUT: Duration = Duration::from_mins(1);
/// How long any other call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// A member that says nothing for this long is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// The most that is kept of a failure's text, in bytes.
const LONGEST_TEXT: usize = 2048;
/// Events of one job that wait to be taken.
const EVENT_QUEUE: usize = 64;

/// Where a cluster is.
#[derive(Debug, Clone, Default)]
pub struct ClusterTarget {
    /// The name that jobs refer to it with.
    pub name: String,
    /// The members' `cluster-name`.
    pub cluster_name: String,
    /// Members to connect to first, `host:port`.
    pub addresses: Vec<String>,
    /// Who we are to the members, if they ask.
    pub credentials: Option<CredentialsSource>,
    /// How to connect with TLS, if the members want it.
    pub tls: Option<TlsConfig>,
}

/// A real cluster.
pub struct HazelcastCluster {
    client: Client,
    clock: Arc<dyn Clock>,
    connection: watch::Receiver<Connection>,
    settings: Settings,
    snapshots: HazelcastSnapshots,
    _link: AbortOnDropHandle<()>,
}

impl HazelcastCluster {
    /// Begins to connect, and keeps the connection up. Must be called inside a tokio runtime.
    pub fn connect(target: &ClusterTarget, clock: Arc<dyn Clock>) -> Self {
        let client = Client::start(ClientConfig {
            cluster_name: target.cluster_name.clone(),
            addresses: target.addresses.clone(),
            client_name: format!("jetkeeper/{}", target.name),
            credentials: target.credentials.clone(),
            tls: target.tls.clone(),
            invocation_timeout: CALL_TIMEOUT,
            heartbeat_timeout: SILENCE,
            event_queue: EVENT_QUEUE,
            max_text_bytes: LONGEST_TEXT,
            ..ClientConfig::default()
        });
        let (told, connection) = watch::channel(link::unknown(clock.now()));
        let follow = link::follow(client.state(), told, Arc::clone(&clock));
        let snapshots = HazelcastSnapshots::new(&client, Arc::clone(&clock));
        Self {
            client,
            clock,
            connection,
            settings: Settings::default(),
            snapshots,
            _link: AbortOnDropHandle::new(tokio::spawn(follow)),
        }
    }

    fn call_error(&self, error: &Error) -> CallError {
        refusal::call_error(error, self.clock.now())
    }

    async fn terminate(&self, job: JobId, mode: TerminateMode) -> Result<(), CallError> {
        let asked = self.client.terminate(job.0, mode).await;
        asked.map_err(|error| self.call_error(&error))
    }
}

impl HazelcastCluster {
    /// What a write that failed proves.
    fn write_error(&self, error: WriteError) -> CallError {
        match error {
            WriteError::Write(error) => self.call_error(&error),
            WriteError::Read(error) => match self.call_error(&error) {
                CallError::Unknown { message, .. } => CallError::NotSent { message },
                other => other,
            },
        }
    }
}

#[async_trait]
impl Cluster for HazelcastCluster {
    fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.clone()
    }

    async fn list(&self) -> Result<Vec<JobView>, CallError> {
        let summaries = self.client.with_timeout(LIST_TIMEOUT).jobs().await;
        let summaries = summaries.map_err(|error| self.call_error(&error))?;
        let jobs = summaries.into_iter().filter(|summary| !summary.light);
        Ok(jobs.map(jobs::view).collect())
    }

    async fn status(&self, job: JobId) -> Result<Option<JobStatus>, CallError> {
        match self.client.job_status(job.0).await {
            Ok(status) => Ok(Some(jobs::status(status))),
            Err(error) if error.has_code(ErrorCode::JOB_NOT_FOUND) => Ok(None),
            Err(error) => Err(self.call_error(&error)),
        }
    }

    async fn config(&self, job: JobId) -> Result<JobConfigView, CallError> {
        let config = self.client.job_config(job.0).await;
        config
            .map(jobs::config)
            .map_err(|error| self.call_error(&error))
    }

    async fn health(&self) -> Result<Health, CallError> {
        let health = health::read(&self.client, &self.settings).await;
        health.map_err(|error| match error {
            HealthError::Call(error) => self.call_error(&error),
            HealthError::Unreadable(what) => CallError::Refused {
                transient: true,
                reason: Reason::ClusterUnknown,
                message: what.to_owned(),
            },
        })
    }

    async fn ownership(&self) -> Result<BTreeMap<String, OwnershipEntry>, CallError> {
        let entries = ownership::read(&self.client).await;
        entries.map_err(|error| self.call_error(&error))
    }

    async fn ownership_of(&self, job_name: &str) -> Result<Option<OwnershipEntry>, CallError> {
        let entry = ownership::read_one(&self.client, job_name).await;
        entry.map_err(|error| self.call_error(&error))
    }

    async fn anchors(&self) -> Result<BTreeMap<String, AnchorEntry>, CallError> {
        let entries = anchors::read(&self.client).await;
        entries.map_err(|error| self.call_error(&error))
    }

    async fn write_anchor(
        &self,
        old: Option<&AnchorEntry>,
        new: &AnchorEntry,
    ) -> Result<bool, CallError> {
        let written = anchors::write(&self.client, old, new).await;
        written.map_err(|error| self.write_error(error))
    }

    async fn listen(&self, job: JobId) -> Result<mpsc::Receiver<StatusEvent>, CallError> {
        let events = self.client.listen_to_job(job.0).await;
        let events = events.map_err(|error| self.call_error(&error))?;
        let (told, receiver) = mpsc::channel(EVENT_QUEUE);
        tokio::spawn(forward(job, events, told));
        Ok(receiver)
    }

    async fn write_ownership(
        &self,
        job_name: &str,
        old: Option<&OwnershipEntry>,
        new: Option<&OwnershipEntry>,
    ) -> Result<bool, CallError> {
        let written = ownership::write(&self.client, job_name, old, new).await;
        written.map_err(|error| self.write_error(error))
    }

    async fn upload(&self, upload: Upload) -> UploadReport {
        let master = self
            .client
            .state()
            .borrow()
            .master()
            .map(|master| master.uuid);
        upload::upload(&self.client, upload, master).await
    }

    async fn suspend(&self, job: JobId) -> Result<(), CallError> {
        self.terminate(job, TerminateMode::SuspendGraceful).await
    }

    async fn resume(&self, job: JobId) -> Result<(), CallError> {
        let asked = self.client.resume(job.0).await;
        asked.map_err(|error| self.call_error(&error))
    }

    async fn restart(&self, job: JobId) -> Result<(), CallError> {
        self.terminate(job, TerminateMode::RestartGraceful).await
    }

    async fn cancel(&self, job: JobId, forceful: bool) -> Result<(), CallError> {
        let mode = if forceful {
            TerminateMode::CancelForceful
        } else {
            TerminateMode::CancelGraceful
        };
        self.terminate(job, mode).await
    }

    async fn update_config(&self, job: JobId, settings: &JobSettings) -> Result<(), CallError> {
        let delta = jobs::delta(settings);
        let updated = self.client.update_job_config(job.0, &delta).await;
        updated.map(|_| ()).map_err(|error| self.call_error(&error))
    }

    fn snapshots(&self) -> &dyn Snapshots {
        &self.snapshots
    }

    async fn close(&self) {
        self.client.shutdown().await;
    }
}

impl std::fmt::Debug for HazelcastCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HazelcastCluster").finish_non_exhaustive()
    }
}

/// Hands on what a member tells of a job, until either side ends it. Who fell behind is told by the
/// end: the list shows what was missed.
async fn forward(job: JobId, mut events: JobEvents, told: mpsc::Sender<StatusEvent>) {
    loop {
        let event = tokio::select! {
            () = told.closed() => return,
            event = events.next() => event,
        };
        let Some(JobEvent::Status(event)) = event else {
            return;
        };
        let event = StatusEvent {
            job,
            status: jobs::status(event.new),
            user_requested: event.user_requested,
            description: event.description,
        };
        if told.try_send(event).is_err() {
            return;
        }
    }
}
