//! Loads what all sources together ask for.
//!
//! What one document says is checked in `document` and kept in the cache; what takes two documents is
//! checked in `together`; and where no change touches that, `patch` only replaces what changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::cache::LoadCache;
use super::desired::Desired;
use super::patch::{self, Last};
use super::revision::Revision;
use super::together::Together;

/// What the documents are judged against besides each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// The clusters that the configuration and `--cluster` give.
    pub clusters: BTreeSet<String>,
    /// Whether a job whose cluster is neither declared nor among these is an error.
    pub check_references: bool,
}

/// Loads what all sources together ask for. Documents that didn't change since the last load with
/// this cache are not parsed again.
pub fn load(revisions: &[Arc<Revision>], options: &LoadOptions, cache: &mut LoadCache) -> Desired {
    let last = cache.last.take();
    cache.retain(revisions);
    let replaced: Vec<_> = revisions
        .iter()
        .map(|revision| cache.refresh(revision))
        .collect();
    let kept = last.filter(|last| last.options == *options);
    let next = kept.and_then(|last| patch::patch(last, revisions, &replaced, cache));
    let last = next.unwrap_or_else(|| compare(revisions, options, cache));
    let desired = last.desired.clone();
    cache.last = Some(last);
    desired
}

/// Compares all documents with each other.
fn compare(revisions: &[Arc<Revision>], options: &LoadOptions, cache: &LoadCache) -> Last {
    let mut together = Together::default();
    for revision in revisions {
        together.add(revision, cache);
    }
    together.check_names();
    together.check_namespaces();
    if options.check_references {
        together.check_references(&options.clusters);
    }
    together.check_job_names();
    if options.check_references {
        together.check_snapshots();
    }
    Last {
        options: options.clone(),
        revisions: revisions.to_vec(),
        any_refused: together.any_refused(),
        desired: together.finish(),
    }
}
