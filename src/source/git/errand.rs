//! What the child process is told, and what it answers: one JSON value a line.
//!
//! The child gets its errand on stdin, so that secrets stand in no argument and no variable. As long as
//! stdin stays open it works; when that ends, so does the child.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::reference::GitReference;
use super::trust::{JudgeErrand, Judgement};

/// What the child is to do.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Errand {
    /// Bring the clone to what the remote has.
    Fetch(FetchErrand),
    /// Write blobs of the clone into files.
    Export(ExportErrand),
    /// Ask an SSH host who it is.
    HostKey(HostKeyErrand),
    /// Judge a commit by its history.
    Judge(JudgeErrand),
}

/// Bring the clone to what the remote has.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FetchErrand {
    /// The directory of the clone.
    pub(super) place: PathBuf,
    pub(super) url: String,
    /// What is wanted of it.
    pub(super) references: Vec<GitReference>,
    /// Commits that stay in the clone, whether or not the remote still has them.
    pub(super) kept: Vec<String>,
    pub(super) login: Login,
    /// The keys by which an SSH host is known, as in a file `known_hosts`.
    pub(super) known_hosts: String,
    /// Whether to clone anew instead of going on from what is there.
    pub(super) anew: bool,
    /// How much may be received, in bytes.
    pub(super) max_bytes: u64,
}

/// Who we are to the remote.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Login {
    /// Nobody.
    None,
    /// A name and a password, or a token in the password's place.
    Password { user: String, password: String },
    /// A private key of SSH, and what opens it.
    Key {
        key: String,
        passphrase: Option<String>,
    },
}

/// Write blobs of the clone into files.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExportErrand {
    /// The directory of the clone.
    pub(super) place: PathBuf,
    /// The blobs, by id.
    pub(super) blobs: Vec<String>,
    /// The largest that is written, in bytes.
    pub(super) max_size: u64,
}

/// Ask an SSH host who it is.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HostKeyErrand {
    pub(super) url: String,
}

/// A line of the child.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Line {
    /// It came further.
    Progress,
    /// It is done.
    Done(Answer),
    /// It can't be done.
    Failed(Failure),
}

/// What came of an errand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Answer {
    /// What the clone has for each reference, else why it has nothing.
    Fetched(Vec<Result<Found, String>>),
    /// The files are there.
    Exported,
    /// The host's public key, as SSH sends it.
    HostKey(Vec<u8>),
    /// What a commit's history says.
    Judged(Judgement),
}

/// What the clone has for a reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Found {
    pub(super) commit: String,
    /// The remote's name for what leads there; none for a commit that was asked for itself.
    pub(super) name: Option<String>,
    /// The object of an annotated tag that leads there.
    pub(super) tag: Option<String>,
}

/// Why it can't be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) message: String,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum FailureKind {
    /// It is tried again.
    Remote,
    /// It is tried again later: the remote is asked too often.
    Throttled,
    /// The clone is no good and has to be made anew.
    Clone,
}

impl Failure {
    pub(super) fn remote(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Remote,
            message: message.into(),
        }
    }

    pub(super) fn clone(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Clone,
            message: message.into(),
        }
    }
}
