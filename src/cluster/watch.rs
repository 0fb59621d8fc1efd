//! Keeps the latest view of one cluster, with as few calls as that takes.
//!
//! One task a cluster. What holds:
//!
//! - A status that a member tells is in the published view without any further call; no list that was
//!   asked for before the event arrived takes it back. What a job that is starting does before its
//!   listener is there is asked for: at once, and again when the listener is there.
//! - Nothing is known without a connection, and no job is known before a list was answered on this
//!   connection. A list from a master that is new, and lacks what was there, proves nothing.
//! - At rest: listeners, one list and one look at the ownership map per [`WatchOptions::resync`]; more
//!   lists, at growing distances, while an upload may make a job that no list showed yet. The
//!   cluster's health is read when the connection or the members change and when somebody asks
//!   ([`ClusterWatch::guard`]), and while it is bad, so that a hold on it ends.
//! - Texts, configurations and listeners are kept for the jobs of the [`Interest`] alone.
//! - Nothing that fails is repeated without a pause that grows.

mod backoff;
mod call;
mod due;
mod errand;
mod intake;
mod keeper;
mod lane;
mod listener;
mod order;
mod picture;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::port::{CallError, Cluster, Health};
use crate::clock::{Clock, Entropy, Random};
use crate::plan::Interest;
use crate::plan::job::JobId;
use crate::plan::observed::{ClusterView, Lists};
use keeper::{Keeper, Told};
use order::Orders;

/// How a watch works.
#[derive(Clone)]
pub struct WatchOptions {
    /// The cluster's name, for logs.
    pub name: String,
    /// The time between two lists, and two looks at the ownership map, when nothing happens.
    pub resync: Duration,
    /// The source of jitter.
    pub entropy: Arc<dyn Entropy>,
}

impl WatchOptions {
    /// The usual options for the cluster of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            resync: Duration::from_mins(1),
            entropy: Arc::new(Random::from_os()),
        }
    }
}

/// Why what was asked for was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// There is no connection to the cluster, or it was lost meanwhile.
    #[error("the cluster can't be reached")]
    Down,
    /// A member did not answer as it should.
    #[error("the cluster did not answer")]
    Call(#[source] CallError),
    /// The watch was stopped.
    #[error("the cluster is not watched any more")]
    Stopped,
}

/// The watch of one cluster. Dropping it ends its task.
pub struct ClusterWatch {
    cluster: Arc<dyn Cluster>,
    id: Uuid,
    orders: Arc<Orders>,
    views: watch::Receiver<Arc<ClusterView>>,
    told: Arc<Told>,
    _task: AbortOnDropHandle<()>,
}

impl ClusterWatch {
    /// Starts to watch. Must be called inside a tokio runtime.
    pub fn start(cluster: Arc<dyn Cluster>, clock: Arc<dyn Clock>, options: WatchOptions) -> Self {
        let orders = Arc::new(Orders::default());
        let id = options.entropy.uuid();
        let (keeper, readers) = Keeper::new(
            Arc::clone(&cluster),
            clock,
            id,
            options,
            Arc::clone(&orders),
        );
        Self {
            cluster,
            id,
            orders,
            views: readers.views,
            told: readers.told,
            _task: AbortOnDropHandle::new(tokio::spawn(keeper.run())),
        }
    }

    /// Says which jobs matter from now on. Cheap where nothing changed.
    pub fn want(&self, interest: Interest) {
        self.orders.want(interest);
    }

    /// Asks for the list and the ownership map, to be read now; tells which list that is. Several of
    /// these are one.
    pub fn refresh(&self) -> Lists {
        Lists {
            watch: self.id,
            count: self.orders.refresh(),
        }
    }

    /// Asks for the list alone, unless that was done at most so long ago: for whoever knows that
    /// [`recent`](Self::recent) will be asked for.
    pub fn prepare(&self, age: Duration) {
        if self.orders.listed_within(age).is_none() {
            self.orders.list();
        }
    }

    /// A view with a list that was asked for since this call, or by somebody at most so long before it.
    pub async fn recent(&self, age: Duration) -> Result<Arc<ClusterView>, WatchError> {
        if let Some(number) = self.orders.listed_within(age)
            && self.told.lists.to(number).await.is_ok()
        {
            return Ok(Arc::clone(&self.views.borrow()));
        }
        self.told.lists.to(self.orders.list()).await?;
        Ok(Arc::clone(&self.views.borrow()))
    }

    /// Asks for the ownership map alone, to be read now: for whoever changed it and no job.
    pub fn refresh_ownership(&self) {
        self.orders.refresh_ownership();
    }

    /// Asks for the list and the ownership map, and waits until both, read after this call, are
    /// published. Ends with the first try, so it takes as long as the calls' deadlines at most.
    pub async fn refreshed(&self) -> Result<Arc<ClusterView>, WatchError> {
        self.answered(self.refresh()).await
    }

    /// Waits until the list that [`refresh`](Self::refresh) asked for is published, and the ownership
    /// map.
    pub async fn answered(&self, lists: Lists) -> Result<Arc<ClusterView>, WatchError> {
        self.told.ownerships.to(lists.count).await?;
        self.told.lists.to(lists.count).await?;
        Ok(Arc::clone(&self.views.borrow()))
    }

    /// The cluster's health, read after this call: for whoever is about to stop or start a job. The
    /// view gets it too.
    pub async fn guard(&self) -> Result<Health, WatchError> {
        let number = self.orders.guard();
        self.told.healths.to(number).await
    }

    /// Forgets what a job was submitted with, and reads it again: for whoever changed its settings.
    /// A [`refreshed`](Self::refreshed) after this call never shows the old ones.
    pub fn invalidate_config(&self, job: JobId) {
        self.orders.invalidate(job);
    }

    /// The latest view, and every later one.
    pub fn views(&self) -> watch::Receiver<Arc<ClusterView>> {
        self.views.clone()
    }

    /// The cluster, for effects.
    pub fn cluster(&self) -> Arc<dyn Cluster> {
        Arc::clone(&self.cluster)
    }

    /// Ends the watch and the connection.
    pub async fn stop(&self) {
        self.orders.stop();
        let mut views = self.views.clone();
        while views.changed().await.is_ok() {}
        self.cluster.close().await;
    }
}

impl std::fmt::Debug for ClusterWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterWatch").finish_non_exhaustive()
    }
}
