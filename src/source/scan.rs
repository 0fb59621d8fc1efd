//! Scans: one look at everything under the path, made into a revision.
//!
//! - Hidden files and directories (`.x`) are ignored. A link is followed only to what is inside the
//!   source; hidden directories may hold its target, as in `jobs -> ..data/jobs`.
//! - A file whose stamp is unchanged is not read again and shares its bytes with the revision before.
//! - Whatever is there and can't be taken is told in `unreadable`, so that nobody takes it for
//!   deleted. Reasons are the same from scan to scan, as they are part of the revision's digest.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::hints::Interest;
use super::locate::locate;
use super::options::DirectoryOptions;
use super::stamp::FileId;
use super::walk::{ITSELF, Known, Walk};
use crate::clock::Clock;
use crate::resources::{Digest, Revision, SourceName};

/// How often a scan is made again at once when the path led elsewhere at its end.
const SCAN_ATTEMPTS: u32 = 3;

/// What one look gave.
pub(super) struct Scan {
    pub(super) revision: Revision,
    /// What has to be watched to notice the next change.
    pub(super) interest: Interest,
    /// Whether a file was shown as it was before, because somebody is writing it.
    pub(super) held_back: bool,
}

/// What looks, and what it remembers from the last look.
pub(super) struct Scanner {
    source: SourceName,
    path: PathBuf,
    options: DirectoryOptions,
    clock: Arc<dyn Clock>,
    known: Known,
}

impl Scanner {
    /// A scanner of this absolute path.
    pub(super) fn new(
        source: SourceName,
        path: PathBuf,
        options: DirectoryOptions,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            source,
            path,
            options,
            clock,
            known: Known::default(),
        }
    }

    /// Looks at everything. The files in `held` are being written: they are shown as they were.
    pub(super) fn scan(&mut self, held: &HashSet<PathBuf>) -> Scan {
        let mut attempt = 1;
        loop {
            let before = self.target_id();
            let scan = self.scan_once(held);
            // A tree that was swapped or removed meanwhile may have been seen in part.
            if before == self.target_id() || attempt == SCAN_ATTEMPTS {
                return scan;
            }
            attempt += 1;
        }
    }

    fn target_id(&self) -> Option<FileId> {
        fs::metadata(&self.path)
            .ok()
            .map(|metadata| FileId::of(&metadata))
    }

    fn scan_once(&mut self, held: &HashSet<PathBuf>) -> Scan {
        let location = locate(&self.path);
        let known = std::mem::take(&mut self.known);
        let mut walk = Walk::new(&self.options, self.clock.now(), held, known);
        walk.interest.anchors = location.anchors;
        let outcome = match location.target {
            Ok(real) => walk.start(&self.path, real),
            Err(error) => Err(format!(
                "{} can't be reached: {}",
                self.path.display(),
                error.kind()
            )),
        };
        let present = outcome.is_ok();
        if let Err(reason) = outcome {
            walk.unreadable.insert(ITSELF.to_owned(), reason);
        }
        self.known = walk.after;
        let mut revision = Revision {
            source: self.source.clone(),
            id: String::new(),
            present,
            files: walk.files,
            jars: walk.jars,
            unreadable: walk.unreadable,
        };
        revision.id = revision_id(&revision);
        Scan {
            revision,
            interest: walk.interest,
            held_back: walk.held_back,
        }
    }
}

/// The digest of everything that a revision shows.
fn revision_id(revision: &Revision) -> String {
    let mut hasher = Sha256::new();
    // Every part is preceded by its length, so that no two revisions give the same bytes.
    let mut part = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    part(if revision.present {
        b"present"
    } else {
        b"absent"
    });
    for (path, file) in &revision.files {
        part(b"file");
        part(path.as_bytes());
        part(&file.digest.0);
    }
    for (path, jar) in &revision.jars {
        part(b"jar");
        part(path.as_bytes());
        part(&jar.size.to_be_bytes());
        part(jar.stamp.as_bytes());
    }
    for (path, reason) in &revision.unreadable {
        part(b"unreadable");
        part(path.as_bytes());
        part(reason.as_bytes());
    }
    Digest(hasher.finalize().into()).to_string()
}
