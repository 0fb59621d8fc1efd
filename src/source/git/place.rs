//! The directory that a repository has for itself in the state directory.
//!
//! ```text
//! <place>/url              the repository's URL; another one means that all of this is of no use
//! <place>/shown/<source>   the commit that a source showed last, and what is known of it
//! <place>/lock             held by the child that works on the clone
//! <place>/repository/      a bare clone: objects, and references to what is wanted of it
//! <place>/repository.new/  a clone under way
//! <place>/repository.old/  the clone before, while a new one takes its place
//! <place>/jars/<blob>.jar  jars of the commits that are shown
//! <place>/home/            HOME of the child, with no configuration but ours
//! ```
//!
//! Whenever a process ends, and however: a good clone that was there is still there.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

/// What the child's libgit2 reads as its user's configuration: repositories on this machine may
/// belong to somebody else. Nothing in them is ever run. Packing a repository of this machine, it looks in
/// each large file for parts of ten others, which takes minutes a gigabyte; its limit for that goes by the
/// name of another one (`pack.deltaCacheSize`, where Git has `core.bigFileThreshold`).
const GIT_CONFIG: &str =
    "[safe]\n\tdirectory = *\n[http]\n\tfollowRedirects = false\n[pack]\n\tdeltaCacheSize = 1m\n";

/// The paths in the directory.
#[derive(Debug, Clone)]
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn of(directory: impl Into<PathBuf>) -> Self {
        Self(directory.into())
    }

    /// Makes the directory, and empties one that was of another repository.
    pub(super) fn prepare(&self, url: &str) -> io::Result<()> {
        let file = self.0.join("url");
        let is_ours = fs::read(&file).is_ok_and(|known| known == url.as_bytes());
        if !is_ours {
            remove(&self.0)?;
        }
        for directory in [&self.0, &self.jars(), &self.home(), &self.0.join("shown")] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)?;
        }
        write(&self.home().join(".gitconfig"), GIT_CONFIG.as_bytes())?;
        if !is_ours {
            write(&file, url.as_bytes())?;
        }
        Ok(())
    }

    /// What was written about the commit that a source showed last.
    pub(super) fn shown(&self, source: &str) -> Option<String> {
        fs::read_to_string(self.0.join("shown").join(source)).ok()
    }

    pub(super) fn set_shown(&self, source: &str, text: &str) -> io::Result<()> {
        write(&self.0.join("shown").join(source), text.as_bytes())
    }

    /// Moves the new clone into the place of the old one. There is no moment at which neither is there.
    pub(super) fn replace(&self) -> io::Result<()> {
        let (new, current) = (self.new_repository(), self.repository());
        if !current.exists() {
            return fs::rename(&new, &current);
        }
        if renameat_with(CWD, &new, CWD, &current, RenameFlags::EXCHANGE).is_ok() {
            return remove(&new);
        }
        // Not every file system can exchange two names.
        let old = self.old_repository();
        remove(&old)?;
        fs::rename(&current, &old)?;
        fs::rename(&new, &current)?;
        remove(&old)
    }

    /// Finishes what a process began that was killed while it replaced the clone.
    pub(super) fn recover(&self) -> io::Result<()> {
        let (old, current) = (self.old_repository(), self.repository());
        if !current.exists() && old.exists() {
            fs::rename(&old, &current)?;
        }
        remove(&old)?;
        // Either what was replaced, or the part of a clone that nobody goes on with.
        remove(&self.new_repository())
    }

    /// Removes the jars of commits that are not shown any more.
    pub(super) fn retain_jars(&self, keep: impl Fn(&Path) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(self.jars())? {
            let path = entry?.path();
            if !keep(&path) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    pub(super) fn repository(&self) -> PathBuf {
        self.0.join("repository")
    }

    pub(super) fn new_repository(&self) -> PathBuf {
        self.0.join("repository.new")
    }

    pub(super) fn old_repository(&self) -> PathBuf {
        self.0.join("repository.old")
    }

    pub(super) fn jars(&self) -> PathBuf {
        self.0.join("jars")
    }

    pub(super) fn jar(&self, blob: &str) -> PathBuf {
        self.jars().join(format!("{blob}.jar"))
    }

    pub(super) fn home(&self) -> PathBuf {
        self.0.join("home")
    }
}

/// Removes a directory that may not be there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A new file that only its owner may read.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// Writes a file that is either as it was or as it is to be.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_added_extension("new");
    let mut file = create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_of_another_repository_is_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let place = Place::of(scratch.path().join("jobs.git"));
        place.prepare("https://host/a.git").unwrap();
        place.set_shown("jobs", "abc").unwrap();
        place.prepare("https://host/a.git").unwrap();
        assert_eq!(place.shown("jobs").as_deref(), Some("abc"));
        assert_eq!(place.shown("others"), None);
        place.prepare("https://host/b.git").unwrap();
        assert_eq!(place.shown("jobs"), None);
        assert!(place.jars().is_dir());
    }

    /// A place with these clones, each a directory with its own name in a file.
    fn with(clones: &[&str]) -> (tempfile::TempDir, Place) {
        let scratch = tempfile::tempdir().unwrap();
        for name in clones {
            let clone = scratch.path().join(name);
            fs::create_dir(&clone).unwrap();
            fs::write(clone.join("HEAD"), name).unwrap();
        }
        let place = Place::of(scratch.path());
        (scratch, place)
    }

    fn there(place: &Place) -> Option<String> {
        fs::read_to_string(place.repository().join("HEAD")).ok()
    }

    #[test]
    fn a_clone_is_there_at_every_moment_of_its_replacement() {
        let (_scratch, place) = with(&["repository", "repository.new"]);
        let reader = place.clone();
        let (done, ended) = std::sync::mpsc::channel::<()>();
        let reading = std::thread::spawn(move || {
            let mut missed = 0;
            while ended.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
                missed += u32::from(there(&reader).is_none());
            }
            missed
        });
        for _ in 0..500 {
            place.replace().unwrap();
            fs::create_dir(place.new_repository()).unwrap();
            fs::write(place.new_repository().join("HEAD"), "repository.new").unwrap();
        }
        drop(done);
        assert_eq!(reading.join().unwrap(), 0);
        assert_eq!(there(&place).as_deref(), Some("repository.new"));
    }

    #[test]
    fn a_replacement_that_was_broken_off_leaves_a_clone() {
        for (left, kept) in [
            (&["repository", "repository.new"][..], Some("repository")),
            (
                &["repository.old", "repository.new"],
                Some("repository.old"),
            ),
            (&["repository.old", "repository"], Some("repository")),
            (&["repository.new"], None),
            (&[], None),
        ] {
            let (_scratch, place) = with(left);
            place.recover().unwrap();
            assert_eq!(there(&place).as_deref(), kept, "{left:?}");
            assert!(!place.old_repository().exists(), "{left:?}");
            assert!(!place.new_repository().exists(), "{left:?}");
        }
    }
}
