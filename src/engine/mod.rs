//! The engine: one task that owns the records, turns wakes into passes, and starts steps.
//!
//! ```text
//! wake ─▶ pass: outcomes, requests, revisions ─▶ observe ─▶ plan ─▶ commit ─▶ start steps ─▶ show
//!                                                          pure     one fsync    tasks
//! ```
//!
//! What holds:
//! - It is the only writer of the store, and starts no step whose intent isn't durable.
//! - One step at most is in flight for a resource, a bounded number for a cluster.
//! - A pass never waits for a step, a cluster, a source or a download: it works with the latest
//!   views. What ends or changes only wakes it. (A jar that lies in a source is given a moment.)
//! - At rest it commits nothing and calls nothing.

mod anew;
mod aside;
mod changes;
mod desk;
mod error;
mod executor;
mod expect;
#[cfg(test)]
mod fake;
mod flights;
mod footing;
mod hush;
mod ledger;
mod links;
mod manifests;
mod notices;
mod pass;
mod ports;
mod progress;
mod publish;
pub mod published;
mod pulse;
pub mod request;
mod revision;
mod settings;
mod task;
mod telling;
mod unread;
mod wake;
mod watches;

pub use error::EngineError;
pub use hush::Hush;
pub use ports::{ClusterTarget, Clusters};
pub use progress::ProgressBoard;
pub use published::{JobResource, Published};
pub use pulse::Pulse;
pub use request::{Handle, Request, RequestError};
pub use settings::{Configuration, EngineParts, Mode, Settings};
pub use task::{EngineTask, start};
