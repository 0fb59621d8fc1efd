//! What the YAML says: kinds, their specs, and where each was declared.
//!
//! ```text
//! files of a revision ──▶ documents ──▶ manifests (kind, name, place) ──▶ checked together ──▶ Desired
//!                         (split first)        │                              │
//!                                              └────────── faults ◀───────────┘
//! ```
//!
//! Everything here is data and pure functions; it uses nothing else of ours.

pub mod desired;
pub mod fault;
pub mod hazelcast;
pub mod identity;
pub mod jet_job;
pub mod revision;

pub use desired::{Declared, Desired, SourceView};
pub use fault::{Fault, Severity};
pub use hazelcast::HazelcastSpec;
pub use identity::{Digest, Kind, Place, ResourceId, SourceName};
pub use jet_job::JetJobSpec;
pub use revision::{JarFile, JarOrigin, Revision, SourceFile};
