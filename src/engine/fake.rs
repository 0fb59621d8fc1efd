//! A tiny cluster for unit tests: it answers what it is told to, at once, and remembers each effect.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::executor::Executor;
use crate::artifacts::{Artifacts, CacheError, JarViews};
use crate::clock::{Random, SystemClock};
use crate::cluster::{
    CallError, Cluster, ClusterWatch, Connection, Health, Snapshots, StatusEvent, Upload,
    UploadReport, WatchOptions,
};
use crate::plan::jar::JarRequest;
use crate::plan::job::{JobConfigView, JobId, JobSettings, JobStatus, JobView};
use crate::plan::observed::{ClusterState, Link};
use crate::plan::ownership::{AnchorEntry, OwnershipEntry};
use crate::plan::record::UploadOutcome;
use crate::plan::step::{Action, Expectation, Remember, Step, Submit};
use crate::resources::jet_job::SecretParameter;
use crate::resources::{Digest, ResourceId};
use crate::secrets::{SecretError, SecretString, Secrets};

pub(super) const CLUSTER_ID: Uuid = Uuid::from_u128(1);
pub(super) const JOB: JobId = JobId(7);

/// What the fake cluster answers, and what was asked of it.
pub(super) struct FakeCluster {
    connection: watch::Sender<Connection>,
    pub(super) answers: Mutex<Answers>,
    pub(super) effects: Mutex<Vec<String>>,
    /// How many lists were answered.
    pub(super) lists: AtomicUsize,
}

pub(super) struct Answers {
    pub(super) jobs: Vec<JobView>,
    pub(super) health: Health,
    /// The entry of every job.
    pub(super) entry: Option<OwnershipEntry>,
    pub(super) entry_is_other: bool,
    pub(super) error: Option<CallError>,
    pub(super) says: String,
    pub(super) list_takes: Duration,
}

impl FakeCluster {
    /// A cluster with one running job, [`JOB`].
    pub(super) fn new() -> Arc<Self> {
        let connection = Connection {
            link: Link::Up,
            refused: false,
            cluster_id: Some(CLUSTER_ID),
            foreign_cluster_id: None,
            members: vec![Uuid::from_u128(2)],
            version: None,
        };
        let health = Health {
            state: ClusterState::Active,
            partitions_safe: true,
            jet_enabled: true,
            upload_enabled: true,
            ownership_map_fault: None,
        };
        Arc::new(Self {
            connection: watch::channel(connection).0,
            answers: Mutex::new(Answers {
                jobs: vec![job(JOB, "orders", JobStatus::Running)],
                health,
                entry: None,
                entry_is_other: false,
                error: None,
                says: String::new(),
                list_takes: Duration::ZERO,
            }),
            effects: Mutex::default(),
            lists: AtomicUsize::default(),
        })
    }

    pub(super) fn set_connection(&self, change: impl FnOnce(&mut Connection)) {
        self.connection.send_modify(change);
    }

    pub(super) fn watch(self: &Arc<Self>) -> Arc<ClusterWatch> {
        let cluster: Arc<dyn Cluster> = Arc::clone(self) as _;
        let options = WatchOptions {
            entropy: Arc::new(Random::from_seed(1)),
            ..WatchOptions::new("dev")
        };
        Arc::new(ClusterWatch::start(cluster, Arc::new(SystemClock), options))
    }

    fn effect(&self, what: String) -> Result<(), CallError> {
        self.effects.lock().unwrap().push(what);
        self.answers
            .lock()
            .unwrap()
            .error
            .clone()
            .map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Cluster for FakeCluster {
    fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }

    async fn list(&self) -> Result<Vec<JobView>, CallError> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        let takes = self.answers.lock().unwrap().list_takes;
        tokio::time::sleep(takes).await;
        Ok(self.answers.lock().unwrap().jobs.clone())
    }

    async fn status(&self, job: JobId) -> Result<Option<JobStatus>, CallError> {
        let answers = self.answers.lock().unwrap();
        Ok(answers
            .jobs
            .iter()
            .find(|it| it.id == job)
            .map(|it| it.status))
    }

    async fn config(&self, _job: JobId) -> Result<JobConfigView, CallError> {
        Err(CallError::NotSent {
            message: "not asked for in unit tests".to_owned(),
        })
    }

    async fn health(&self) -> Result<Health, CallError> {
        Ok(self.answers.lock().unwrap().health.clone())
    }

    async fn ownership(&self) -> Result<BTreeMap<String, OwnershipEntry>, CallError> {
        Ok(BTreeMap::new())
    }

    async fn ownership_of(&self, _job_name: &str) -> Result<Option<OwnershipEntry>, CallError> {
        Ok(self.answers.lock().unwrap().entry.clone())
    }

    async fn anchors(&self) -> Result<BTreeMap<String, AnchorEntry>, CallError> {
        Ok(BTreeMap::new())
    }

    async fn write_anchor(
        &self,
        _old: Option<&AnchorEntry>,
        new: &AnchorEntry,
    ) -> Result<bool, CallError> {
        self.effect(format!("write anchor of {}", new.source))?;
        Ok(!self.answers.lock().unwrap().entry_is_other)
    }

    async fn listen(&self, _job: JobId) -> Result<mpsc::Receiver<StatusEvent>, CallError> {
        Ok(mpsc::channel(1).1)
    }

    async fn write_ownership(
        &self,
        job_name: &str,
        _old: Option<&OwnershipEntry>,
        _new: Option<&OwnershipEntry>,
    ) -> Result<bool, CallError> {
        self.effect(format!("write entry {job_name}"))?;
        Ok(!self.answers.lock().unwrap().entry_is_other)
    }

    async fn upload(&self, upload: Upload) -> UploadReport {
        let Upload {
            file_name,
            jar,
            parameters,
            ..
        } = upload;
        drop(self.effect(format!("upload {file_name} {jar:?} {parameters:?}")));
        UploadReport {
            outcome: UploadOutcome::Accepted,
            reason: None,
            message: self.answers.lock().unwrap().says.clone(),
            member: None,
        }
    }

    async fn suspend(&self, job: JobId) -> Result<(), CallError> {
        self.effect(format!("suspend {}", job.0))
    }

    async fn resume(&self, job: JobId) -> Result<(), CallError> {
        self.effect(format!("resume {}", job.0))
    }

    async fn restart(&self, job: JobId) -> Result<(), CallError> {
        self.effect(format!("restart {}", job.0))
    }

    async fn cancel(&self, job: JobId, forceful: bool) -> Result<(), CallError> {
        self.effect(format!("cancel {} {forceful}", job.0))
    }

    async fn update_config(&self, job: JobId, _settings: &JobSettings) -> Result<(), CallError> {
        self.effect(format!("update {}", job.0))
    }

    fn snapshots(&self) -> &dyn Snapshots {
        panic!("not asked for in unit tests")
    }

    async fn close(&self) {}
}

/// A cache that has every jar, or none.
pub(super) struct FakeArtifacts {
    has_jars: bool,
    pub(super) refetched: Mutex<Vec<JarRequest>>,
}

impl FakeArtifacts {
    pub(super) fn new(has_jars: bool) -> Arc<Self> {
        let refetched = Mutex::default();
        Arc::new(Self {
            has_jars,
            refetched,
        })
    }
}

#[async_trait]
impl Artifacts for FakeArtifacts {
    fn want(&self, _requests: BTreeSet<JarRequest>) {}

    fn pin(&self, _digests: BTreeSet<Digest>) {}

    fn views(&self) -> watch::Receiver<JarViews> {
        watch::channel(Arc::default()).1
    }

    async fn refetch(&self, request: &JarRequest) {
        self.refetched.lock().unwrap().push(request.clone());
    }

    async fn verified(&self, digest: &Digest) -> Result<PathBuf, CacheError> {
        if self.has_jars {
            Ok(PathBuf::from("/cache/jar"))
        } else {
            Err(CacheError::Absent { digest: *digest })
        }
    }
}

/// One secret: the key `password` of `db` is `hush`.
pub(super) struct FakeSecrets;

#[async_trait]
impl Secrets for FakeSecrets {
    async fn get(&self, name: &str, key: &str) -> Result<SecretString, SecretError> {
        if (name, key) == ("db", "password") {
            return Ok(SecretString::new("hush"));
        }
        Err(SecretError::NotFound {
            name: name.to_owned(),
            key: key.to_owned(),
            credential: None,
            file: None,
        })
    }
}

pub(super) fn executor(has_jars: bool) -> Executor {
    Executor {
        artifacts: FakeArtifacts::new(has_jars),
        progress: super::progress::ProgressBoard::default(),
        secrets: Arc::new(FakeSecrets),
        hush: Arc::new(super::hush::Hush::new(Arc::new(FakeSecrets))),
    }
}

pub(super) fn job(id: JobId, name: &str, status: JobStatus) -> JobView {
    JobView {
        id,
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

/// A step for `JetJob/orders` on the cluster `dev`.
pub(super) fn step(action: Action, job: Option<(JobId, Vec<JobStatus>)>) -> Step {
    Step {
        resource: ResourceId::jet_job("orders"),
        generation: 1,
        cluster: "dev".to_owned(),
        job_name: "orders".to_owned(),
        expects: Expectation {
            cluster_id: CLUSTER_ID,
            master: None,
            min_members: None,
            job,
            only_active: None,
            snapshot: None,
            uncommitted: None,
            keeper: None,
        },
        action,
        remember: Remember::default(),
        timeout: Duration::from_secs(30),
    }
}

pub(super) fn suspend() -> Step {
    step(
        Action::Suspend { job: JOB },
        Some((JOB, vec![JobStatus::Running])),
    )
}

pub(super) fn submit(secret_parameters: Vec<SecretParameter>) -> Step {
    let mut step = step(
        Action::Submit(Submit {
            nonce: "0123456789abcdef".to_owned(),
            jar: Some(Digest::of(b"jar")),
            jar_on_member: None,
            main_class: None,
            parameters: vec!["a".to_owned(), "b".to_owned()],
            secret_parameters,
        }),
        None,
    );
    step.expects.only_active = Some(BTreeSet::new());
    step
}

/// A time, in seconds from the beginning of time.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

/// A revision of a source that has nothing.
pub(super) fn revision_of(source: &crate::resources::SourceName) -> crate::resources::Revision {
    crate::resources::Revision {
        source: source.clone(),
        id: "r1".to_owned(),
        present: true,
        files: BTreeMap::new(),
        jars: BTreeMap::new(),
        unreadable: BTreeMap::new(),
        changed_at: None,
        trouble: None,
        lineage: None,
        proposal: None,
        refused: None,
    }
}
