//! Connections beside the lead: to further members, so that calls about a key take the short way, and
//! short ones to configured addresses, to see whether any leads to another cluster.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::{Cluster, view};
use crate::hazelcast::connection::Connection;
use crate::hazelcast::error::{Kind, Result};

/// Pause before members without a connection are tried again.
const RETRY: Duration = Duration::from_secs(5);
/// Pause before configured addresses are asked again which cluster they lead to.
const PROBE: Duration = Duration::from_secs(30);

/// What goes on beside the lead; ends with the session.
pub(super) struct Sides {
    attempts: JoinSet<(Uuid, Result<Connection>)>,
    probes: JoinSet<(String, Result<Connection>)>,
    foreign: BTreeMap<String, Uuid>,
    next_look: Instant,
    next_probe: Instant,
}

impl Sides {
    pub(super) fn new() -> Self {
        Self {
            attempts: JoinSet::new(),
            probes: JoinSet::new(),
            foreign: BTreeMap::new(),
            next_look: Instant::now(),
            next_probe: Instant::now(),
        }
    }

    /// The members have changed: looks at once for those without a connection.
    pub(super) fn wake(&mut self) {
        self.next_look = Instant::now();
    }

    /// Waits for the next thing to do and does it. May be given up at any moment.
    pub(super) async fn tend(&mut self, cluster: &Arc<Cluster>) {
        tokio::select! {
            Some(Ok((member, attempt))) = self.attempts.join_next() => match attempt {
                Ok(connection) => cluster.roster.add(connection),
                Err(error) => tracing::debug!(%member, %error, "no connection to this member"),
            },
            Some(Ok((address, probe))) = self.probes.join_next() => {
                self.probed(cluster, address, probe);
            }
            () = sleep_until(self.next_look) => {
                self.next_look = Instant::now() + RETRY;
                self.look(cluster);
            }
            () = sleep_until(self.next_probe) => {
                self.next_probe = Instant::now() + PROBE;
                self.probe(cluster);
            }
        }
    }

    /// Opens connections to members that have none.
    fn look(&mut self, cluster: &Arc<Cluster>) {
        cluster.roster.remove_closed();
        if !cluster.config.smart_routing || !self.attempts.is_empty() {
            return;
        }
        let members = cluster.state.borrow().members.clone();
        for member in members
            .into_iter()
            .filter(|member| !cluster.roster.has(member.uuid))
        {
            let cluster = Arc::clone(cluster);
            self.attempts
                .spawn(async move { (member.uuid, open(&cluster, &member.address).await) });
        }
    }

    /// Asks configured addresses that are not known to lead to a member.
    fn probe(&mut self, cluster: &Arc<Cluster>) {
        let known: Vec<String> = cluster
            .state
            .borrow()
            .members
            .iter()
            .map(|member| member.address.clone())
            .chain(
                cluster
                    .roster
                    .all()
                    .iter()
                    .map(|connection| connection.address().to_owned()),
            )
            .collect();
        self.foreign.retain(|address, _| !known.contains(address));
        for address in cluster
            .config
            .addresses
            .iter()
            .filter(|address| !known.contains(address))
        {
            let (cluster, address) = (Arc::clone(cluster), address.clone());
            self.probes.spawn(async move {
                let probe = Connection::open(&address, &cluster.config, cluster.client_uuid).await;
                (address, probe)
            });
        }
        view::set_foreign(cluster, &self.foreign);
    }

    fn probed(&mut self, cluster: &Cluster, address: String, probe: Result<Connection>) {
        match probe {
            Ok(connection) => {
                let found = connection.identity().cluster_id;
                connection.close();
                if cluster.state.borrow().cluster_id == Some(found) {
                    self.foreign.remove(&address);
                } else {
                    self.foreign.insert(address, found);
                }
                view::set_foreign(cluster, &self.foreign);
            }
            // What cannot be reached now stays what it was: silence takes nothing back.
            Err(error) => tracing::debug!(address, %error, "no answer from this address"),
        }
    }
}

/// Connects to a further member of the same cluster.
async fn open(cluster: &Cluster, address: &str) -> Result<Connection> {
    let connection = Connection::open(address, &cluster.config, cluster.client_uuid).await?;
    match view::check(cluster, connection.identity()) {
        Ok(()) => Ok(connection),
        Err(source) => {
            connection.close();
            Err(Kind::Authentication {
                address: address.to_owned(),
                source,
            }
            .into())
        }
    }
}
