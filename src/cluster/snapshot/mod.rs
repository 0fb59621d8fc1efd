//! Exporting, reading back and deleting snapshots of jobs on open-source members, by plain map calls.
//!
//! ```text
//! job's execution record ─▶ which of its two maps holds the committed snapshot
//! that map ──fetch──▶ chunks, unchanged ──put──▶ __jet.exportedSnapshot.<name>
//!                                   validation record last: the commit point
//!                                   read back: size == chunks + 1, the same record
//!                                   registered where members list snapshots
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | `maps` | the calls that are needed, as a port of this module, so that faults can be played |
//! | `copy` | one attempt to copy one map into another |
//! | `export` | a whole export: how often it is tried, and what is left of what failed |
//! | `source` | which of a job's snapshots is copied |
//! | `inspect` | what is in a snapshot, shallow or to the last chunk |
//! | `standing` | where a job's own snapshots stand |
//! | `marks` | who made which snapshot |
//! | `heap` | whether the members have room |
//!
//! What holds: an exported snapshot has its validation record only if all its chunks were written,
//! counted, of one snapshot and distinct; a source that changes under the reader is noticed; at most
//! `copy::WORKERS` times two batches, and `copy::MEMORY` bytes, are in memory; an export that fails
//! leaves no chunk and no mark, and one that can't see to that is cleared by the next try.

mod copy;
mod error;
mod export;
#[cfg(test)]
mod fake;
mod heap;
mod inspect;
mod maps;
mod marks;
mod source;
mod standing;

pub use error::ExportError;
pub use export::{Export, Progress};
pub use inspect::{Inspection, VertexShare};

pub(super) use export::{export, lacks_native};
pub(super) use inspect::{inspect, list, read};
pub(super) use maps::ClientMaps;
pub(super) use marks::{delete, get as mark};
pub(super) use standing::standing;
