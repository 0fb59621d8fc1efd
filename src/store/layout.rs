//! Where state lies in its directory, and the small files beside the database.
//!
//! ```text
//! <state>/lock                    held by the process that has the state; names it
//! <state>/jetkeeper-state.json    the marker: state was made here, when, and which
//! <state>/committed               the witness: the last commit that was acknowledged
//! <state>/data/                   sled's files; 0700
//! <state>/data.new/               a creation under way; nothing in it is in use yet
//! <state>/damaged-<time>/         state that was moved aside; never deleted
//! ```
//!
//! The marker tells a state that lost its database from a directory where there never was one. The
//! witness tells a database that silently went back to an earlier commit from one that is complete:
//! it is written after each commit became durable, so it is never ahead of a sound database.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::resources::Digest;

/// The paths of a state directory.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    dir: PathBuf,
}

/// What is in a state directory.
#[derive(Debug)]
pub(super) enum Survey {
    /// State was never made here.
    Nothing,
    /// State was moved aside to here, and none was made since.
    MovedAside(PathBuf),
    /// State is here, or what is left of it.
    State,
}

/// Says that state was made here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Marker {
    pub(super) schema: u32,
    pub(super) store_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<Timestamp>,
}

impl Layout {
    /// The layout in `dir`, which is made, for its owner only, where it isn't there.
    pub(super) fn make(dir: &Path) -> Result<Self, StoreError> {
        let make = || {
            if dir.try_exists()? {
                return Ok(());
            }
            make_private_dir(dir)?;
            match dir.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
                _ => Ok(()),
            }
        };
        make().map_err(failed_to("make a directory for", dir))?;
        let dir = dir.to_path_buf();
        Ok(Self { dir })
    }

    /// The layout in `dir`, which has to be there.
    pub(super) fn of(dir: &Path) -> Result<Self, StoreError> {
        let layout = Self {
            dir: dir.to_path_buf(),
        };
        let nothing = match dir.metadata() {
            Ok(_) => matches!(layout.survey()?, Survey::Nothing),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(failed_to("look at", dir)(error)),
        };
        if nothing {
            return Err(StoreError::Absent {
                path: layout.label(),
            });
        }
        Ok(layout)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn label(&self) -> String {
        self.dir.display().to_string()
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    pub(super) fn marker(&self) -> PathBuf {
        self.dir.join("jetkeeper-state.json")
    }

    pub(super) fn witness(&self) -> PathBuf {
        self.dir.join("committed")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub(super) fn new_data(&self) -> PathBuf {
        self.dir.join("data.new")
    }

    /// Where state is moved to at this time.
    pub(super) fn damaged(&self, now: Timestamp) -> PathBuf {
        self.dir
            .join(format!("damaged-{}", now.strftime("%Y%m%dT%H%M%S.%fZ")))
    }

    /// What is there.
    pub(super) fn survey(&self) -> Result<Survey, StoreError> {
        let failed = || failed_to("look at", &self.dir);
        for path in [self.marker(), self.witness(), self.data()] {
            if path.try_exists().map_err(failed())? {
                return Ok(Survey::State);
            }
        }
        let mut aside = None;
        for entry in fs::read_dir(&self.dir).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            if entry.file_name().to_string_lossy().starts_with("damaged-") {
                aside = aside.max(Some(entry.path()));
            }
        }
        Ok(aside.map_or(Survey::Nothing, Survey::MovedAside))
    }

    /// The marker; none where there is none.
    pub(super) fn read_marker(&self) -> Result<Option<Marker>, StoreError> {
        let Some(bytes) = read_if_there(&self.marker()).map_err(failed_to("read", &self.dir))?
        else {
            return Ok(None);
        };
        match serde_json::from_slice(&bytes) {
            Ok(marker) => Ok(Some(marker)),
            Err(error) => Err(self.damage(format!("its marker file is unreadable: {error}"))),
        }
    }

    pub(super) fn write_marker(&self, marker: &Marker) -> Result<(), StoreError> {
        let json = serde_json::to_vec(marker).map_err(|source| StoreError::Encode { source })?;
        write_durably(&self.marker(), &json).map_err(failed_to("mark", &self.dir))
    }

    pub(super) fn damage(&self, message: impl Into<String>) -> StoreError {
        StoreError::Damaged {
            path: self.label(),
            message: message.into(),
        }
    }
}

/// The witness: one line of fixed length, overwritten in place.
#[derive(Debug)]
pub(super) struct Witness {
    file: File,
    store_id: String,
}

impl Witness {
    /// Makes one, durably.
    pub(super) fn make(layout: &Layout, store_id: &str, commit: u64) -> Result<Self, StoreError> {
        let line = witness_line(store_id, commit);
        write_durably(&layout.witness(), line.as_bytes())
            .map_err(failed_to("mark", layout.dir()))?;
        Self::open(layout, store_id)
    }

    fn open(layout: &Layout, store_id: &str) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .write(true)
            .open(layout.witness())
            .map_err(failed_to("open", layout.dir()))?;
        let store_id = store_id.to_owned();
        Ok(Self { file, store_id })
    }

    /// The commit that was acknowledged last; none where there is no witness.
    pub(super) fn read(layout: &Layout, store_id: &str) -> Result<Option<u64>, StoreError> {
        let Some(bytes) =
            read_if_there(&layout.witness()).map_err(failed_to("read", layout.dir()))?
        else {
            return Ok(None);
        };
        let commit = bytes
            .get(..20)
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
            .filter(|commit| witness_line(store_id, *commit).as_bytes() == bytes);
        match commit {
            Some(commit) => Ok(Some(commit)),
            None => Err(layout.damage("its file `committed` is unreadable or of another state")),
        }
    }

    /// Writes that this commit is durable. Not synced: after a loss of power it may tell an earlier
    /// one, which is no lie, only less of a witness.
    pub(super) fn tell(&self, commit: u64) -> io::Result<()> {
        let line = witness_line(&self.store_id, commit);
        self.file.write_all_at(line.as_bytes(), 0)
    }
}

fn witness_line(store_id: &str, commit: u64) -> String {
    let line = format!("{commit:020} {store_id}");
    let digest = Digest::of(line.as_bytes()).short();
    format!("{line} {digest}\n")
}

/// Turns an error of a file into ours.
pub(super) fn failed_to(
    what: &'static str,
    dir: &Path,
) -> impl FnOnce(io::Error) -> StoreError + use<> {
    let path = dir.display().to_string();
    move |source| StoreError::Io { what, path, source }
}

/// Makes a directory for its owner only. One that is there already is left as it is.
pub(super) fn make_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Writes a file that is either as it was or as it is to be, whatever happens.
fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_added_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
