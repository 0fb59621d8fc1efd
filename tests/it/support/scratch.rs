//! A scratch directory of manifests and jars, edited as users edit theirs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use tempfile::TempDir;

use super::fixture;

const PARENT: &str = env!("CARGO_TARGET_TMPDIR");

/// Removed on drop.
pub(crate) struct Scratch {
    dir: TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { dir: directory() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Truncates the file and writes it in place: whoever watches may see it half written.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path_of(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Writes beside, then renames into place: whoever watches sees the old file or the new one, and nothing between.
    pub(crate) fn replace(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path_of(name);
        let beside = path.with_extension("new");
        fs::write(&beside, content).unwrap();
        fs::rename(&beside, &path).unwrap();
        path
    }

    /// Puts a fixture jar there, by rename.
    pub(crate) fn jar(&self, name: &str, fixture_name: &str) -> PathBuf {
        self.replace(name, fs::read(fixture(fixture_name)).unwrap())
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path().join(name)).unwrap();
    }

    fn path_of(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }
}

/// A directory for one test, below Cargo's for tests, removed on drop.
pub(crate) fn directory() -> TempDir {
    static SWEPT: Once = Once::new();
    SWEPT.call_once(remove_leftovers);
    let prefix = format!("{}-", std::process::id());
    tempfile::Builder::new()
        .prefix(&prefix)
        .tempdir_in(PARENT)
        .unwrap()
}

/// Removes what killed test processes left, and the directory of the shared member, which nobody drops.
fn remove_leftovers() {
    for entry in fs::read_dir(PARENT).unwrap() {
        let path = entry.unwrap().path();
        let owner = path
            .file_name()
            .and_then(|name| name.to_str()?.split_once('-'));
        let Some((owner, _)) = owner else { continue };
        if owner.parse::<u32>().is_ok() && !Path::new("/proc").join(owner).exists() {
            // Another test process that starts just now may remove it too.
            fs::remove_dir_all(&path).ok();
        }
    }
}
