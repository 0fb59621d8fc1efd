//! A directory of this machine as a bucket: `file:///srv/jars`.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::super::cache::JarCache;
use super::super::failure::{Failure, Retry};
use super::super::fetch::Fetched;
use super::super::file::copy_jar;
use super::super::progress::Progress;
use super::super::validators::Validators;
use crate::plan::jar::JarProblem;
use crate::resources::JarFile;

/// Copies the file into the cache; unless it is what these validators are of.
pub(super) async fn fetch(
    path: PathBuf,
    known: &Validators,
    cache: &Arc<JarCache>,
    progress: &Progress,
    max_size: u64,
) -> Result<Fetched, Failure> {
    let name = path.display().to_string();
    let (cache, known) = (Arc::clone(cache), known.clone());
    let copied = spawn_blocking(move || {
        let jar = look(&path)?;
        let validators = Validators::of_etag(Some(&jar.stamp));
        if validators == known {
            return Ok((Fetched::Unchanged, jar.size));
        }
        let draft = copy_jar(&jar, &cache, max_size)?;
        Ok((Fetched::Bytes(draft, validators), jar.size))
    });
    let copied = copied.await;
    let (fetched, size) = copied.unwrap_or_else(|_| Err(Failure::broken_off(&name)))?;
    progress.set_total(size);
    progress.add(size);
    Ok(fetched)
}

/// What is there now. A link is followed: a directory may hold one to the latest jar.
fn look(path: &Path) -> Result<JarFile, Failure> {
    let failed = |error: &io::Error| failure(path, error);
    let location = path.canonicalize().map_err(|error| failed(&error))?;
    let metadata = location.metadata().map_err(|error| failed(&error))?;
    let (inode, size) = (metadata.ino(), metadata.len());
    let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
    Ok(JarFile {
        location,
        size,
        stamp: format!("{inode}:{size}:{seconds}:{nanoseconds}"),
    })
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    let shown = path.display();
    let directory = path.parent().unwrap_or(path);
    let (problem, message) = match error.kind() {
        io::ErrorKind::NotFound if directory.is_dir() => (
            JarProblem::NotFound,
            format!("{shown} is not there; put the jar there, or correct `jarName`"),
        ),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => (
            JarProblem::NotFound,
            format!(
                "there is no directory {} on this machine; correct `bucketURI`, or make it",
                directory.display()
            ),
        ),
        kind => (
            JarProblem::Unreadable,
            format!("{shown} could not be read ({kind}); give this user the right to read it"),
        ),
    };
    Failure::new(problem, Retry::Soon, message)
}
