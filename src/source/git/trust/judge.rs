//! In the child: judges a commit by its history.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use git2::{Oid, Repository};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys::{KeyFiles, Keys};
use super::refusal::{Refusal, Why};
use super::signed::{self, damaged};
use crate::resources::lineage::short;
use crate::source::git::errand::Failure;
use crate::source::git::fetch;
use crate::source::git::inside::tell_progress;
use crate::source::git::place::Place;

/// How many commits are verified at once.
const MOST_COMMITS: usize = 100_000;
/// How many signers are told.
const MOST_SIGNERS: usize = 20;
/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// Judge a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::source::git) struct JudgeErrand {
    /// The directory of the clone.
    pub(in crate::source::git) place: std::path::PathBuf,
    pub(in crate::source::git) commit: String,
    /// Commits of which it is to be told whether this one descends from them.
    pub(in crate::source::git) ancestors: BTreeSet<String>,
    /// What has to be signed, if anything.
    pub(in crate::source::git) verify: Option<VerifyErrand>,
}

/// Verify signatures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::source::git) enum VerifyErrand {
    /// Of all commits that can't be reached from those that are trusted already.
    Commits {
        keys: KeyFiles,
        /// What was verified before and is in force.
        anchor: Option<String>,
        /// What the configuration says is to be trusted.
        since: Option<String>,
    },
    /// Of an annotated tag.
    Tag {
        keys: KeyFiles,
        name: String,
        /// The tag's object; none where the tag names the commit itself.
        object: Option<String>,
        /// Whether anything was verified before.
        known: bool,
    },
}

/// What a commit's history says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::source::git) struct Judgement {
    /// Of each commit that was asked about, whether this one descends from it.
    pub(in crate::source::git) descends: BTreeMap<String, bool>,
    /// What was verified; none where nothing was to be.
    pub(in crate::source::git) signatures: Option<Signatures>,
}

/// What was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::source::git) enum Signatures {
    /// All is signed as it has to be.
    Good { count: usize, signers: Vec<String> },
    /// This is not.
    Refused(Refusal),
}

/// Judges.
pub(in crate::source::git) fn judge(errand: &JudgeErrand) -> Result<Judgement, Failure> {
    let place = Place::of(&errand.place);
    let repository = fetch::open(&place.repository())?;
    let commit = Oid::from_str(&errand.commit).map_err(damaged)?;
    let mut descends = BTreeMap::new();
    for ancestor in &errand.ancestors {
        let is_below = is_below(&repository, commit, ancestor)?;
        tell_progress();
        descends.insert(ancestor.clone(), is_below);
    }
    let signatures = errand.verify.as_ref();
    let signatures = signatures.map(|verify| verified(&repository, commit, verify));
    Ok(Judgement {
        descends,
        signatures: signatures.transpose()?,
    })
}

/// Whether a commit descends from another, which may not be in the clone at all.
fn is_below(repository: &Repository, commit: Oid, ancestor: &str) -> Result<bool, Failure> {
    match commit_in(repository, ancestor) {
        None => Ok(false),
        Some(ancestor) if ancestor == commit => Ok(true),
        Some(ancestor) => repository
            .graph_descendant_of(commit, ancestor)
            .map_err(damaged),
    }
}

fn commit_in(repository: &Repository, commit: &str) -> Option<Oid> {
    let commit = repository.find_commit(Oid::from_str(commit).ok()?);
    commit.ok().map(|commit| commit.id())
}

fn verified(
    repository: &Repository,
    commit: Oid,
    verify: &VerifyErrand,
) -> Result<Signatures, Failure> {
    let parse = |keys| Keys::parse(keys).map_err(|error| Failure::remote(error.to_string()));
    match verify {
        VerifyErrand::Commits {
            keys,
            anchor,
            since,
        } => {
            let range = Range {
                repository,
                keys: parse(keys)?,
                now: anchor.is_some().then(Timestamp::now),
            };
            range.verify(commit, anchor.as_deref(), since.as_deref())
        }
        VerifyErrand::Tag {
            keys,
            name,
            object,
            known,
        } => {
            let now = known.then(Timestamp::now);
            verify_tag(repository, &parse(keys)?, (name, object.as_deref()), now)
        }
    }
}

fn verify_tag(
    repository: &Repository,
    keys: &Keys,
    (name, object): (&str, Option<&str>),
    now: Option<Timestamp>,
) -> Result<Signatures, Failure> {
    let refuse = |(key, why)| {
        Ok(Signatures::Refused(Refusal {
            object: format!("tag {name}"),
            key,
            why,
        }))
    };
    let Some(object) = object else {
        return refuse((None, Why::Lightweight));
    };
    let id = Oid::from_str(object).map_err(damaged)?;
    let objects = repository.odb().map_err(damaged)?;
    let signed = match signed::tag(repository, &objects, id, name)? {
        Ok(signed) => signed,
        Err(why) => return refuse((None, why)),
    };
    match keys.verify(&signed, now) {
        Ok(signer) => Ok(Signatures::Good {
            count: 1,
            signers: vec![signer],
        }),
        Err(refused) => refuse(refused),
    }
}

/// Commits to be verified.
struct Range<'a> {
    repository: &'a Repository,
    keys: Keys,
    /// Set where what came before was verified earlier.
    now: Option<Timestamp>,
}

impl Range<'_> {
    fn verify(
        &self,
        commit: Oid,
        anchor: Option<&str>,
        since: Option<&str>,
    ) -> Result<Signatures, Failure> {
        let mut walk = self.repository.revwalk().map_err(damaged)?;
        walk.push(commit).map_err(damaged)?;
        if let Some(since) = since
            && !is_below(self.repository, commit, since)?
        {
            let what = format!(
                "does not descend from {}, which `verify.since` says is trusted",
                short(since)
            );
            return Ok(refused(commit, (None, Why::OutOfRange(what))));
        }
        let trusted = [anchor, since].into_iter().flatten();
        for trusted in trusted.filter_map(|it| commit_in(self.repository, it)) {
            walk.hide(trusted).map_err(damaged)?;
        }
        self.verify_all(commit, walk)
    }

    fn verify_all(&self, commit: Oid, walk: git2::Revwalk<'_>) -> Result<Signatures, Failure> {
        let objects = self.repository.odb().map_err(damaged)?;
        let (mut count, mut signers) = (0, Vec::new());
        let mut told = Instant::now();
        for id in walk {
            let id = id.map_err(damaged)?;
            count += 1;
            if count > MOST_COMMITS {
                let what = format!(
                    "has more than {MOST_COMMITS} commits to verify; `verify.since` names one from \
                     which on it is to be done"
                );
                return Ok(refused(commit, (None, Why::OutOfRange(what))));
            }
            if told.elapsed() >= PROGRESS_INTERVAL {
                told = Instant::now();
                tell_progress();
            }
            let signer = signed::commit(self.repository, &objects, id)?
                .map_err(|why| (None, why))
                .and_then(|signed| self.keys.verify(&signed, self.now));
            match signer {
                Ok(signer) if signers.len() < MOST_SIGNERS && !signers.contains(&signer) => {
                    signers.push(signer);
                }
                Ok(_) => {}
                Err(refusal) => return Ok(refused(id, refusal)),
            }
        }
        Ok(Signatures::Good { count, signers })
    }
}

fn refused(commit: Oid, (key, why): (Option<String>, Why)) -> Signatures {
    Signatures::Refused(Refusal {
        object: format!("commit {commit}"),
        key,
        why,
    })
}
