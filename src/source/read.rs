//! Reading one file, whole and once.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::OFlags;

use super::stamp::FileStamp;
use crate::resources::{Digest, SourceFile};

/// How often a file that changes while it is read is read again at once.
const READ_ATTEMPTS: u32 = 3;

/// A file that was read, and the stamp it had then.
#[derive(Clone)]
pub(super) struct KnownFile {
    pub(super) stamp: FileStamp,
    /// Whether the same stamp doesn't prove the same content.
    pub(super) young: bool,
    pub(super) file: SourceFile,
}

/// Keeps the bytes that are held already, where the content is the same.
pub(super) fn share(mut read: KnownFile, known: Option<&KnownFile>) -> KnownFile {
    if let Some(known) = known
        && known.file.digest == read.file.digest
    {
        read.file = known.file.clone();
    }
    read
}

pub(super) enum ReadError {
    /// It was deleted meanwhile.
    Absent,
    /// It is not taken, for this reason.
    Refused(String),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            Self::Absent
        } else {
            Self::Refused(format!("it can't be read: {}", error.kind()))
        }
    }
}

/// Reads a file that is no link.
pub(super) fn read(path: &Path, limit: u64, now: Timestamp) -> Result<KnownFile, ReadError> {
    let mut attempt = 1;
    loop {
        // Neither a link nor a pipe that took the file's place meanwhile may catch us.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(i32::try_from(flags.bits()).unwrap_or(0))
            .open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(ReadError::Refused("it is not a regular file".to_owned()));
        }
        if metadata.len() > limit {
            return Err(too_large(limit));
        }
        let stamp = FileStamp::of(&metadata);
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
        (&file).take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(too_large(limit));
        }
        let changed = FileStamp::of(&file.metadata()?) != stamp;
        if changed && attempt < READ_ATTEMPTS {
            attempt += 1;
            continue;
        }
        let digest = Digest::of(&bytes);
        return Ok(KnownFile {
            stamp,
            young: changed || stamp.is_young(now),
            file: SourceFile {
                bytes: bytes.into(),
                digest,
            },
        });
    }
}

fn too_large(limit: u64) -> ReadError {
    let limit = size_text(limit);
    ReadError::Refused(format!(
        "it is larger than {limit} and is not read; split it"
    ))
}

pub(super) fn size_text(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if bytes >= MIB && bytes.is_multiple_of(MIB) {
        format!("{} MiB", bytes / MIB)
    } else {
        format!("{bytes} bytes")
    }
}
