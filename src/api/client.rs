//! The client's side of the socket.

use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::lines::Lines;
use super::socket;
use super::wire::{Accepted, List};

/// Longer than the server takes to give up, so that its words arrive.
const ANSWER_WITHIN: Duration = Duration::from_secs(40);
/// Far more than any answer; a bound all the same.
const LARGEST_ANSWER: usize = 1024 * 1024 * 1024;

/// Why the daemon's answer can't be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The socket's path can't be one.
    #[error(transparent)]
    Socket(#[from] socket::SocketError),
    /// Its socket can't be opened.
    #[error("failed to open {path}; the daemon's own user and root may")]
    Open {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It refused.
    #[error(transparent)]
    Refused(ApiError),
    /// The exchange failed.
    #[error("failed to ask the daemon at {path}")]
    Exchange {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// It answered what this program doesn't understand.
    #[error(
        "failed to understand the daemon's answer; is it a jetkeeper of version {}?",
        env!("CARGO_PKG_VERSION")
    )]
    Answer(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A daemon that answers.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    socket: PathBuf,
}

impl Client {
    /// The daemon that keeps a state directory; none where nobody answers.
    pub async fn connect(state: &Path) -> Result<Option<Self>, ClientError> {
        let socket = socket::path_in(state)?;
        match socket::answers(&socket).await {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(source) => {
                return Err(ClientError::Open {
                    path: socket,
                    source,
                });
            }
        }
        let http = reqwest::Client::builder()
            .unix_socket(socket.as_path())
            // Nothing here is encrypted, and a machine without root certificates has a daemon too.
            .tls_certs_only([])
            .build();
        match http {
            Ok(http) => Ok(Some(Self { http, socket })),
            Err(source) => Err(ClientError::Exchange {
                path: socket,
                source,
            }),
        }
    }

    /// Where the daemon answers.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The items of a list: `/v1/jobs`.
    pub async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ClientError> {
        let list: List<T> = self.get(path).await?;
        Ok(list.items)
    }

    /// One value: `/v1/jobs/orders`, `/v1/plan`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let request = self.http.get(url(path)).timeout(ANSWER_WITHIN);
        self.read(self.send(request).await?).await
    }

    /// Asks the engine for something.
    pub async fn post(&self, path: &str, body: &impl Serialize) -> Result<Accepted, ClientError> {
        let request = self.http.post(url(path)).json(body);
        self.read(self.send(request.timeout(ANSWER_WITHIN)).await?)
            .await
    }

    /// A stream: `/v1/jobs?watch=1`.
    pub async fn watch<T: DeserializeOwned>(&self, path: &str) -> Result<Watch<T>, ClientError> {
        let response = self.send(self.http.get(url(path))).await?;
        Ok(Watch {
            client: self.clone(),
            response,
            lines: Lines::default(),
            item: PhantomData,
        })
    }

    fn failed(&self, source: reqwest::Error) -> ClientError {
        ClientError::Exchange {
            path: self.socket.clone(),
            // The URL's host is made up and would only puzzle.
            source: source.without_url(),
        }
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, ClientError> {
        let sent = request.send().await;
        let response = sent.map_err(|error| self.failed(error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let error: ApiError = self.read(response).await?;
        Err(ClientError::Refused(error))
    }

    async fn read<T: DeserializeOwned>(
        &self,
        mut response: reqwest::Response,
    ) -> Result<T, ClientError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(error))? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(ClientError::Answer("it is too large".into()));
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|error| ClientError::Answer(error.into()))
    }
}

fn url(path: &str) -> String {
    format!("http://jetkeeper{path}")
}

/// A stream of values.
#[derive(Debug)]
pub struct Watch<T> {
    client: Client,
    response: reqwest::Response,
    lines: Lines,
    item: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Watch<T> {
    /// The next value; none once the daemon stopped.
    pub async fn next(&mut self) -> Result<Option<T>, ClientError> {
        loop {
            if let Some(line) = self.lines.next() {
                let item = serde_json::from_slice(&line);
                return item
                    .map(Some)
                    .map_err(|error| ClientError::Answer(error.into()));
            }
            let chunk = self.response.chunk().await;
            let Some(chunk) = chunk.map_err(|error| self.client.failed(error))? else {
                return Ok(None);
            };
            let pushed = self.lines.push(&chunk);
            pushed.map_err(|error| ClientError::Answer(error.into()))?;
        }
    }
}
