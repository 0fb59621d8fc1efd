//! The task behind a Git source: decides when to fetch, fetches, and publishes what is new.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::requests::{Received, Request, Wakes};
use super::error::GitError;
use super::options::GitOptions;
use super::schedule::{Last, pause, soonest};
use super::settle::{Candidate, Judged, Stand};
use super::share::Share;
use super::tree::{self, Known, Reading};
use crate::clock::{Clock, Entropy};
use crate::resources::{Lineage, Refused, Revision};

/// The task behind a source.
pub(super) struct Keeper {
    pub(super) options: GitOptions,
    pub(super) reading: Reading,
    pub(super) share: Arc<Share>,
    /// What the last commit that was shown is noted under.
    pub(super) label: String,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) revisions: watch::Sender<Arc<Revision>>,
    pub(super) requests: Received,
    /// The files of the commit that is shown.
    pub(super) known: Known,
    /// The last question to the remote whose answer was taken.
    pub(super) seen: Option<(u64, Instant)>,
    /// Whether the remote answered that question.
    pub(super) reachable: bool,
    pub(super) clock: Arc<dyn Clock>,
    /// From where it may go on; nothing new is shown before that was told.
    pub(super) footing: watch::Receiver<Stand>,
    /// The last of these that what is shown follows from.
    pub(super) stood: watch::Sender<u64>,
    /// What the repository has.
    pub(super) candidate: Option<Candidate>,
    /// The last judgement.
    pub(super) judged: Option<Judged>,
}

impl Keeper {
    /// Shows what an earlier run showed last, where that is still there.
    pub(super) async fn recall(&mut self) {
        let Ok(Some(text)) = self.share.recall(self.label.clone()).await else {
            return;
        };
        let lineage = self.recalled(&text);
        if let Err(error) = self.show(&lineage).await {
            let source = &self.reading.source;
            tracing::debug!(%source, "what was shown last can't be read: {}", error.words());
            if error.is_of_clone() {
                self.share.mend(None).await;
            }
        }
    }

    /// Fetches whenever it is time to, until the source is dropped. `first` waits for the first fetch;
    /// what the remote has been asked for since then is good enough for it.
    pub(super) async fn run(mut self, first: Request, began: Instant) {
        let mut waiting = vec![first];
        let mut failures = 0;
        let mut since = began;
        loop {
            while let Ok(request) = self.requests.looks.try_recv() {
                waiting.push(request);
                since = Instant::now();
            }
            // An answer to an earlier question, of another source, shows nothing of what came since.
            self.requests.wakes.clear_before(since);
            let last = match self.update_or_mend(since).await {
                Ok(()) => {
                    failures = 0;
                    Last::Answered
                }
                Err(error) => {
                    failures += 1;
                    self.fail(&error);
                    if error.is_throttled() {
                        Last::Throttled(failures)
                    } else {
                        Last::Failed(failures)
                    }
                }
            };
            for done in waiting.drain(..) {
                // Who asked may have gone away meanwhile.
                done.send(()).ok();
            }
            let pause = pause(self.options.interval, last, self.entropy.next_u64());
            let (number, asked) = self.seen.unwrap_or((0, since));
            tokio::select! {
                request = self.requests.looks.recv() => match request {
                    Some(request) => {
                        waiting.push(request);
                        since = Instant::now();
                    }
                    None => return,
                },
                // Another source of the repository asked, for all of them.
                () = self.share.answered_after(number) => since = asked,
                () = woken(&self.requests.wakes, asked + soonest(pause, last)) => {
                    since = Instant::now();
                }
                // What it answered last is judged again.
                Ok(()) = self.footing.changed() => since = asked,
                () = sleep(pause) => since = Instant::now(),
            }
        }
    }

    /// Fetches, and once more into a new clone where the one that is there is damaged.
    async fn update_or_mend(&mut self, since: Instant) -> Result<(), GitError> {
        let updated = self.update(since).await;
        match (updated, self.seen) {
            (Err(error), Some((number, _))) if error.is_of_clone() => {
                let source = &self.reading.source;
                tracing::warn!(%source, "{}; it is cloned anew", error.words());
                self.share.mend(Some(number)).await;
                self.update(Instant::now()).await
            }
            (updated, _) => updated,
        }
    }

    async fn update(&mut self, since: Instant) -> Result<(), GitError> {
        let seen = self.share.fetch(since).await;
        self.seen = Some((seen.number, seen.began));
        self.reachable = seen.found.is_ok();
        match seen.found {
            Ok(found) => {
                self.found(found);
                self.settle().await
            }
            Err(error) => {
                if !error.is_of_clone() {
                    self.settle().await?;
                }
                Err(error)
            }
        }
    }

    /// Publishes what a commit shows, once all of it is at hand.
    pub(super) async fn show(&mut self, lineage: &Lineage) -> Result<(), GitError> {
        let commit = &lineage.commit;
        let current = Arc::clone(&self.revisions.borrow());
        let mut revision = if current.id == *commit {
            Revision::clone(&current)
        } else {
            self.read(commit).await?
        };
        if self.reachable {
            revision.trouble = None;
        }
        revision.proposal = None;
        revision.refused = None;
        revision.lineage = Some(Arc::new(lineage.clone()));
        self.share.export(revision.jars.values()).await?;
        let jars = revision.jars.values().map(|jar| jar.location.clone());
        let jars = jars.collect();
        self.publish(revision);
        self.share.show(commit, jars).await
    }

    async fn read(&mut self, commit: &str) -> Result<Revision, GitError> {
        let (place, reading, commit) = (
            self.share.place().clone(),
            self.reading.clone(),
            commit.to_owned(),
        );
        let mut known = std::mem::take(&mut self.known);
        let read = spawn_blocking(move || {
            let read = tree::read(&place, &reading, &commit, &mut known);
            (read, known)
        });
        let (read, known) = read.await.map_err(|_| GitError::BrokenOff)?;
        self.known = known;
        read.map_err(|error| GitError::Damaged(error.message().to_owned()))
    }

    pub(super) fn publish(&self, revision: Revision) {
        self.revisions.send_if_modified(|current| {
            let changed = current.id != revision.id
                || current.trouble != revision.trouble
                || current.lineage != revision.lineage
                || current.proposal != revision.proposal
                || current.refused != revision.refused;
            if changed {
                tracing::debug!(source = %revision.source, revision = %revision.id, "a new revision");
                *current = Arc::new(revision);
            }
            changed
        });
    }

    /// What is shown stays, and says why it may not be the latest.
    fn fail(&self, error: &GitError) {
        let current = Revision::clone(&self.revisions.borrow());
        self.stay(current, error.words());
    }

    /// The same, because what is new isn't signed as it has to be.
    pub(super) fn distrust(&self, refused: Refused) {
        let mut current = Revision::clone(&self.revisions.borrow());
        let words = refused.why.clone();
        current.refused = Some(Arc::new(refused));
        self.stay(current, words);
    }

    fn stay(&self, mut revision: Revision, words: String) {
        if !revision.present && revision.id.is_empty() {
            revision.unreadable = super::unread(&words);
        }
        revision.trouble = Some(words);
        self.publish(revision);
    }
}

/// Waits until somebody says that there is something new, and the remote may be asked again.
async fn woken(wakes: &Wakes, soonest: Instant) {
    wakes.wait().await;
    sleep_until(soonest).await;
}
