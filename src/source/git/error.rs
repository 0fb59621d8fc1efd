//! Why a Git source can't be brought up to date.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::errand::{Failure, FailureKind};
use super::trust::KeysError;
use crate::secrets::SecretError;

/// Why a Git source can't be brought up to date. Each is tried again.
#[derive(Debug, Error)]
pub(super) enum GitError {
    /// The child says why.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// The child could not be started.
    #[error("the process that fetches could not be started")]
    Start(#[source] io::Error),
    /// What the child is to do could not be put into words.
    #[error("the process that fetches could not be told what to do")]
    Order(#[source] serde_json::Error),
    /// The child ended without a word.
    #[error("the process that fetches broke off")]
    BrokenOff,
    /// The child made no progress and was killed.
    #[error("nothing came for {0:?}, so the fetch was broken off")]
    Stalled(Duration),
    /// The child took too long and was killed.
    #[error("the fetch was not done after {0:?} and was broken off; `timeout` gives it more time")]
    TooLong(Duration),
    /// What logs us in can't be had.
    #[error("the secret of the repository can't be used")]
    Secret(#[source] SecretError),
    /// The directory of the clone can't be used.
    #[error("the clone in {} can't be used", .path.display())]
    Place {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file of the keys by which the host is known can't be read.
    #[error("the known hosts in {} can't be read", .path.display())]
    KnownHosts {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The keys that commits have to be signed with can't be used.
    #[error("what commits have to be signed with can't be told")]
    Keys(#[source] KeysError),
    /// What the remote has not.
    #[error("{0}")]
    Absent(String),
    /// What several sources asked together.
    #[error(transparent)]
    Shared(Arc<GitError>),
    /// An object of the clone can't be read.
    #[error("the clone is damaged ({0}) and is made anew")]
    Damaged(String),
}

impl GitError {
    /// Whether the clone has to be made anew.
    pub(super) fn is_of_clone(&self) -> bool {
        match self {
            Self::Damaged(_) => true,
            Self::Failed(failure) => failure.kind == FailureKind::Clone,
            Self::Shared(error) => error.is_of_clone(),
            _ => false,
        }
    }

    /// Whether the remote asks to be asked less.
    pub(super) fn is_throttled(&self) -> bool {
        match self {
            Self::Failed(failure) => failure.kind == FailureKind::Throttled,
            Self::Shared(error) => error.is_throttled(),
            _ => false,
        }
    }

    /// The whole chain, as users read it.
    pub(super) fn words(&self) -> String {
        let mut words = self.to_string();
        let mut error: &dyn std::error::Error = self;
        while let Some(source) = error.source() {
            words.push_str(": ");
            words.push_str(&source.to_string());
            error = source;
        }
        words
    }
}
