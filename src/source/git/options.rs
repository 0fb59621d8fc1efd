//! What can be set about a Git source.

use std::path::PathBuf;
use std::time::Duration;

use super::reference::GitReference;
use super::trust::{ForcePush, GitVerify};
use super::url::GitUrl;
use crate::source::options::DirectoryOptions;

/// What a Git source is, and its limits and waiting times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitOptions {
    /// The repository.
    pub url: GitUrl,
    /// Which commit of it.
    pub reference: GitReference,
    /// The directory or YAML file in it, without `/` at its ends; empty for all of it.
    pub path: String,
    /// How often the remote is asked.
    pub interval: Duration,
    /// How long a fetch may take.
    pub timeout: Duration,
    /// How long a fetch may make no progress.
    pub stall_timeout: Duration,
    /// How much a fetch may receive, in bytes.
    pub max_size: u64,
    /// The largest jar that is taken, in bytes.
    pub max_jar_size: u64,
    /// The secret that logs us in.
    pub secret_name: Option<String>,
    /// The keys by which an SSH host is known, as lines of a file `known_hosts`.
    pub known_hosts: Option<String>,
    /// A file of them.
    pub known_hosts_file: Option<PathBuf>,
    /// A file of the authorities that https trusts, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// What has to be signed, if anything.
    pub verify: Option<GitVerify>,
    /// What happens where the repository doesn't go on from what is in force.
    pub force_push: ForcePush,
}

impl GitOptions {
    /// The defaults for a repository.
    pub fn new(url: GitUrl) -> Self {
        Self {
            url,
            reference: GitReference::Head,
            path: String::new(),
            interval: Duration::from_secs(15),
            timeout: Duration::from_mins(5),
            stall_timeout: Duration::from_secs(30),
            max_size: 1024 * 1024 * 1024,
            max_jar_size: 512 * 1024 * 1024,
            secret_name: None,
            known_hosts: None,
            known_hosts_file: None,
            ca_file: None,
            verify: None,
            force_push: ForcePush::Hold,
        }
    }

    /// How much of a tree is read: as much as of a directory.
    pub(super) fn limits() -> DirectoryOptions {
        DirectoryOptions::default()
    }
}
