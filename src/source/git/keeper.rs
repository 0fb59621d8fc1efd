//! The task behind a Git source: decides when to fetch, fetches, and publishes what is new.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::requests::{Received, Request, Wakes};
use super::child::Runner;
use super::errand::{Errand, ExportErrand, FetchErrand, Login};
use super::error::GitError;
use super::options::GitOptions;
use super::place::Place;
use super::schedule::{Last, pause, soonest};
use super::tree::{self, Known, Reading};
use crate::clock::Entropy;
use crate::resources::Revision;
use crate::secrets::{SecretError, Secrets};

/// The user where the secret names none. Where a token is given, hosts don't care.
const USUAL_USER: &str = "git";

/// The task behind a source.
pub(super) struct Keeper {
    pub(super) options: GitOptions,
    pub(super) reading: Reading,
    pub(super) place: Place,
    pub(super) runner: Runner,
    pub(super) secrets: Arc<dyn Secrets>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) revisions: watch::Sender<Arc<Revision>>,
    pub(super) requests: Received,
    pub(super) fetches: Arc<AtomicU64>,
    /// The files of the commit that is shown.
    pub(super) known: Known,
    /// Whether the clone has to be made anew.
    pub(super) anew: bool,
}

impl Keeper {
    /// Shows what an earlier run showed last, where that is still there.
    pub(super) async fn recall(&mut self) {
        let place = self.place.clone();
        let url = self.options.url.as_str().to_owned();
        let recalled = spawn_blocking(move || {
            place.prepare(&url).ok()?;
            place.shown()
        });
        let Ok(Some(commit)) = recalled.await else {
            return;
        };
        if let Err(error) = self.show(&commit).await {
            let source = &self.reading.source;
            tracing::debug!(%source, "what was shown last can't be read: {}", error.words());
            self.anew = error.is_of_clone();
        }
    }

    /// Fetches whenever it is time to, until the source is dropped. `first` waits for the first fetch.
    pub(super) async fn run(mut self, first: Request) {
        let mut waiting = vec![first];
        let mut failures = 0;
        loop {
            while let Ok(request) = self.requests.looks.try_recv() {
                waiting.push(request);
            }
            self.requests.wakes.clear();
            let began = Instant::now();
            let last = match self.update_or_mend().await {
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
            tokio::select! {
                request = self.requests.looks.recv() => match request {
                    Some(request) => waiting.push(request),
                    None => return,
                },
                () = woken(&self.requests.wakes, began + soonest(pause, last)) => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// Fetches, and once more into a new clone where the one that is there is damaged.
    async fn update_or_mend(&mut self) -> Result<(), GitError> {
        let updated = self.update().await;
        match updated {
            Err(error) if error.is_of_clone() && !self.anew => {
                let source = &self.reading.source;
                tracing::warn!(%source, "{}; it is cloned anew", error.words());
                self.anew = true;
                self.update().await
            }
            updated => updated,
        }
    }

    async fn update(&mut self) -> Result<(), GitError> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        self.on_disk(Place::prepare).await?;
        let login = self.login().await?;
        let errand = Errand::Fetch(FetchErrand {
            place: self.place.path().to_owned(),
            url: self.options.url.as_str().to_owned(),
            reference: self.options.reference.clone(),
            login,
            anew: self.anew,
            max_bytes: self.options.max_size,
        });
        let answer = self.runner.run(&errand).await?;
        let commit = answer.commit.ok_or(GitError::BrokenOff)?;
        self.anew = false;
        self.show(&commit).await?;
        let shown = commit.clone();
        self.on_disk(move |place, _| place.set_shown(&shown)).await
    }

    /// Who we are to the remote.
    async fn login(&self) -> Result<Login, GitError> {
        match &self.options.secret_name {
            None => Ok(Login::None),
            Some(name) => self.login_with(name).await.map_err(GitError::Secret),
        }
    }

    async fn login_with(&self, secret: &str) -> Result<Login, SecretError> {
        let user = self.secrets.find(secret, "username").await?;
        let password = match self.secrets.find(secret, "token").await? {
            Some(token) => token,
            None => self.secrets.get(secret, "password").await?,
        };
        Ok(Login::Password {
            user: user.map_or(USUAL_USER.to_owned(), |it| it.expose().to_owned()),
            password: password.expose().to_owned(),
        })
    }

    /// Publishes what a commit shows, once all of it is at hand.
    async fn show(&mut self, commit: &str) -> Result<(), GitError> {
        let current = Arc::clone(&self.revisions.borrow());
        let revision = if current.id == commit {
            Revision {
                trouble: None,
                ..Revision::clone(&current)
            }
        } else {
            self.read(commit).await?
        };
        self.export_jars(&revision).await?;
        let locations = revision.jars.values().map(|jar| jar.location.clone());
        let mut keep: Vec<PathBuf> = locations.collect();
        keep.sort_unstable();
        self.publish(revision);
        self.on_disk(move |place, _| {
            place.retain_jars(|path| keep.binary_search_by(|it| it.as_path().cmp(path)).is_ok())
        })
        .await
    }

    async fn read(&mut self, commit: &str) -> Result<Revision, GitError> {
        let (place, reading, commit) =
            (self.place.clone(), self.reading.clone(), commit.to_owned());
        let mut known = std::mem::take(&mut self.known);
        let read = spawn_blocking(move || {
            let read = tree::read(&place, &reading, &commit, &mut known);
            (read, known)
        });
        let (read, known) = read.await.map_err(|_| GitError::BrokenOff)?;
        self.known = known;
        read.map_err(|error| GitError::Damaged(error.message().to_owned()))
    }

    /// Has the jars that are missing written into files.
    async fn export_jars(&self, revision: &Revision) -> Result<(), GitError> {
        let jars = revision.jars.clone();
        let missing = spawn_blocking(move || {
            let is_missing = |size: u64, path: &PathBuf| {
                std::fs::metadata(path).map_or(true, |found| found.len() != size)
            };
            let missing = jars.into_values();
            let missing = missing.filter(|jar| is_missing(jar.size, &jar.location));
            missing.map(|jar| jar.stamp).collect::<Vec<String>>()
        });
        let mut blobs = missing.await.map_err(|_| GitError::BrokenOff)?;
        if blobs.is_empty() {
            return Ok(());
        }
        blobs.sort_unstable();
        blobs.dedup();
        let errand = Errand::Export(ExportErrand {
            place: self.place.path().to_owned(),
            blobs,
            max_size: self.options.max_jar_size,
        });
        self.runner.run(&errand).await?;
        Ok(())
    }

    fn publish(&self, revision: Revision) {
        self.revisions.send_if_modified(|current| {
            let changed = current.id != revision.id || current.trouble != revision.trouble;
            if changed {
                tracing::debug!(source = %revision.source, revision = %revision.id, "a new revision");
                *current = Arc::new(revision);
            }
            changed
        });
    }

    /// What is shown stays, and says why it may not be the latest.
    fn fail(&self, error: &GitError) {
        let words = error.words();
        let mut revision = Revision::clone(&self.revisions.borrow());
        if !revision.present && revision.id.is_empty() {
            revision.unreadable = super::unread(&words);
        }
        revision.trouble = Some(words);
        self.publish(revision);
    }

    /// Does something with our directory where blocking is allowed.
    async fn on_disk(
        &self,
        work: impl FnOnce(&Place, &str) -> std::io::Result<()> + Send + 'static,
    ) -> Result<(), GitError> {
        let place = self.place.clone();
        let url = self.options.url.as_str().to_owned();
        let path = place.path().to_owned();
        let done = spawn_blocking(move || work(&place, &url));
        let done = done.await.map_err(|_| GitError::BrokenOff)?;
        done.map_err(|source| GitError::Place { path, source })
    }
}

/// Waits until somebody says that there is something new, and the remote may be asked again.
async fn woken(wakes: &Wakes, soonest: Instant) {
    wakes.wait().await;
    sleep_until(soonest).await;
}
