//! Which commit of a repository is wanted, and which that is among what a remote has. Pure.

use std::fmt;

use semver::VersionReq;
use serde::{Deserialize, Serialize};

use crate::resources::Motion;
use crate::resources::lineage::version_of;

/// Which commit is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GitReference {
    /// The branch that the remote calls its own.
    Head,
    /// The last commit of a branch.
    Branch(String),
    /// What a tag names.
    Tag(String),
    /// The highest version among the tags that this range has in it.
    Semver(VersionReq),
    /// One commit for good, by its 40 digits.
    Commit(String),
}

/// A reference of a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteHead {
    pub(super) name: String,
    pub(super) id: String,
}

/// What a remote has for a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    /// The remote's name for it.
    pub(super) name: String,
    /// What that names: a commit, or the object of an annotated tag.
    pub(super) id: String,
}

impl GitReference {
    /// How it moves where nobody rewrites anything.
    pub(super) fn motion(&self) -> Motion {
        match self {
            Self::Head | Self::Branch(_) => Motion::Descends,
            Self::Semver(_) => Motion::Rises,
            Self::Tag(_) | Self::Commit(_) => Motion::Stays,
        }
    }

    /// Whether it is a tag that leads to the commit.
    pub fn is_tag(&self) -> bool {
        matches!(self, Self::Tag(_) | Self::Semver(_))
    }

    /// What a remote has for it; none where it has nothing.
    pub(super) fn choose(&self, heads: &[RemoteHead]) -> Option<Chosen> {
        match self {
            Self::Head => named(heads, "HEAD"),
            Self::Branch(branch) => named(heads, &format!("refs/heads/{branch}")),
            Self::Tag(tag) => named(heads, &format!("refs/tags/{tag}")),
            Self::Semver(range) => {
                let versions = heads.iter().filter_map(|head| {
                    let tag = head.name.strip_prefix("refs/tags/")?;
                    Some((version_of(tag)?, head))
                });
                let fitting = versions.filter(|(version, _)| range.matches(version));
                // Of two spellings of one version, the same one each time.
                let best = fitting.max_by_key(|(version, head)| (version.clone(), &head.name));
                named(heads, &best?.1.name)
            }
            Self::Commit(_) => None,
        }
    }
}

fn named(heads: &[RemoteHead], name: &str) -> Option<Chosen> {
    let find = |name: &str| heads.iter().find(|head| head.name == name);
    let head = find(name)?;
    Some(Chosen {
        name: name.to_owned(),
        id: head.id.clone(),
    })
}

impl fmt::Display for GitReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("the default branch"),
            Self::Branch(branch) => write!(f, "branch {branch}"),
            Self::Tag(tag) => write!(f, "tag {tag}"),
            Self::Semver(range) => write!(f, "a tag within {range}"),
            Self::Commit(commit) => write!(f, "commit {commit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(names: &[(&str, &str)]) -> Vec<RemoteHead> {
        let heads = names.iter().map(|(name, id)| RemoteHead {
            name: (*name).to_owned(),
            id: (*id).to_owned(),
        });
        heads.collect()
    }

    fn chosen(reference: &GitReference, names: &[(&str, &str)]) -> Option<(String, String)> {
        let chosen = reference.choose(&heads(names))?;
        Some((chosen.name, chosen.id))
    }

    #[test]
    fn a_name_leads_to_its_commit() {
        let remote = [
            ("HEAD", "a"),
            ("refs/heads/main", "a"),
            ("refs/heads/v1", "b"),
            ("refs/tags/v1", "c"),
            ("refs/tags/v1^{}", "d"),
        ];
        let some = |name: &str, id: &str| Some((name.to_owned(), id.to_owned()));
        for (reference, found) in [
            (GitReference::Head, some("HEAD", "a")),
            (
                GitReference::Branch("v1".into()),
                some("refs/heads/v1", "b"),
            ),
            (GitReference::Tag("v1".into()), some("refs/tags/v1", "c")),
            (GitReference::Branch("gone".into()), None),
        ] {
            assert_eq!(chosen(&reference, &remote), found, "{reference}");
        }
    }

    #[test]
    fn a_range_takes_the_highest_version() {
        let remote = [
            ("refs/tags/v1.2.0", "a"),
            ("refs/tags/1.10.0", "b"),
            ("refs/tags/v1.11.0-rc.1", "c"),
            ("refs/tags/v2.0.0", "d"),
            ("refs/tags/nightly", "e"),
            ("refs/heads/v1.99.0", "f"),
        ];
        let range = |text: &str| GitReference::Semver(VersionReq::parse(text).unwrap());
        let id = |text: &str| chosen(&range(text), &remote).map(|(_, id)| id);
        assert_eq!(id("^1.2").as_deref(), Some("b"));
        assert_eq!(id("~1.2").as_deref(), Some("a"));
        assert_eq!(id(">=1.11.0-rc.0, <2").as_deref(), Some("c"));
        assert_eq!(id("*").as_deref(), Some("d"));
        assert_eq!(id("^3"), None);
    }
}
