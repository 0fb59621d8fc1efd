//! What users write in the simulation: documents, and the source that shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jetkeeper::resources::{Digest, JarFile, Revision, SourceFile, SourceName};
use jetkeeper::source::Source;
use tokio::sync::watch;

use super::pipeline::{Mishap, Pipeline};

/// The document of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobDocument {
    /// The job's name; the resource's name where it wasn't renamed.
    pub(crate) job_name: String,
    pub(crate) cluster: String,
    pub(crate) state: &'static str,
    pub(crate) pipeline: Pipeline,
    pub(crate) version: u32,
    pub(crate) parameters: Vec<String>,
    pub(crate) upgrade: &'static str,
    pub(crate) deletion: &'static str,
    pub(crate) drift: &'static str,
    pub(crate) restarts: bool,
    pub(crate) on_state_loss: &'static str,
    pub(crate) restart_nonce: Option<u32>,
    pub(crate) redeploy_nonce: Option<u32>,
    pub(crate) snapshot_interval: Option<u32>,
    pub(crate) broken: bool,
}

impl JobDocument {
    pub(crate) fn new(job_name: &str, cluster: &str, pipeline: Pipeline) -> Self {
        Self {
            job_name: job_name.to_owned(),
            cluster: cluster.to_owned(),
            state: "Running",
            pipeline,
            version: 1,
            parameters: Vec::new(),
            upgrade: "Stateful",
            deletion: "Snapshot",
            drift: "Warn",
            restarts: false,
            on_state_loss: "Restore",
            restart_nonce: None,
            redeploy_nonce: None,
            snapshot_interval: None,
            broken: false,
        }
    }

    pub(crate) fn jar(&self) -> String {
        self.pipeline.jar(self.version)
    }

    /// Whether its job goes on, or stays suspended, when it is gone.
    pub(crate) fn is_outlived(&self) -> bool {
        matches!(self.deletion, "Orphan" | "Suspend")
    }

    /// Whether its version has a mishap.
    pub(crate) fn fails(&self) -> bool {
        Mishap::of_jar(&self.jar()) != Mishap::None
    }

    fn to_yaml(&self, resource: &str) -> String {
        let mut text = String::new();
        let mut line = |line: &str| writeln!(text, "{line}").unwrap();
        line("apiVersion: hazelcast.com/v1alpha1");
        line("kind: JetJob");
        line(&format!("metadata: {{name: {resource}}}"));
        line("spec:");
        line(&format!("  name: {}", self.job_name));
        line(&format!("  hazelcastResourceName: {}", self.cluster));
        line(&format!("  state: {}", self.state));
        line(&format!("  jarName: {}", self.jar()));
        line(&format!("  parameters: {:?}", self.parameters));
        line(&format!("  upgradePolicy: {{mode: {}}}", self.upgrade));
        line(&format!("  deletionPolicy: {}", self.deletion));
        line(&format!("  driftPolicy: {}", self.drift));
        line(&format!("  onStateLoss: {{mode: {}}}", self.on_state_loss));
        if self.restarts {
            line("  restartPolicy: {type: OnFailure, maxRestarts: 2, backoff: 2s}");
        }
        if let Some(nonce) = self.restart_nonce {
            line(&format!("  restartNonce: {nonce}"));
        }
        if let Some(nonce) = self.redeploy_nonce {
            line(&format!("  redeployNonce: {nonce}"));
        }
        if let Some(seconds) = self.snapshot_interval {
            line(&format!("  jobConfig: {{snapshotInterval: {seconds}s}}"));
        }
        if self.broken {
            line("  parametres: [x]");
        }
        text
    }
}

/// A source that shows what it is told to.
pub(crate) struct SimulatedSource {
    name: SourceName,
    revisions: watch::Sender<Arc<Revision>>,
}

impl SimulatedSource {
    /// A source with these clusters and no jobs.
    pub(crate) fn new(clusters: &BTreeSet<String>) -> Self {
        let name = SourceName("jobs".to_owned());
        let first = revision(&name, clusters, &BTreeMap::new());
        Self {
            revisions: watch::channel(Arc::new(first)).0,
            name,
        }
    }

    /// Shows these documents from now on.
    pub(crate) fn show(&self, clusters: &BTreeSet<String>, jobs: &BTreeMap<String, JobDocument>) {
        let next = revision(&self.name, clusters, jobs);
        self.revisions.send_if_modified(|now| {
            let changed = now.id != next.id;
            if changed {
                *now = Arc::new(next);
            }
            changed
        });
    }
}

#[async_trait]
impl Source for SimulatedSource {
    fn name(&self) -> &SourceName {
        &self.name
    }

    fn revisions(&self) -> watch::Receiver<Arc<Revision>> {
        self.revisions.subscribe()
    }

    async fn rescan(&self) {}

    fn wake(&self) {}
}

fn revision(
    source: &SourceName,
    clusters: &BTreeSet<String>,
    jobs: &BTreeMap<String, JobDocument>,
) -> Revision {
    let mut files = BTreeMap::new();
    let mut add = |path: String, text: String| {
        let bytes: Arc<[u8]> = text.into_bytes().into();
        let digest = Digest::of(&bytes);
        files.insert(path, SourceFile { bytes, digest });
    };
    for cluster in clusters {
        let text = format!(
            "apiVersion: hazelcast.com/v1alpha1\nkind: Hazelcast\nmetadata: {{name: {cluster}}}\n\
             spec: {{addresses: ['{cluster}:5701']}}\n"
        );
        add(format!("{cluster}.yaml"), text);
    }
    let mut jars = BTreeMap::new();
    for (resource, job) in jobs {
        add(format!("jobs/{resource}.yaml"), job.to_yaml(resource));
        let jar = job.jar();
        let file = JarFile {
            location: PathBuf::from(format!("/simulated/{jar}")),
            size: 1,
            stamp: jar.clone(),
        };
        jars.insert(format!("jars/{jar}"), file);
    }
    let digests: Vec<_> = files
        .iter()
        .map(|(path, file)| (path, file.digest))
        .collect();
    Revision {
        source: source.clone(),
        id: Digest::of_json(&digests).short(),
        present: true,
        files,
        jars,
        unreadable: BTreeMap::new(),
        changed_at: None,
        trouble: None,
        lineage: None,
        proposal: None,
        refused: None,
    }
}
