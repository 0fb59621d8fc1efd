//! Learns the key of an SSH host, because a person asked for it: nothing else ever trusts a new key.

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::child::Runner;
use super::errand::{Answer, Errand, HostKeyErrand};
use super::error::GitError;
use super::known_hosts::{HostKey, SshHost};
use super::url::GitUrl;

/// How long the host may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a host's key was not learnt.
#[derive(Debug, Error)]
pub enum LearnError {
    /// There is no key to learn.
    #[error("{0} is not reached over SSH, so its host has no key")]
    NotSsh(GitUrl),
    /// The host told none.
    #[error("{}", .0)]
    Remote(String),
}

/// Asks a repository's host for its key, by this program in a process with this HOME. Whose key that
/// really is, only the person who asks can find out.
pub async fn learn_host_key(
    url: &GitUrl,
    program: PathBuf,
    home: &Path,
) -> Result<(SshHost, HostKey), LearnError> {
    let Some(host) = url.ssh_host() else {
        return Err(LearnError::NotSsh(url.clone()));
    };
    let runner = Runner {
        program,
        home: home.to_owned(),
        ca_file: None,
        timeout: PATIENCE,
        stall_timeout: PATIENCE,
    };
    let url = url.as_str().to_owned();
    let asked = runner.run(&Errand::HostKey(HostKeyErrand { url })).await;
    let failed = |error: GitError| LearnError::Remote(error.words());
    match asked.map_err(failed)? {
        Answer::HostKey(key) => match HostKey::of(key) {
            Some(key) => Ok((host, key)),
            None => Err(LearnError::Remote(format!("{host} shows what is no key"))),
        },
        _ => Err(failed(GitError::BrokenOff)),
    }
}
