//! Downloads: a remote jar, streamed into a draft of the cache.
//!
//! Nothing that may be a secret is told: URLs are shown redacted, and of the errors of the HTTP client
//! only the innermost cause, which knows no URL.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode, Url};
use thiserror::Error;
use tokio::sync::{OnceCell, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::cache::{CacheError, Draft, JarCache};
use super::failure::{Failure, Retry};
use super::file::too_large;
use super::options::ArtifactOptions;
use super::url::redact;
use super::validators::Validators;
use crate::plan::jar::JarProblem;
use crate::resources::{JarOrigin, RemoteUrl};
use crate::secrets::Secrets;

/// How many pieces of a download may wait for the disk.
const MAX_WAITING: usize = 16;

/// How far a download is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    bytes: AtomicU64,
    /// One more than the total; zero where it isn't known.
    total: AtomicU64,
}

impl Progress {
    /// The bytes so far, and in all where the server said so.
    pub(super) fn get(&self) -> (u64, Option<u64>) {
        let total = self.total.load(Ordering::Relaxed);
        (self.bytes.load(Ordering::Relaxed), total.checked_sub(1))
    }

    /// Sets how many bytes there are in all.
    pub(super) fn set_total(&self, total: u64) {
        self.total.store(total.saturating_add(1), Ordering::Relaxed);
    }

    /// Adds bytes that have come.
    pub(super) fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Why a redirect is not followed.
#[derive(Debug, Error)]
enum RedirectRefused {
    #[error("more than {0} redirects")]
    TooMany(usize),
    #[error("a redirect to something other than http or https")]
    Scheme,
    #[error("a redirect from https to http")]
    Downgrade,
}

/// What came of a download.
pub(super) enum Fetched {
    /// These bytes, with the server's word about them.
    Bytes(Draft, Validators),
    /// What was known is what there is.
    Unchanged,
}

/// A remote jar: where it is, and the secret whose token its server gets.
#[derive(Clone)]
pub(super) struct Remote {
    url: RemoteUrl,
    secret_name: Option<String>,
}

impl Remote {
    /// Where the jar of an origin is, if it is remote.
    pub(super) fn of(origin: &JarOrigin) -> Option<Self> {
        match origin {
            JarOrigin::Remote { url, secret_name } => Some(Self {
                url: url.clone(),
                secret_name: secret_name.clone(),
            }),
            _ => None,
        }
    }

    /// The URL as it may be shown.
    pub(super) fn shown(&self) -> String {
        redact(self.url.expose())
    }

    /// What the cache remembers its bytes by: what one secret opens is not given to who lacks it.
    pub(super) fn key(&self) -> String {
        match &self.secret_name {
            None => self.url.expose().to_owned(),
            Some(secret) => format!("{}\n{secret}", self.url.expose()),
        }
    }
}

/// What downloads.
pub(super) struct Fetcher {
    options: ArtifactOptions,
    secrets: Arc<dyn Secrets>,
    /// Made when it is first needed: without system certificates it can't be made, which must not
    /// matter where nothing is remote.
    client: OnceCell<Client>,
}

impl Fetcher {
    pub(super) fn new(options: ArtifactOptions, secrets: Arc<dyn Secrets>) -> Self {
        Self {
            options,
            secrets,
            client: OnceCell::new(),
        }
    }

    /// Downloads what the URL gives; unless that is what these validators are of.
    pub(super) async fn fetch(
        &self,
        remote: &Remote,
        known: &Validators,
        cache: &Arc<JarCache>,
        progress: &Progress,
    ) -> Result<Fetched, Failure> {
        let name = remote.shown();
        let parsed = Url::parse(remote.url.expose()).ok().filter(is_http);
        let Some(parsed) = parsed else {
            let message = format!("{name} can't be fetched; write an http or https URL");
            return Err(Failure::new(JarProblem::Unsupported, Retry::Never, message));
        };
        let started = Instant::now();
        let failed = |error: &reqwest::Error| self.failure(&name, error, started);
        let client = self.client().await.map_err(|error| failed(&error))?;
        let mut request = client.get(parsed);
        if let Some(secret) = &remote.secret_name {
            let token = self.token(&name, secret).await?;
            // A redirect to another host or port doesn't take it along: the client sees to that.
            request = request.header(AUTHORIZATION, token);
        }
        for (name, value) in known.conditions() {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(|error| failed(&error))?;
        let conditional = known.conditions().next().is_some();
        if conditional && response.status() == StatusCode::NOT_MODIFIED {
            return Ok(Fetched::Unchanged);
        }
        if response.status() != StatusCode::OK {
            return Err(refusal(&name, response.status()));
        }
        if let Some(total) = response.content_length() {
            if total > self.options.max_jar_size {
                return Err(too_large(&name, self.options.max_jar_size));
            }
            progress.set_total(total);
        }
        let validators = Validators::of(response.headers());
        let draft = self.receive(response, &name, cache, progress, started);
        Ok(Fetched::Bytes(draft.await?, validators))
    }

    /// Streams the body to the disk. At no time more than a few pieces of it are held.
    async fn receive(
        &self,
        mut response: Response,
        name: &str,
        cache: &Arc<JarCache>,
        progress: &Progress,
        started: Instant,
    ) -> Result<Draft, Failure> {
        let (sender, pieces) = mpsc::channel(MAX_WAITING);
        let cache = Arc::clone(cache);
        let writer = spawn_blocking(move || write(&cache, pieces));
        let mut size = 0_u64;
        loop {
            let piece = response.chunk().await;
            let Some(piece) = piece.map_err(|error| self.failure(name, &error, started))? else {
                break;
            };
            let length = piece.len() as u64;
            size += length;
            if size > self.options.max_jar_size {
                return Err(too_large(name, self.options.max_jar_size));
            }
            progress.add(length);
            if sender.send(piece).await.is_err() {
                // The writer has given up, and says why.
                break;
            }
        }
        drop(sender);
        match writer.await {
            Ok(written) => written.map_err(|error| Failure::of_cache(name, &error)),
            Err(_) => Err(Failure::broken_off(name)),
        }
    }

    /// What the header says that shows the token; it is not printed.
    async fn token(&self, name: &str, secret: &str) -> Result<HeaderValue, Failure> {
        let missing = |why: String| {
            let message = format!("{name} needs a token: {why}");
            Failure::new(JarProblem::SecretMissing, Retry::Soon, message)
        };
        let token = self.secrets.get(secret, "token").await;
        let token = token.map_err(|error| missing(error.to_string()))?;
        let header = HeaderValue::try_from(format!("Bearer {}", token.expose()));
        let mut header = header.map_err(|_| {
            missing(format!(
                "the key `token` of the secret `{secret}` is no token"
            ))
        })?;
        header.set_sensitive(true);
        Ok(header)
    }

    async fn client(&self) -> Result<&Client, reqwest::Error> {
        let make = async || {
            let limit = self.options.max_redirects;
            let mut builder = Client::builder();
            if !self.options.system_proxy {
                builder = builder.no_proxy();
            }
            builder
                .user_agent(concat!("jetkeeper/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(self.options.connect_timeout)
                .read_timeout(self.options.stall_timeout)
                .timeout(self.options.total_timeout)
                // The address of the last page may hold a secret.
                .referer(false)
                .redirect(Policy::custom(move |attempt| redirect(attempt, limit)))
                .build()
        };
        self.client.get_or_try_init(make).await
    }

    fn failure(&self, name: &str, error: &reqwest::Error, started: Instant) -> Failure {
        let options = &self.options;
        let cause = if error.is_timeout() {
            if started.elapsed() >= options.total_timeout {
                format!("it took longer than {:?}", options.total_timeout)
            } else if error.is_connect() {
                format!("no connection within {:?}", options.connect_timeout)
            } else {
                format!("nothing came for {:?}", options.stall_timeout)
            }
        } else {
            innermost(error)
        };
        let message = format!("{name} could not be fetched: {cause}");
        Failure::new(JarProblem::FetchFailed, Retry::Soon, message)
    }
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

fn redirect(attempt: Attempt, limit: usize) -> reqwest::redirect::Action {
    let from_https = attempt
        .previous()
        .last()
        .is_some_and(|url| url.scheme() == "https");
    if attempt.previous().len() > limit {
        attempt.error(RedirectRefused::TooMany(limit))
    } else if !is_http(attempt.url()) {
        attempt.error(RedirectRefused::Scheme)
    } else if from_https && attempt.url().scheme() == "http" {
        attempt.error(RedirectRefused::Downgrade)
    } else {
        attempt.follow()
    }
}

/// What the server's answer means, when it isn't the jar.
fn refusal(name: &str, status: StatusCode) -> Failure {
    let (problem, hint) = match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => (
            JarProblem::NotFound,
            "correct `remoteURL`, or put the jar there",
        ),
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::PROXY_AUTHENTICATION_REQUIRED => (
            JarProblem::Denied,
            "see that the URL may be read from this machine, with a token if its server wants one \
             (`remoteSecretName`)",
        ),
        // Other redirects were followed.
        status if status.is_redirection() => (
            JarProblem::FetchFailed,
            "that redirect leads to no http or https URL",
        ),
        _ => (JarProblem::FetchFailed, "it is tried again"),
    };
    let message = format!("{name}: the server answered {status}; {hint}");
    Failure::new(problem, Retry::Soon, message)
}

/// The cause behind an error of the HTTP client; its own text tells the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: Option<&dyn StdError> = error.source();
    while let Some(next) = cause.and_then(StdError::source) {
        cause = Some(next);
    }
    cause.map_or_else(
        || "the server gave no usable answer".to_owned(),
        ToString::to_string,
    )
}

fn write(cache: &JarCache, mut pieces: mpsc::Receiver<Bytes>) -> Result<Draft, CacheError> {
    let mut draft = cache.draft()?;
    while let Some(piece) = pieces.blocking_recv() {
        draft.write(&piece)?;
    }
    Ok(draft)
}
