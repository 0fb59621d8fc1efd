//! Stamps: what a file's metadata tells about whether its content is still the same.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use jiff::{SignedDuration, Timestamp};

/// Which file or directory a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// A file's metadata as far as a change of content changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileStamp {
    id: FileId,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileStamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            id: FileId::of(metadata),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether a write that comes now could leave the same stamp, because the file was changed within
    /// the grain of the filesystem's clock. Content read under a young stamp has to be read again.
    pub(super) fn is_young(&self, now: Timestamp) -> bool {
        let (seconds, nanoseconds) = self.changed.max(self.modified);
        // Filesystems that count whole seconds (or two) show no fraction.
        let grain = if nanoseconds == 0 {
            SignedDuration::from_secs(2)
        } else {
            SignedDuration::from_millis(100)
        };
        let nanoseconds = i32::try_from(nanoseconds).unwrap_or(0);
        match Timestamp::new(seconds, nanoseconds) {
            Ok(changed) => now.duration_since(changed) < grain,
            Err(_) => true,
        }
    }

    /// When the file was changed or moved here.
    pub(super) fn changed_at(&self) -> Option<Timestamp> {
        let (seconds, nanoseconds) = self.changed.max(self.modified);
        Timestamp::new(seconds, i32::try_from(nanoseconds).ok()?).ok()
    }

    /// The stamp as text.
    pub(super) fn to_text(self) -> String {
        let FileId { device, inode } = self.id;
        let ((ms, mn), (cs, cn)) = (self.modified, self.changed);
        format!("{device}:{inode}:{ms}.{mn:09}:{cs}.{cn:09}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(changed: (i64, i64)) -> FileStamp {
        FileStamp {
            id: FileId {
                device: 1,
                inode: 2,
            },
            size: 3,
            modified: (100, 0),
            changed,
        }
    }

    #[test]
    fn a_stamp_is_young_within_the_grain_of_the_clock() {
        let at = |milliseconds| Timestamp::from_millisecond(milliseconds).unwrap();
        let fine = stamp((1000, 500_000_000));
        assert!(fine.is_young(at(1_000_500)));
        assert!(fine.is_young(at(1_000_599)));
        assert!(!fine.is_young(at(1_000_600)));
        assert!(fine.is_young(at(0)), "changed in the future");
        let coarse = stamp((1000, 0));
        assert!(coarse.is_young(at(1_001_999)));
        assert!(!coarse.is_young(at(1_002_000)));
    }

    #[test]
    fn the_text_tells_every_part() {
        let text = stamp((7, 8)).to_text();
        assert_eq!(text, "1:2:100.000000000:7.000000008");
    }
}
