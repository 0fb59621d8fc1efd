//! Whether stderr goes to the journal of systemd, which adds time and level itself.

use std::os::fd::AsFd;

/// `$JOURNAL_STREAM` names device and inode of what systemd connected; a redirect makes it wrong.
pub(super) fn takes_stderr() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let Ok(actual) = rustix::fs::fstat(std::io::stderr().as_fd()) else {
        return false;
    };
    named == format!("{}:{}", actual.st_dev, actual.st_ino)
}
