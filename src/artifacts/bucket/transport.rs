//! The way to a bucket's server: our own HTTP client, with its limits, below the library. It notes why a
//! server refused or could not be reached; the library's own errors don't tell it apart.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use reqwest::header::DATE;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use thiserror::Error;

use super::super::options::ArtifactOptions;

/// How much of a refusal is read.
const MAX_REFUSAL: usize = 64 * 1024;

/// Where machines of the providers ask for their own credentials.
const METADATA_HOSTS: [&str; 5] = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "metadata",
    "metadata.google.internal",
];

/// How long a connection there may take: on other machines nobody answers.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);

/// The HTTP clients. No redirect is followed: a signed request is for one host.
#[derive(Debug, Clone)]
pub(super) struct Clients {
    buckets: Client,
    /// Link-local services are behind no proxy.
    metadata: Client,
}

impl Clients {
    pub(super) fn new(options: &ArtifactOptions) -> Result<Self, reqwest::Error> {
        let builder = || {
            Client::builder()
                .user_agent(concat!("jetkeeper/", env!("CARGO_PKG_VERSION")))
                .read_timeout(options.stall_timeout)
                .timeout(options.total_timeout)
                .referer(false)
                .redirect(Policy::none())
                .http1_only()
        };
        let buckets = builder().connect_timeout(options.connect_timeout);
        let buckets = if options.system_proxy {
            buckets
        } else {
            buckets.no_proxy()
        };
        let metadata = builder().connect_timeout(METADATA_TIMEOUT).no_proxy();
        Ok(Self {
            buckets: buckets.build()?,
            metadata: metadata.build()?,
        })
    }
}

/// Why the last request was of no use.
#[derive(Debug, Clone, Default)]
pub(super) enum Trouble {
    /// Nothing is known.
    #[default]
    None,
    /// The server refused.
    Refused(Refusal),
    /// The server could not be reached, or went away.
    Lost {
        /// Whether that server gives credentials to its own machines.
        metadata: bool,
        /// The innermost cause, which knows no URL.
        cause: String,
    },
}

/// A server's refusal: what of it is safe to be told.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) status: u16,
    /// The provider's word for it, like `NoSuchKey`.
    pub(super) code: Option<String>,
    /// The region that the bucket is in, where the server says that it is another one.
    pub(super) region: Option<String>,
    /// The server's time.
    pub(super) date: Option<String>,
    /// Whether that server gives credentials to its own machines.
    pub(super) metadata: bool,
}

/// Makes clients for the library, and notes what went wrong with any of them.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    clients: Clients,
    trouble: Arc<Mutex<Trouble>>,
}

impl Transport {
    pub(super) fn new(clients: &Clients) -> Self {
        Self {
            clients: clients.clone(),
            trouble: Arc::default(),
        }
    }

    /// Why the last request was of no use.
    pub(super) fn last_trouble(&self) -> Trouble {
        let trouble = self.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl HttpConnector for Transport {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let plain = options.get_config_value(&ClientConfigKey::AllowHttp);
        Ok(HttpClient::new(Requester {
            transport: self.clone(),
            plain: plain.as_deref() == Some("true"),
        }))
    }
}

/// A request over http where credentials could be overheard.
#[derive(Debug, Error)]
#[error("it would be asked over http, where others could listen; write an https endpoint")]
struct Overheard;

#[derive(Debug)]
struct Requester {
    transport: Transport,
    /// Whether http is as good as https.
    plain: bool,
}

#[async_trait]
impl HttpService for Requester {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let url: Option<Url> = request.uri().to_string().parse().ok();
        let host = url
            .as_ref()
            .and_then(Url::host_str)
            .unwrap_or_default()
            .to_owned();
        let is_plain = url.as_ref().is_none_or(|url| url.scheme() != "https");
        let metadata = METADATA_HOSTS.contains(&&*host);
        let note = |trouble: Trouble| {
            let noted = self.transport.trouble.lock();
            *noted.unwrap_or_else(PoisonError::into_inner) = trouble;
        };
        if is_plain && !self.plain && !metadata && !is_this_machine(&host) {
            let cause = Overheard.to_string();
            note(Trouble::Lost { metadata, cause });
            return Err(HttpError::new(HttpErrorKind::Unknown, Overheard));
        }
        let clients = &self.transport.clients;
        let client = if metadata {
            &clients.metadata
        } else {
            &clients.buckets
        };
        let response = HttpService::call(client, request).await;
        let response = response.inspect_err(|error| {
            let cause = innermost(error);
            note(Trouble::Lost { metadata, cause });
        })?;
        if response.status().is_success() || response.status().as_u16() == 304 {
            note(Trouble::None);
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let body = beginning(body).await;
        let header = |name: &str| {
            let value = parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok());
            value.and_then(word)
        };
        let text = String::from_utf8_lossy(&body);
        let date = parts.headers.get(DATE).and_then(|date| date.to_str().ok());
        note(Trouble::Refused(Refusal {
            status: parts.status.as_u16(),
            code: header("x-ms-error-code").or_else(|| element(&text, "Code")),
            region: header("x-amz-bucket-region").or_else(|| element(&text, "Region")),
            date: date.map(str::to_owned),
            metadata,
        }));
        Ok(HttpResponse::from_parts(parts, body.into()))
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// As much of a refusal as is looked at, or has come.
async fn beginning(body: HttpResponseBody) -> Bytes {
    let mut pieces = body.bytes_stream();
    let mut beginning = Vec::new();
    while let Ok(Some(piece)) = pieces.try_next().await {
        let room = MAX_REFUSAL - beginning.len();
        beginning.extend(piece.iter().take(room));
        if piece.len() >= room {
            break;
        }
    }
    beginning.into()
}

/// The text of the first element of this name.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, after) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = after.split_once(&format!("</{name}>"))?;
    word(text)
}

/// The text, where it is one word: servers may repeat what they were sent in others.
fn word(text: &str) -> Option<String> {
    let usable = |it: char| it.is_ascii_alphanumeric() || it == '-';
    let fits = !text.is_empty() && text.len() <= 64 && text.chars().all(usable);
    fits.then(|| text.to_owned())
}

/// The cause behind an error of the HTTP client, where there is one among the causes of this error.
pub(super) fn lost(error: &object_store::Error) -> Option<String> {
    let mut cause: &dyn std::error::Error = error;
    while !cause.is::<HttpError>() {
        cause = cause.source()?;
    }
    Some(innermost(cause))
}

/// The cause behind an error; those in front may tell the URL.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_refusal_only_words_are_told() {
        let xml = "<?xml?><Error><Code>NoSuchKey</Code><Message>no hush</Message></Error>";
        assert_eq!(element(xml, "Code").as_deref(), Some("NoSuchKey"));
        assert_eq!(element(xml, "Message"), None);
        assert_eq!(element(xml, "Region"), None);
        assert_eq!(element("<Code>x", "Code"), None);
        assert_eq!(word(&"x".repeat(65)), None);
    }

    #[test]
    fn this_machine_is_told_from_others() {
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["localhost.example.com", "10.0.0.1", ""] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
