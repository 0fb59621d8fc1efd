//! Keeps connections open for as long as the client lives.
//!
//! One connection, the *lead*, carries the cluster view; when it ends another takes over, and when
//! none is left the search for a member starts again, with growing pauses. Connections to further
//! members are opened on the side and are worth having, never needed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::backoff::Backoff;
use super::sides::Sides;
use super::{Cluster, candidates, view};
use crate::hazelcast::codec::client::add_cluster_view_listener::{
    AddClusterViewListener, decode_event,
};
use crate::hazelcast::config::deadline_after;
use crate::hazelcast::connection::Connection;
use crate::hazelcast::connection::events::{EventReceiver, QueuedEvent, queue};
use crate::hazelcast::error::{Error, Kind, Result};

/// What is waited for before the first view of the members has come.
const FIRST_VIEW: &str = "the first view of the cluster";

/// Runs until the client is shut down.
pub(crate) async fn run(cluster: Arc<Cluster>) {
    let shutdown = cluster.shutdown.clone();
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = keep(&cluster) => {}
    }
    cluster.roster.clear();
    view::disconnected(&cluster, Kind::Shutdown.into());
}

async fn keep(cluster: &Arc<Cluster>) {
    let mut backoff = Backoff::new(
        cluster.config.reconnect_initial,
        cluster.config.reconnect_max,
    );
    loop {
        let error = match candidates::connect_any(cluster).await {
            Ok(lead) => session(cluster, lead, &mut backoff).await,
            Err(error) => error,
        };
        tracing::debug!(%error, "no member reachable");
        view::disconnected(cluster, error);
        cluster.roster.clear();
        sleep(backoff.pause()).await;
    }
}

/// Stays with one cluster while there is a connection to any of its members; returns why there is
/// none any more.
async fn session(cluster: &Arc<Cluster>, first: Connection, backoff: &mut Backoff) -> Error {
    view::enter(cluster, first.identity());
    cluster.roster.add(first.clone());
    let mut sides = Sides::new();
    let mut lead = first;
    loop {
        let error = match follow(cluster, &lead, &mut sides, backoff).await {
            Ok(never) => match never {},
            Err(error) => error,
        };
        lead.close();
        cluster.roster.remove_closed();
        match cluster.roster.all().into_iter().find(Connection::is_open) {
            Some(next) => lead = next,
            None => return error,
        }
    }
}

/// Follows the cluster view that `lead` tells, until that connection ends.
async fn follow(
    cluster: &Arc<Cluster>,
    lead: &Connection,
    sides: &mut Sides,
    backoff: &mut Backoff,
) -> Result<Infallible> {
    let mut events = subscribe(cluster, lead).await?;
    let mut first_view = Some(cluster.config.connect_timeout);
    loop {
        tokio::select! {
            event = next_event(&mut events, first_view) => match event? {
                Some(QueuedEvent::Message(message)) => {
                    let event = decode_event(&message).map_err(|source| {
                        Kind::Decode { call: "the cluster view", source }
                    })?;
                    if view::apply(cluster, event) {
                        first_view = None;
                        view::connected(cluster);
                        backoff.reset();
                        sides.wake();
                    }
                }
                Some(QueuedEvent::Lagged(_)) => events = subscribe(cluster, lead).await?,
                None => return Err(lead.closed().await),
            },
            () = sides.tend(cluster) => {}
        }
    }
}

async fn subscribe(cluster: &Cluster, lead: &Connection) -> Result<EventReceiver> {
    let (sender, receiver) = queue(cluster.config.event_queue);
    let deadline = deadline_after(cluster.config.connect_timeout);
    lead.listen(&AddClusterViewListener, sender, deadline)
        .await?;
    Ok(receiver)
}

/// The next event. The first view of the members must come in time, because without it a member is
/// of no use.
async fn next_event(
    events: &mut EventReceiver,
    limit: Option<Duration>,
) -> Result<Option<QueuedEvent>> {
    let Some(after) = limit else {
        return Ok(events.next().await);
    };
    timeout(after, events.next()).await.map_err(|_| {
        Kind::Deadline {
            call: FIRST_VIEW,
            after,
            sent: true,
        }
        .into()
    })
}
