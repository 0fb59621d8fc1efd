//! The directory that a Git source has for itself in the state directory.
//!
//! ```text
//! <place>/url              the repository's URL; another one means that all of this is of no use
//! <place>/shown            the commit that was shown last
//! <place>/lock             held by the child that works on the clone
//! <place>/repository/      a bare clone: objects, and one reference
//! <place>/repository.new/  a clone under way
//! <place>/jars/<blob>.jar  jars of the commit that is shown
//! <place>/home/            HOME of the child, with no configuration but ours
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What the child's libgit2 reads as its user's configuration: repositories on this machine may
/// belong to somebody else. Nothing in them is ever run.
const GIT_CONFIG: &str = "[safe]\n\tdirectory = *\n[http]\n\tfollowRedirects = false\n";

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
        for directory in [&self.0, &self.jars(), &self.home()] {
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

    /// The commit that was shown last.
    pub(super) fn shown(&self) -> Option<String> {
        fs::read_to_string(self.0.join("shown")).ok()
    }

    pub(super) fn set_shown(&self, commit: &str) -> io::Result<()> {
        write(&self.0.join("shown"), commit.as_bytes())
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
        place.set_shown("abc").unwrap();
        place.prepare("https://host/a.git").unwrap();
        assert_eq!(place.shown().as_deref(), Some("abc"));
        place.prepare("https://host/b.git").unwrap();
        assert_eq!(place.shown(), None);
        assert!(place.jars().is_dir());
    }
}
