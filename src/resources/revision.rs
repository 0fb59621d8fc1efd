//! What a source shows at one moment: YAML files and jars.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identity::{Digest, SourceName};
use super::lineage::{Lineage, Proposal, Refused};
use super::remote_url::RemoteUrl;

/// One state of a source: a directory's content, or a commit's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The source.
    pub source: SourceName,
    /// The digest of everything below, or the commit.
    pub id: String,
    /// Whether the source's path was there and readable.
    pub present: bool,
    /// The YAML files, by path relative to the source, with `/`.
    pub files: BTreeMap<String, SourceFile>,
    /// The jars, by path relative to the source.
    pub jars: BTreeMap<String, JarFile>,
    /// Files that could not be read or were refused (too large, a link out of the source), by path,
    /// with the reason.
    pub unreadable: BTreeMap<String, String>,
    /// When somebody made the change that led here: the time of the commit, or of the newest file.
    /// None where nobody saw the change, as at the start.
    pub changed_at: Option<Timestamp>,
    /// Why this may not be the latest: the source can't be reached, or has what we don't take.
    pub trouble: Option<String>,
    /// Where it comes from, where the source has a history.
    pub lineage: Option<Arc<Lineage>>,
    /// What the source has instead, where that doesn't go on from what is in force.
    pub proposal: Option<Arc<Proposal>>,
    /// What the source has instead, where that isn't signed as it has to be.
    pub refused: Option<Arc<Refused>>,
}

impl Revision {
    /// The same source, showing nothing for this reason.
    #[must_use]
    pub fn withheld(&self, reason: &str) -> Self {
        Self {
            source: self.source.clone(),
            id: String::new(),
            present: false,
            files: BTreeMap::new(),
            jars: BTreeMap::new(),
            unreadable: BTreeMap::from([(".".to_owned(), reason.to_owned())]),
            changed_at: None,
            trouble: Some(reason.to_owned()),
            lineage: None,
            proposal: self.proposal.clone(),
            refused: self.refused.clone(),
        }
    }
}

/// One YAML file. Cloning shares the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its content.
    pub bytes: Arc<[u8]>,
    /// The digest of the content; equal digests need no second parse.
    pub digest: Digest,
}

/// One jar, as far as a look at the directory tells. Other bytes mean another stamp.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JarFile {
    /// Where its bytes are.
    pub location: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Changes when the content does: inode and modification time.
    pub stamp: String,
}

/// Where a job's jar comes from, as its spec and the revision say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum JarOrigin {
    /// A file of the source; none where neither place has it.
    Source {
        /// The places looked at, relative to the source, in order.
        candidates: Vec<String>,
        /// The first that is there.
        found: Option<JarFile>,
    },
    /// Downloaded from a URL.
    Remote {
        /// The URL.
        url: RemoteUrl,
        /// The secret whose `token` its server gets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret_name: Option<String>,
    },
    /// Fetched from a bucket.
    Bucket {
        /// `bucketURI`.
        uri: String,
        /// The jar's name in the bucket.
        jar_name: String,
        /// The secret that opens it.
        secret_name: Option<String>,
    },
    /// Already on the members.
    Member {
        /// Its path there.
        path: String,
    },
}

impl JarOrigin {
    /// Whether its bytes may change while the revision stays the same.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Remote { .. } | Self::Bucket { .. })
    }
}
