//! The port behind which receivers are: one request, and what was answered.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use crate::secrets::SecretString;

/// A request to a receiver. It prints without what may be secret.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where to. It may be all that a sender has to know.
    pub url: SecretString,
    /// Headers, beside those that every request has.
    pub headers: Vec<(&'static str, SecretString)>,
    /// JSON.
    pub body: Vec<u8>,
    /// Who signs the host's certificate, if not the system's authorities.
    pub ca_file: Option<PathBuf>,
}

/// What a receiver answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// How long it wants to be left alone.
    pub retry_after: Option<Duration>,
    /// How its answer begins, without what was secret in the request.
    pub text: String,
}

/// Why there was no answer. Says nothing that may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// What was to be sent is no request.
    #[error("{0}")]
    Unusable(String),
    /// Nobody answered.
    #[error("{0}")]
    NoAnswer(String),
}

/// Sends requests.
#[async_trait]
pub trait Post: Send + Sync {
    /// Sends one, and gives up after a while.
    async fn post(&self, request: Request) -> Result<Reply, PostError>;
}
