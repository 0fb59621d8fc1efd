//! Making state anew: the damaged one is moved aside, never deleted, and the records that the engine
//! could make from the clusters become the first commit of a new store.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::StoreError;
use super::change::Change;
use super::disk::Disk;
use super::layout::{Layout, failed_to, make_private_dir, sync_dir};
use super::ledger::{Ledger, Retention};
use super::lock::ProcessLock;
use super::sled_disk::SledDisk;
use super::sled_store::{Birth, write_empty};

/// Moves the state in `dir`, whatever is left of it, into a directory beside it and tells which.
/// Until a store was made again, opening `dir` refuses. Blocks.
pub fn move_aside(dir: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    let layout = Layout::of(dir)?;
    let _lock = ProcessLock::take(&layout.lock(), dir)?;
    let aside = layout.damaged(now);
    let moving = || -> std::io::Result<()> {
        make_private_dir(&aside)?;
        sync_dir(dir)?;
        // The database comes first: what is left then still tells that state was here.
        for path in [layout.data(), layout.marker(), layout.witness()] {
            if let Some(name) = path.file_name().filter(|_| path.exists()) {
                fs::rename(&path, aside.join(name))?;
            }
        }
        sync_dir(&aside)?;
        sync_dir(dir)
    };
    moving().map_err(failed_to("move aside", dir))?;
    Ok(aside)
}

/// Fills a new store with a first commit.
pub(super) fn write_rebuilt(
    disk: &SledDisk,
    birth: Birth,
    change: &Change,
) -> Result<(), StoreError> {
    let mut ledger = Ledger::new(write_empty(disk, birth)?);
    ledger.check(&change.journal)?;
    let writes = ledger.record(change, Retention::default(), disk)?;
    disk.write(ledger.row.commit, writes)
}
