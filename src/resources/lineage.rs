//! Where a revision comes from, and whether it goes on from the one that was in force before.
//!
//! A source with a history tells a [`Lineage`] with each revision. What was in force last is an
//! [`Anchor`]; who decides tells the source by a [`Footing`] from where it may go on. A commit that does
//! not go on from there is shown as a [`Proposal`] beside the revision that stays.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};

/// How a reference moves where nobody rewrites anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Motion {
    /// To descendants: a branch.
    Descends,
    /// To higher versions, whatever branch they are made on: a range of tags.
    Rises,
    /// Not at all: a tag, a commit.
    Stays,
    /// However it likes, because the configuration says so.
    Freely,
}

/// Where a commit comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lineage {
    /// The repository's URL.
    pub repository: String,
    /// What was asked for there, in words: `branch main`.
    pub reference: String,
    /// How that moves.
    pub motion: Motion,
    /// The commit.
    pub commit: String,
    /// The tag that led there, where one was asked for.
    pub tag: Option<String>,
    /// When it was first fetched.
    pub fetched_at: Timestamp,
    /// Who signed it, where that is asked for.
    pub verified: Option<Verified>,
    /// Of the commits that were asked about, whether this one descends from them.
    pub descends: BTreeMap<String, bool>,
}

/// What was verified of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// When.
    pub at: Timestamp,
    /// How many signatures that took.
    pub signatures: usize,
    /// Who signed, the most recent first, without repetitions.
    pub signers: Vec<String>,
}

/// A commit that was in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Anchor {
    /// The repository's URL.
    pub repository: String,
    /// What was asked for there.
    pub reference: String,
    /// The commit.
    pub commit: String,
    /// The tag that led there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Whether its signatures were verified.
    pub verified: bool,
}

/// From where a source may go on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footing {
    /// What is in force; none where nothing ever was.
    pub anchor: Option<Anchor>,
    /// Other commits of which it has to be known whether what is shown descends from them.
    pub asked: BTreeSet<String>,
    /// A commit that a person let in although it doesn't go on from the anchor.
    pub released: Option<String>,
}

/// What a repository has that does not go on from what is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proposal {
    /// What it has.
    pub lineage: Lineage,
    /// What is in force.
    pub anchor: Anchor,
}

/// What a repository has that isn't signed as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The commit.
    pub commit: String,
    /// The tag that led there, where one was asked for.
    pub tag: Option<String>,
    /// When it was first fetched.
    pub fetched_at: Timestamp,
    /// Why it is not followed: commit, key and reason.
    pub why: String,
}

impl Lineage {
    /// This commit, as one that is in force.
    pub fn anchor(&self) -> Anchor {
        Anchor {
            repository: self.repository.clone(),
            reference: self.reference.clone(),
            commit: self.commit.clone(),
            tag: self.tag.clone(),
            verified: self.verified.is_some(),
        }
    }

    /// Whether nobody rewrote anything between the anchor and this; none where that isn't known. Where
    /// the configuration asks for something else than it did then, that is a person's word.
    pub fn goes_on_from(&self, anchor: &Anchor) -> Option<bool> {
        let asked = (&self.repository, &self.reference);
        if self.commit == anchor.commit || asked != (&anchor.repository, &anchor.reference) {
            return Some(true);
        }
        match self.motion {
            Motion::Descends => self.descends.get(&anchor.commit).copied(),
            Motion::Rises => Some(version(self.tag.as_ref()) > version(anchor.tag.as_ref())),
            Motion::Stays => Some(false),
            Motion::Freely => Some(true),
        }
    }
}

fn version(tag: Option<&String>) -> Option<Version> {
    tag.and_then(|tag| version_of(tag))
}

/// The version that a tag names, with or without `v`.
pub fn version_of(tag: &str) -> Option<Version> {
    Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()
}

/// A commit as people write it.
pub fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lineage(motion: Motion, commit: &str, tag: Option<&str>) -> Lineage {
        Lineage {
            repository: "https://host/jobs.git".to_owned(),
            reference: "it".to_owned(),
            motion,
            commit: commit.to_owned(),
            tag: tag.map(str::to_owned),
            fetched_at: Timestamp::UNIX_EPOCH,
            verified: None,
            descends: BTreeMap::new(),
        }
    }

    #[test]
    fn a_branch_goes_on_where_it_descends() {
        let anchor = lineage(Motion::Descends, "a", None).anchor();
        let mut next = lineage(Motion::Descends, "b", None);
        assert_eq!(next.goes_on_from(&anchor), None);
        for descends in [true, false] {
            next.descends.insert("a".to_owned(), descends);
            assert_eq!(next.goes_on_from(&anchor), Some(descends));
        }
        next.commit = "a".to_owned();
        assert_eq!(next.goes_on_from(&anchor), Some(true));
    }

    #[test]
    fn a_range_goes_on_to_higher_versions_on_any_branch() {
        let anchor = lineage(Motion::Rises, "a", Some("v1.10.0")).anchor();
        for (tag, goes_on) in [
            ("v1.11.0", true),
            ("2.0.0", true),
            ("v1.9.0", false),
            ("v1.10.0", false),
        ] {
            let next = lineage(Motion::Rises, "b", Some(tag));
            assert_eq!(next.goes_on_from(&anchor), Some(goes_on), "{tag}");
        }
    }

    #[test]
    fn a_tag_stays_where_it_is() {
        let anchor = lineage(Motion::Stays, "a", Some("v1")).anchor();
        let mut moved = lineage(Motion::Stays, "b", Some("v1"));
        moved.descends.insert("a".to_owned(), true);
        assert_eq!(moved.goes_on_from(&anchor), Some(false));
    }

    #[test]
    fn what_the_configuration_names_anew_is_a_persons_word() {
        let anchor = lineage(Motion::Stays, "a", Some("v1")).anchor();
        let mut other = lineage(Motion::Stays, "b", Some("v0"));
        other.reference = "another".to_owned();
        assert_eq!(other.goes_on_from(&anchor), Some(true));
    }
}
