//! What can be set about jars.

use std::path::PathBuf;
use std::time::Duration;

/// Limits and waiting times of the artifacts.
#[derive(Debug, Clone)]
pub struct ArtifactOptions {
    /// The directory that the cache is in: `jars` in the state directory.
    pub directory: PathBuf,
    /// The largest jar that is taken, in bytes.
    pub max_jar_size: u64,
    /// How many bytes the cache may hold before the least recently used jars go.
    pub max_cache_size: u64,
    /// How many jars are read at the same time, and as many downloaded.
    pub parallel: usize,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a download may rest.
    pub stall_timeout: Duration,
    /// How long a download may take.
    pub total_timeout: Duration,
    /// How many redirects a download may follow.
    pub max_redirects: usize,
    /// Whether downloads go by the proxy that the environment names.
    pub system_proxy: bool,
    /// How long after a first failure it is tried again, and at most how long after a later one.
    pub retry: (Duration, Duration),
    /// The same where the jar itself was no good, and fetching it again is costly.
    pub late_retry: (Duration, Duration),
    /// How often the secret of a jar that can't be had is looked at, for other values.
    pub secret_interval: Duration,
    /// How long until a remote jar is looked at again; longer while that fails.
    pub recheck: Duration,
    /// How often the progress of a download is told.
    pub progress_interval: Duration,
}

impl ArtifactOptions {
    /// The defaults, for the cache in this directory.
    pub fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            max_jar_size: 512 * 1024 * 1024,
            max_cache_size: 4 * 1024 * 1024 * 1024,
            parallel: 4,
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_mins(30),
            max_redirects: 5,
            system_proxy: true,
            retry: (Duration::from_secs(1), Duration::from_mins(5)),
            late_retry: (Duration::from_mins(5), Duration::from_hours(1)),
            secret_interval: Duration::from_secs(3),
            recheck: Duration::from_hours(1),
            progress_interval: Duration::from_secs(1),
        }
    }
}
