//! Reads a commit's tree: YAML files, and which blobs its jars are. No work tree, no configuration.
//!
//! - As in a directory, hidden names (`.x`) are ignored.
//! - What Git can hold and we don't follow (links, submodules, pointers to large files) and names that
//!   would lead elsewhere are told in `unreadable`, so that nobody takes them for deleted.
//! - A blob that was read before is not read again: its id says that it is the same.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use git2::{Error, ErrorCode, ObjectType, Odb, Oid, Repository, Tree, TreeEntry};
use jiff::Timestamp;

use super::place::Place;
use crate::resources::{Digest, JarFile, Revision, SourceFile, SourceName};
use crate::source::options::DirectoryOptions;
use crate::source::read::size_text;
use crate::source::walk::{FileType, ITSELF, join};

/// A link, in Git's modes.
const LINK: i32 = 0o120_000;
/// With this begins a file that only says where Git LFS has the real one.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";
/// The largest of those.
const LARGEST_POINTER: usize = 1024;

/// What is read of a tree, and how much of it.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) source: SourceName,
    /// The directory or YAML file in the repository; empty for all of it.
    pub(super) path: String,
    pub(super) limits: DirectoryOptions,
    pub(super) max_jar_size: u64,
}

/// The files of the last commit, by blob.
pub(super) type Known = HashMap<Oid, SourceFile>;

/// The objects of a place's clone.
pub(super) fn objects(place: &Place) -> Result<Odb<'static>, Error> {
    let directory = place.repository().join("objects");
    let objects = Odb::new()?;
    let path = directory.to_str();
    let path = path.ok_or_else(|| Error::from_str("its path is not UTF-8"))?;
    objects.add_disk_alternate(path)?;
    Ok(objects)
}

/// What a commit shows. The error is that the clone is damaged.
pub(super) fn read(
    place: &Place,
    reading: &Reading,
    commit: &str,
    known: &mut Known,
) -> Result<Revision, Error> {
    let repository = Repository::from_odb(objects(place)?)?;
    let found = repository.find_commit(Oid::from_str(commit)?)?;
    let tree = found.tree()?;
    let mut walk = Walk {
        repository: &repository,
        place,
        reading,
        before: std::mem::take(known),
        after: Known::new(),
        files: BTreeMap::new(),
        jars: BTreeMap::new(),
        unreadable: BTreeMap::new(),
        entries: 0,
        bytes: 0,
    };
    let present = walk.start(&tree, commit)?;
    *known = walk.after;
    Ok(Revision {
        source: reading.source.clone(),
        id: commit.to_owned(),
        present,
        files: walk.files,
        jars: walk.jars,
        unreadable: walk.unreadable,
        changed_at: Timestamp::from_second(found.time().seconds()).ok(),
        trouble: None,
        lineage: None,
        proposal: None,
        refused: None,
    })
}

struct Walk<'a> {
    repository: &'a Repository,
    place: &'a Place,
    reading: &'a Reading,
    before: Known,
    after: Known,
    files: BTreeMap<String, SourceFile>,
    jars: BTreeMap<String, JarFile>,
    unreadable: BTreeMap<String, String>,
    entries: usize,
    bytes: u64,
}

impl Walk<'_> {
    /// Looks at the path. Tells whether it is there.
    fn start(&mut self, tree: &Tree<'_>, commit: &str) -> Result<bool, Error> {
        let path = &self.reading.path;
        if path.is_empty() {
            self.directory(tree, "", 0)?;
            return Ok(true);
        }
        let entry = match tree.get_path(Path::new(path)) {
            Ok(entry) => entry,
            Err(error) if error.code() == ErrorCode::NotFound => {
                let reason = format!("{path} is not in the commit {commit}");
                self.refuse(ITSELF, reason);
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        match entry.kind() {
            Some(ObjectType::Tree) => {
                self.directory(&self.repository.find_tree(entry.id())?, "", 0)?;
                Ok(true)
            }
            Some(ObjectType::Blob)
                if entry.filemode() != LINK && FileType::of(Path::new(path)) == FileType::Yaml =>
            {
                self.single_file(tree, &entry)?;
                Ok(true)
            }
            _ => {
                let reason = format!("{path} is neither a directory nor a YAML file");
                self.refuse(ITSELF, reason);
                Ok(false)
            }
        }
    }

    /// Takes one YAML file, and the jars beside it and in `jars/` there.
    fn single_file(&mut self, tree: &Tree<'_>, entry: &TreeEntry<'_>) -> Result<(), Error> {
        let (parent, name) = match self.reading.path.rsplit_once('/') {
            Some((parent, name)) => (Some(parent), name),
            None => (None, &*self.reading.path),
        };
        self.yaml(entry.id(), name)?;
        for (below, relative) in [(None, ""), (Some("jars"), "jars")] {
            let parts = parent.into_iter().chain(below);
            let path = parts.collect::<Vec<_>>().join("/");
            let directory = if path.is_empty() {
                self.repository.find_tree(tree.id())?
            } else {
                match tree.get_path(Path::new(&path)) {
                    Ok(entry) if entry.kind() == Some(ObjectType::Tree) => {
                        self.repository.find_tree(entry.id())?
                    }
                    _ => continue,
                }
            };
            for entry in &directory {
                let Ok(name) = entry.name() else { continue };
                if FileType::of(Path::new(name)) == FileType::Jar {
                    self.entry(&entry, &join(relative, name), 0)?;
                }
            }
        }
        Ok(())
    }

    /// Takes what is in a directory.
    fn directory(&mut self, tree: &Tree<'_>, relative: &str, depth: usize) -> Result<(), Error> {
        let limits = &self.reading.limits;
        if depth > limits.max_depth {
            let limit = limits.max_depth;
            self.refuse(
                relative,
                format!("directories are nested more than {limit} deep; it is not read"),
            );
            return Ok(());
        }
        for entry in tree {
            let bytes = entry.name_bytes();
            let shown = join(relative, &String::from_utf8_lossy(bytes));
            if bytes.contains(&b'/') || matches!(bytes, b"" | b"." | b"..") {
                self.refuse(&shown, "its name would lead elsewhere".to_owned());
                continue;
            }
            if bytes.starts_with(b".") {
                continue;
            }
            self.entries += 1;
            if self.entries > self.reading.limits.max_entries {
                let limit = self.reading.limits.max_entries;
                let reason = format!(
                    "the source has more than {limit} files; what comes after them is not read"
                );
                self.refuse(relative, reason);
                return Ok(());
            }
            if entry.name().is_err() {
                let named = FileType::of(Path::new(&shown)) != FileType::Other;
                if named || entry.kind() != Some(ObjectType::Blob) {
                    self.refuse(&shown, "its name is not UTF-8".to_owned());
                }
                continue;
            }
            self.entry(&entry, &shown, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &TreeEntry<'_>, path: &str, depth: usize) -> Result<(), Error> {
        let file_type = FileType::of(Path::new(path));
        match entry.kind() {
            Some(ObjectType::Tree) => {
                self.directory(&self.repository.find_tree(entry.id())?, path, depth + 1)
            }
            Some(ObjectType::Blob) if entry.filemode() == LINK => {
                // One without an ending may be to a directory.
                if file_type != FileType::Other || Path::new(path).extension().is_none() {
                    let reason = "it is a link, and links in a repository are not followed; put the \
                                  file itself there";
                    self.refuse(path, reason.to_owned());
                }
                Ok(())
            }
            Some(ObjectType::Blob) => match file_type {
                FileType::Yaml => self.yaml(entry.id(), path),
                FileType::Jar => self.jar(entry.id(), path),
                FileType::Other => Ok(()),
            },
            Some(ObjectType::Commit) => {
                let reason = "it is a submodule, which is not read; make that repository a source of \
                              its own";
                self.refuse(path, reason.to_owned());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn yaml(&mut self, blob: Oid, path: &str) -> Result<(), Error> {
        let file = match self.before.get(&blob).or_else(|| self.after.get(&blob)) {
            Some(file) => file.clone(),
            None => match self.content(blob, path)? {
                Some(file) => file,
                None => return Ok(()),
            },
        };
        self.bytes += file.bytes.len() as u64;
        if self.bytes > self.reading.limits.max_total_size {
            let limit = self.reading.limits.max_total_size;
            self.refuse(
                path,
                format!("the source has more than {limit} bytes of YAML"),
            );
            return Ok(());
        }
        self.after.insert(blob, file.clone());
        self.files.insert(path.to_owned(), file);
        Ok(())
    }

    /// The content of a file, where it may be read.
    fn content(&mut self, blob: Oid, path: &str) -> Result<Option<SourceFile>, Error> {
        let limit = self.reading.limits.max_file_size;
        let objects = self.repository.odb()?;
        let (size, _) = objects.read_header(blob)?;
        if size as u64 > limit {
            self.refuse(path, too_large(limit));
            return Ok(None);
        }
        let object = objects.read(blob)?;
        let bytes = object.data();
        if bytes.starts_with(LFS) {
            self.refuse_pointer(path);
            return Ok(None);
        }
        Ok(Some(SourceFile {
            digest: Digest::of(bytes),
            bytes: bytes.into(),
        }))
    }

    fn jar(&mut self, blob: Oid, path: &str) -> Result<(), Error> {
        let objects = self.repository.odb()?;
        let (size, _) = objects.read_header(blob)?;
        if size <= LARGEST_POINTER && objects.read(blob)?.data().starts_with(LFS) {
            self.refuse_pointer(path);
            return Ok(());
        }
        if size as u64 > self.reading.max_jar_size {
            self.refuse(path, too_large(self.reading.max_jar_size));
            return Ok(());
        }
        let blob = blob.to_string();
        let jar = JarFile {
            location: self.place.jar(&blob),
            size: size as u64,
            stamp: blob,
        };
        self.jars.insert(path.to_owned(), jar);
        Ok(())
    }

    fn refuse_pointer(&mut self, path: &str) {
        let reason = "it is only a pointer of Git LFS, whose files are not fetched; put the file itself \
                      there, or a jar behind `remoteURL`";
        self.refuse(path, reason.to_owned());
    }

    fn refuse(&mut self, path: &str, reason: String) {
        let path = if path.is_empty() { ITSELF } else { path };
        self.unreadable.insert(path.to_owned(), reason);
    }
}

fn too_large(limit: u64) -> String {
    let limit = size_text(limit);
    format!("it is larger than {limit} and is not read")
}
