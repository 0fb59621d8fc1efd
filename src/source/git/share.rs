//! A source's share in a repository.
//!
//! Whoever wants to know of the remote asks for what all sources of it want; another that comes soon
//! after takes what was answered. Dropping the share breaks off the question that it asks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::errand::{Answer, Errand, ExportErrand};
use super::error::GitError;
use super::options::GitOptions;
use super::place::Place;
use super::reference::GitReference;
use super::repository::{Repository, Seen, held};
use super::trust::{JudgeErrand, Judgement};
use crate::resources::JarFile;

/// What a source wants of its repository.
pub(super) struct Member {
    pub(super) reference: GitReference,
    pub(super) timeout: Duration,
    pub(super) stall_timeout: Duration,
    /// The commit that it shows.
    pub(super) shown: Option<String>,
    /// The jars of what it shows, and of what it is about to.
    jars: BTreeSet<PathBuf>,
}

/// See the module.
pub(super) struct Share {
    repository: Arc<Repository>,
    member: Arc<Mutex<Member>>,
    max_jar_size: u64,
}

impl Share {
    pub(super) fn new(repository: Arc<Repository>, options: &GitOptions) -> Self {
        let member = Arc::new(Mutex::new(Member {
            reference: options.reference.clone(),
            timeout: options.timeout,
            stall_timeout: options.stall_timeout,
            shown: None,
            jars: BTreeSet::new(),
        }));
        held(&repository.members).push(Arc::downgrade(&member));
        Self {
            repository,
            member,
            max_jar_size: options.max_jar_size,
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.repository.place
    }

    /// How many questions to the remote were begun, by all who share it.
    pub(super) fn begun(&self) -> u64 {
        self.repository.begun.load(Ordering::Relaxed)
    }

    /// What the remote has, by a question that was asked at this time or later.
    pub(super) async fn fetch(&self, since: Instant) -> Seen {
        let mut state = self.repository.state.lock().await;
        let reference = held(&self.member).reference.clone();
        let last = state.last.as_ref().filter(|last| last.began >= since);
        if let Some(seen) = last.and_then(|last| last.seen(&reference)) {
            return seen;
        }
        self.repository.look(&mut state).await;
        let seen = state.last.as_ref().and_then(|it| it.seen(&reference));
        seen.unwrap_or(Seen {
            number: 0,
            began: since,
            found: Err(GitError::BrokenOff),
        })
    }

    /// Waits until a later question than this one was answered.
    pub(super) async fn answered_after(&self, number: u64) {
        let mut looks = self.repository.looks.subscribe();
        // The sender is the repository's, which is held here.
        drop(looks.wait_for(|last| *last > number).await);
    }

    /// Has the clone made anew by the next question, where it was not since this one.
    pub(super) async fn mend(&self, since: Option<u64>) {
        let mut state = self.repository.state.lock().await;
        let last = state.last.as_ref().map(|look| look.number);
        state.anew |= last == since;
    }

    /// Has a commit judged.
    pub(super) async fn judge(&self, question: JudgeErrand) -> Result<Judgement, GitError> {
        let (timeout, stall_timeout) = {
            let member = held(&self.member);
            (member.timeout, member.stall_timeout)
        };
        let runner = self.repository.runner(timeout, stall_timeout);
        match runner.run(&Errand::Judge(question)).await? {
            Answer::Judged(judgement) => Ok(judgement),
            _ => Err(GitError::BrokenOff),
        }
    }

    /// What was noted of the commit that the source of this label showed last.
    pub(super) async fn recall(&self, label: String) -> Result<Option<String>, GitError> {
        self.repository.prepare().await?;
        let recall = move |place: &Place, _: &str| Ok(place.shown(&label));
        self.repository.on_disk(recall).await
    }

    /// Notes that for the next start.
    pub(super) async fn remember(&self, label: String, text: String) -> Result<(), GitError> {
        let remember = move |place: &Place, _: &str| place.set_shown(&label, &text);
        self.repository.on_disk(remember).await
    }

    /// Has these jars written into files, where they are not. They stay until [`Self::show`].
    pub(super) async fn export<'a>(
        &self,
        jars: impl Iterator<Item = &'a JarFile>,
    ) -> Result<(), GitError> {
        let jars: Vec<JarFile> = jars.cloned().collect();
        let paths = jars.iter().map(|jar| jar.location.clone());
        held(&self.member).jars.extend(paths);
        let _writing = self.repository.jars.lock().await;
        let missing = spawn_blocking(move || {
            let is_missing = |path: &Path, size: u64| {
                std::fs::metadata(path).map_or(true, |found| found.len() != size)
            };
            let missing = jars.into_iter();
            let missing = missing.filter(|jar| is_missing(&jar.location, jar.size));
            missing.map(|jar| jar.stamp).collect::<BTreeSet<String>>()
        });
        let blobs = missing.await.map_err(|_| GitError::BrokenOff)?;
        if blobs.is_empty() {
            return Ok(());
        }
        let (timeout, stall_timeout) = {
            let member = held(&self.member);
            (member.timeout, member.stall_timeout)
        };
        let errand = Errand::Export(ExportErrand {
            place: self.place().path().to_owned(),
            blobs: blobs.into_iter().collect(),
            max_size: self.max_jar_size,
        });
        let runner = self.repository.runner(timeout, stall_timeout);
        runner.run(&errand).await.map(drop)
    }

    /// Notes what the source shows now, and removes the jars that no source shows any more.
    pub(super) async fn show(&self, commit: &str, jars: BTreeSet<PathBuf>) -> Result<(), GitError> {
        {
            let mut member = held(&self.member);
            member.shown = Some(commit.to_owned());
            member.jars = jars;
        }
        let repository = Arc::clone(&self.repository);
        let retain = move |place: &Place, _: &str| {
            let members = repository.members();
            let is_shown = |path: &Path| members.iter().any(|it| held(it).jars.contains(path));
            place.retain_jars(is_shown)
        };
        let _removing = self.repository.jars.lock().await;
        self.repository.on_disk(retain).await
    }
}
