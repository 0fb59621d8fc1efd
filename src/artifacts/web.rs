//! Jars behind URLs, streamed into a draft of the cache.
//!
//! Nothing that may be a secret is told: URLs are shown redacted, and of the errors of the HTTP client
//! only the innermost cause, which knows no URL.

use std::error::Error as StdError;
use std::sync::Arc;

use futures_util::TryStreamExt;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, StatusCode, Url};
use thiserror::Error;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::cache::JarCache;
use super::failure::{Failure, Retry};
use super::fetch::Fetched;
use super::file::too_large;
use super::options::ArtifactOptions;
use super::progress::Progress;
use super::receive::receive;
use super::url::redact;
use super::validators::Validators;
use crate::plan::jar::JarProblem;
use crate::resources::RemoteUrl;
use crate::secrets::Secrets;

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

/// A jar behind a URL, and the secret whose token its server gets.
#[derive(Clone)]
pub(super) struct UrlJar {
    pub(super) url: RemoteUrl,
    pub(super) secret_name: Option<String>,
}

impl UrlJar {
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

/// What downloads from URLs.
pub(super) struct Web {
    options: ArtifactOptions,
    secrets: Arc<dyn Secrets>,
    /// Made when it is first needed: without system certificates it can't be made, which must not
    /// matter where nothing is remote.
    client: OnceCell<Client>,
}

impl Web {
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
        jar: &UrlJar,
        known: &Validators,
        cache: &Arc<JarCache>,
        progress: &Progress,
    ) -> Result<Fetched, Failure> {
        let name = jar.shown();
        let parsed = Url::parse(jar.url.expose()).ok().filter(is_http);
        let Some(parsed) = parsed else {
            let message = format!("{name} can't be fetched; write an http or https URL");
            return Err(Failure::new(JarProblem::Unsupported, Retry::Never, message));
        };
        let started = Instant::now();
        let failed = |error: &reqwest::Error| self.failure(&name, error, started);
        let client = self.client().await.map_err(|error| failed(&error))?;
        let mut request = client.get(parsed);
        if let Some(secret) = &jar.secret_name {
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
        let pieces = response.bytes_stream().map_err(|error| failed(&error));
        let limit = self.options.max_jar_size;
        let draft = receive(pieces, &name, cache, progress, limit).await?;
        Ok(Fetched::Bytes(draft, validators))
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
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let mut cause: Option<&dyn StdError> = error.source();
    while let Some(next) = cause.and_then(StdError::source) {
        cause = Some(next);
    }
    cause.map_or_else(
        || "the server gave no usable answer".to_owned(),
        ToString::to_string,
    )
}
