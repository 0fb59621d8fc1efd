//! Rows in sled, and what it takes to make them durable.
//!
//! sled 0.34's `flush` hands its log to the kernel and waits for the data, but it syncs neither the
//! disk's cache nor the file's size, and never syncs blob files (pages above 128 KB, which is 16
//! values of 8 KB). So a commit here is: one transaction, flush, fsync of the database file, fsync of
//! blobs not synced yet, then the witness.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use sled::Transactional;
use sled::transaction::TransactionError;

use super::StoreError;
use super::core::lock;
use super::disk::Disk;
use super::layout::{Witness, failed_to, sync_dir};
use super::lock::ProcessLock;
use super::table::{Table, Writes, sequence_number};

/// Records are kept in memory by the engine; sled needs little.
const CACHE_BYTES: u64 = 1024 * 1024;

/// How long the threads of a database that was just closed may keep its file.
const LET_GO: Duration = Duration::from_secs(10);

/// An open database.
pub(super) struct SledDisk {
    label: String,
    data: PathBuf,
    trees: Vec<sled::Tree>,
    db: sled::Db,
    /// Kept open, so that an error of a write in the background is told to our next fsync.
    file: File,
    synced_blobs: Mutex<BTreeSet<OsString>>,
    witness: OnceLock<Witness>,
    /// Let go of after the database.
    _lock: Arc<ProcessLock>,
}

impl SledDisk {
    /// Opens the database in `data`, and makes it only where `make` says so.
    pub(super) fn open(
        label: String,
        data: &Path,
        make: bool,
        process_lock: Arc<ProcessLock>,
    ) -> Result<Self, StoreError> {
        let damaged = |message: &str| StoreError::Damaged {
            path: label.clone(),
            message: message.to_owned(),
        };
        if !make {
            match fs::metadata(data.join("db")) {
                Ok(db) if db.len() == 0 => return Err(damaged("its database is empty")),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(damaged("its database is missing"));
                }
                Err(error) => return Err(failed_to("open", data)(error)),
            }
        }
        remove_half_snapshots(data).map_err(failed_to("open", data))?;
        let ours = |error| from_sled(&label, "open", error);
        let db = open_patiently(data).map_err(ours)?;
        let trees = Table::ALL
            .iter()
            .map(|table| db.open_tree(table.name()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(ours)?;
        let file = File::open(data.join("db")).map_err(failed_to("open", data))?;
        Ok(Self {
            label,
            data: data.to_path_buf(),
            trees,
            db,
            file,
            synced_blobs: Mutex::default(),
            witness: OnceLock::new(),
            _lock: process_lock,
        })
    }

    /// From now on commits are told to this witness.
    pub(super) fn tell(&self, witness: Witness) {
        self.witness.get_or_init(|| witness);
    }

    /// Makes everything written so far durable, the names of the files included.
    pub(super) fn sync_all(&self) -> Result<(), StoreError> {
        self.sync()?;
        let files = || -> io::Result<()> {
            for entry in fs::read_dir(&self.data)? {
                File::open(entry?.path())?.sync_all()?;
            }
            sync_dir(&self.data)
        };
        files().map_err(failed_to("sync", &self.data))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.db
            .flush()
            .map_err(|error| from_sled(&self.label, "write", error))?;
        self.file
            .sync_all()
            .and_then(|()| self.sync_blobs())
            .map_err(failed_to("sync", &self.data))
    }

    fn sync_blobs(&self) -> io::Result<()> {
        let blobs = self.data.join("blobs");
        let mut synced = lock(&self.synced_blobs);
        let mut present = BTreeSet::new();
        let mut any_new = false;
        for entry in fs::read_dir(&blobs)? {
            let entry = entry?;
            if !synced.contains(&entry.file_name()) {
                match File::open(entry.path()) {
                    Ok(blob) => blob.sync_all()?,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                }
                any_new = true;
            }
            present.insert(entry.file_name());
        }
        if any_new {
            sync_dir(&blobs)?;
        }
        *synced = present;
        Ok(())
    }

    fn tree(&self, table: Table) -> Result<&sled::Tree, StoreError> {
        self.trees
            .get(table as usize)
            .ok_or_else(|| StoreError::Unusable {
                path: self.label.clone(),
            })
    }
}

impl Disk for SledDisk {
    fn label(&self) -> String {
        self.label.clone()
    }

    fn visit(&self, table: Table, each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        for row in self.tree(table)? {
            let (key, value) = row.map_err(|error| from_sled(&self.label, "read", error))?;
            each(&key, &value);
        }
        Ok(())
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.tree(table)?.get(key);
        let row = row.map_err(|error| from_sled(&self.label, "read", error))?;
        Ok(row.map(|value| value.to_vec()))
    }

    fn newest(
        &self,
        log: Table,
        last: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let rows = self.tree(log)?.range(..=last.to_be_bytes());
        let mut newest = Vec::new();
        for row in rows.rev().take(limit) {
            let (key, value) = row.map_err(|error| from_sled(&self.label, "read", error))?;
            if let Some(seq) = sequence_number(&key) {
                newest.push((seq, value.to_vec()));
            }
        }
        newest.reverse();
        Ok(newest)
    }

    fn write(&self, commit: u64, writes: Writes) -> Result<(), StoreError> {
        let rows: Vec<_> = writes.into_rows().collect();
        let transaction = self.trees.transaction(|trees| {
            for (table, key, value) in &rows {
                let Some(tree) = trees.get(*table as usize) else {
                    continue;
                };
                match value {
                    Some(value) => tree.insert(key.as_slice(), value.as_slice())?,
                    None => tree.remove(key.as_slice())?,
                };
            }
            Ok(())
        });
        transaction.map_err(|error| match error {
            TransactionError::Abort(()) => StoreError::Unusable {
                path: self.label.clone(),
            },
            TransactionError::Storage(error) => from_sled(&self.label, "write", error),
        })?;
        self.sync()?;
        match self.witness.get() {
            Some(witness) => witness.tell(commit).map_err(failed_to("write", &self.data)),
            None => Ok(()),
        }
    }
}

/// A snapshot that sled was writing when the process ended is of no use, and sled would take it for
/// a damaged one.
fn remove_half_snapshots(data: &Path) -> io::Result<()> {
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Opens the database. We hold our own lock, so whoever still holds sled's is a thread of a database
/// that this process has just closed.
fn open_patiently(data: &Path) -> sled::Result<sled::Db> {
    let config = sled::Config::new()
        .path(data)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(None);
    let deadline = Instant::now() + LET_GO;
    loop {
        match config.open() {
            Err(sled::Error::Io(error))
                if error.to_string().contains("could not acquire lock")
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            other => return other,
        }
    }
}

/// Tells errors of the system from damage.
fn from_sled(label: &str, what: &'static str, error: sled::Error) -> StoreError {
    use io::ErrorKind;
    let path = label.to_owned();
    match error {
        sled::Error::Io(source)
            if !matches!(
                source.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::NotFound
            ) =>
        {
            StoreError::Io { what, path, source }
        }
        error => StoreError::Damaged {
            path,
            message: error.to_string(),
        },
    }
}
