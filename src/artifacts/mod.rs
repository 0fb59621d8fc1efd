//! Artifacts: the jars that jobs need, from wherever they come, in a cache on disk.
//!
//! ```text
//! want(requests) ─▶ keeper ─▶ resolve: a file is copied, a URL or bucket read ─▶ cache, by digest
//!                     │                  looked into: is it a jar, is its main class there
//!                     └─▶ views(): what is known of each request, as it changes
//! ```
//!
//! What can be checked of a jar is checked here, before anything is stopped for it. A request is
//! resolved once; a failure is tried again by itself, with backoff, and at once when the secret that was
//! used has other values. A remote jar is looked at again now and then ([`ArtifactOptions::recheck`]) and when [`Artifacts::refetch`] asks for it; until other
//! bytes have come, whole and of use, nothing changes, whatever the server does.

mod bucket;
mod cache;
mod failure;
mod fetch;
mod file;
mod jar;
mod keeper;
mod local;
mod options;
mod progress;
mod receive;
mod resolve;
mod url;
mod validators;
mod web;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

pub use cache::CacheError;
pub use local::LocalArtifacts;
pub use options::ArtifactOptions;
pub use url::redact;

pub use crate::plan::jar::{JarFacts, JarProblem, JarRequest, JarView, MainClass};
use crate::resources::Digest;

/// What is known of each jar that is wanted.
pub type JarViews = Arc<BTreeMap<JarRequest, JarView>>;

/// Gets jars.
#[async_trait]
pub trait Artifacts: Send + Sync {
    /// Sets which jars are needed now. Work on others ends.
    fn want(&self, requests: BTreeSet<JarRequest>);

    /// Sets which jars stay in the cache although nobody wants them now.
    fn pin(&self, digests: BTreeSet<Digest>);

    /// What is known of each wanted jar, and word of each change. A request that was only just made
    /// may be missing.
    fn views(&self) -> watch::Receiver<JarViews>;

    /// Looks at the jar again: a remote one is asked for anew. What is known of it stays until other
    /// bytes have come.
    async fn refetch(&self, request: &JarRequest);

    /// The file with exactly these bytes: they were hashed again during the call. One that was
    /// damaged is dropped and fetched again where it is wanted.
    async fn verified(&self, digest: &Digest) -> Result<PathBuf, CacheError>;
}
