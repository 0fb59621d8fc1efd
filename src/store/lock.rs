//! One process at a time: a lock file that names its holder.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::StoreError;
use super::layout::failed_to;

/// Held as long as the value lives. The kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct ProcessLock {
    _file: File,
}

impl ProcessLock {
    /// Takes the lock of the state in `dir`, or says who has it.
    pub(super) fn take(path: &Path, dir: &Path) -> Result<Self, StoreError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed_to("lock", dir))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(StoreError::Locked {
                    path: dir.display().to_string(),
                    by: holder(&mut file),
                });
            }
            Err(error) => return Err(failed_to("lock", dir)(error.into())),
        }
        name_holder(&mut file).map_err(failed_to("lock", dir))?;
        Ok(Self { _file: file })
    }
}

fn name_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let pid = match file.take(32).read_to_string(&mut text) {
        Ok(_) => text.trim().parse::<u32>().ok(),
        Err(_) => None,
    };
    match pid {
        Some(pid) => format!("process {pid}"),
        None => "another jetkeeper process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_was_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = ProcessLock::take(&path, dir.path()).unwrap();
        let second = ProcessLock::take(&path, dir.path()).unwrap_err();
        let pid = std::process::id();
        assert!(
            second.to_string().contains(&format!("by process {pid};")),
            "{second}"
        );
        drop(first);
        ProcessLock::take(&path, dir.path()).unwrap();
    }

    #[test]
    fn an_unreadable_lock_file_still_locks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let _first = ProcessLock::take(&path, dir.path()).unwrap();
        std::fs::write(&path, [0xff; 100]).unwrap();
        let second = ProcessLock::take(&path, dir.path()).unwrap_err();
        assert!(
            second.to_string().contains("by another jetkeeper process"),
            "{second}"
        );
    }
}
