//! What can be set about a directory source.

use std::time::Duration;

/// Limits and waiting times of a directory source.
#[derive(Debug, Clone)]
pub struct DirectoryOptions {
    /// How deep directories may be nested.
    pub max_depth: usize,
    /// How many files and directories are looked at.
    pub max_entries: usize,
    /// The largest YAML file that is read, in bytes.
    pub max_file_size: u64,
    /// How many bytes of YAML are held in all.
    pub max_total_size: u64,
    /// How long a burst of changes must rest before it is looked at.
    pub debounce: Duration,
    /// How long a burst of changes may put that off.
    pub debounce_max: Duration,
    /// How long a file that a writer holds open, and writes nothing to, is shown as it was before.
    pub writer_patience: Duration,
    /// How often everything is looked at without any event.
    pub rescan_interval: Duration,
    /// How often everything is looked at where there are no events.
    pub poll_interval: Duration,
    /// How many directories are watched; a source with more is polled.
    pub max_watches: usize,
    /// Whether file events are used at all.
    pub events: bool,
}

impl Default for DirectoryOptions {
    fn default() -> Self {
        Self {
            max_depth: 32,
            max_entries: 250_000,
            max_file_size: 1024 * 1024,
            max_total_size: 512 * 1024 * 1024,
            debounce: Duration::from_millis(25),
            debounce_max: Duration::from_millis(250),
            writer_patience: Duration::from_secs(5),
            rescan_interval: Duration::from_mins(1),
            poll_interval: Duration::from_secs(2),
            max_watches: 65_536,
            events: true,
        }
    }
}
