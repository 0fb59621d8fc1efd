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

use jiff::Timestamp;
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
    /// The latest revision's id, and when the change that led to it was made.
    latest: Option<(String, Option<Timestamp>)>,
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
            latest: None,
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
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(format!("there is no {}", self.path.display()))
            }
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
            changed_at: None,
            trouble: None,
            lineage: None,
            proposal: None,
            refused: None,
        };
        revision.id = revision_id(&revision);
        revision.changed_at = match self.latest.take() {
            // Nobody saw what was there before the first look.
            None => None,
            Some((id, changed_at)) if id == revision.id => changed_at,
            Some(_) => walk.changed_at,
        };
        self.latest = Some((revision.id.clone(), revision.changed_at));
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::clock::SystemClock;

    fn scanner(path: &Path, options: DirectoryOptions) -> Scanner {
        let name = SourceName("test".to_owned());
        Scanner::new(name, path.to_owned(), options, Arc::new(SystemClock))
    }

    fn scan(path: &Path, options: DirectoryOptions) -> Revision {
        scanner(path, options).scan(&HashSet::new()).revision
    }

    fn write(top: &Path, path: &str, content: impl AsRef<[u8]>) {
        let path = top.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[test]
    fn yaml_and_jars_are_taken_and_hidden_ones_are_not() {
        let top = tempfile::tempdir().unwrap();
        for path in [
            "a.yaml",
            "b.yml",
            "deep/er/c.yaml",
            "jars/d.jar",
            "README.md",
            "e.YAML",
            ".hidden.yaml",
            ".git/f.yaml",
            ".yaml",
        ] {
            write(top.path(), path, path);
        }
        let revision = scan(top.path(), DirectoryOptions::default());
        assert!(revision.present);
        let files: Vec<_> = revision.files.keys().collect();
        assert_eq!(files, ["a.yaml", "b.yml", "deep/er/c.yaml"]);
        assert_eq!(revision.jars.keys().collect::<Vec<_>>(), ["jars/d.jar"]);
        assert_eq!(revision.unreadable, [].into());
    }

    #[test]
    fn links_are_followed_inside_and_never_outside() {
        let scratch = tempfile::tempdir().unwrap();
        let top = scratch.path().join("source");
        write(&top, "a.yaml", "inside");
        write(&top, ".data/b.yaml", "behind a hidden directory");
        write(scratch.path(), "secret.yaml", "outside");
        write(scratch.path(), "source-beside/x.yaml", "outside");
        for (target, link) in [
            ("a.yaml", "inside.yaml"),
            (".data", "data"),
            ("../secret.yaml", "outside.yaml"),
            ("../source-beside", "beside"),
            ("/", "root"),
            (".", "circle"),
            ("absent.yaml", "broken.yaml"),
            ("absent", "broken"),
            ("absent.md", "README.md"),
        ] {
            symlink(target, top.join(link)).unwrap();
        }
        symlink(top.join("a.yaml"), top.join("absolute.yaml")).unwrap();
        let revision = scan(&top, DirectoryOptions::default());
        let files: Vec<_> = revision.files.keys().collect();
        assert_eq!(
            files,
            ["a.yaml", "absolute.yaml", "data/b.yaml", "inside.yaml"]
        );
        let reasons: Vec<_> = revision.unreadable.iter().collect();
        let expected = [
            ("beside", "out of the source"),
            ("broken", "can't be followed"),
            ("broken.yaml", "can't be followed"),
            ("circle", "contains it"),
            ("outside.yaml", "out of the source"),
            ("root", "out of the source"),
        ];
        assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
        for ((path, reason), (link, part)) in reasons.into_iter().zip(expected) {
            assert_eq!(path, link);
            assert!(reason.contains(part), "{path}: {reason}");
        }
    }

    #[test]
    fn what_is_too_much_is_told_and_not_read() {
        let top = tempfile::tempdir().unwrap();
        write(top.path(), "a.yaml", "12345");
        write(top.path(), "b.yaml", "123456");
        write(top.path(), "deep/c.yaml", "c");
        write(top.path(), "deep/er/d.yaml", "d");
        let options = DirectoryOptions {
            max_file_size: 5,
            max_depth: 1,
            ..DirectoryOptions::default()
        };
        let revision = scan(top.path(), options);
        assert_eq!(
            revision.files.keys().collect::<Vec<_>>(),
            ["a.yaml", "deep/c.yaml"]
        );
        assert!(revision.unreadable["b.yaml"].contains("larger than 5 bytes"));
        assert!(revision.unreadable["deep/er"].contains("more than 1 deep"));
        let options = DirectoryOptions {
            max_total_size: 6,
            ..DirectoryOptions::default()
        };
        let revision = scan(top.path(), options);
        assert_eq!(revision.files.keys().collect::<Vec<_>>(), ["a.yaml"]);
        assert!(revision.unreadable["b.yaml"].contains("exceeds 6 bytes"));
        let options = DirectoryOptions {
            max_entries: 4,
            ..DirectoryOptions::default()
        };
        let revision = scan(top.path(), options);
        assert!(revision.unreadable["deep"].contains("more than 4 files"));
    }

    #[test]
    fn what_is_no_file_is_told() {
        let top = tempfile::tempdir().unwrap();
        let socket = top.path().join("a.yaml");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        fs::create_dir(top.path().join("b.yaml")).unwrap();
        write(top.path(), "b.yaml/c.yaml", "a directory may have any name");
        let revision = scan(top.path(), DirectoryOptions::default());
        assert!(revision.unreadable["a.yaml"].contains("not a regular file"));
        assert_eq!(revision.files.keys().collect::<Vec<_>>(), ["b.yaml/c.yaml"]);
        let revision = scan(&socket, DirectoryOptions::default());
        assert!(!revision.present);
        assert!(revision.unreadable["."].contains("neither a directory nor a file"));
    }

    #[test]
    fn the_revision_is_the_digest_of_what_is_shown() {
        let top = tempfile::tempdir().unwrap();
        write(top.path(), "a.yaml", "a");
        write(top.path(), "b.jar", "b");
        let mut scanner = scanner(top.path(), DirectoryOptions::default());
        let mut id = || scanner.scan(&HashSet::new()).revision.id;
        let first = id();
        assert_eq!(first.len(), 64);
        assert_eq!(first, id());
        write(top.path(), "a.yaml", "a");
        write(top.path(), "README.md", "of no interest");
        assert_eq!(first, id(), "the same content, written again");
        write(top.path(), "a.yaml", "c");
        let second = id();
        assert_ne!(first, second);
        write(top.path(), "b.jar", "c");
        assert_ne!(second, id());
        write(top.path(), "a.yaml", "a");
        fs::rename(top.path().join("a.yaml"), top.path().join("c.yaml")).unwrap();
        assert_ne!(first, id());
    }

    #[test]
    fn a_file_that_is_being_written_is_shown_as_it_was() {
        let scratch = tempfile::tempdir().unwrap();
        let top = scratch.path().canonicalize().unwrap();
        write(&top, "a.yaml", "whole");
        write(&top, "b.jar", "whole");
        let mut scanner = scanner(&top, DirectoryOptions::default());
        let before = scanner.scan(&HashSet::new());
        assert!(!before.held_back);
        for path in ["a.yaml", "b.jar", "new.yaml", "new.jar"] {
            write(&top, path, "half");
        }
        let held = ["a.yaml", "b.jar", "new.yaml", "new.jar"].map(|path| top.join(path));
        let during = scanner.scan(&held.into());
        assert!(during.held_back);
        assert_eq!(during.revision, before.revision);
        let after = scanner.scan(&HashSet::new()).revision;
        assert_eq!(&*after.files["a.yaml"].bytes, b"half");
        assert_eq!((after.files.len(), after.jars.len()), (2, 2));
    }

    #[test]
    fn a_revision_knows_when_the_change_was_made_that_led_to_it() {
        let top = tempfile::tempdir().unwrap();
        write(top.path(), "a.yaml", "a");
        let mut scanner = scanner(top.path(), DirectoryOptions::default());
        let mut look = || scanner.scan(&HashSet::new()).revision;
        assert_eq!(look().changed_at, None, "nobody saw that change");

        // A file may be old; it is moved here now.
        let old = tempfile::NamedTempFile::new_in(top.path()).unwrap();
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        old.as_file().set_modified(long_ago).unwrap();
        let before = Timestamp::now() - jiff::SignedDuration::from_secs(1);
        old.persist(top.path().join("b.yaml")).unwrap();
        let changed = look();
        assert!(
            changed.changed_at.unwrap() >= before,
            "{:?}",
            changed.changed_at
        );
        let again = look();
        assert_eq!(
            (again.id, again.changed_at),
            (changed.id, changed.changed_at)
        );
        std::fs::remove_file(top.path().join("b.yaml")).unwrap();
        assert_eq!(look().changed_at, None, "no file tells when another went");
    }
}
