//! The handle callers hold, and its typed calls.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::cluster::roster::Target;
use super::cluster::{Cluster, keeper};
use super::codec::Request;
use super::codec::jet::get_job_and_sql_summary_list::GetJobAndSqlSummaryList;
use super::codec::jet::get_job_config::GetJobConfig;
use super::codec::jet::get_job_status::GetJobStatus;
use super::codec::jet::get_job_suspension_cause::GetJobSuspensionCause;
use super::codec::jet::is_job_user_cancelled::IsJobUserCancelled;
use super::codec::jet::resume_job::ResumeJob;
use super::codec::jet::terminate_job::TerminateJob;
use super::codec::jet::update_job_config::UpdateJobConfig;
use super::codec::mc::get_cluster_metadata::GetClusterMetadata;
use super::codec::mc::get_map_config::GetMapConfig;
use super::codec::mc::get_member_config::GetMemberConfig;
use super::codec::mc::get_timed_member_state::GetTimedMemberState;
use super::config::ClientConfig;
use super::connection::{Connection, Identity};
use super::error::{Kind, Result};
use super::invocation;
use super::job::{JobStatus, JobSummary, TerminateMode};
use super::job_config::{DeltaJobConfig, JobConfig};
use super::job_events::JobEvents;
use super::management::{ClusterMetadata, MapConfig};
use super::map::Map;
use super::message::DecodeError;
use super::serialization::{decode_job_config, decode_suspension_cause, encode_delta_job_config};
use super::state::ClusterState;

/// A client of one cluster. Clones share its connections; with the last one they are closed.
///
/// Calls that only read are repeated until their time is over; all others are sent at most once,
/// and after an error [`Error::is_certainly_not_sent`](super::Error::is_certainly_not_sent) says
/// whether they may have had an effect.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
    timeout: Duration,
}

#[derive(Debug)]
struct Shared {
    cluster: Arc<Cluster>,
    tasks: TaskTracker,
    _stop_with_last_handle: DropGuard,
}

impl Client {
    /// Starts connecting, for ever, and returns at once. Must be called within a Tokio runtime.
    pub fn start(config: ClientConfig) -> Self {
        let timeout = config.invocation_timeout;
        let cluster = Arc::new(Cluster::new(config));
        let tasks = TaskTracker::new();
        tasks.spawn(keeper::run(Arc::clone(&cluster)));
        tasks.close();
        let stop = cluster.shutdown.clone().drop_guard();
        Self {
            shared: Arc::new(Shared {
                cluster,
                tasks,
                _stop_with_last_handle: stop,
            }),
            timeout,
        }
    }

    /// The same client with another limit for the calls made through this handle.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            timeout,
        }
    }

    /// What is known of the cluster, and every change of it.
    pub fn state(&self) -> watch::Receiver<ClusterState> {
        self.cluster().state.subscribe()
    }

    /// Closes all connections; calls in flight and later ones fail.
    pub async fn shutdown(&self) {
        self.cluster().shutdown.cancel();
        self.shared.tasks.wait().await;
    }

    /// Asks every configured address, on a connection of its own, which member and cluster answers.
    pub async fn survey(&self) -> Vec<(String, Result<Identity>)> {
        let cluster = self.cluster();
        let look = async |address: &String| {
            let answer = Connection::open(address, &cluster.config, cluster.client_uuid).await;
            (
                address.clone(),
                answer.map(|connection| connection.identity().clone()),
            )
        };
        join_all(cluster.config.addresses.iter().map(look)).await
    }

    /// All jobs: running, suspended, light, and ended ones as long as members keep them.
    pub async fn jobs(&self) -> Result<Vec<JobSummary>> {
        self.invoke(GetJobAndSqlSummaryList).await
    }

    /// A job's status.
    pub async fn job_status(&self, job_id: i64) -> Result<JobStatus> {
        self.invoke(GetJobStatus { job_id }).await
    }

    /// The configuration a job was submitted with.
    pub async fn job_config(&self, job_id: i64) -> Result<JobConfig> {
        let request = GetJobConfig {
            job_id,
            light_job_coordinator: None,
        };
        let data = self.invoke(request).await?;
        decoded(GetJobConfig::NAME, decode_job_config(&data))
    }

    /// The error that suspended a job; none if a user did. An error if it is not suspended.
    pub async fn suspension_cause(&self, job_id: i64) -> Result<Option<String>> {
        let data = self.invoke(GetJobSuspensionCause { job_id }).await?;
        decoded(GetJobSuspensionCause::NAME, decode_suspension_cause(&data))
    }

    /// Whether a failed job was cancelled by a user.
    pub async fn is_user_cancelled(&self, job_id: i64) -> Result<bool> {
        self.invoke(IsJobUserCancelled { job_id }).await
    }

    /// Asks for a job to be stopped; it has not stopped yet when this returns.
    pub async fn terminate(&self, job_id: i64, mode: TerminateMode) -> Result<()> {
        self.invoke(TerminateJob {
            job_id,
            terminate_mode: mode.id(),
            light_job_coordinator: None,
        })
        .await
    }

    /// Starts a suspended job again. Members silently do nothing for any other job.
    pub async fn resume(&self, job_id: i64) -> Result<()> {
        self.invoke(ResumeJob { job_id }).await
    }

    /// Changes a suspended job's configuration; returns the configuration that came of it.
    pub async fn update_job_config(
        &self,
        job_id: i64,
        delta: &DeltaJobConfig,
    ) -> Result<JobConfig> {
        let delta = &encode_delta_job_config(delta);
        let data = self.invoke(UpdateJobConfig { job_id, delta }).await?;
        decoded(UpdateJobConfig::NAME, decode_job_config(&data))
    }

    /// Changes of a job's status from now on. Ends with the connection or after the job's last
    /// status; an error if the job has ended.
    pub async fn listen_to_job(&self, job_id: i64) -> Result<JobEvents> {
        JobEvents::open(self.cluster(), job_id, self.timeout).await
    }

    /// A map of the cluster.
    pub fn map(&self, name: impl Into<String>) -> Map {
        Map::new(self.clone(), name.into())
    }

    /// State and clock of the cluster.
    pub async fn cluster_metadata(&self) -> Result<ClusterMetadata> {
        self.invoke(GetClusterMetadata).await
    }

    /// The configuration of the member that happens to be asked, as XML with secrets masked.
    pub async fn member_config_xml(&self) -> Result<String> {
        self.invoke(GetMemberConfig).await
    }

    /// The state of a member as JSON; none while it is starting. Where there is no connection to it, another
    /// member tells its own.
    pub async fn timed_member_state(&self, member: Uuid) -> Result<Option<String>> {
        let target = Target::Member(member);
        let request = |_: &_| GetTimedMemberState;
        invocation::invoke(self.cluster(), target, self.timeout, request).await
    }

    /// How a member would keep the entries of a map.
    pub async fn map_config(&self, map_name: &str) -> Result<MapConfig> {
        self.invoke(GetMapConfig { map_name }).await
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        &self.shared.cluster
    }

    /// Makes a call that any member can answer.
    async fn invoke<R: Request + Copy>(&self, request: R) -> Result<R::Response> {
        invocation::invoke(self.cluster(), Target::Any, self.timeout, |_| request).await
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }
}

fn decoded<T>(call: &'static str, result: Result<T, DecodeError>) -> Result<T> {
    result.map_err(|source| Kind::Decode { call, source }.into())
}

// Callers hold clients in tasks.
const _: fn() = || {
    fn is_shareable<T: Send + Sync + Clone>() {}
    is_shareable::<Client>();
};
