//! What the YAML says: kinds, their specs, and where each was declared.
//!
//! ```text
//! files of a revision ──▶ documents ──▶ manifests (kind, name, place) ──▶ checked together ──▶ Desired
//!                         (split first)        │                              │
//!                                              └────────── faults ◀───────────┘
//! ```
//!
//! Everything here is data and pure functions; it uses nothing else of ours.

pub mod address;
pub mod bucket;
mod cache;
pub mod change;
mod deserialize;
pub mod desired;
mod document;
mod excerpt;
pub mod fault;
pub mod hazelcast;
mod header;
pub mod identity;
mod jars;
pub mod jet_job;
pub mod jet_job_snapshot;
pub mod lineage;
pub mod load;
pub mod manifest;
mod name;
mod normalize;
mod operator;
mod parse;
mod patch;
pub mod reading;
pub mod redact;
mod remote_url;
pub mod render;
pub mod revision;
mod rules;
mod scalar;
mod scan;
pub mod schema;
mod shape;
pub mod shared;
mod spec;
mod split;
mod suggest;
pub mod sync_window;
mod syntax;
mod together;
mod tree;

pub use bucket::{BucketPlace, BucketUri};
pub use cache::LoadCache;
pub use change::{ChangeClass, classify};
pub use desired::{Declared, Desired, SourceView};
pub use fault::{Fault, Severity};
pub use hazelcast::{CredentialsSpec, HazelcastSpec, TlsSpec};
pub use identity::{Digest, Kind, Place, ResourceId, SourceName};
pub use jet_job::JetJobSpec;
pub use lineage::{Anchor, Footing, Lineage, Motion, Proposal, Refused, Verified};
pub use load::{LoadOptions, load};
pub use manifest::{to_yaml, write as write_yaml};
pub use name::resource_name_fault;
pub use remote_url::RemoteUrl;
pub use render::render;
pub use revision::{JarFile, JarOrigin, Revision, SourceFile};
pub use shared::Shared;
