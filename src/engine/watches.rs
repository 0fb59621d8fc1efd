//! The clusters that are wanted: a connection and a watch for each, made when first wanted, made
//! anew when the target changes, ended when nothing wants them any more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::ports::{ClusterTarget, Clusters};
use super::wake::{Bell, Follower};
use crate::clock::{Clock, Entropy};
use crate::cluster::watch::{ClusterWatch, WatchOptions};
use crate::plan::Interest;
use crate::plan::observed::ClusterView;
use crate::plan::record::Recorded;
use crate::resources::{Desired, HazelcastSpec};

/// The time between two lists when nothing happens.
const RESYNC: Duration = Duration::from_mins(1);

/// The watched clusters, by the name that jobs refer to them with.
pub(super) struct Watches {
    connector: Arc<dyn Clusters>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    configured: BTreeMap<String, ClusterTarget>,
    watched: BTreeMap<String, Watched>,
}

struct Watched {
    target: ClusterTarget,
    watch: Arc<ClusterWatch>,
    views: watch::Receiver<Arc<ClusterView>>,
    interest: Interest,
    _follower: Follower,
}

impl Watches {
    pub(super) fn new(
        connector: Arc<dyn Clusters>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        configured: BTreeMap<String, ClusterTarget>,
    ) -> Self {
        Self {
            connector,
            clock,
            entropy,
            configured,
            watched: BTreeMap::new(),
        }
    }

    /// The clusters of the configuration from now on; seen at the next [`Self::want`].
    pub(super) fn configure(&mut self, configured: BTreeMap<String, ClusterTarget>) {
        self.configured = configured;
    }

    /// Watches what is wanted, and only that.
    ///
    /// A cluster whose document went away while recorded jobs still need it keeps its last target,
    /// the recorded one after a restart.
    pub(super) fn want(
        &mut self,
        desired: &Desired,
        recorded: &Recorded,
        mut interests: BTreeMap<String, Interest>,
        bell: &Bell,
    ) {
        let mut specs = last_good(recorded);
        specs.retain(|name, _| interests.contains_key(*name));
        let declared = desired.hazelcasts.iter();
        specs.extend(declared.map(|(name, it)| (name.as_str(), &*it.spec)));
        let mut targets = targets(&specs, &self.configured);
        for (name, watched) in &self.watched {
            if interests.contains_key(name) && !targets.contains_key(name) {
                targets.insert(name.clone(), watched.target.clone());
            }
        }
        let unwanted: Vec<String> = self
            .watched
            .iter()
            .filter(|(name, watched)| targets.get(*name) != Some(&watched.target))
            .map(|(name, _)| name.clone())
            .collect();
        for name in unwanted {
            if let Some(watched) = self.watched.remove(&name) {
                watched.end();
            }
        }
        for (name, target) in targets {
            let interest = interests.remove(&name).unwrap_or_default();
            if let Some(watched) = self.watched.get_mut(&name) {
                watched.set_interest(interest);
            } else {
                let watched = self.begin(&name, target, interest, bell);
                self.watched.insert(name, watched);
            }
        }
    }

    fn begin(&self, name: &str, target: ClusterTarget, interest: Interest, bell: &Bell) -> Watched {
        let options = WatchOptions {
            name: name.to_owned(),
            resync: RESYNC,
            entropy: Arc::clone(&self.entropy),
        };
        let cluster = self.connector.connect(&target);
        let watch = ClusterWatch::start(cluster, Arc::clone(&self.clock), options);
        watch.want(interest.clone());
        let views = watch.views();
        Watched {
            target,
            _follower: bell.follow(views.clone()),
            watch: Arc::new(watch),
            views,
            interest,
        }
    }

    /// The latest view of each.
    pub(super) fn views(&self) -> BTreeMap<String, Arc<ClusterView>> {
        let latest = |watched: &Watched| Arc::clone(&watched.views.borrow());
        let views = self.watched.iter();
        views
            .map(|(name, watched)| (name.clone(), latest(watched)))
            .collect()
    }

    /// The watch of one.
    pub(super) fn get(&self, name: &str) -> Option<Arc<ClusterWatch>> {
        self.watched
            .get(name)
            .map(|watched| Arc::clone(&watched.watch))
    }

    /// All watches.
    pub(super) fn all(&self) -> Vec<Arc<ClusterWatch>> {
        self.watched
            .values()
            .map(|watched| Arc::clone(&watched.watch))
            .collect()
    }

    /// Ends all watches and connections.
    pub(super) async fn close(&mut self) {
        let watched = std::mem::take(&mut self.watched);
        let stops = watched.values().map(|watched| watched.watch.stop());
        futures_util::future::join_all(stops).await;
    }
}

impl Watched {
    fn set_interest(&mut self, interest: Interest) {
        if self.interest != interest {
            self.watch.want(interest.clone());
            self.interest = interest;
        }
    }

    fn end(self) {
        tokio::spawn(async move { self.watch.stop().await });
    }
}

/// The last good documents of clusters.
fn last_good(recorded: &Recorded) -> BTreeMap<&str, &HazelcastSpec> {
    let documents = recorded.clusters.iter().filter_map(|(name, record)| {
        let document = record.document.as_ref()?;
        Some((name.as_str(), &*document.spec))
    });
    documents.collect()
}

/// Where the clusters are that documents declare or the configuration names.
fn targets(
    specs: &BTreeMap<&str, &HazelcastSpec>,
    configured: &BTreeMap<String, ClusterTarget>,
) -> BTreeMap<String, ClusterTarget> {
    let mut targets = configured.clone();
    for (name, spec) in specs {
        let target = ClusterTarget::declared(spec, configured.get(*name));
        targets.insert((*name).to_owned(), target);
    }
    targets.retain(|_, target| !target.addresses.is_empty());
    targets
}
