//! What a client is told before it starts. Every field has a default that works against a member
//! on loopback.

use std::time::Duration;

use tokio::time::Instant;

use super::credentials::CredentialsSource;
use super::tls::TlsConfig;

/// Longest wait there is. Longer ones are cut, because clocks overflow.
const LONGEST_WAIT: Duration = Duration::from_hours(24 * 365);
/// Shortest pause of anything that repeats.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

/// Settings of one [`Client`](super::Client).
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Must equal the members' `cluster-name`; on open-source members it is the only check.
    pub cluster_name: String,
    /// Members to ask first, each `host:port` (`[v6]:port` for IPv6); the rest is learnt from them.
    pub addresses: Vec<String>,
    /// Shown by members in their logs and in Management Center.
    pub client_name: String,
    /// Who we are, for members with security (Enterprise). Members without refuse credentials.
    pub credentials: Option<CredentialsSource>,
    /// How to connect with TLS; none connects without.
    pub tls: Option<TlsConfig>,
    /// Keeps a connection to every member and sends map calls to the owner of the key. Otherwise
    /// one connection serves everything.
    pub smart_routing: bool,
    /// Bounds TCP connect, TLS and authentication together.
    pub connect_timeout: Duration,
    /// Bounds one call: waiting for a connection, retries and the answer together.
    pub invocation_timeout: Duration,
    /// A ping is sent after this long without writing.
    pub heartbeat_interval: Duration,
    /// The connection is given up after this long without reading.
    pub heartbeat_timeout: Duration,
    /// First pause between attempts to connect; doubles, with jitter.
    pub reconnect_initial: Duration,
    /// Longest pause between attempts to connect.
    pub reconnect_max: Duration,
    /// Longest message accepted, all frames together; a longer one closes the connection.
    pub max_message_bytes: usize,
    /// Calls in flight on one connection, abandoned ones included, beyond which calls are refused.
    pub max_pending_calls: usize,
    /// Events kept for one listener that does not read; beyond that it is told it lagged.
    pub event_queue: usize,
    /// Longest text kept of a job's failure or suspension cause (the rest is cut off while it is
    /// still being received, so that many long stack traces never are in memory together).
    pub max_text_bytes: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            cluster_name: "dev".to_owned(),
            addresses: vec!["127.0.0.1:5701".to_owned()],
            client_name: "rust-client".to_owned(),
            credentials: None,
            tls: None,
            smart_routing: true,
            connect_timeout: Duration::from_secs(5),
            invocation_timeout: Duration::from_mins(2),
            heartbeat_interval: Duration::from_secs(5),
            heartbeat_timeout: Duration::from_mins(1),
            reconnect_initial: Duration::from_millis(100),
            reconnect_max: Duration::from_secs(5),
            max_message_bytes: 256 * 1024 * 1024,
            max_pending_calls: 1024,
            event_queue: 256,
            max_text_bytes: 4 * 1024,
        }
    }
}

/// A pause that clocks can bear, and that is none of an endless loop's.
pub(crate) fn bearable(pause: Duration) -> Duration {
    pause.clamp(SHORTEST_PAUSE, LONGEST_WAIT)
}

/// The moment at which a wait that begins now is over.
pub(crate) fn deadline_after(wait: Duration) -> Instant {
    Instant::now() + wait.min(LONGEST_WAIT)
}
