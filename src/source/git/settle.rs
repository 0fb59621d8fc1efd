//! Whether what was fetched is shown: signed as it has to be, and going on from what is in force.
//!
//! What isn't is not read. The revision that is shown stays, and says why in its trouble and, where a
//! person may let the other in, in its proposal. Which commit is in force, and what a person let in,
//! is decided elsewhere and told as a [`Footing`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::errand::Found;
use super::error::GitError;
use super::keeper::Keeper;
use super::reference::GitReference;
use super::trust::{
    ForcePush, GitVerify, JudgeErrand, Judgement, KeyFiles, Signatures, VerifyErrand, VerifyMode,
};
use crate::resources::lineage::short;
use crate::resources::{Anchor, Footing, Lineage, Motion, Proposal, Refused, Revision, Verified};

/// How long a judgement stands: keys expire.
const JUDGEMENT_STANDS: Duration = Duration::from_mins(10);

/// From where it may go on, and how often that was told.
#[derive(Debug, Clone, Default)]
pub(super) struct Stand {
    pub(super) number: u64,
    footing: Option<Footing>,
}

impl Stand {
    pub(super) fn of(footing: Option<Footing>) -> Self {
        Self { number: 0, footing }
    }

    /// Tells whether anything is new.
    pub(super) fn tell(&mut self, footing: Footing) -> bool {
        let new = self.footing.as_ref() != Some(&footing);
        if new {
            self.number += 1;
            self.footing = Some(footing);
        }
        new
    }
}

/// What the repository has.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// The commit, of which nothing was verified.
    lineage: Lineage,
    /// The object of the annotated tag that leads there.
    tag_object: Option<String>,
}

/// A judgement, and what it is of.
#[derive(Debug)]
pub(super) struct Judged {
    question: JudgeErrand,
    judgement: Judgement,
    at: Instant,
}

impl Keeper {
    /// What is known of the commit that an earlier run showed last.
    pub(super) fn recalled(&self, text: &str) -> Lineage {
        // A version before this one wrote the commit alone.
        let known = serde_json::from_str(text);
        known.unwrap_or_else(|_| self.lineage(text.trim(), None))
    }

    /// A commit of which nothing was verified.
    fn lineage(&self, commit: &str, tag: Option<String>) -> Lineage {
        Lineage {
            repository: self.options.url.as_str().to_owned(),
            reference: self.options.reference.to_string(),
            motion: match self.options.force_push {
                ForcePush::Hold => self.options.reference.motion(),
                ForcePush::Follow => Motion::Freely,
            },
            commit: commit.to_owned(),
            tag,
            fetched_at: self.clock.now(),
            verified: None,
            descends: BTreeMap::new(),
        }
    }

    /// Takes what was fetched.
    pub(super) fn found(&mut self, found: Found) {
        let commit = found.commit;
        let tag = found.name.filter(|_| self.options.reference.is_tag());
        let tag = tag.and_then(|name| Some(name.strip_prefix("refs/tags/")?.to_owned()));
        let mut lineage = self.lineage(&commit, tag);
        if let Some(known) = &self.candidate
            && known.lineage.commit == commit
        {
            lineage.fetched_at = known.lineage.fetched_at;
        }
        self.candidate = Some(Candidate {
            lineage,
            tag_object: found.tag,
        });
    }

    /// Shows what was fetched, or says why not.
    pub(super) async fn settle(&mut self) -> Result<(), GitError> {
        let stand = self.footing.borrow_and_update().clone();
        let settled = match &stand.footing {
            Some(footing) => self.settle_on(footing).await,
            None => Ok(()),
        };
        // What could not be done is told in the trouble, and tried again.
        self.stood.send_replace(stand.number);
        settled
    }

    async fn settle_on(&mut self, footing: &Footing) -> Result<(), GitError> {
        let shown = self.revisions.borrow().lineage.clone();
        let Some(mut candidate) = self.candidate.clone().or_else(|| {
            let lineage = Lineage::clone(shown.as_deref()?);
            Some(Candidate {
                lineage,
                tag_object: None,
            })
        }) else {
            return Ok(());
        };
        let is_shown = shown
            .as_ref()
            .filter(|shown| shown.commit == candidate.lineage.commit);
        if let Some(shown) = is_shown {
            candidate.lineage.fetched_at = shown.fetched_at;
            candidate.lineage.verified.clone_from(&shown.verified);
            candidate.lineage.descends.clone_from(&shown.descends);
        }
        let (tag, fetched_at) = (candidate.lineage.tag.clone(), candidate.lineage.fetched_at);
        let commit = candidate.lineage.commit.clone();
        let judged = self.judge(candidate, footing).await?;
        let lineage = match judged {
            Ok(lineage) => lineage,
            Err(why) => {
                self.stay_with(footing.anchor.as_ref()).await;
                self.distrust(Refused {
                    commit,
                    tag,
                    fetched_at,
                    why,
                });
                return Ok(());
            }
        };
        match Self::obstacle(&lineage, footing) {
            None => {
                self.show(&lineage).await?;
                let text = serde_json::to_string(&lineage).map_err(GitError::Order)?;
                self.share.remember(self.label.clone(), text).await
            }
            Some(anchor) => self.propose(lineage, anchor).await,
        }
    }

    /// What is in force, where a commit doesn't go on from it and nobody let it in.
    fn obstacle<'a>(lineage: &Lineage, footing: &'a Footing) -> Option<&'a Anchor> {
        let anchor = footing.anchor.as_ref()?;
        let goes_on = lineage.goes_on_from(anchor) == Some(true);
        let let_in = footing.released.as_deref() == Some(&*lineage.commit);
        (!goes_on && !let_in).then_some(anchor)
    }

    /// Goes on with what is in force, and shows what else there is.
    async fn propose(&mut self, lineage: Lineage, anchor: &Anchor) -> Result<(), GitError> {
        let words = rewritten(&lineage, anchor);
        self.stay_with(Some(anchor)).await;
        let current = Arc::clone(&self.revisions.borrow());
        if current.id != anchor.commit && current.id == lineage.commit {
            self.go_back(anchor).await;
        }
        let current = Arc::clone(&self.revisions.borrow());
        let mut revision = Revision::clone(&current);
        if !revision.present && revision.id.is_empty() {
            revision.unreadable = super::unread(&words);
        }
        revision.trouble = Some(words);
        revision.refused = None;
        revision.proposal = Some(Arc::new(Proposal {
            lineage,
            anchor: anchor.clone(),
        }));
        self.publish(revision);
        Ok(())
    }

    /// Shows what is in force where nothing is shown yet: a clone that was just made has not shown it
    /// before.
    async fn stay_with(&mut self, anchor: Option<&Anchor>) {
        let shows_nothing = self.revisions.borrow().id.is_empty();
        if let Some(anchor) = anchor.filter(|_| shows_nothing) {
            self.go_back(anchor).await;
        }
    }

    /// Shows what is in force, where the clone still has it; else nothing.
    async fn go_back(&mut self, anchor: &Anchor) {
        let mut lineage = self.lineage(&anchor.commit, anchor.tag.clone());
        lineage.repository.clone_from(&anchor.repository);
        lineage.reference.clone_from(&anchor.reference);
        lineage.verified = anchor.verified.then(|| Verified {
            at: self.clock.now(),
            signatures: 0,
            signers: Vec::new(),
        });
        if self.show(&lineage).await.is_err() {
            self.publish(super::nothing(&self.reading.source));
        }
    }

    /// What is known of a commit once it is judged; the words of the refusal where it is not trusted.
    async fn judge(
        &mut self,
        candidate: Candidate,
        footing: &Footing,
    ) -> Result<Result<Lineage, String>, GitError> {
        let Candidate {
            mut lineage,
            tag_object,
        } = candidate;
        let anchor = footing.anchor.as_ref();
        let is_anchor = anchor.is_some_and(|anchor| anchor.commit == lineage.commit);
        // What is in force was verified when it came.
        let verify = self.options.verify.clone();
        let verify = verify.filter(|_| !(is_anchor && lineage.verified.is_some()));
        let keys = match &verify {
            Some(verify) => Some(read_keys(verify.clone()).await?),
            None => None,
        };
        let asked = anchor.map(|anchor| anchor.commit.clone());
        let ancestors = footing.asked.iter().cloned().chain(asked);
        let ancestors: BTreeSet<String> = ancestors
            .filter(|it| *it != lineage.commit && !lineage.descends.contains_key(it))
            .collect();
        let question = JudgeErrand {
            place: self.share.place().path().to_owned(),
            commit: lineage.commit.clone(),
            ancestors,
            verify: verify.zip(keys).map(|(verify, keys)| {
                question(
                    &verify,
                    keys,
                    (&lineage, tag_object),
                    anchor,
                    &self.options.reference,
                )
            }),
        };
        let judgement = self.ask(question).await?;
        lineage.descends.extend(judgement.descends);
        match judgement.signatures {
            None => {}
            Some(Signatures::Good { count, signers }) => {
                let known = lineage.verified.filter(|known| known.signers == signers);
                lineage.verified = Some(known.unwrap_or_else(|| Verified {
                    at: self.clock.now(),
                    signatures: count,
                    signers,
                }));
            }
            Some(Signatures::Refused(refusal)) => {
                let reference = &self.options.reference;
                return Ok(Err(format!("{reference} is not followed: {refusal}")));
            }
        }
        Ok(Ok(lineage))
    }

    async fn ask(&mut self, question: JudgeErrand) -> Result<Judgement, GitError> {
        if question.verify.is_none() && question.ancestors.is_empty() {
            return Ok(Judgement {
                descends: BTreeMap::new(),
                signatures: None,
            });
        }
        if let Some(known) = &self.judged
            && known.question == question
            && known.at.elapsed() < JUDGEMENT_STANDS
        {
            return Ok(known.judgement.clone());
        }
        let judgement = self.share.judge(question.clone()).await?;
        self.judged = Some(Judged {
            question,
            judgement: judgement.clone(),
            at: Instant::now(),
        });
        Ok(judgement)
    }
}

/// The files of keys as they are now.
async fn read_keys(verify: GitVerify) -> Result<KeyFiles, GitError> {
    let read = spawn_blocking(move || KeyFiles::read(&verify)).await;
    read.map_err(|_| GitError::BrokenOff)?
        .map_err(GitError::Keys)
}

/// What of a commit is to be verified.
fn question(
    verify: &GitVerify,
    keys: KeyFiles,
    (lineage, tag_object): (&Lineage, Option<String>),
    anchor: Option<&Anchor>,
    reference: &GitReference,
) -> VerifyErrand {
    let anchor = anchor.filter(|anchor| anchor.verified);
    match verify.mode {
        VerifyMode::Commits => VerifyErrand::Commits {
            keys,
            anchor: anchor.map(|anchor| anchor.commit.clone()),
            since: verify.since.clone(),
        },
        VerifyMode::Tag => VerifyErrand::Tag {
            keys,
            name: lineage.tag.clone().unwrap_or_else(|| reference.to_string()),
            object: tag_object,
            known: anchor.is_some(),
        },
    }
}

/// Both commits, and what to do.
fn rewritten(lineage: &Lineage, anchor: &Anchor) -> String {
    let reference = &lineage.reference;
    let what = |commit: &str, tag: Option<&String>| {
        let tag = tag.map(|tag| format!("{tag}, "));
        format!("{}{}", tag.unwrap_or_default(), short(commit))
    };
    let before = what(&anchor.commit, anchor.tag.as_ref());
    let now = what(&lineage.commit, lineage.tag.as_ref());
    format!(
        "{reference} was rewritten: {now} does not go on from {before}, which stays in force; `jetkeeper \
         confirm` lets it in, or put {reference} back"
    )
}
