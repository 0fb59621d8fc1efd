//! Webhooks: who hosts a repository says that there is something new.
//!
//! ```text
//! POST /hooks/SOURCE   202 the source is looked at soon     401 it proves nothing     413 too large
//!                      404 no such webhook                   408 too slow              429 too often
//! ```
//!
//! A call wakes the fetch of the one source that it is for, and does nothing else: its body is read for the
//! proof alone, so that a forged or odd one, or one that is sent again, can't do more than a fetch, and the source
//! decides how soon it fetches. Every source has a secret of its own, which is read anew for each call. What is
//! answered and logged has none of it. All is bounded: the size of a body, how long a call takes, how many there
//! are at once, and how often one source is called.

mod bucket;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::StreamExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::bucket::Bucket;
use super::http::{HttpError, HttpSocket};
use crate::secrets::{SecretString, Secrets};
use crate::source::Source;
use crate::source::git::webhook::{Unproven, WebhookHost};
use crate::telemetry::Meters;

/// The largest body that is read.
const MAX_BODY: usize = 1024 * 1024;
/// Calls at once; together with the largest body this bounds the memory.
const MOST_CONNECTIONS: usize = 32;
/// How long a call may take from its headers to its answer. Hosts give up after 10 s.
const LONGEST_CALL: Duration = Duration::from_secs(10);
/// How long a connection may take to be through with a call: who sends no headers is not waited for longer.
const LONGEST_CONNECTION: Duration = Duration::from_secs(15);
/// The key of a webhook's secret.
const SECRET_KEY: &str = "token";
/// How soon who called too often may call again, in seconds.
const RETRY_AFTER: &str = "5";

/// The webhook of a source.
pub struct Hook {
    source: Arc<dyn Source>,
    host: WebhookHost,
    secret_name: String,
    bucket: Bucket,
    /// Whether the last call was refused: only the first of many is worth a line.
    refused: AtomicBool,
}

/// How the metric calls calls that were taken.
const TAKEN: &str = "taken";

/// The webhooks, by the names of their sources. They are others after a reload.
pub type Hooks = BTreeMap<String, Arc<Hook>>;

impl Hook {
    /// The webhook that wakes this source, whose callers prove that they know this secret.
    pub fn new(source: Arc<dyn Source>, host: WebhookHost, secret_name: String) -> Self {
        Self {
            source,
            host,
            secret_name,
            bucket: Bucket::full(),
            refused: AtomicBool::new(false),
        }
    }

    /// How its calls are answered, as metrics call that.
    pub fn answers() -> impl Iterator<Item = &'static str> {
        // A call that finds no hook is no hook's.
        let refusals = Refusal::OF_HOOKS.iter().map(|refusal| refusal.label());
        std::iter::once(TAKEN).chain(refusals)
    }

    /// Logs a refusal: the first one after a call that was taken, the others only for who looks closely.
    fn tell(&self, why: &str) {
        let name = self.source.name();
        if self.refused.swap(true, Ordering::Relaxed) {
            tracing::debug!(source = %name, "a call of its webhook was refused: {why}");
        } else {
            tracing::warn!(
                source = %name,
                "a call of its webhook was refused: {why}; further ones are counted, and logged at debug"
            );
        }
    }
}

/// An address that listens for calls.
#[derive(Debug)]
pub struct WebhookSocket(HttpSocket);

impl WebhookSocket {
    /// Listens on an address; port 0 is any that is free.
    pub async fn bind(address: SocketAddr) -> Result<Self, HttpError> {
        let most = MOST_CONNECTIONS;
        let socket = HttpSocket::bind_for("webhooks", address, most, LONGEST_CONNECTION);
        Ok(Self(socket.await?))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

/// What every call has at hand.
#[derive(Clone)]
struct Shared {
    hooks: watch::Receiver<Arc<Hooks>>,
    secrets: Arc<dyn Secrets>,
    meters: Meters,
}

/// Takes calls until `stop`.
pub async fn serve_webhooks(
    socket: WebhookSocket,
    hooks: watch::Receiver<Arc<Hooks>>,
    secrets: Arc<dyn Secrets>,
    meters: Meters,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let shared = Shared {
        hooks,
        secrets,
        meters,
    };
    axum::serve(socket.0, routes(shared))
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/hooks/{source}", post(called))
        .fallback(async || Refusal::NotFound)
        .method_not_allowed_fallback(async || StatusCode::METHOD_NOT_ALLOWED)
        .layer(middleware::map_response(closed))
        .with_state(shared)
}

/// Why a call does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// No source of that name has a webhook.
    NotFound,
    /// It doesn't prove where it comes from.
    Unproven,
    /// Its body is larger than any that is read.
    TooLarge,
    /// Its body did not come in time.
    TooSlow,
    /// Its body can't be read.
    Unreadable,
    /// The source is called too often.
    TooOften,
    /// Nothing can be proven: the secret isn't there.
    NoSecret,
}

impl Refusal {
    const OF_HOOKS: [Self; 6] = [
        Self::Unproven,
        Self::TooLarge,
        Self::TooSlow,
        Self::Unreadable,
        Self::TooOften,
        Self::NoSecret,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::NotFound => "not found",
            Self::Unproven => "unproven",
            Self::TooLarge => "too large",
            Self::TooSlow => "too slow",
            Self::Unreadable => "unreadable",
            Self::TooOften => "too often",
            Self::NoSecret => "no secret",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Unproven => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::TooOften => StatusCode::TOO_MANY_REQUESTS,
            Self::NoSecret => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let words = format!("{}\n", self.label());
        let mut response = (self.status(), words).into_response();
        if self == Self::TooOften {
            let after = HeaderValue::from_static(RETRY_AFTER);
            response.headers_mut().insert(header::RETRY_AFTER, after);
        }
        response
    }
}

/// One call a connection, so that idle ones don't keep others out.
async fn closed(mut response: Response) -> Response {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

async fn called(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let hook = shared.hooks.borrow().get(&name).cloned();
    match hook {
        // Names that nobody configured are no labels of a metric: there is no end of them.
        None => Refusal::NotFound.into_response(),
        Some(hook) => take(&shared, &name, &hook, request).await,
    }
}

async fn take(shared: &Shared, name: &str, hook: &Hook, request: Request) -> Response {
    let judged = tokio::time::timeout(LONGEST_CALL, judge(shared, hook, request)).await;
    let judged = judged.unwrap_or(Err((
        Refusal::TooSlow,
        "its body did not come in time".to_owned(),
    )));
    match judged {
        Ok(()) => {
            hook.source.wake();
            hook.refused.store(false, Ordering::Relaxed);
            tracing::debug!(source = %name, "its webhook was called");
            shared.meters.called(name, TAKEN);
            (StatusCode::ACCEPTED, "it is looked at soon\n").into_response()
        }
        Err((refusal, why)) => {
            hook.tell(&why);
            shared.meters.called(name, refusal.label());
            refusal.into_response()
        }
    }
}

/// Whether a call proves that it comes from whom it should; why not, for the caller and for the log.
async fn judge(shared: &Shared, hook: &Hook, request: Request) -> Result<(), (Refusal, String)> {
    if !hook.bucket.take() {
        return Err((Refusal::TooOften, "it is called too often".to_owned()));
    }
    let unproven = |error: Unproven| (Refusal::Unproven, error.to_string());
    let proof = hook
        .host
        .value(values(request.headers(), hook.host.header()));
    let proof = proof.map_err(unproven)?.to_owned();
    // Before the body: without it there is nothing to read that for.
    let secret = secret(shared, hook).await?;
    let body = body(request).await?;
    hook.host.prove(&proof, &body, &secret).map_err(unproven)
}

fn values<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    let values = headers.get_all(HeaderName::from_static(name));
    values.into_iter().map(HeaderValue::as_bytes)
}

async fn secret(shared: &Shared, hook: &Hook) -> Result<SecretString, (Refusal, String)> {
    let read = shared.secrets.get(&hook.secret_name, SECRET_KEY).await;
    let secret = read.map_err(|error| (Refusal::NoSecret, error.to_string()))?;
    if secret.expose().is_empty() {
        // Anybody could sign with it.
        let why = format!(
            "the key `{SECRET_KEY}` of the secret `{}` is empty",
            hook.secret_name
        );
        return Err((Refusal::NoSecret, why));
    }
    Ok(secret)
}

async fn body(request: Request) -> Result<Vec<u8>, (Refusal, String)> {
    let too_large = || {
        let why = format!("its body has more than {MAX_BODY} bytes");
        (Refusal::TooLarge, why)
    };
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|it| it.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    // No more is set aside than came: what is announced may never come.
    let mut body = Vec::new();
    let mut chunks = request.into_body().into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            let why = format!("its body can't be read: {error}");
            (Refusal::Unreadable, why)
        })?;
        if body.len() + chunk.len() > MAX_BODY {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests;
