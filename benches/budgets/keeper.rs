//! jetkeeper with all its real parts, in this process: a directory, a cache of jars, a store that
//! syncs, a connection to a member.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jetkeeper::artifacts::{ArtifactOptions, LocalArtifacts};
use jetkeeper::clock::{Clock, Entropy, Random, SystemClock};
use jetkeeper::cluster::{self, Cluster, HazelcastCluster};
use jetkeeper::engine::{
    ClusterTarget, Clusters, EngineParts, EngineTask, Handle, Published, Settings, start,
};
use jetkeeper::plan;
use jetkeeper::resources::SourceName;
use jetkeeper::secrets::FileSecrets;
use jetkeeper::source::{DirectoryOptions, DirectorySource, Source};
use jetkeeper::store::SledStore;
use rustix::time::{ClockId, clock_gettime};

use crate::support::wait::PATIENCE;

/// The name that the documents refer to the cluster with.
pub(crate) const CLUSTER: &str = "bench";

/// How long to wait for the engine to end.
const GRACE: Duration = Duration::from_secs(5);

/// Where the parts are.
pub(crate) struct Places {
    /// The directory of documents and jars.
    pub(crate) source: PathBuf,
    /// The directory of the store and the jars' cache.
    pub(crate) state: PathBuf,
}

impl Places {
    /// Places below a directory, with nothing in them but a document that says where the cluster is.
    pub(crate) fn below(directory: &Path, cluster_name: &str, address: &str) -> Self {
        let places = Self {
            source: directory.join("source"),
            state: directory.join("state"),
        };
        fs::create_dir_all(places.source.join("jars")).unwrap();
        let cluster = format!(
            "apiVersion: hazelcast.com/v1alpha1\nkind: Hazelcast\nmetadata:\n  name: {CLUSTER}\n\
             spec:\n  clusterName: {cluster_name}\n  addresses: [\"{address}\"]\n"
        );
        fs::write(places.source.join("hazelcast.yaml"), cluster).unwrap();
        places
    }

    /// Opens the store.
    pub(crate) async fn store(&self) -> SledStore {
        SledStore::open(&self.state, &SystemClock, &Random::from_os())
            .await
            .unwrap()
    }

    /// Writes a file beside its place, then renames it there; gives the time right before the rename.
    pub(crate) fn replace(&self, name: &str, content: impl AsRef<[u8]>) -> u64 {
        let path = self.source.join(name);
        let beside = path.with_extension("new");
        fs::write(&beside, content).unwrap();
        let before = monotonic();
        fs::rename(&beside, &path).unwrap();
        before
    }

    /// Removes a file.
    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.source.join(name)).unwrap();
    }
}

/// A running engine.
pub(crate) struct Keeper {
    pub(crate) handle: Handle,
    task: EngineTask,
}

impl Keeper {
    /// Starts everything.
    pub(crate) async fn start(places: &Places) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(Random::from_os());
        let source = DirectorySource::start(
            SourceName("bench".to_owned()),
            &places.source,
            DirectoryOptions::default(),
            Arc::clone(&clock),
        );
        // Side by side, as the program does it.
        let (store, source) = tokio::join!(places.store(), source);
        let source: Arc<dyn Source> = Arc::new(source.unwrap());
        let options = ArtifactOptions::new(places.state.join("jars"));
        let artifacts = LocalArtifacts::start(
            options,
            Arc::new(FileSecrets::new(None, None)),
            Arc::clone(&clock),
            Arc::clone(&entropy),
        );
        let parts = EngineParts {
            sources: vec![source],
            clusters: Arc::new(Connector(Arc::clone(&clock))),
            artifacts: Arc::new(artifacts.await.unwrap()),
            secrets: Arc::new(FileSecrets::new(None, None)),
            store: Arc::new(store),
            clock,
            entropy,
            settings: Settings {
                plan: plan::Settings {
                    owner: "jetkeeper".to_owned(),
                    ..plan::Settings::default()
                },
                ..Settings::default()
            },
        };
        let (handle, task) = start(parts).await.unwrap();
        Self { handle, task }
    }

    /// Waits until a pass shows this; gives the time at which it did.
    pub(crate) async fn shows(
        &self,
        what: &str,
        mut is_shown: impl FnMut(&Published) -> bool,
    ) -> u64 {
        let mut published = self.handle.published.clone();
        let shown = published.wait_for(|published| is_shown(published));
        let shown = tokio::time::timeout(PATIENCE, shown).await.is_ok();
        let at = monotonic();
        assert!(
            shown,
            "{what}: not within {PATIENCE:?}, but {} jobs in pass {}",
            self.handle.published.borrow().jobs.len(),
            self.handle.published.borrow().pass
        );
        at
    }

    /// Ends it.
    pub(crate) async fn stop(self) {
        self.task.stop(GRACE).await.unwrap();
    }
}

struct Connector(Arc<dyn Clock>);

impl Clusters for Connector {
    fn connect(&self, target: &ClusterTarget) -> Arc<dyn Cluster> {
        let target = cluster::ClusterTarget {
            name: target.cluster_name.clone(),
            cluster_name: target.cluster_name.clone(),
            addresses: target.addresses.clone(),
            ..cluster::ClusterTarget::default()
        };
        Arc::new(HazelcastCluster::connect(&target, Arc::clone(&self.0)))
    }
}

/// The machine's monotonic clock in nanoseconds: the one that Java's `System.nanoTime` tells.
pub(crate) fn monotonic() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap()
}

/// The time between two readings of it, in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "what is measured here is short")]
pub(crate) fn milliseconds(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64 / 1e6
}
