//! The client's one error: questions for callers, a text for people, the cause as its source.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::credentials::CredentialsError;
use super::frame::FrameError;
use super::message::DecodeError;
pub use super::server_error::{ErrorCode, ErrorHolder, ServerError};
use super::tls::TlsError;

/// Result of the client's calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call had no result. Cheap to clone, because one lost connection ends many calls.
#[derive(Clone, Debug)]
pub struct Error(Arc<Kind>);

/// What happened, for the modules of the client only; callers ask [`Error`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error("failed to connect to member {address}")]
    Connect {
        address: String,
        #[source]
        source: io::Error,
    },
    #[error("no TLS with member {address}")]
    Tls {
        address: String,
        #[source]
        source: TlsError,
    },
    #[error(
        "{address} hung up without an answer: give the port that members have for clients, and turn \
         TLS on if they want it"
    )]
    HungUp { address: String },
    #[error("the credentials for the members could not be read")]
    Credentials {
        #[source]
        source: CredentialsError,
    },
    #[error("member {address} does not accept this client")]
    Authentication {
        address: String,
        #[source]
        source: AuthenticationError,
    },
    #[error("the connection to member {address} was lost")]
    ConnectionLost {
        address: String,
        sent: bool,
        #[source]
        source: LossCause,
    },
    #[error("{call} had no answer within {after:?}")]
    Deadline {
        call: &'static str,
        after: Duration,
        sent: bool,
    },
    #[error("{call} waited {after:?} for a connection to cluster {cluster_name:?}")]
    NotConnected {
        call: &'static str,
        cluster_name: String,
        after: Duration,
        #[source]
        source: Option<Error>,
    },
    #[error("{call} was refused by the member")]
    Server {
        call: &'static str,
        #[source]
        source: ServerError,
    },
    #[error("the answer to {call} could not be read")]
    Decode {
        call: &'static str,
        #[source]
        source: DecodeError,
    },
    #[error("{call} was refused: too many calls are waiting for answers on this connection")]
    Overloaded { call: &'static str },
    #[error("{call} is too long to be sent")]
    TooLong {
        call: &'static str,
        #[source]
        source: FrameError,
    },
    #[error("the jar could not be read for its upload")]
    JarRead {
        #[source]
        source: io::Error,
    },
    #[error("{0}")]
    InvalidArgument(String),
    #[error("the client was shut down")]
    Shutdown,
}

/// Why a connection ended.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum LossCause {
    #[error("the member closed it")]
    ClosedByPeer,
    #[error("it broke")]
    Io(#[source] Arc<io::Error>),
    #[error("the member sent what is no message of the protocol")]
    Protocol(#[source] DecodeError),
    #[error(
        "it speaks TLS and this client was told not to: turn TLS on for this cluster, or give a port \
         without it"
    )]
    SpeaksTls,
    #[error("nothing was read for {0:?}")]
    Heartbeat(Duration),
    #[error("this client closed it")]
    ClosedByUs,
}

/// Why a member refused the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// Wrong cluster name, or credentials wrong, missing or not wanted.
    #[error("wrong cluster name {cluster_name:?}, or credentials the member does not want")]
    CredentialsFailed {
        /// The name that was offered.
        cluster_name: String,
    },
    /// The members serialise differently.
    #[error("the member uses another serialization version, {member_version}")]
    SerializationVersionMismatch {
        /// The member's version.
        member_version: u8,
    },
    /// A filter on the members keeps this client out.
    #[error("the cluster's client filter does not allow this client")]
    NotAllowedInCluster,
    /// A status of a later protocol version.
    #[error("the member answered with the unknown status {0}")]
    UnknownStatus(u8),
    /// The member accepted the client without saying who it is.
    #[error("the member's consent lacks its id, its cluster's id or the number of partitions")]
    Incomplete,
    /// The address leads to another cluster of the same name.
    #[error("the member belongs to another cluster, {found} instead of {expected}")]
    DifferentCluster {
        /// Id of the cluster this client is connected to.
        expected: Uuid,
        /// Id the member answered with.
        found: Uuid,
    },
    /// The cluster has another number of partitions than before.
    #[error("the member has {found} partitions instead of {expected}")]
    PartitionCountChanged {
        /// Number before.
        expected: u32,
        /// Number now.
        found: u32,
    },
}

impl Error {
    pub(crate) fn kind(&self) -> &Kind {
        &self.0
    }

    /// Whether the same call may succeed later without anybody changing anything: connections
    /// lost or not there yet, deadlines, and what members call retryable. Says nothing about
    /// whether the call took effect; see [`Error::is_certainly_not_sent`].
    pub fn is_retryable(&self) -> bool {
        match self.kind() {
            Kind::Connect { .. }
            | Kind::HungUp { .. }
            | Kind::ConnectionLost { .. }
            | Kind::Deadline { .. }
            | Kind::NotConnected { .. }
            | Kind::Overloaded { .. } => true,
            Kind::Server { source, .. } => source.is_retryable(),
            Kind::Authentication { .. }
            | Kind::Tls { .. }
            | Kind::Credentials { .. }
            | Kind::Decode { .. }
            | Kind::TooLong { .. }
            | Kind::JarRead { .. }
            | Kind::InvalidArgument(_)
            | Kind::Shutdown => false,
        }
    }

    /// Whether the connection that carried the call ended before the answer.
    pub fn is_connection_lost(&self) -> bool {
        matches!(self.kind(), Kind::ConnectionLost { .. })
    }

    /// Whether no member could be reached in time: the call went nowhere.
    pub fn is_not_connected(&self) -> bool {
        matches!(
            self.kind(),
            Kind::Connect { .. } | Kind::NotConnected { .. }
        )
    }

    /// Whether the call's time was over before the answer, or before there was a connection.
    pub fn is_deadline(&self) -> bool {
        matches!(
            self.kind(),
            Kind::Deadline { .. } | Kind::NotConnected { .. }
        )
    }

    /// Whether the client was shut down.
    pub fn is_shutdown(&self) -> bool {
        matches!(self.kind(), Kind::Shutdown)
    }

    /// Whether not one byte of the call left this process, so that it cannot have had an effect.
    /// False when the member answered with an error.
    pub fn is_certainly_not_sent(&self) -> bool {
        match self.kind() {
            Kind::ConnectionLost { sent, .. } | Kind::Deadline { sent, .. } => !sent,
            Kind::Server { .. } | Kind::Decode { .. } => false,
            Kind::Connect { .. }
            | Kind::HungUp { .. }
            | Kind::Tls { .. }
            | Kind::Credentials { .. }
            | Kind::Authentication { .. }
            | Kind::NotConnected { .. }
            | Kind::Overloaded { .. }
            | Kind::TooLong { .. }
            | Kind::JarRead { .. }
            | Kind::InvalidArgument(_)
            | Kind::Shutdown => true,
        }
    }

    /// The error a member answered with, wherever it sits in the chain of causes.
    pub fn server_error(&self) -> Option<&ServerError> {
        match self.kind() {
            Kind::Server { source, .. } => Some(source),
            Kind::NotConnected {
                source: Some(source),
                ..
            } => source.server_error(),
            _ => None,
        }
    }

    /// Why a member refused this client, if that is what kept the call from being made.
    pub fn authentication(&self) -> Option<&AuthenticationError> {
        match self.kind() {
            Kind::Authentication { source, .. } => Some(source),
            Kind::NotConnected {
                source: Some(source),
                ..
            } => source.authentication(),
            _ => None,
        }
    }

    /// Why there is no TLS with a member, if that is what kept the call from being made.
    pub fn tls(&self) -> Option<&TlsError> {
        match self.kind() {
            Kind::Tls { source, .. } => Some(source),
            Kind::NotConnected {
                source: Some(source),
                ..
            } => source.tls(),
            _ => None,
        }
    }

    /// Whether a member answered with an error that has this code anywhere in its chain.
    pub fn has_code(&self, code: ErrorCode) -> bool {
        self.server_error()
            .is_some_and(|error| error.has_code(code))
    }

    pub(crate) fn redacted(self, parameters: &[String], secrets: &[String]) -> Self {
        match self.kind() {
            Kind::Server { call, source } => {
                let mut source = source.clone();
                source.redact(parameters, secrets);
                Kind::Server { call, source }.into()
            }
            _ => self,
        }
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(Arc::new(kind))
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
