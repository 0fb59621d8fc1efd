//! Finding a first member: configured addresses and members known from before are tried together,
//! each a little after the one before it, and the first that accepts the client wins. A member of the
//! cluster known from before goes before one of another cluster, even if that one answers earlier.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::Cluster;
use crate::hazelcast::connection::Connection;
use crate::hazelcast::error::{Error, Kind, Result};

/// Head start of each address over the next.
const STAGGER: Duration = Duration::from_millis(200);

/// Addresses to try: the configured ones in their order, then members known from before.
pub(super) fn addresses(cluster: &Cluster) -> Vec<String> {
    let mut addresses = cluster.config.addresses.clone();
    for member in &cluster.state.borrow().members {
        if !addresses.contains(&member.address) {
            addresses.push(member.address.clone());
        }
    }
    addresses
}

/// One round over all addresses. The error is the most telling one.
pub(super) async fn connect_any(cluster: &Cluster) -> Result<Connection> {
    let addresses = addresses(cluster);
    let mut attempts: FuturesUnordered<_> = addresses
        .iter()
        .zip(0u32..)
        .map(|(address, place)| async move {
            tokio::time::sleep(STAGGER.saturating_mul(place)).await;
            Connection::open(address, &cluster.config, cluster.client_uuid).await
        })
        .collect();
    let known = cluster.state.borrow().cluster_id;
    let mut stranger = None;
    let mut failure: Option<Error> = None;
    while let Some(attempt) = attempts.next().await {
        match attempt {
            Ok(connection)
                if known.is_none_or(|known| known == connection.identity().cluster_id) =>
            {
                return Ok(connection);
            }
            Ok(connection) => {
                stranger.get_or_insert(connection);
            }
            Err(error) => {
                if failure
                    .as_ref()
                    .is_none_or(|before| weight(&error) > weight(before))
                {
                    failure = Some(error);
                }
            }
        }
    }
    if let Some(connection) = stranger {
        return Ok(connection);
    }
    Err(failure.unwrap_or_else(|| {
        Kind::InvalidArgument("no address to connect to is configured".to_owned()).into()
    }))
}

/// How much an error tells: a refusal more than an unreachable address.
fn weight(error: &Error) -> u8 {
    match error.kind() {
        Kind::Authentication { .. } | Kind::Tls { .. } | Kind::Credentials { .. } => 3,
        Kind::Server { .. } => 2,
        Kind::Connect { .. } => 0,
        _ => 1,
    }
}
