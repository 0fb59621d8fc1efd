//! Jars as planning sees them: what is asked of the artifacts, and what they answer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::resources::{Digest, JarOrigin};

/// A jar that a job needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JarRequest {
    /// Where it comes from.
    pub origin: JarOrigin,
    /// The class whose `main` is to run; the manifest's `Main-Class` where absent.
    pub main_class: Option<String>,
}

/// What is known of a jar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JarView {
    /// It is in the cache.
    Ready(JarFacts),
    /// It is being read or downloaded.
    Fetching {
        /// Since when.
        since: Timestamp,
        /// Bytes so far.
        bytes: u64,
        /// Bytes in all, where the server said so.
        total: Option<u64>,
    },
    /// It can't be had.
    Unavailable {
        /// Why, in one word.
        problem: JarProblem,
        /// Why, and what to do.
        message: String,
        /// When it is tried again by itself.
        retry_at: Option<Timestamp>,
    },
    /// It is on the members; nothing is known of its bytes.
    OnMember,
}

impl JarView {
    /// Whether it is still being found out what it is.
    pub(super) fn is_fetching(&self) -> bool {
        matches!(self, Self::Fetching { .. })
    }

    /// The digest of its bytes, where it is in the cache.
    pub(super) fn digest(&self) -> Option<Digest> {
        match self {
            Self::Ready(facts) => Some(facts.digest),
            _ => None,
        }
    }
}

/// A jar in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JarFacts {
    /// The digest of its bytes, by which the cache finds it.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The class that `main` is taken from.
    pub main_class: MainClass,
}

/// The class that `main` is taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MainClass {
    /// This one, and the jar has it.
    Found(String),
    /// This one was named, but the jar lacks it.
    Absent(String),
    /// Neither the spec nor the manifest names one.
    Unspecified,
}

/// Why a jar can't be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JarProblem {
    /// It isn't there.
    NotFound,
    /// It is there but can't be read.
    Unreadable,
    /// Its bytes are no jar.
    NotAJar,
    /// It is larger than allowed.
    TooLarge,
    /// The download failed.
    FetchFailed,
    /// The server refused it.
    Denied,
    /// The secret that its server wants can't be had.
    SecretMissing,
    /// This version can't get jars that way.
    Unsupported,
}
