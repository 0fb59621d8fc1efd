//! Keeps checked documents between passes, so that a pass costs what changed.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::document::{self, Document, Location};
use super::fault::{Fault, Severity};
use super::identity::{Digest, Place, SourceName};
use super::patch::Last;
use super::revision::{Revision, SourceFile};
use super::split::{Piece, split};

/// The largest file.
const MOST_BYTES: usize = 1024 * 1024;
/// The most documents of a file.
const MOST_DOCUMENTS: usize = 1000;

/// What earlier loads found in files that may still be the same.
///
/// A file whose digest is the same isn't looked at again; in a changed file, a document whose text is
/// the same isn't parsed again.
#[derive(Debug, Default)]
pub struct LoadCache {
    files: HashMap<SourceName, Vec<CheckedFile>>,
    documents_parsed: u64,
    pub(super) last: Option<Last>,
}

/// What a refresh replaced.
#[derive(Debug)]
pub(super) struct Replaced {
    /// The files that changed, by index, as they were; none where files came or went.
    pub(super) files: Option<Vec<(usize, CheckedFile)>>,
}

/// A file after its documents were checked.
#[derive(Debug)]
pub(super) struct CheckedFile {
    pub(super) path: String,
    digest: Digest,
    pub(super) documents: Vec<CheckedDocument>,
    /// Why the file as a whole can't be used.
    pub(super) fault: Option<Fault>,
}

/// A document of a file.
#[derive(Debug)]
pub(super) struct CheckedDocument {
    pub(super) range: Range<usize>,
    pub(super) lines_before: u32,
    text: Digest,
    /// None where it is empty.
    pub(super) document: Option<Arc<Document>>,
}

impl LoadCache {
    /// How many documents were parsed since this cache was made.
    pub fn documents_parsed(&self) -> u64 {
        self.documents_parsed
    }

    /// Brings the cache to the files of this revision; tells what was replaced.
    pub(super) fn refresh(&mut self, revision: &Revision) -> Replaced {
        // Both sides are ordered by path, so one walk pairs them.
        let old = self.files.remove(&revision.source).unwrap_or_default();
        let mut same_paths = old.len() == revision.files.len();
        let mut old = old.into_iter().peekable();
        let mut files = Vec::with_capacity(revision.files.len());
        let mut replaced = Vec::new();
        for (path, file) in &revision.files {
            while old.next_if(|known| known.path < *path).is_some() {}
            let known = old.next_if(|known| known.path == *path);
            same_paths &= known.is_some();
            files.push(match known {
                Some(known) if known.digest == file.digest => known,
                known => {
                    let checked = self.check(&revision.source, path, file, known.as_ref());
                    replaced.extend(known.map(|known| (files.len(), known)));
                    checked
                }
            });
        }
        self.files.insert(revision.source.clone(), files);
        Replaced {
            files: same_paths.then_some(replaced),
        }
    }

    /// The checked files of a source, in the order of its revision's files.
    pub(super) fn files(&self, source: &SourceName) -> &[CheckedFile] {
        self.files.get(source).map_or(&[], Vec::as_slice)
    }

    /// Forgets the sources that are not among these.
    pub(super) fn retain(&mut self, revisions: &[Arc<Revision>]) {
        self.files
            .retain(|source, _| revisions.iter().any(|known| known.source == *source));
    }

    fn check(
        &mut self,
        source: &SourceName,
        path: &str,
        file: &SourceFile,
        known: Option<&CheckedFile>,
    ) -> CheckedFile {
        let mut checked = CheckedFile {
            path: path.to_owned(),
            digest: file.digest,
            documents: Vec::new(),
            fault: None,
        };
        let pieces = if file.bytes.len() > MOST_BYTES {
            Err(format!(
                "the file is larger than {} MiB",
                MOST_BYTES / 1024 / 1024
            ))
        } else {
            split(&file.bytes, MOST_DOCUMENTS)
                .ok_or_else(|| format!("the file has more than {MOST_DOCUMENTS} documents"))
        };
        match pieces {
            Ok(pieces) => {
                let known = known.map_or(&[][..], |known| &known.documents);
                let known: HashMap<_, _> = known.iter().map(|one| (one.text, one)).collect();
                checked.documents = pieces
                    .into_iter()
                    .map(|piece| self.check_document(source, path, piece, &known))
                    .collect();
            }
            Err(message) => {
                let help = "split it into several files".to_owned();
                checked.fault = Some(file_fault(source, path, Severity::Error, message, help));
            }
        }
        checked
    }

    fn check_document(
        &mut self,
        source: &SourceName,
        path: &str,
        piece: Piece<'_>,
        known: &HashMap<Digest, &CheckedDocument>,
    ) -> CheckedDocument {
        let text = Digest::of(piece.bytes);
        let reusable = known.get(&text).filter(|known| {
            // Faults carry the lines they are on.
            let has_faults = known
                .document
                .as_ref()
                .is_some_and(|one| !one.faults.is_empty());
            known.lines_before == piece.first_line || !has_faults
        });
        let document = if let Some(known) = reusable {
            known.document.clone()
        } else {
            self.documents_parsed += 1;
            let location = Location {
                source,
                path,
                lines_before: piece.first_line,
                bytes: piece.bytes,
            };
            document::read(location).map(Arc::new)
        };
        CheckedDocument {
            range: piece.start..piece.start + piece.bytes.len(),
            lines_before: piece.first_line,
            text,
            document,
        }
    }
}

/// A fault of a file as a whole.
pub(super) fn file_fault(
    source: &SourceName,
    path: &str,
    severity: Severity,
    message: String,
    help: String,
) -> Fault {
    Fault {
        severity,
        place: Place {
            source: source.clone(),
            path: path.to_owned(),
            line: 0,
            column: 0,
        },
        resource: None,
        message,
        help: Some(help),
        snippet: None,
    }
}
