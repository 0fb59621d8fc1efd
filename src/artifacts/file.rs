//! Jars in a source: copied into the cache as they are read.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use rustix::fs::OFlags;

use super::cache::{Draft, JarCache};
use super::failure::{Failure, Retry};
use super::resolve::Resolved;
use crate::plan::jar::JarProblem;
use crate::resources::JarFile;

const BUFFER_SIZE: usize = 128 * 1024;

/// Copies a jar into the cache and looks into it.
pub(super) fn ingest(
    jar: &JarFile,
    classes: &BTreeSet<Option<String>>,
    cache: &JarCache,
    max_size: u64,
) -> Result<Resolved, Failure> {
    let name = jar.location.display().to_string();
    let draft = copy_jar(jar, cache, max_size)?;
    Resolved::of_draft(&name, draft, classes, cache)
}

/// Copies a jar into a draft.
pub(super) fn copy_jar(jar: &JarFile, cache: &JarCache, max_size: u64) -> Result<Draft, Failure> {
    let name = jar.location.display().to_string();
    let file = open(jar, &name)?;
    let before = look(&file, &name)?;
    if !before.is_file {
        let message = format!("{name} is not a regular file; put a copy of the jar there");
        return Err(Failure::new(JarProblem::Unreadable, Retry::Soon, message));
    }
    if before.size > max_size {
        return Err(too_large(&name, max_size));
    }
    let mut draft = cache
        .draft()
        .map_err(|error| Failure::of_cache(&name, &error))?;
    copy(&file, &mut draft, &name, max_size)?;
    if look(&file, &name)? != before || draft.size() != jar.size {
        let message = format!("{name} changed while it was read; it is read again");
        return Err(Failure::new(JarProblem::Unreadable, Retry::Soon, message));
    }
    Ok(draft)
}

/// A jar beyond the limit.
pub(super) fn too_large(name: &str, max_size: u64) -> Failure {
    let message = format!(
        "{name} is larger than {} MiB; leave out what the members have already (Hazelcast itself)",
        max_size.div_ceil(1024 * 1024)
    );
    Failure::new(JarProblem::TooLarge, Retry::Late, message)
}

fn open(jar: &JarFile, name: &str) -> Result<File, Failure> {
    // A scan gave the path without links; one that took its place is not followed, and a pipe not
    // waited for.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or(0))
        .open(&jar.location)
        .map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                let message = format!("{name} is not there any more");
                Failure::new(JarProblem::NotFound, Retry::Soon, message)
            } else {
                unreadable(name, &error)
            }
        })
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    let message = format!(
        "{name} could not be read ({}); give this user the right to read it",
        error.kind()
    );
    Failure::new(JarProblem::Unreadable, Retry::Soon, message)
}

/// What must not change while a jar is read.
#[derive(PartialEq, Eq)]
struct Look {
    is_file: bool,
    size: u64,
    modified: (i64, i64),
}

fn look(file: &File, name: &str) -> Result<Look, Failure> {
    let metadata = file.metadata().map_err(|error| unreadable(name, &error))?;
    Ok(Look {
        is_file: metadata.is_file(),
        size: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
    })
}

fn copy(mut file: &File, draft: &mut Draft, name: &str, max_size: u64) -> Result<(), Failure> {
    let mut buffer = vec![0; BUFFER_SIZE];
    loop {
        let length = match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(name, &error)),
        };
        draft
            .write(buffer.get(..length).unwrap_or_default())
            .map_err(|error| Failure::of_cache(name, &error))?;
        if draft.size() > max_size {
            return Err(too_large(name, max_size));
        }
    }
}
