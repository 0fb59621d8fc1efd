//! HTTP for monitoring, on an address of the configuration: is it alive, is it ready, and numbers.
//!
//! ```text
//! GET /healthz   200 as long as the engine's loop turns
//! GET /readyz    200 once the first pass was made, all sources were read once and all clusters answer; names what isn't so
//! GET /metrics   OpenMetrics
//! ```
//!
//! It only tells, and tells no secret; but it tells names and reasons, so it is for loopback unless the
//! configuration says otherwise, and not for pages of other sites that a browser of this machine shows.

use std::fmt::Write;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::guarded::{Guarded, LONGEST_REQUEST, accept};
use super::metrics;
use crate::engine::{Handle, Published};

const MOST_CONNECTIONS: usize = 16;

/// How long the engine's loop may take to turn before it counts as hanging: a pass takes far less.
const LONGEST_TURN: Duration = Duration::from_secs(10);

/// Why nobody can ask.
#[derive(Debug, thiserror::Error)]
#[error(
    "failed to listen for {what} on {address}; `{what}.listen` or --{what}-listen names another"
)]
pub struct HttpError {
    what: &'static str,
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// A listening address.
#[derive(Debug)]
pub struct HttpSocket {
    listener: TcpListener,
    address: SocketAddr,
    connections: Arc<Semaphore>,
    longest_request: Duration,
}

impl HttpSocket {
    /// Listens on an address for monitoring; port 0 is any that is free.
    pub async fn bind(address: SocketAddr) -> Result<Self, HttpError> {
        Self::bind_for("http", address, MOST_CONNECTIONS, LONGEST_REQUEST).await
    }

    /// Listens on an address for what a key of the configuration is about, within these limits.
    pub(super) async fn bind_for(
        what: &'static str,
        address: SocketAddr,
        most_connections: usize,
        longest_request: Duration,
    ) -> Result<Self, HttpError> {
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = bound.await.map_err(|source| HttpError {
            what,
            address,
            source,
        })?;
        Ok(Self {
            listener,
            address,
            connections: Arc::new(Semaphore::new(most_connections)),
            longest_request,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Listener for HttpSocket {
    type Io = Guarded<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let limit = self.longest_request;
        accept(&self.connections, limit, "for HTTP", |context| {
            self.listener.poll_accept(context)
        })
        .await
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}

/// What every route has at hand.
#[derive(Clone)]
struct Shared {
    handle: Handle,
    registry: Arc<Registry>,
}

/// Answers until `stop`.
pub async fn serve_http(
    socket: HttpSocket,
    handle: Handle,
    stop: CancellationToken,
) -> io::Result<()> {
    let is_loopback = socket.address.ip().is_loopback();
    let registry = Arc::new(metrics::registry(&handle));
    let routes = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(numbers))
        .fallback(no_such_route)
        .layer(middleware::from_fn(move |request, next| {
            guard(is_loopback, request, next)
        }))
        .with_state(Shared { handle, registry });
    axum::serve(socket, routes)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

async fn no_such_route() -> Response {
    let words = "there are /healthz, /readyz and /metrics\n";
    (StatusCode::NOT_FOUND, words).into_response()
}

/// One request a connection, so that idle ones don't keep others out; and on loopback only requests that
/// were meant for it: a page whose name was made to lead here asks under its own name.
async fn guard(is_loopback: bool, request: Request, next: Next) -> Response {
    let mut response = if is_loopback && !names_this_machine(request.headers()) {
        let words = "ask for localhost, or for an address\n";
        (StatusCode::FORBIDDEN, words).into_response()
    } else {
        next.run(request).await
    };
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else {
        return true;
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    let is_port = |port: &str| port.chars().all(|c| c.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

async fn healthz(State(shared): State<Shared>) -> Response {
    let turn = shared.handle.pulse.turn();
    if tokio::time::timeout(LONGEST_TURN, turn).await.is_ok() {
        return "ok\n".into_response();
    }
    let age = shared.handle.pulse.age().as_secs();
    let words = format!("the engine's loop has not turned for {age} s\n");
    (StatusCode::SERVICE_UNAVAILABLE, words).into_response()
}

async fn readyz(State(shared): State<Shared>) -> Response {
    let published = shared.handle.published.borrow().clone();
    let missing = missing(&published);
    if missing.is_empty() {
        return format!("ready\n{}", notes(&published)).into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, missing).into_response()
}

/// What isn't ready, a line each.
fn missing(published: &Published) -> String {
    if published.at.is_none() {
        return "the first pass was not made yet\n".to_owned();
    }
    let mut lines = String::new();
    for (name, source) in &published.sources {
        if !source.present {
            let why = source.trouble.as_deref();
            let why = why.unwrap_or("it is not there, or has no document");
            // Writing to a string can't fail.
            writeln!(lines, "source {name}: nothing of it is in force: {why}").ok();
        }
    }
    for (name, cluster) in &published.hazelcasts {
        let status = &cluster.status;
        if status.phase != "Connected" {
            let why = status.message.as_deref().unwrap_or("not connected yet");
            writeln!(lines, "cluster {name}: {}: {why}", status.phase).ok();
        }
    }
    lines
}

/// What is ready and not as it should be. A source that is away now takes nothing from the jobs: what it
/// showed last is in force, and another daemon could do no more.
fn notes(published: &Published) -> String {
    let mut lines = String::new();
    for (name, source) in &published.sources {
        if let Some(trouble) = &source.trouble {
            writeln!(lines, "source {name}: may not be the latest: {trouble}").ok();
        }
    }
    lines
}

async fn numbers(State(shared): State<Shared>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &shared.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            let words = format!("failed to write the numbers: {error}\n");
            (StatusCode::INTERNAL_SERVER_ERROR, words).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::{mpsc, watch};

    use super::*;
    use crate::engine::ProgressBoard;
    use crate::engine::published::SourceReport;
    use crate::resources::SourceName;
    use crate::store::MemoryStore;

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_does_not_turn_is_not_alive() {
        let handle = Handle::new(
            watch::channel(Arc::default()).1,
            Arc::new(MemoryStore::new("test").unwrap()),
            mpsc::channel(1).0,
            mpsc::channel(1).0,
            ProgressBoard::default(),
        );
        let registry = Arc::new(metrics::registry(&handle));
        let answer = healthz(State(Shared { handle, registry })).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    #[test]
    fn a_source_that_is_away_is_a_note_and_one_that_never_was_there_is_missing() {
        let mut published = Published {
            at: Some(jiff::Timestamp::UNIX_EPOCH),
            ..Published::default()
        };
        let name = SourceName("jobs".to_owned());
        let mut report = SourceReport {
            revision: "abc".to_owned(),
            present: true,
            trouble: Some("its host is away".to_owned()),
            errors: 0,
            seen_at: None,
        };
        published.sources.insert(name.clone(), report.clone());
        assert_eq!(missing(&published), "");
        let note = "source jobs: may not be the latest: its host is away\n";
        assert_eq!(notes(&published), note);
        report.present = false;
        published.sources.insert(name, report);
        let line = "source jobs: nothing of it is in force: its host is away\n";
        assert_eq!(missing(&published), line);
    }

    #[test]
    fn only_requests_that_name_this_machine_are_meant_for_it() {
        let names = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            names_this_machine(&headers)
        };
        for host in [
            "localhost:7717",
            "127.0.0.1:7717",
            "[::1]:7717",
            "127.0.0.1",
            "LOCALHOST",
        ] {
            assert!(names(host), "{host}");
        }
        for host in [
            "example.com:7717",
            "localhost.example.com",
            "example.com",
            "",
        ] {
            assert!(!names(host), "{host}");
        }
        assert!(names_this_machine(&HeaderMap::new()), "HTTP/1.0");
    }
}
