//! What tests share: real members, the real program, scratch directories, and waiting for conditions.

pub(crate) mod cluster;
pub(crate) mod documents;
pub(crate) mod http;
pub(crate) mod member;
pub(crate) mod openmetrics;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod scratch;
pub(crate) mod sources;
pub(crate) mod wait;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// The path of a jar that `make fixtures` provides.
pub(crate) fn fixture(name: &str) -> PathBuf {
    let directory = std::env::var_os("JETKEEPER_FIXTURES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/fixtures")),
        PathBuf::from,
    );
    let path = directory.join(name);
    assert!(
        path.is_file(),
        "{} is missing: run `make fixtures`",
        path.display()
    );
    path
}

/// A name no other test of this process uses: for jobs and maps on the shared member.
pub(crate) fn unique(stem: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{stem}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
