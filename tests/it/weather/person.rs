//! Somebody with a client of their own: looks at the cluster, and meddles by hand.

use std::sync::LazyLock;
use std::time::Duration;

use jetkeeper::hazelcast::serialization::decode_validation_record;
use jetkeeper::hazelcast::snapshot::{EXPORTED_SNAPSHOTS, exported_snapshot_map};
use jetkeeper::hazelcast::{
    Client, ClientConfig, Data, JobConfig, JobStatus, JobSummary, TerminateMode, Upload,
};
use jetkeeper::resources::Digest;
use tokio::runtime::Runtime;

use crate::support::fixture;
use crate::support::wait::{PATIENCE, eventually};

/// Where clients of tests live: tests themselves wait in plain threads.
pub(super) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
});

/// A client of a cluster.
pub(super) struct Person {
    client: Client,
}

impl Person {
    pub(super) fn at(addresses: &[String], cluster_name: &str) -> Self {
        let _context = RUNTIME.enter();
        Self {
            client: Client::start(ClientConfig {
                cluster_name: cluster_name.to_owned(),
                addresses: addresses.to_vec(),
                reconnect_max: Duration::from_millis(500),
                invocation_timeout: PATIENCE,
                ..ClientConfig::default()
            }),
        }
    }

    /// All jobs of this name, ended ones included.
    pub(super) fn jobs(&self, name: &str) -> Vec<JobSummary> {
        let jobs = RUNTIME.block_on(self.client.jobs()).unwrap();
        named(jobs, name)
    }

    /// The only job that ever had this name, as far as members remember.
    pub(super) fn only_job(&self, name: &str) -> JobSummary {
        let mut jobs = self.jobs(name);
        assert_eq!(jobs.len(), 1, "one job is called {name}: {jobs:?}");
        jobs.remove(0)
    }

    pub(super) fn config(&self, job: i64) -> JobConfig {
        RUNTIME.block_on(self.client.job_config(job)).unwrap()
    }

    pub(super) fn suspend(&self, job: i64) {
        let mode = TerminateMode::SuspendGraceful;
        RUNTIME.block_on(self.client.terminate(job, mode)).unwrap();
    }

    pub(super) fn restart(&self, job: i64) {
        let mode = TerminateMode::RestartGraceful;
        RUNTIME.block_on(self.client.terminate(job, mode)).unwrap();
    }

    pub(super) fn resume(&self, job: i64) {
        RUNTIME.block_on(self.client.resume(job)).unwrap();
    }

    pub(super) fn cancel(&self, job: i64) {
        let mode = TerminateMode::CancelForceful;
        RUNTIME.block_on(self.client.terminate(job, mode)).unwrap();
    }

    /// Submits a job of the pipelines' jar, as other programs do, and waits until it runs: before that it has
    /// no execution.
    pub(super) fn submit(&self, name: &str, main: &str) {
        let jar = std::fs::read(fixture("pipelines.jar")).unwrap();
        let upload = Upload {
            file_name: "somebody-elses".to_owned(),
            sha256_hex: Digest::of(&jar).to_string(),
            snapshot_name: None,
            job_name: Some(name.to_owned()),
            main_class: Some(format!("jetkeeper.pipelines.{main}")),
            parameters: Vec::new(),
            secrets: Vec::new(),
            part_size: 1024 * 1024,
            timeout: PATIENCE,
        };
        let length = jar.len() as u64;
        let sent = self.client.upload_jar(&upload, jar.as_slice(), length);
        RUNTIME.block_on(sent).unwrap();
        eventually(PATIENCE, "the job runs", || {
            let jobs = self.jobs(name);
            jobs.iter().any(|job| job.status == JobStatus::Running)
        });
    }

    /// Resumes a job, if it is one that can be.
    pub(super) fn try_resume(&self, job: i64) -> bool {
        RUNTIME.block_on(self.client.resume(job)).is_ok()
    }

    /// The entries of an exported snapshot, whole or not.
    pub(super) fn snapshot_entries(&self, name: &str) -> u64 {
        let map = self.client.map(exported_snapshot_map(name));
        RUNTIME.block_on(map.size()).unwrap()
    }

    /// Destroys the map of an exported snapshot.
    pub(super) fn destroy_snapshot(&self, name: &str) {
        let map = exported_snapshot_map(name);
        let destroyed = self.client.destroy_map(&map);
        RUNTIME.block_on(destroyed).unwrap();
    }

    /// The only job of this name that has not ended, once there is just one.
    pub(super) fn only_active(&self, name: &str) -> JobSummary {
        let mut jobs = self.jobs(name);
        jobs.retain(|job| !job.status.is_terminal());
        assert_eq!(jobs.len(), 1, "one job called {name} is active: {jobs:?}");
        jobs.remove(0)
    }

    /// The name of the exported snapshot of this job that members list.
    pub(super) fn snapshot_of(&self, job: i64) -> String {
        let listed = RUNTIME
            .block_on(self.client.map(EXPORTED_SNAPSHOTS).entries())
            .unwrap();
        let of_job = |value: &Data| decode_validation_record(value).unwrap().job_id == job;
        let mut names = listed
            .iter()
            .filter(|(_, value)| of_job(value))
            .map(|(key, _)| key.as_string().unwrap());
        names.next().expect("a snapshot of the job is listed")
    }

    /// Whether members list an exported snapshot of this name.
    pub(super) fn lists_snapshot(&self, name: &str) -> bool {
        let listed = self.client.map(EXPORTED_SNAPSHOTS);
        let found = RUNTIME.block_on(listed.get(&Data::string(name))).unwrap();
        found.is_some()
    }

    /// Ends what still runs under these names, and waits for nothing.
    pub(super) fn tidy(&self, names: &[String]) {
        let client = self.client.with_timeout(Duration::from_secs(2));
        RUNTIME.block_on(async {
            let Ok(jobs) = client.jobs().await else {
                return;
            };
            for job in jobs {
                if names.contains(&job.name_or_id) && !job.status.is_terminal() {
                    let mode = TerminateMode::CancelForceful;
                    client.terminate(job.job_id, mode).await.ok();
                }
            }
        });
    }
}

fn named(mut jobs: Vec<JobSummary>, name: &str) -> Vec<JobSummary> {
    jobs.retain(|job| job.name_or_id == name);
    jobs.sort_by_key(|job| (job.submission_time, job.job_id));
    jobs
}
