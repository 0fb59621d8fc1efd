//! STAND-IN for what is written elsewhere: sources, secrets, cluster watch, loading of manifests.
//! Delete it when they land.
#![allow(missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::cluster::{CallError, Cluster, Connection, Health};
use crate::plan::observed::{ClusterView, Link, Seen};
use crate::resources::{Desired, Revision, SourceView};

#[derive(Debug, Default)]
pub struct Loader;

impl Loader {
    pub fn load(&mut self, revisions: &[Arc<Revision>], _clusters: &BTreeSet<String>) -> Desired {
        let mut desired = Desired::default();
        for revision in revisions {
            desired.sources.insert(
                revision.source.clone(),
                SourceView {
                    revision: revision.id.clone(),
                    present: revision.present,
                    identified: true,
                },
            );
        }
        desired
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchInterest {
    pub names: BTreeSet<String>,
    pub ids: BTreeSet<crate::plan::job::JobId>,
}

#[derive(Clone)]
pub struct WatchOptions {
    pub name: String,
    pub resync: std::time::Duration,
    pub entropy: Arc<dyn crate::clock::Entropy>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    #[error("the cluster can't be reached")]
    Down,
    #[error("the cluster did not answer")]
    Call(#[source] CallError),
    #[error("the cluster is not watched any more")]
    Stopped,
}

pub struct ClusterWatch {
    cluster: Arc<dyn Cluster>,
    view: watch::Receiver<Arc<ClusterView>>,
    refresh: Arc<Notify>,
    clock: Arc<dyn Clock>,
    task: tokio::task::JoinHandle<()>,
}

impl ClusterWatch {
    pub fn start(cluster: Arc<dyn Cluster>, clock: Arc<dyn Clock>, _options: WatchOptions) -> Self {
        let (sender, view) = watch::channel(Arc::new(ClusterView::unknown(clock.now())));
        let refresh = Arc::new(Notify::new());
        let asked = Arc::clone(&refresh);
        let (looked, time) = (Arc::clone(&cluster), Arc::clone(&clock));
        let task = tokio::spawn(async move {
            let mut connection = looked.connection();
            loop {
                let now = connection.borrow_and_update().clone();
                let next = look(&*looked, &now, &*time).await;
                sender.send_replace(Arc::new(next));
                tokio::select! {
                    () = asked.notified() => {}
                    _ = connection.changed() => {}
                    () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
                }
            }
        });
        Self {
            cluster,
            view,
            refresh,
            clock,
            task,
        }
    }

    pub fn views(&self) -> watch::Receiver<Arc<ClusterView>> {
        self.view.clone()
    }

    pub fn want(&self, _interest: WatchInterest) {}

    pub fn refresh(&self) {
        self.refresh.notify_one();
    }

    pub async fn refreshed(&self) -> Result<Arc<ClusterView>, WatchError> {
        let since = self.clock.now();
        self.refresh.notify_one();
        let mut views = self.view.clone();
        loop {
            let view = Arc::clone(&views.borrow_and_update());
            if view.link != Link::Up {
                return Err(WatchError::Down);
            }
            if view.listed_at.is_some_and(|at| at >= since) {
                return Ok(view);
            }
            views.changed().await.map_err(|_| WatchError::Stopped)?;
        }
    }

    pub async fn guard(&self) -> Result<Health, WatchError> {
        self.cluster.health().await.map_err(WatchError::Call)
    }

    pub fn invalidate_config(&self, _job: crate::plan::job::JobId) {}

    pub fn cluster(&self) -> Arc<dyn Cluster> {
        Arc::clone(&self.cluster)
    }

    pub async fn stop(&self) {
        self.task.abort();
        self.cluster.close().await;
    }
}

impl Drop for ClusterWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn look(cluster: &dyn Cluster, connection: &Connection, clock: &dyn Clock) -> ClusterView {
    let mut view = ClusterView::unknown(clock.now());
    view.link = connection.link.clone();
    view.cluster_id = connection.cluster_id;
    view.members = connection.members.iter().copied().collect();
    view.master = connection.members.first().copied();
    if view.link != Link::Up {
        return view;
    }
    let asked = clock.now();
    if let Ok(jobs) = cluster.list().await {
        view.listed_at = Some(asked);
        let jobs: BTreeMap<_, _> = jobs
            .into_iter()
            .map(|job| (job.id, Arc::new(job)))
            .collect();
        view.jobs = Seen::Known(jobs);
    }
    if let Ok(entries) = cluster.ownership().await {
        view.ownership = Seen::Known(entries);
    }
    view
}
