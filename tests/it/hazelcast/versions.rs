//! A job's whole life through the cluster port on each release that docs/versions.md names.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use jetkeeper::cluster::{Cluster as _, HazelcastCluster, StatusEvent, Upload};
use jetkeeper::plan::job::{JobId, JobStatus};
use jetkeeper::plan::observed::ClusterState;
use jetkeeper::plan::record::UploadOutcome;
use jetkeeper::plan::upload::file_name;
use jetkeeper::resources::Digest;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::cluster_real::{connected, job_with};
use crate::snapshots::counts::Counts;
use crate::snapshots::port::{export_of, exported};
use crate::support::member::Member;
use crate::support::wait::{PATIENCE, eventually_async};
use crate::support::{fixture, unique};

/// What the port cuts a jar into.
const PART: usize = 1024 * 1024;
const NONCE: &str = "0123456789abcdef";

#[tokio::test]
async fn a_job_lives_on_5_3_0() {
    life_on("5.3.0").await;
}

#[tokio::test]
async fn a_job_lives_on_5_3_8() {
    life_on("5.3.8").await;
}

#[tokio::test]
async fn a_job_lives_on_5_4_0() {
    life_on("5.4.0").await;
}

#[tokio::test]
async fn a_job_lives_on_5_5_0() {
    life_on("5.5.0").await;
}

#[tokio::test]
async fn a_job_lives_on_5_6_0() {
    life_on("5.6.0").await;
}

#[tokio::test]
async fn a_job_lives_on_5_7_0() {
    life_on("5.7.0").await;
}

async fn life_on(version: &str) {
    // Members are heavy: of those that are started here, one runs at a time.
    static ONE: Semaphore = Semaphore::const_new(1);
    let _one = ONE.acquire().await.unwrap();
    let member = Member::options().version(version).start();
    let cluster = connected(&member).await;
    let told = cluster.connection().borrow().version.clone();
    assert_eq!(told.as_deref(), Some(version));
    let health = cluster.health().await.unwrap();
    assert_eq!(health.state, ClusterState::Active);
    assert!(health.partitions_safe && health.jet_enabled && health.upload_enabled);
    assert_eq!(health.ownership_map_fault, None);
    assert_eq!(cluster.list().await.unwrap(), []);

    let life = Life::begin(&cluster, &member).await;
    life.changes_and_restarts().await;
    let running = life.exports(false).await;
    let mut events = life.listen().await;
    cluster.suspend(life.job).await.unwrap();
    told_of(&mut events, JobStatus::Suspended).await;
    let suspended = life.exports(true).await;
    cluster.cancel(life.job, true).await.unwrap();
    told_of(&mut events, JobStatus::Failed).await;
    let ended = job_with(&cluster, &life.name, JobStatus::Failed).await;
    assert!(ended.user_cancelled);

    for snapshot in [running, suspended] {
        life.goes_on_from(&snapshot).await;
        cluster.snapshots().delete(&snapshot, None).await.unwrap();
        assert_eq!(cluster.snapshots().read(&snapshot).await.unwrap(), None);
    }
    assert_eq!(cluster.snapshots().list().await.unwrap(), []);
    cluster.close().await;
}

/// A counting job, and what it is submitted with.
struct Life<'a> {
    cluster: &'a HazelcastCluster,
    jar: PathBuf,
    counts: PathBuf,
    name: String,
    job: JobId,
}

impl<'a> Life<'a> {
    async fn begin(cluster: &'a HazelcastCluster, member: &Member) -> Self {
        let name = unique("life");
        let jar = member.dir().join("several-parts.jar");
        make_jar_of_several_parts(&jar);
        let counts = member.dir().join("counts");
        let job = JobId(0);
        let mut life = Self {
            cluster,
            jar,
            counts,
            name,
            job,
        };
        life.job = life.submit(None).await;
        let config = cluster.config(life.job).await.unwrap();
        assert_eq!(config.nonce.as_deref(), Some(NONCE));
        assert!(config.suspendable);
        life
    }

    /// Submits the job, and waits by its listener until it runs.
    async fn submit(&self, snapshot: Option<&str>) -> JobId {
        let known: Vec<JobId> = self.jobs().await;
        let counts = self.counts.to_str().unwrap();
        let digest = Digest::of(&std::fs::read(&self.jar).unwrap());
        let upload = Upload {
            file_name: file_name(NONCE, &digest),
            jar: Some(self.jar.clone()),
            sha256: Some(digest.to_string()),
            job_name: self.name.clone(),
            snapshot: snapshot.map(str::to_owned),
            main_class: None,
            parameters: ["counts", "4", "EXACTLY_ONCE", counts]
                .map(str::to_owned)
                .to_vec(),
            secrets: Vec::new(),
            timeout: PATIENCE,
        };
        let report = self.cluster.upload(upload).await;
        assert_eq!(report.outcome, UploadOutcome::Accepted, "{report:?}");
        let jobs = self.jobs().await;
        let job = *jobs.iter().find(|job| !known.contains(job)).unwrap();
        let mut events = self.cluster.listen(job).await.unwrap();
        if self.cluster.status(job).await.unwrap() != Some(JobStatus::Running) {
            told_of(&mut events, JobStatus::Running).await;
        }
        job
    }

    async fn jobs(&self) -> Vec<JobId> {
        let jobs = self.cluster.list().await.unwrap();
        jobs.iter().map(|job| job.id).collect()
    }

    async fn listen(&self) -> mpsc::Receiver<StatusEvent> {
        self.cluster.listen(self.job).await.unwrap()
    }

    /// Suspended, given another configuration, resumed, restarted: each told by the listener.
    async fn changes_and_restarts(&self) {
        let mut events = self.listen().await;
        self.cluster.suspend(self.job).await.unwrap();
        told_of(&mut events, JobStatus::Suspended).await;
        let mut settings = self.cluster.config(self.job).await.unwrap().settings;
        settings.snapshot_interval = jiff::SignedDuration::from_millis(700);
        settings.suspend_on_failure = true;
        let updated = self.cluster.update_config(self.job, &settings).await;
        updated.unwrap();
        let config = self.cluster.config(self.job).await.unwrap();
        assert_eq!(config.settings, settings);
        assert_eq!(config.nonce.as_deref(), Some(NONCE));
        self.cluster.resume(self.job).await.unwrap();
        told_of(&mut events, JobStatus::Running).await;
        let before = job_with(self.cluster, &self.name, JobStatus::Running).await;
        self.cluster.restart(self.job).await.unwrap();
        told_of(&mut events, JobStatus::Running).await;
        let after = job_with(self.cluster, &self.name, JobStatus::Running).await;
        assert_ne!(before.execution_id, after.execution_id);
        assert_eq!(before.id, after.id);
    }

    /// Exports the job's state, and reads it back to its last chunk; the snapshot's name.
    async fn exports(&self, suspended: bool) -> String {
        let export = export_of(self.job, suspended);
        let facts = exported(self.cluster, &export).await;
        assert!(facts.stateful.contains("counter"), "{facts:?}");
        let inspected = self.cluster.snapshots().inspect(&export.name).await;
        assert_eq!(inspected.unwrap().unwrap().faults, Vec::<String>::new());
        let listed = self.cluster.snapshots().list().await.unwrap();
        assert!(listed.iter().any(|it| it.name == export.name));
        export.name
    }

    /// The job starts from the snapshot and goes on with its counts.
    async fn goes_on_from(&self, snapshot: &str) {
        let before = Counts::read(&self.counts);
        let job = self.submit(Some(snapshot)).await;
        eventually_async(PATIENCE, "the restored job counts", async || {
            Counts::read(&self.counts).lines() > before.lines() + 20
        })
        .await;
        let after = Counts::read(&self.counts);
        after.assert_continuous();
        assert!(after.lowest_after(&before).unwrap() > 10);
        let mut events = self.cluster.listen(job).await.unwrap();
        self.cluster.cancel(job, true).await.unwrap();
        told_of(&mut events, JobStatus::Failed).await;
    }
}

/// Waits until the listener tells this status.
async fn told_of(events: &mut mpsc::Receiver<StatusEvent>, wanted: JobStatus) {
    let told = async {
        while let Some(event) = events.recv().await {
            if event.status == wanted {
                return true;
            }
        }
        false
    };
    let told = timeout(PATIENCE, told).await;
    assert_eq!(told, Ok(true), "the listener never told of {wanted}");
}

/// The counter's jar with something useless in it, so that it goes in several parts, the first of
/// which has a hash that begins with a zero: 5.3.0 wants it without.
fn make_jar_of_several_parts(path: &Path) {
    for seed in 0u64.. {
        std::fs::copy(fixture("counter.jar"), path).unwrap();
        let file = std::fs::File::options().read(true).write(true).open(path);
        let mut jar = ZipWriter::new_append(file.unwrap()).unwrap();
        let stored =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        jar.start_file("padding", stored).unwrap();
        jar.write_all(&seed.to_le_bytes()).unwrap();
        jar.write_all(&vec![7; 2 * PART]).unwrap();
        jar.finish().unwrap();
        let bytes = std::fs::read(path).unwrap();
        if hex::encode(Sha256::digest(&bytes[..PART])).starts_with('0') {
            return;
        }
    }
}
