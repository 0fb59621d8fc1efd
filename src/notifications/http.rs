//! Posts over HTTP. Nothing is followed and little is read: a receiver is no place to be led from.

use std::error::Error as StdError;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response, Url};
use tokio::sync::OnceCell;

use super::port::{Post, PostError, Reply, Request};
use crate::secrets::redacted;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the whole may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How much of an answer is read.
const MAX_ANSWER: usize = 4 * 1024;
/// How much of it is told.
const MAX_TOLD: usize = 300;

/// Posts of one receiver.
#[derive(Debug, Default)]
pub struct HttpPost {
    /// Made when it is first needed: without system certificates it can't be made, which must not
    /// matter where nobody is told anything.
    client: OnceCell<Client>,
}

#[async_trait]
impl Post for HttpPost {
    async fn post(&self, request: Request) -> Result<Reply, PostError> {
        let url = Url::parse(request.url.expose()).ok().filter(may_be_told);
        let Some(url) = url else {
            let words = "its URL can't be used: write https://…, or http://… to this machine";
            return Err(PostError::Unusable(words.to_owned()));
        };
        let make = || client(request.ca_file.as_deref());
        let client = self.client.get_or_try_init(make).await?;
        let mut builder = client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(request.body.clone());
        for (name, value) in &request.headers {
            let Ok(mut header) = HeaderValue::try_from(value.expose()) else {
                let words = format!("a secret can't be sent in the header {name}");
                return Err(PostError::Unusable(words));
            };
            header.set_sensitive(true);
            builder = builder.header(*name, header);
        }
        let response = builder.send().await.map_err(|error| no_answer(&error))?;
        Ok(read(response, &request).await)
    }
}

async fn client(ca_file: Option<&Path>) -> Result<Client, PostError> {
    let mut builder = Client::builder()
        .user_agent(concat!("jetkeeper/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .referer(false)
        .redirect(Policy::none());
    if let Some(path) = ca_file {
        let unusable = |why: String| {
            let path = path.display();
            PostError::Unusable(format!("the authorities in {path} can't be used: {why}"))
        };
        let pem = tokio::fs::read(path).await;
        let pem = pem.map_err(|error| unusable(error.to_string()))?;
        let certificates = Certificate::from_pem_bundle(&pem);
        let certificates = certificates.map_err(|error| unusable(innermost(&error)))?;
        builder = builder.tls_certs_only(certificates);
    }
    let made = builder.build();
    made.map_err(|error| PostError::Unusable(format!("no HTTP client: {}", innermost(&error))))
}

/// Whether secrets may be sent there: nobody may read them on the way.
fn may_be_told(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match url.scheme() {
        "https" => !host.is_empty(),
        "http" => matches!(host, "localhost" | "127.0.0.1" | "[::1]"),
        _ => false,
    }
}

/// Reads how an answer begins. What can't be read of it doesn't matter: its status says it all.
async fn read(mut response: Response, request: &Request) -> Reply {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
    let mut bytes = Vec::new();
    while bytes.len() < MAX_ANSWER
        && let Ok(Some(piece)) = response.chunk().await
    {
        bytes.extend_from_slice(&piece);
    }
    bytes.truncate(MAX_ANSWER);
    let mut secrets = vec![request.url.clone()];
    secrets.extend(request.headers.iter().map(|(_, value)| value.clone()));
    let text = redacted(&String::from_utf8_lossy(&bytes), &secrets);
    let told = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    Reply {
        status,
        retry_after: retry_after.map(Duration::from_secs),
        text: told.take(MAX_TOLD).collect(),
    }
}

fn no_answer(error: &reqwest::Error) -> PostError {
    PostError::NoAnswer(if error.is_timeout() {
        "it did not answer in time".to_owned()
    } else {
        innermost(error)
    })
}

/// The cause behind an error of the HTTP client; its own text tells the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: Option<&dyn StdError> = error.source();
    while let Some(next) = cause.and_then(StdError::source) {
        cause = Some(next);
    }
    cause.map_or_else(
        || "it gave no usable answer".to_owned(),
        ToString::to_string,
    )
}
