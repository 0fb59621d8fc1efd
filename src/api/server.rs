//! Serves the routes on a socket, within limits.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::error::ApiError;
use super::peer::Peer;
use super::socket::Socket;
use super::{ask, read};
use crate::clock::Clock;
use crate::engine::published::{HazelcastResource, SnapshotResource};
use crate::engine::{Handle, JobResource, Published};

/// How much one daemon does for its readers at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests being answered.
    pub requests: usize,
    /// Streams.
    pub watches: usize,
    /// Bytes of a request's body.
    pub body: usize,
    /// How long an answer may take.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: 16,
            watches: 32,
            body: 64 * 1024,
            timeout: Duration::from_secs(30),
        }
    }
}

/// What every route has at hand.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) handle: Handle,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stop: CancellationToken,
    requests: Arc<Semaphore>,
    watches: Arc<Semaphore>,
    timeout: Duration,
}

impl Shared {
    /// The latest pass.
    pub(super) fn latest(&self) -> Arc<Published> {
        Arc::clone(&self.handle.published.borrow())
    }

    /// Leave for one more stream.
    pub(super) fn watch_permit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let permit = Arc::clone(&self.watches).try_acquire_owned();
        permit.map_err(|_| ApiError::busy("too many streams are open"))
    }
}

/// Serves until `stop`; then ends the streams, answers what was asked, and removes the socket.
pub async fn serve(
    socket: Socket,
    handle: Handle,
    clock: Arc<dyn Clock>,
    limits: Limits,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let shared = Shared {
        handle,
        clock,
        stop: stop.clone(),
        requests: Arc::new(Semaphore::new(limits.requests)),
        watches: Arc::new(Semaphore::new(limits.watches)),
        timeout: limits.timeout,
    };
    let routes = routes(shared, limits).into_make_service_with_connect_info::<Peer>();
    axum::serve(socket, routes)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

fn routes(shared: Shared, limits: Limits) -> Router {
    Router::new()
        .route("/v1/jobs", get(read::list::<JobResource>))
        .route("/v1/jobs/{name}", get(read::one::<JobResource>))
        .route("/v1/hazelcast", get(read::list::<HazelcastResource>))
        .route("/v1/hazelcast/{name}", get(read::one::<HazelcastResource>))
        .route(
            "/v1/snapshots",
            get(read::list::<SnapshotResource>).post(ask::snapshot),
        )
        .route("/v1/progress", get(read::progress))
        .route("/v1/snapshots/withdraw", post(ask::withdraw))
        .route("/v1/snapshots/{name}", get(read::one::<SnapshotResource>))
        .route("/v1/holds", get(read::holds))
        .route("/v1/plan", get(read::plan))
        .route("/v1/events", get(read::events))
        .route("/v1/history", get(read::history))
        .route("/v1/recorded", get(read::recorded))
        .route("/v1/reconcile", post(ask::reconcile))
        .route("/v1/pause", post(ask::pause))
        .route("/v1/unpause", post(ask::unpause))
        .route("/v1/confirm", post(ask::confirm))
        .route("/v1/adopt", post(ask::adopt))
        .fallback(no_such_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(limits.body))
        .layer(middleware::from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

async fn no_such_route(request: Request) -> ApiError {
    ApiError::not_found(format!("there is no {}", request.uri().path()))
}

async fn wrong_method(request: Request) -> ApiError {
    let (method, path) = (request.method(), request.uri().path());
    ApiError::invalid(format!("{path} can't be asked for with {method}"))
}

/// Bounds how many requests are answered at once, and for how long.
async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let Ok(_permit) = Arc::clone(&shared.requests).try_acquire_owned() else {
        let error = ApiError::busy("too many requests are being answered");
        return error.hint("try again in a moment").into_response();
    };
    match tokio::time::timeout(shared.timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::timeout(format!(
            "there was no answer within {} s",
            shared.timeout.as_secs()
        ))
        .hint("what was asked for may still be done; `jetkeeper events` shows it")
        .into_response(),
    }
}
