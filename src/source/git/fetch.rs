//! In the child: brings a clone to what its remote has.
//!
//! The remote is asked what it has before anything is fetched. One reference is fetched, whole: what a
//! later commit is judged by is its history. A clone is made aside and moved into place, so that what
//! is there is either of use or of none.

use std::fs::{self, File};
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use git2::{
    AutotagOption, Direction, FetchOptions, Oid, ProxyOptions, RemoteRedirect, Repository,
    RepositoryInitOptions, RepositoryOpenFlags,
};
use rustix::fs::FlockOperation;

use super::errand::{Answer, Failure, FailureKind, FetchErrand};
use super::inside::tell_progress;
use super::login::Attempt;
use super::place::{Place, remove};
use super::reference::{Chosen, GitReference, RemoteHead};

/// The one reference of a clone.
const INCOMING: &str = "refs/jetkeeper/incoming";
/// Where all that a remote has is put, to find one commit in it.
const EVERYTHING: [&str; 2] = [
    "+refs/heads/*:refs/jetkeeper/heads/*",
    "+refs/tags/*:refs/jetkeeper/tags/*",
];
/// How many packs may lie in a clone: every fetch adds one, and each is looked through.
const MOST_PACKS: usize = 50;
/// How long another child may go on, and how often it is looked whether it ended.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_INTERVAL: Duration = Duration::from_millis(50);
/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// How often work on this machine is told of.
const TICK: Duration = Duration::from_secs(5);

/// Fetches.
pub(super) fn fetch(errand: &FetchErrand) -> Result<Answer, Failure> {
    let place = Place::of(&errand.place);
    let _lock = lock(&place)?;
    let current = place.repository();
    let anew = errand.anew || !current.exists();
    if !anew {
        let mut repository = open(&current)?;
        remove_leftovers(&current);
        let answer = update(&mut repository, errand)?;
        if packs(&current) > MOST_PACKS {
            // What is there stays as it is where this fails.
            drop(unstalled(|| compact(&place, errand)));
        }
        return Ok(answer);
    }
    let new = place.new_repository();
    remove(&new).map_err(|error| on_disk(&new, &error))?;
    let answer = update(&mut init(&new)?, errand)?;
    replace(&place)?;
    Ok(answer)
}

/// Only one child works on a clone, also where the daemon before left one behind.
fn lock(place: &Place) -> Result<File, Failure> {
    let path = place.lock();
    let file = super::place::create(&path).map_err(|error| on_disk(&path, &error))?;
    let end = Instant::now() + LOCK_PATIENCE;
    // What a source that was replaced began may go on for a moment.
    while rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        if Instant::now() >= end {
            let words = "another fetch into the clone has not ended yet";
            return Err(Failure::remote(words));
        }
        std::thread::sleep(LOCK_INTERVAL);
    }
    Ok(file)
}

fn open(path: &Path) -> Result<Repository, Failure> {
    // By the environment, because only then is the system's configuration left out.
    let flags =
        RepositoryOpenFlags::FROM_ENV | RepositoryOpenFlags::BARE | RepositoryOpenFlags::NO_SEARCH;
    Repository::open_ext(path, flags, &[] as &[&Path])
        .map_err(|error| Failure::clone(format!("the clone can't be opened: {error}")))
}

fn init(path: &Path) -> Result<Repository, Failure> {
    let mut options = RepositoryInitOptions::new();
    options
        .bare(true)
        .mkpath(true)
        .no_reinit(true)
        .external_template(false);
    let made = Repository::init_opts(path, &options);
    made.map_err(|error| Failure::remote(format!("the clone can't be made: {error}")))?;
    open(path)
}

/// Removes what a child left that was killed: locks that nobody holds, and parts of packs.
fn remove_leftovers(repository: &Path) {
    let is_lock = |name: &str| Path::new(name).extension().is_some_and(|it| it == "lock");
    let stale = |name: &str| is_lock(name) || name.starts_with("pack_git2_");
    let mut todo = vec![repository.to_owned()];
    while let Some(directory) = todo.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_directory = entry.file_type().is_ok_and(|it| it.is_dir());
            // Loose objects are many, and none is left by a fetch.
            if is_directory && name.len() > 2 {
                todo.push(entry.path());
            } else if !is_directory && name.to_str().is_some_and(stale) {
                // One that can't be removed shows itself when it is in the way.
                drop(fs::remove_file(entry.path()));
            }
        }
    }
}

fn packs(repository: &Path) -> usize {
    let entries = fs::read_dir(repository.join("objects/pack"));
    let entries = entries.into_iter().flatten().flatten();
    let packs = entries.filter(|entry| entry.path().extension().is_some_and(|it| it == "pack"));
    packs.count()
}

/// Does work of this machine, which no remote can stall; only the wall clock limits it.
fn unstalled<T>(work: impl FnOnce() -> T) -> T {
    let (done, working) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            while working.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                tell_progress();
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// Makes one pack of all: a clone of the clone.
fn compact(place: &Place, errand: &FetchErrand) -> Result<(), Failure> {
    let new = place.new_repository();
    remove(&new).map_err(|error| on_disk(&new, &error))?;
    let repository = init(&new)?;
    let mut remote = repository
        .remote_anonymous(&place.repository().to_string_lossy())
        .map_err(|error| Failure::clone(error.message()))?;
    let attempt = Attempt::new(errand);
    let mut options = FetchOptions::new();
    options.download_tags(AutotagOption::None);
    options.remote_callbacks(attempt.callbacks(progress(errand.max_bytes)));
    remote
        .fetch(
            &["+refs/jetkeeper/*:refs/jetkeeper/*"],
            Some(&mut options),
            None,
        )
        .map_err(|error| Failure::clone(error.message()))?;
    replace(place)
}

/// Moves the new clone into the place of the old one.
fn replace(place: &Place) -> Result<(), Failure> {
    let (new, current) = (place.new_repository(), place.repository());
    remove(&current)
        .and_then(|()| fs::rename(&new, &current))
        .map_err(|error| on_disk(&current, &error))
}

fn on_disk(path: &Path, error: &std::io::Error) -> Failure {
    Failure::remote(format!("{} can't be written: {error}", path.display()))
}

fn update(repository: &mut Repository, errand: &FetchErrand) -> Result<Answer, Failure> {
    if let GitReference::Commit(commit) = &errand.reference {
        // It never changes, so that a clone that has it needs no remote.
        if let Some(answer) = commit_in(repository, commit) {
            return Ok(answer);
        }
    }
    let attempt = Attempt::new(errand);
    let asked = ask(repository, errand, &attempt);
    asked.map_err(|error| match error {
        Asked::Refused(failure) => failure,
        Asked::Git(error) => attempt.judge(&error),
    })
}

/// Why the remote gave nothing.
enum Asked {
    Git(git2::Error),
    Refused(Failure),
}

impl From<git2::Error> for Asked {
    fn from(error: git2::Error) -> Self {
        Self::Git(error)
    }
}

/// Asks the remote what it has, and fetches it where we have it not.
fn ask(repository: &Repository, errand: &FetchErrand, attempt: &Attempt) -> Result<Answer, Asked> {
    let mut remote = repository.remote_anonymous(&errand.url)?;
    let callbacks = attempt.callbacks(progress(errand.max_bytes));
    let mut connection = remote.connect_auth(Direction::Fetch, Some(callbacks), Some(proxy()))?;
    let heads = heads(&connection)?;
    let mut fetch = |refspecs: &[&str]| {
        let mut options = FetchOptions::new();
        options
            .download_tags(AutotagOption::None)
            .update_fetchhead(false)
            .follow_redirects(RemoteRedirect::None)
            .proxy_options(proxy())
            .remote_callbacks(attempt.callbacks(progress(errand.max_bytes)));
        connection
            .remote()
            .fetch(refspecs, Some(&mut options), None)
    };
    if let GitReference::Commit(commit) = &errand.reference {
        fetch(&EVERYTHING)?;
        return commit_in(repository, commit).ok_or_else(|| absent(errand));
    }
    let chosen = errand.reference.choose(&heads);
    let chosen = chosen.ok_or_else(|| absent(errand))?;
    if let Some(answer) = known(repository, &chosen) {
        return Ok(answer);
    }
    fetch(&[&format!("+{}:{INCOMING}", chosen.name)])?;
    // The remote may have moved on since it was asked.
    let target = repository.refname_to_id(INCOMING)?;
    let commit = repository.find_object(target, None)?.peel_to_commit()?;
    Ok(answer(target, commit.id()))
}

fn absent(errand: &FetchErrand) -> Asked {
    let (url, reference) = (&errand.url, &errand.reference);
    Asked::Refused(Failure::remote(format!("{url} has no {reference}")))
}

/// What the remote has. Names that are no UTF-8 are of no use to us, and the library panics on them.
fn heads(connection: &git2::RemoteConnection<'_, '_, '_>) -> Result<Vec<RemoteHead>, git2::Error> {
    let heads = connection.list()?.iter();
    let named = heads.filter_map(|head| {
        let name = catch_unwind(|| head.name().to_owned()).ok()?;
        let id = head.oid().to_string();
        Some(RemoteHead { name, id })
    });
    Ok(named.collect())
}

/// What the clone has already, where that is what was chosen.
fn known(repository: &Repository, chosen: &Chosen) -> Option<Answer> {
    let target = repository.refname_to_id(INCOMING).ok()?;
    let commit = repository.find_object(target, None).ok()?;
    let commit = commit.peel_to_commit().ok()?;
    (target.to_string() == chosen.id).then(|| answer(target, commit.id()))
}

fn commit_in(repository: &Repository, commit: &str) -> Option<Answer> {
    let commit = repository.find_commit(Oid::from_str(commit).ok()?).ok()?;
    Some(answer(commit.id(), commit.id()))
}

fn answer(target: Oid, commit: Oid) -> Answer {
    Answer {
        commit: Some(commit.to_string()),
        tag: (target != commit).then(|| target.to_string()),
    }
}

fn proxy() -> ProxyOptions<'static> {
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    proxy
}

/// Tells now and then that it came further; no more where too much was received.
fn progress(max_bytes: u64) -> impl FnMut(u64) -> bool {
    let mut told = Instant::now();
    move |received| {
        if told.elapsed() >= PROGRESS_INTERVAL {
            told = Instant::now();
            tell_progress();
        }
        received <= max_bytes
    }
}

/// The failure of a remote that sends too much.
pub(super) fn too_large(max_bytes: u64) -> Failure {
    Failure {
        kind: FailureKind::Remote,
        message: format!(
            "the remote sends more than {} MiB, and no more is taken; keep large files elsewhere",
            max_bytes.div_ceil(1024 * 1024)
        ),
    }
}
