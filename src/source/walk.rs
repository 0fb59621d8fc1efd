//! The walk of a scan: from directory to directory, taking YAML files and jars.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::hints::Interest;
use super::locate::{locate, locate_in};
use super::options::DirectoryOptions;
use super::read::{KnownFile, ReadError, read, share, size_text};
use super::stamp::{FileId, FileStamp};
use crate::resources::{JarFile, SourceFile};

/// The name under which what is wrong with the path itself is told.
pub(super) const ITSELF: &str = ".";

/// What was seen, by path without links.
#[derive(Default)]
pub(super) struct Known {
    files: HashMap<PathBuf, KnownFile>,
    jars: HashMap<PathBuf, JarFile>,
}

/// What a file is to us, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FileType {
    Yaml,
    Jar,
    Other,
}

impl FileType {
    pub(super) fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yaml" | "yml") => Self::Yaml,
            Some("jar") => Self::Jar,
            _ => Self::Other,
        }
    }
}

/// A scan under way: what it takes, and what it has found so far.
pub(super) struct Walk<'a> {
    options: &'a DirectoryOptions,
    now: Timestamp,
    held: &'a HashSet<PathBuf>,
    /// The directory that links must not leave, without links.
    root: PathBuf,
    before: Known,
    pub(super) after: Known,
    pub(super) files: BTreeMap<String, SourceFile>,
    pub(super) jars: BTreeMap<String, JarFile>,
    pub(super) unreadable: BTreeMap<String, String>,
    pub(super) interest: Interest,
    pub(super) held_back: bool,
    /// When the newest of what is new or other than before was changed.
    pub(super) changed_at: Option<Timestamp>,
    entries: usize,
    bytes: u64,
}

/// A directory entry: its path without links above it, and its path relative to the source.
struct Entry {
    real: PathBuf,
    relative: String,
}

/// What a walk of directories takes with it.
struct Descent {
    /// The directories from the root down to here; a link back to one of them is a circle.
    above: Vec<FileId>,
    /// Whether sub-directories are looked at, and YAML files are taken.
    whole: bool,
}

impl<'a> Walk<'a> {
    /// A walk that has found nothing yet and remembers what the last one saw.
    pub(super) fn new(
        options: &'a DirectoryOptions,
        now: Timestamp,
        held: &'a HashSet<PathBuf>,
        before: Known,
    ) -> Self {
        Self {
            options,
            now,
            held,
            root: PathBuf::new(),
            before,
            after: Known::default(),
            files: BTreeMap::new(),
            jars: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            interest: Interest::default(),
            held_back: false,
            changed_at: None,
            entries: 0,
            bytes: 0,
        }
    }

    /// Looks at the path, which leads to `real`. The error is why it is not there.
    pub(super) fn start(&mut self, path: &Path, real: PathBuf) -> Result<(), String> {
        let refused =
            |error: io::Error| format!("{} can't be read: {}", path.display(), error.kind());
        let metadata = fs::metadata(&real).map_err(refused)?;
        let mut descent = Descent {
            above: Vec::new(),
            whole: true,
        };
        if metadata.is_dir() {
            self.root.clone_from(&real);
            return self.directory(&real, "", &mut descent).map_err(refused);
        }
        if !metadata.is_file() {
            return Err(format!(
                "{} is neither a directory nor a file",
                path.display()
            ));
        }
        self.single_file(path, real, &metadata);
        Ok(())
    }

    /// Takes one YAML file, and the jars beside it and in `jars/` there.
    fn single_file(&mut self, path: &Path, real: PathBuf, metadata: &Metadata) {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let relative = name.to_string_lossy().into_owned();
        self.interest.targets.insert(real.clone());
        self.yaml(Entry { real, relative }, metadata);
        let Some(parent) = path.parent().and_then(|parent| locate(parent).target.ok()) else {
            return;
        };
        self.root.clone_from(&parent);
        let jars = parent.join("jars");
        for (directory, relative) in [(parent, ""), (jars, "jars")] {
            let mut descent = Descent {
                above: Vec::new(),
                whole: false,
            };
            let is_there = directory.symlink_metadata().is_ok_and(|it| it.is_dir());
            if is_there && let Err(error) = self.directory(&directory, relative, &mut descent) {
                self.refuse(relative, format!("it can't be listed: {}", error.kind()));
            }
        }
    }

    /// Takes what is in a directory. The error is that it can't be listed.
    fn directory(&mut self, real: &Path, relative: &str, descent: &mut Descent) -> io::Result<()> {
        // Which directory it is comes first: what replaces it afterwards is noticed.
        let id = FileId::of(&fs::metadata(real)?);
        self.interest.directories.insert(real.to_owned(), id);
        let mut entries = Vec::new();
        for entry in fs::read_dir(real)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            self.entries += 1;
            if self.entries > self.options.max_entries {
                let limit = self.options.max_entries;
                self.refuse(
                    relative,
                    format!(
                        "the source has more than {limit} files; what comes after them is not read"
                    ),
                );
                break;
            }
            entries.push((name, entry));
        }
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        descent.above.push(id);
        for (name, entry) in entries {
            let place = Entry {
                real: real.join(&name),
                relative: join(relative, &name.to_string_lossy()),
            };
            if name.to_str().is_none() {
                if entry.file_type().is_ok_and(|it| it.is_dir())
                    || FileType::of(&place.real) != FileType::Other
                {
                    self.refuse(&place.relative, "its name is not UTF-8".to_owned());
                }
                continue;
            }
            self.entry(&entry, place, descent);
        }
        descent.above.pop();
        Ok(())
    }

    fn entry(&mut self, entry: &fs::DirEntry, place: Entry, descent: &mut Descent) {
        let file_type = match entry.file_type() {
            Ok(file_type) => file_type,
            Err(error) => return self.unseen(&place, &error),
        };
        if file_type.is_symlink() {
            self.link(place, descent);
        } else if file_type.is_dir() {
            self.nested(&place, descent);
        } else {
            match FileType::of(&place.real) {
                FileType::Other => {}
                FileType::Yaml if !descent.whole => {}
                _ => match entry.metadata() {
                    Ok(metadata) => self.file(place, &metadata),
                    Err(error) => self.unseen(&place, &error),
                },
            }
        }
    }

    /// An entry that was listed and can't be looked at. One that was deleted meanwhile is gone, and
    /// the event for that follows; anything else (a directory that may not be entered, say) must not
    /// pass for deleted.
    fn unseen(&mut self, place: &Entry, error: &io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            let reason = format!("it can't be looked at: {}", error.kind());
            self.refuse(&place.relative, reason);
        }
    }

    fn nested(&mut self, place: &Entry, descent: &mut Descent) {
        if !descent.whole {
            return;
        }
        let limit = self.options.max_depth;
        if descent.above.len() > limit {
            self.refuse(
                &place.relative,
                format!("directories are nested more than {limit} deep; it is not read"),
            );
            return;
        }
        match self.directory(&place.real, &place.relative, descent) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.refuse(
                &place.relative,
                format!("it can't be listed: {}", error.kind()),
            ),
        }
    }

    /// Follows a link, but never out of the source.
    fn link(&mut self, place: Entry, descent: &mut Descent) {
        let wanted = match FileType::of(&place.real) {
            FileType::Other => false,
            FileType::Yaml => descent.whole,
            FileType::Jar => true,
        };
        // A link that leads nowhere and could be one to a directory must not pass for deleted.
        let may_be_directory = descent.whole && place.real.extension().is_none();
        let (Some(directory), Some(name)) = (place.real.parent(), place.real.file_name()) else {
            return;
        };
        let location = locate_in(directory, Path::new(name));
        let target = location
            .target
            .and_then(|real| Ok((fs::metadata(&real)?, real)));
        let (metadata, real) = match target {
            Ok(found) => found,
            Err(error) => {
                self.interest.anchors.extend(location.anchors);
                if wanted || may_be_directory {
                    self.refuse(
                        &place.relative,
                        format!("it is a link that can't be followed: {}", error.kind()),
                    );
                }
                return;
            }
        };
        if !(wanted || descent.whole && metadata.is_dir()) {
            return;
        }
        if !real.starts_with(&self.root) {
            self.refuse(
                &place.relative,
                "it is a link that leads out of the source; put a copy here".to_owned(),
            );
            return;
        }
        self.interest.anchors.extend(location.anchors);
        let place = Entry { real, ..place };
        if !metadata.is_dir() {
            self.interest.targets.insert(place.real.clone());
            self.file(place, &metadata);
        } else if descent.above.contains(&FileId::of(&metadata)) {
            self.refuse(
                &place.relative,
                "it is a link to a directory that contains it".to_owned(),
            );
        } else {
            self.nested(&place, descent);
        }
    }

    /// Takes a YAML file or a jar.
    fn file(&mut self, place: Entry, metadata: &Metadata) {
        if !metadata.is_file() {
            self.refuse(&place.relative, "it is not a regular file".to_owned());
        } else if FileType::of(Path::new(&place.relative)) == FileType::Jar {
            self.jar(place, metadata);
        } else {
            self.yaml(place, metadata);
        }
    }

    fn jar(&mut self, place: Entry, metadata: &Metadata) {
        let jar = if self.held.contains(&place.real) {
            self.held_back = true;
            match self.before.jars.get(&place.real) {
                Some(jar) => jar.clone(),
                None => return,
            }
        } else {
            let stamp = FileStamp::of(metadata);
            let jar = JarFile {
                location: place.real.clone(),
                size: metadata.len(),
                stamp: stamp.to_text(),
            };
            if self.before.jars.get(&place.real) != Some(&jar) {
                self.changed_at = self.changed_at.max(stamp.changed_at());
            }
            jar
        };
        self.after.jars.insert(place.real, jar.clone());
        self.jars.insert(place.relative, jar);
    }

    fn yaml(&mut self, place: Entry, metadata: &Metadata) {
        let known = self.before.files.get(&place.real);
        let stamp = FileStamp::of(metadata);
        let taken = if self.held.contains(&place.real) {
            self.held_back = true;
            match known {
                Some(known) => known.clone(),
                None => return,
            }
        } else if let Some(known) = known
            && known.stamp == stamp
            && !known.young
        {
            known.clone()
        } else {
            match read(&place.real, self.options.max_file_size, self.now) {
                Ok(read) => share(read, known),
                Err(ReadError::Absent) => return,
                Err(ReadError::Refused(reason)) => {
                    self.refuse(&place.relative, reason);
                    return;
                }
            }
        };
        if known.is_none_or(|known| known.stamp != taken.stamp) {
            self.changed_at = self.changed_at.max(taken.stamp.changed_at());
        }
        self.bytes += taken.file.bytes.len() as u64;
        if self.bytes > self.options.max_total_size {
            let limit = size_text(self.options.max_total_size);
            self.refuse(
                &place.relative,
                format!("the YAML of the source exceeds {limit}; it is not read"),
            );
            return;
        }
        self.files.insert(place.relative, taken.file.clone());
        self.after.files.insert(place.real, taken);
    }

    fn refuse(&mut self, relative: &str, reason: String) {
        let path = if relative.is_empty() {
            ITSELF
        } else {
            relative
        };
        self.unreadable.insert(path.to_owned(), reason);
    }
}

pub(super) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        name.to_owned()
    } else {
        format!("{directory}/{name}")
    }
}
