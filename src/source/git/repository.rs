//! A repository as all sources of it share it: one clone, and one question to the remote for all.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OnceCell, watch};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::GitParts;
use super::child::Runner;
use super::errand::{Answer, Errand, FetchErrand, Found, Login};
use super::error::GitError;
use super::place::Place;
use super::reference::GitReference;
use super::repositories::Access;
use super::share::Member;
use super::url::{Transport, USUAL_USER};
use crate::secrets::{SecretError, Secrets};

/// The largest file of known hosts that is read, in bytes.
const MAX_KNOWN_HOSTS: u64 = 1024 * 1024;

/// A repository.
pub(super) struct Repository {
    access: Access,
    pub(super) place: Place,
    program: PathBuf,
    secrets: Arc<dyn Secrets>,
    pub(super) members: Mutex<Vec<Weak<Mutex<Member>>>>,
    prepared: OnceCell<()>,
    /// Held by who asks the remote.
    pub(super) state: tokio::sync::Mutex<State>,
    /// The number of the question that was answered last.
    pub(super) looks: watch::Sender<u64>,
    /// How many questions were begun.
    pub(super) begun: AtomicU64,
    /// Held by who writes or removes jars.
    pub(super) jars: tokio::sync::Mutex<()>,
}

/// What the next question goes by.
#[derive(Default)]
pub(super) struct State {
    pub(super) last: Option<Look>,
    /// Whether the clone has to be made anew.
    pub(super) anew: bool,
}

/// A question to the remote, and what it answered.
pub(super) struct Look {
    pub(super) number: u64,
    pub(super) began: Instant,
    references: Vec<GitReference>,
    answer: Result<Vec<Result<Found, String>>, Arc<GitError>>,
}

/// What the remote was found to have for a source.
pub(super) struct Seen {
    /// Which question it was.
    pub(super) number: u64,
    /// When that was asked.
    pub(super) began: Instant,
    pub(super) found: Result<Found, GitError>,
}

/// What all sources together want of a repository.
struct Wanted {
    references: Vec<GitReference>,
    kept: Vec<String>,
    timeout: Duration,
    stall_timeout: Duration,
}

impl Repository {
    pub(super) fn new(access: Access, place: Place, parts: &GitParts) -> Self {
        Self {
            access,
            place,
            program: parts.program.clone(),
            secrets: Arc::clone(&parts.secrets),
            members: Mutex::default(),
            prepared: OnceCell::new(),
            state: tokio::sync::Mutex::default(),
            looks: watch::channel(0).0,
            begun: AtomicU64::new(0),
            jars: tokio::sync::Mutex::default(),
        }
    }

    /// Makes the directory fit for use, once, before anything else is done with it.
    pub(super) async fn prepare(&self) -> Result<(), GitError> {
        let prepare = || {
            self.on_disk(|place, url| {
                place.prepare(url)?;
                place.recover()
            })
        };
        self.prepared.get_or_try_init(prepare).await.copied()
    }

    /// Asks the remote, and fetches what is wanted.
    pub(super) async fn look(&self, state: &mut State) {
        let began = Instant::now();
        self.begun.fetch_add(1, Ordering::Relaxed);
        let wanted = self.wanted();
        let references = wanted.references.clone();
        let answer = self.fetch(wanted, state.anew).await.map_err(Arc::new);
        state.anew &= answer.is_err();
        let number = state.last.as_ref().map_or(1, |last| last.number + 1);
        state.last = Some(Look {
            number,
            began,
            references,
            answer,
        });
        self.looks.send_replace(number);
    }

    async fn fetch(
        &self,
        wanted: Wanted,
        anew: bool,
    ) -> Result<Vec<Result<Found, String>>, GitError> {
        self.prepare().await?;
        // Somebody may have removed it meanwhile.
        self.on_disk(Place::prepare).await?;
        let errand = Errand::Fetch(FetchErrand {
            place: self.place.path().to_owned(),
            url: self.access.url.as_str().to_owned(),
            references: wanted.references,
            kept: wanted.kept,
            login: self.login().await?,
            known_hosts: self.known_hosts().await?,
            anew,
            max_bytes: self.access.max_size,
        });
        let runner = self.runner(wanted.timeout, wanted.stall_timeout);
        match runner.run(&errand).await? {
            Answer::Fetched(found) => Ok(found),
            _ => Err(GitError::BrokenOff),
        }
    }

    /// Each reference once, and the longest times.
    fn wanted(&self) -> Wanted {
        let mut wanted = Wanted {
            references: Vec::new(),
            kept: Vec::new(),
            timeout: Duration::ZERO,
            stall_timeout: Duration::ZERO,
        };
        let mut kept = BTreeSet::new();
        for member in self.members() {
            let member = held(&member);
            if !wanted.references.contains(&member.reference) {
                wanted.references.push(member.reference.clone());
            }
            kept.extend(member.shown.clone());
            wanted.timeout = wanted.timeout.max(member.timeout);
            wanted.stall_timeout = wanted.stall_timeout.max(member.stall_timeout);
        }
        wanted.kept = kept.into_iter().collect();
        wanted
    }

    /// Those who share it.
    pub(super) fn members(&self) -> Vec<Arc<Mutex<Member>>> {
        let mut members = held(&self.members);
        members.retain(|it| it.strong_count() > 0);
        members.iter().filter_map(Weak::upgrade).collect()
    }

    /// What does errands in the directory.
    pub(super) fn runner(&self, timeout: Duration, stall_timeout: Duration) -> Runner {
        Runner {
            program: self.program.clone(),
            home: self.place.home(),
            ca_file: self.access.ca_file.clone(),
            timeout,
            stall_timeout,
        }
    }

    /// Who we are to the remote.
    async fn login(&self) -> Result<Login, GitError> {
        let Some(name) = &self.access.secret_name else {
            return Ok(Login::None);
        };
        let login = match self.access.url.transport {
            Transport::Ssh => self.key(name).await,
            _ => self.password(name).await,
        };
        login.map_err(GitError::Secret)
    }

    async fn key(&self, secret: &str) -> Result<Login, SecretError> {
        let key = self.secrets.get(secret, "identity").await?;
        let passphrase = self.secrets.find(secret, "passphrase").await?;
        Ok(Login::Key {
            // Who reads secrets takes the end of the last line away, without which it is no key.
            key: format!("{}\n", key.expose().trim_end()),
            passphrase: passphrase.map(|it| it.expose().to_owned()),
        })
    }

    async fn password(&self, secret: &str) -> Result<Login, SecretError> {
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

    /// The keys by which the host is known: those of the configuration, and those of the file.
    async fn known_hosts(&self) -> Result<String, GitError> {
        let mut text = self.access.known_hosts.clone().unwrap_or_default();
        if let Some(path) = self.access.known_hosts_file.clone() {
            let file = path.clone();
            let read = spawn_blocking(move || read_bounded(&file)).await;
            let read = read.map_err(|_| GitError::BrokenOff)?;
            text.push('\n');
            text += &read.map_err(|source| GitError::KnownHosts { path, source })?;
        }
        Ok(text)
    }

    /// Does something with the directory where blocking is allowed.
    pub(super) async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Place, &str) -> io::Result<T> + Send + 'static,
    ) -> Result<T, GitError> {
        let place = self.place.clone();
        let url = self.access.url.as_str().to_owned();
        let path = place.path().to_owned();
        let done = spawn_blocking(move || work(&place, &url));
        let done = done.await.map_err(|_| GitError::BrokenOff)?;
        done.map_err(|source| GitError::Place { path, source })
    }
}

impl Look {
    /// What it says about a reference; none where that was not asked for.
    pub(super) fn seen(&self, reference: &GitReference) -> Option<Seen> {
        let index = self.references.iter().position(|it| it == reference)?;
        let found = match &self.answer {
            Ok(found) => match found.get(index)? {
                Ok(found) => Ok(found.clone()),
                Err(words) => Err(GitError::Absent(words.clone())),
            },
            Err(error) => Err(GitError::Shared(Arc::clone(error))),
        };
        Some(Seen {
            number: self.number,
            began: self.began,
            found,
        })
    }
}

fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let mut file = std::fs::File::open(path)?.take(MAX_KNOWN_HOSTS + 1);
    file.read_to_string(&mut text)?;
    if text.len() as u64 > MAX_KNOWN_HOSTS {
        let words = format!("it is larger than {MAX_KNOWN_HOSTS} bytes");
        return Err(io::Error::other(words));
    }
    Ok(text)
}

/// Nothing is left half done where a holder panics.
pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
