//! Makes a call on some connection, and makes it again where that is safe.
//!
//! Reads are repeated after a lost connection and after errors members call retryable, like the
//! Java client does. Everything else is sent at most once: it is repeated only if not one byte of
//! it left this process.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::cluster::Cluster;
use super::cluster::roster::Target;
use super::codec::Request;
use super::config::deadline_after;
use super::connection::Connection;
use super::error::{Error, Kind, Result};
use super::state::Link;

/// First pause before a call is repeated; doubles up to [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// Longest pause before a call is repeated.
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Makes a call to whichever member `target` says, within `timeout` all in all. The request is made
/// for the connection it goes to: partition ids depend on the cluster behind it.
pub(crate) async fn invoke<R: Request>(
    cluster: &Cluster,
    target: Target<'_>,
    timeout: Duration,
    request: impl Fn(&Connection) -> R,
) -> Result<R::Response> {
    let deadline = deadline_after(timeout);
    let mut pause = FIRST_PAUSE;
    loop {
        let connection = connection(cluster, R::NAME, target, deadline).await?;
        let error = match connection.call(&request(&connection), deadline).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        if !may_repeat(&error, R::READ_ONLY) || Instant::now() + pause >= deadline {
            return Err(error);
        }
        tracing::debug!(call = R::NAME, %error, "call is repeated");
        sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// A connection, waited for until the deadline.
pub(crate) async fn connection(
    cluster: &Cluster,
    call: &'static str,
    target: Target<'_>,
    deadline: Instant,
) -> Result<Connection> {
    let begun = Instant::now();
    let mut state = cluster.state.subscribe();
    loop {
        if cluster.shutdown.is_cancelled() {
            return Err(Kind::Shutdown.into());
        }
        let connected = state.borrow_and_update().is_connected();
        if let Some(connection) = connected.then(|| cluster.roster.pick(target)).flatten() {
            return Ok(connection);
        }
        // A connection may have just ended without the state saying so yet: look again soon.
        let look_again = Instant::now() + LAST_PAUSE;
        let changed = timeout_at(look_again.min(deadline), state.changed()).await;
        if changed.is_err() && Instant::now() >= deadline {
            return Err(not_connected(cluster, call, begun.elapsed()));
        }
    }
}

fn not_connected(cluster: &Cluster, call: &'static str, after: Duration) -> Error {
    let source = match &cluster.state.borrow().link {
        Link::Connecting { last_error } => last_error.clone(),
        Link::Connected => None,
    };
    let cluster_name = cluster.config.cluster_name.clone();
    Kind::NotConnected {
        call,
        cluster_name,
        after,
        source,
    }
    .into()
}

fn may_repeat(error: &Error, read_only: bool) -> bool {
    match error.kind() {
        Kind::ConnectionLost { sent, .. } => read_only || !sent,
        Kind::Overloaded { .. } => true,
        Kind::Server { source, .. } => read_only && source.is_retryable(),
        _ => false,
    }
}
