//! The socket: how the command line reads what the engine shows, and asks it for something.
//!
//! ```text
//! GET  /v1/jobs[/NAME]  /v1/snapshots[/NAME]  /v1/hazelcast[/NAME]  /v1/holds   lists; ?watch=1 streams changes
//! GET  /v1/events  /v1/history                               newest last; ?limit=, ?watch=1
//! GET  /v1/plan                                              the latest pass; ?watch=1
//! GET  /v1/recorded                                          what the store knows
//! GET  /v1/progress                                          how far long steps are
//! POST /v1/snapshots  /v1/reconcile  /v1/pause  /v1/unpause  /v1/confirm  /v1/adopt
//! ```
//!
//! It is HTTP on a Unix socket that only its owner may open. Streams are one JSON value a line. An
//! error is `{code, message, hint}`. Readers never slow the engine down: they see the latest pass,
//! changes that they were too slow for are merged, and who doesn't read at all is dropped.
//!
//! Beside it, where the configuration says so, [`http`] answers monitoring on an address, and [`webhooks`] takes
//! calls of those who host repositories on another.

mod ask;
pub mod client;
pub mod error;
mod guarded;
pub mod http;
mod lines;
mod measure;
mod metrics;
pub mod peer;
mod read;
pub mod recorded;
pub mod server;
pub mod socket;
mod watch;
pub mod webhooks;
pub mod wire;

pub use client::{Client, ClientError};
pub use error::ApiError;
pub use http::{HttpError, HttpSocket, serve_http};
pub use recorded::RecordedView;
pub use server::{Limits, serve};
pub use socket::{Socket, SocketError};
pub use webhooks::{Hook, Hooks, WebhookSocket, serve_webhooks};
