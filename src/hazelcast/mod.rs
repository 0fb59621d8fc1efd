//! A client for the Hazelcast Open Binary Client Protocol, as far as keeping Jet jobs needs it.
//!
//! [`Client::start`] spawns the keeper of the connections and returns at once; calls wait for a
//! connection within their own deadline. The layers, from the wire up:
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`frame`] | frames and the codec that cuts them; no IO |
//! | [`message`] | messages made of frames, fragments merged, cursors over fields |
//! | [`types`], [`custom`], [`codec`] | field types, custom types, one file per message |
//! | [`serialization`] | the `Data` blobs inside messages: header, partition hash, a few classes |
//! | [`tls`], [`credentials`] | what a connection begins with |
//! | [`connection`] | one socket: correlation table, deadlines, heartbeat, event streams |
//! | `cluster` | members, partition table, reconnecting |
//! | [`client`] | the handle and its typed calls |
//!
//! The module imports nothing of the crate around it. Protocol 2.6 to 2.10 (members 5.3 to 5.7) is
//! covered by one code path; what newer members append to messages is skipped.

pub mod assembler;
pub mod client;
mod cluster;
pub mod codec;
pub mod config;
pub mod connection;
pub mod credentials;
pub mod custom;
pub mod error;
pub mod frame;
mod invocation;
pub mod job;
pub mod job_config;
pub mod job_events;
pub mod management;
pub mod map;
pub mod message;
pub mod metrics;
pub mod serialization;
pub mod server_error;
pub mod snapshot;
pub mod state;
pub mod tls;
pub mod types;
pub mod upload;
mod uploader;

pub use client::Client;
pub use config::ClientConfig;
pub use credentials::{Credentials, CredentialsSource};
pub use error::{AuthenticationError, Error, ErrorCode, ErrorHolder, Result, ServerError};
pub use job::{JobEvent, JobStatus, JobStatusEvent, JobSummary, TerminateMode};
pub use job_config::{DeltaJobConfig, JobConfig, JobConfigTail, ProcessingGuarantee};
pub use job_events::JobEvents;
pub use management::{ClusterMetadata, ClusterStatus, MapConfig};
pub use map::Map;
pub use metrics::Heap;
pub use serialization::Data;
pub use snapshot::{ExecutionRecord, Suspension, ValidationRecord};
pub use state::{ClusterState, Link, Member};
pub use tls::{TlsConfig, TlsError};
pub use upload::{MemberUpload, Upload, UploadError, UploadStage};
