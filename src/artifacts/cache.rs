//! The cache: jars on disk, each under the digest of its bytes.
//!
//! ```text
//! <state>/jars/sha256/<hex>.jar    a jar; only complete ones have this name
//! <state>/jars/sha256/.draft-…     one that is being copied or downloaded; removed at start
//! <state>/jars/urls/<hex>          the digest of what the URL with this digest gave
//! ```
//!
//! A jar is in the cache durably or not at all. It is hashed again before it is used; one whose
//! bytes changed is dropped. What is pinned or wanted is never evicted, even beyond the limit.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::validators::Validators;
use crate::clock::Clock;
use crate::resources::Digest;

const DRAFT_PREFIX: &str = ".draft-";
const BUFFER_SIZE: usize = 128 * 1024;

/// Why the cache failed.
#[derive(Debug, Error)]
pub enum CacheError {
    /// Its directories can't be used.
    #[error("could not open the jar cache at {path}: give this user the right to write there", path = .path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A jar can't be put into it.
    #[error("could not write to the jar cache at {path}: see whether the disk is full", path = .path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A jar in it can't be read.
    #[error("could not read {path} from the jar cache", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The jar is not in it.
    #[error("the jar {digest} is not in the cache")]
    Absent {
        /// The jar.
        digest: Digest,
    },
    /// The jar's bytes had changed. It was dropped, and is fetched again where it is still wanted.
    #[error("the jar {digest} was damaged in the cache; it was dropped, to be fetched again")]
    Corrupt {
        /// The jar.
        digest: Digest,
    },
}

/// The cache.
pub(super) struct JarCache {
    jars: PathBuf,
    urls: PathBuf,
    max_size: u64,
    clock: Arc<dyn Clock>,
    index: Mutex<Index>,
}

/// What is in the cache, and what has to stay.
#[derive(Debug, Default)]
struct Index {
    jars: BTreeMap<Digest, Cached>,
    pinned: BTreeSet<Digest>,
    wanted: BTreeSet<Digest>,
}

#[derive(Debug, Clone, Copy)]
struct Cached {
    size: u64,
    used: SystemTime,
}

impl JarCache {
    /// Opens the cache in this directory, and makes it where it isn't there.
    pub(super) fn open(
        directory: &Path,
        max_size: u64,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CacheError> {
        let jars = directory.join("sha256");
        let urls = directory.join("urls");
        let refused = |path: &Path| {
            let path = path.to_owned();
            move |source| CacheError::Open { path, source }
        };
        for path in [&jars, &urls] {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder.create(path).map_err(refused(path))?;
        }
        let index = read_index(&jars).map_err(refused(&jars))?;
        remove_stale_urls(&urls, &index).map_err(refused(&urls))?;
        Ok(Self {
            jars,
            urls,
            max_size,
            clock,
            index: Mutex::new(index),
        })
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.jars.join(format!("{digest}.jar"))
    }

    /// Sets what may not be evicted because a person or a record refers to it.
    pub(super) fn pin(&self, digests: BTreeSet<Digest>) {
        self.index().pinned = digests;
    }

    /// Sets what may not be evicted because a job needs it now.
    pub(super) fn set_wanted(&self, digests: BTreeSet<Digest>) {
        self.index().wanted = digests;
    }

    /// Adds to what may not be evicted because a job needs it now.
    pub(super) fn add_wanted(&self, digest: Digest) {
        self.index().wanted.insert(digest);
    }

    /// Begins a jar whose digest is not known yet.
    pub(super) fn draft(&self) -> Result<Draft, CacheError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{DRAFT_PREFIX}{}-{number}", std::process::id());
        let path = self.jars.join(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(write_error(&path))?;
        Ok(Draft {
            path,
            file,
            hasher: Sha256::new(),
            size: 0,
        })
    }

    /// Takes a complete draft in, durably, and evicts what is too much.
    pub(super) fn keep(&self, draft: Draft) -> Result<(Digest, u64), CacheError> {
        let digest = Digest(draft.hasher.clone().finalize().into());
        let size = draft.size;
        let path = self.path(&digest);
        // Where it is there already, nothing needs to be written.
        if !fs::metadata(&path).is_ok_and(|there| there.is_file() && there.len() == size) {
            draft.file.sync_all().map_err(write_error(&draft.path))?;
            fs::rename(&draft.path, &path).map_err(write_error(&path))?;
            sync_directory(&self.jars)?;
        }
        drop(draft);
        let used = self.touch(&path);
        let mut index = self.index();
        index.jars.insert(digest, Cached { size, used });
        self.evict(&mut index, digest);
        Ok((digest, size))
    }

    /// Opens a jar, as it is on disk.
    pub(super) fn open_jar(&self, digest: &Digest) -> Result<(File, u64), CacheError> {
        let path = self.path(digest);
        let read_error = |source: io::Error| {
            if source.kind() == io::ErrorKind::NotFound {
                self.index().jars.remove(digest);
                CacheError::Absent { digest: *digest }
            } else {
                let path = path.clone();
                CacheError::Read { path, source }
            }
        };
        let file = File::open(&path).map_err(read_error)?;
        let size = file.metadata().map_err(read_error)?.len();
        let used = self.touch(&path);
        self.index().jars.insert(*digest, Cached { size, used });
        Ok((file, size))
    }

    /// Where a jar is, after its bytes were hashed again.
    pub(super) fn verified(&self, digest: &Digest) -> Result<PathBuf, CacheError> {
        self.open_verified(digest)?;
        Ok(self.path(digest))
    }

    /// Opens a jar after hashing it; a damaged one is dropped.
    pub(super) fn open_verified(&self, digest: &Digest) -> Result<(File, u64), CacheError> {
        let (mut file, _) = self.open_jar(digest)?;
        let path = self.path(digest);
        let read_error = |source| CacheError::Read {
            path: path.clone(),
            source,
        };
        let (found, size) = hash(&mut file).map_err(read_error)?;
        if found != *digest {
            self.drop_jar(digest);
            return Err(CacheError::Corrupt { digest: *digest });
        }
        file.rewind().map_err(read_error)?;
        Ok((file, size))
    }

    fn drop_jar(&self, digest: &Digest) {
        let path = self.path(digest);
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "a damaged jar can't be removed");
        }
        self.index().jars.remove(digest);
    }

    /// Remembers what a URL gave, and the server's word about it, so that it isn't fetched again after a restart. The URL itself,
    /// which may hold a secret, is not written down.
    pub(super) fn remember_url(
        &self,
        url: &str,
        digest: &Digest,
        validators: &Validators,
    ) -> Result<(), CacheError> {
        let path = self.url_path(url);
        let draft = path.with_extension("draft");
        let known = format!("{digest}\n{}", validators.to_lines());
        fs::write(&draft, known).map_err(write_error(&draft))?;
        fs::rename(&draft, &path).map_err(write_error(&path))
    }

    /// What a URL gave, where that is still in the cache.
    pub(super) fn known_of_url(&self, url: &str) -> Option<(Digest, Validators)> {
        let text = fs::read_to_string(self.url_path(url)).ok()?;
        let mut lines = text.lines();
        let digest = lines.next()?.parse().ok()?;
        let known = (digest, Validators::of_lines(lines));
        self.path(&digest).is_file().then_some(known)
    }

    fn url_path(&self, url: &str) -> PathBuf {
        self.urls.join(Digest::of(url.as_bytes()).to_string())
    }

    /// Notes that a jar is used now, in its modification time, which outlives us.
    fn touch(&self, path: &Path) -> SystemTime {
        let now = SystemTime::from(self.clock.now());
        let touched = OpenOptions::new()
            .append(true)
            .open(path)
            .and_then(|file| file.set_modified(now));
        if let Err(error) = touched {
            // Then it may be evicted sooner than others.
            tracing::debug!(path = %path.display(), %error, "a use of a jar can't be noted");
        }
        now
    }

    /// Removes the least recently used jars until the limit is kept, but none that is needed.
    fn evict(&self, index: &mut Index, newest: Digest) {
        let mut total: u64 = index.jars.values().map(|cached| cached.size).sum();
        if total <= self.max_size {
            return;
        }
        let needed = |digest: &Digest| {
            *digest == newest || index.pinned.contains(digest) || index.wanted.contains(digest)
        };
        let mut candidates: Vec<_> = index
            .jars
            .iter()
            .filter(|(digest, _)| !needed(digest))
            .map(|(digest, cached)| (cached.used, *digest, cached.size))
            .collect();
        candidates.sort_unstable();
        for (_, digest, size) in candidates {
            if total <= self.max_size {
                break;
            }
            match fs::remove_file(self.path(&digest)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(%digest, %error, "a jar can't be evicted from the cache");
                }
                _ => {
                    index.jars.remove(&digest);
                    total = total.saturating_sub(size);
                }
            }
        }
        if total > self.max_size {
            let limit = self.max_size;
            tracing::warn!(
                total,
                limit,
                "the jars in use exceed the limit of the jar cache"
            );
        }
    }
}

/// A jar that is being written. It leaves nothing behind when it is dropped.
pub(super) struct Draft {
    path: PathBuf,
    file: File,
    hasher: Sha256,
    size: u64,
}

impl Draft {
    /// Adds these bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), CacheError> {
        let written = self.file.write_all(bytes);
        written.map_err(write_error(&self.path))?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// How many bytes it has.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// What was written, to be read.
    pub(super) fn reader(&mut self) -> &mut File {
        &mut self.file
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // A draft that was kept has another name now.
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::debug!(path = %self.path.display(), %error, "a draft stays until the next start");
            }
            _ => {}
        }
    }
}

fn write_error(path: &Path) -> impl FnOnce(io::Error) -> CacheError {
    let path = path.to_owned();
    move |source| CacheError::Write { path, source }
}

fn sync_directory(path: &Path) -> Result<(), CacheError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(write_error(path))
}

/// The digest and size of what is left to read.
fn hash(reader: &mut impl Read) -> io::Result<(Digest, u64)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER_SIZE];
    let mut size = 0;
    loop {
        let length = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(buffer.get(..length).unwrap_or_default());
        size += length as u64;
    }
    Ok((Digest(hasher.finalize().into()), size))
}

/// What is in the directory of jars; drafts of an earlier run are removed.
fn read_index(directory: &Path) -> io::Result<Index> {
    let mut index = Index::default();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.starts_with(DRAFT_PREFIX) {
            fs::remove_file(entry.path())?;
        } else if let Some(digest) = name.strip_suffix(".jar")
            && let Ok(digest) = digest.parse()
        {
            let metadata = entry.metadata()?;
            let size = metadata.len();
            let used = metadata.modified()?;
            index.jars.insert(digest, Cached { size, used });
        }
    }
    Ok(index)
}

/// Forgets URLs whose jars are gone.
fn remove_stale_urls(directory: &Path, index: &Index) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let known = fs::read_to_string(&path)
            .ok()
            .and_then(|text| text.lines().next()?.parse().ok())
            .is_some_and(|digest| index.jars.contains_key(&digest));
        // What has an extension was not completed.
        if !known || path.extension().is_some() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use jiff::{SignedDuration, Timestamp};

    use super::*;

    /// A clock that goes on by a second whenever it is asked.
    struct Ticking(Mutex<Timestamp>);

    impl Clock for Ticking {
        fn now(&self) -> Timestamp {
            let mut now = self.0.lock().unwrap();
            *now += SignedDuration::from_secs(1);
            *now
        }
    }

    fn open(directory: &Path, max_size: u64) -> JarCache {
        let clock = Ticking(Mutex::new(Timestamp::now()));
        JarCache::open(directory, max_size, Arc::new(clock)).unwrap()
    }

    fn add(cache: &JarCache, bytes: &[u8]) -> Digest {
        let mut draft = cache.draft().unwrap();
        draft.write(bytes).unwrap();
        let (digest, size) = cache.keep(draft).unwrap();
        assert_eq!((digest, size), (Digest::of(bytes), bytes.len() as u64));
        digest
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory.join("sha256")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_jar_is_kept_under_its_digest_for_the_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let cache = open(directory.path(), 100);
        let digest = add(&cache, b"bytes");
        assert_eq!(add(&cache, b"bytes"), digest);
        assert_eq!(names(directory.path()), [format!("{digest}.jar")]);
        let (mut file, size) = cache.open_verified(&digest).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), size), ("bytes", 5));
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_draft_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let cache = open(directory.path(), 100);
        drop(cache.draft().unwrap());
        assert!(names(directory.path()).is_empty());
        std::mem::forget(cache.draft().unwrap());
        assert_eq!(names(directory.path()).len(), 1);
        open(directory.path(), 100);
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn a_damaged_jar_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let cache = open(directory.path(), 100);
        let digest = add(&cache, b"bytes");
        fs::write(cache.path(&digest), b"bytez").unwrap();
        let error = cache.open_verified(&digest).unwrap_err();
        assert!(matches!(error, CacheError::Corrupt { .. }));
        let error = cache.open_verified(&digest).unwrap_err();
        assert!(matches!(error, CacheError::Absent { .. }));
    }

    #[test]
    fn the_least_recently_used_goes_but_never_what_is_needed() {
        let directory = tempfile::tempdir().unwrap();
        let cache = open(directory.path(), 10);
        let (a, b, c) = (
            add(&cache, b"aaa"),
            add(&cache, b"bbb"),
            add(&cache, b"ccc"),
        );
        cache.open_verified(&a).unwrap();
        add(&cache, b"ddd");
        assert!(cache.open_jar(&b).is_err());
        assert!(cache.open_jar(&a).is_ok());
        // The order of use outlives a restart, too.
        drop(cache);
        let cache = open(directory.path(), 10);
        cache.pin([c].into());
        cache.set_wanted([a].into());
        add(&cache, b"eee");
        add(&cache, b"ffffffff");
        assert!(cache.open_jar(&a).is_ok() && cache.open_jar(&c).is_ok());
        assert_eq!(names(directory.path()).len(), 3);
    }

    #[test]
    fn what_a_url_gave_is_remembered_without_the_url() {
        let directory = tempfile::tempdir().unwrap();
        let cache = open(directory.path(), 100);
        let url = "https://user:hush@host/a.jar";
        assert_eq!(cache.known_of_url(url), None);
        let digest = add(&cache, b"bytes");
        let validators = Validators::of_lines("\"a\"\nyesterday".lines());
        cache.remember_url(url, &digest, &validators).unwrap();
        drop(cache);
        let cache = open(directory.path(), 100);
        assert_eq!(cache.known_of_url(url), Some((digest, validators)));
        // As earlier versions wrote it.
        fs::write(cache.url_path(url), digest.to_string()).unwrap();
        let known = Some((digest, Validators::default()));
        assert_eq!(cache.known_of_url(url), known);
        cache.drop_jar(&digest);
        assert_eq!(cache.known_of_url(url), None);
        drop(open(directory.path(), 100));
        let left = fs::read_dir(directory.path().join("urls")).unwrap();
        assert_eq!(left.count(), 0);
    }
}
