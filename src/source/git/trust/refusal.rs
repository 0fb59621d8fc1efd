//! Why a signature is not taken: the object, the key, and the reason, in words.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Why a commit is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::source::git) struct Refusal {
    /// What is not trusted: `commit 1f2e…` or `tag v1`.
    pub(in crate::source::git) object: String,
    /// The key, as far as the signature names one.
    pub(in crate::source::git) key: Option<String>,
    /// Why.
    pub(in crate::source::git) why: Why,
}

/// Why a signature is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::source::git) enum Why {
    /// There is none.
    Unsigned,
    /// The tag is no object of its own, so nothing can be signed.
    Lightweight,
    /// The key is not among those that are configured.
    UnknownKey,
    /// The key is not valid yet, or not any more, at this time.
    NotValidAt(When, Timestamp),
    /// The key was revoked.
    Revoked,
    /// The key may not make such signatures.
    NotForSigning,
    /// What was signed is something else.
    Bad,
    /// It is of a kind that is not taken.
    Unsupported(String),
    /// There is too much to verify, or it doesn't begin where it should.
    OutOfRange(String),
}

/// Which time a key was not valid at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::source::git) enum When {
    /// When the signature says that it was made.
    Signed,
    /// When it was verified.
    Verified,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, key, why } = self;
        write!(f, "{object} ")?;
        let key = key.as_deref().unwrap_or("a key that it doesn't name");
        match why {
            Why::Unsigned => f.write_str("is not signed"),
            Why::Lightweight => {
                f.write_str("is no annotated tag, so nothing about it is signed (git tag -s)")
            }
            Why::UnknownKey => write!(f, "is signed by {key}, which is not among the trusted keys"),
            Why::NotValidAt(When::Signed, at) => write!(
                f,
                "is signed by {key}, which was not valid when it was signed ({at})"
            ),
            Why::NotValidAt(When::Verified, at) => write!(
                f,
                "is signed by {key}, which is expired or not valid yet ({at}); who has an old key can \
                 write any date, so it has to be valid now too"
            ),
            Why::Revoked => write!(f, "is signed by {key}, which is revoked"),
            Why::NotForSigning => write!(f, "is signed by {key}, which may not sign"),
            Why::Bad => write!(
                f,
                "has a signature of {key} that does not fit: it was changed after it was signed"
            ),
            Why::Unsupported(what) => write!(f, "can't be verified: {what}"),
            Why::OutOfRange(what) => f.write_str(what),
        }
    }
}
