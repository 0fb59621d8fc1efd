//! In the child: brings a clone to what its remote has.
//!
//! The remote is asked once what it has, for all that is wanted of it, before anything is fetched. A
//! reference is fetched whole: what a later commit is judged by is its history. A clone is made aside
//! and moved into place, so that what is there is either of use or of none.

use std::fs::File;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

use git2::{
    AutotagOption, Direction, ErrorCode, FetchOptions, Oid, ProxyOptions, RemoteRedirect,
    Repository, RepositoryInitOptions, RepositoryOpenFlags,
};
use rustix::fs::FlockOperation;

use super::errand::{Answer, Failure, FailureKind, FetchErrand, Found};
use super::inside::tell_progress;
use super::login::{Attempt, is_local};
use super::place::{Place, remove};
use super::reference::{Chosen, GitReference, RemoteHead};
use super::upkeep;
use crate::resources::Digest;

/// Under this the clone has what the remote's references name.
const INCOMING: &str = "refs/jetkeeper/incoming/";
/// Where all that a remote has is put, to find one commit in it.
const EVERYTHING: [&str; 2] = [
    "+refs/heads/*:refs/jetkeeper/heads/*",
    "+refs/tags/*:refs/jetkeeper/tags/*",
];
/// Those places.
const ALL_OF_IT: [&str; 2] = ["refs/jetkeeper/heads/*", "refs/jetkeeper/tags/*"];
/// Under this stand commits that are kept whatever the remote has.
const KEPT: &str = "refs/jetkeeper/kept/";
/// How long another child may go on, and how often it is looked whether it ended.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_INTERVAL: Duration = Duration::from_millis(50);
/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// What is had for each reference, else why nothing is.
type Fetched = Vec<Result<Found, String>>;

/// Fetches.
pub(super) fn fetch(errand: &FetchErrand) -> Result<Answer, Failure> {
    let place = Place::of(&errand.place);
    let _lock = lock(&place)?;
    let current = place.repository();
    let recovered = place.recover();
    recovered.map_err(|error| on_disk(&current, &error))?;
    if errand.anew || !current.exists() {
        let new = place.new_repository();
        remove(&new).map_err(|error| on_disk(&new, &error))?;
        let fetched = update(&init(&new)?, errand)?;
        place.replace().map_err(|error| on_disk(&current, &error))?;
        return Ok(Answer::Fetched(fetched));
    }
    let repository = open(&current)?;
    upkeep::remove_leftovers(&current);
    let fetched = update(&repository, errand)?;
    if upkeep::has_many_packs(&current) {
        // What is there stays as it is where this fails.
        drop(upkeep::unstalled(|| upkeep::compact(&place, errand)));
    }
    Ok(Answer::Fetched(fetched))
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

pub(super) fn open(path: &Path) -> Result<Repository, Failure> {
    // By the environment, because only then is the system's configuration left out.
    let flags =
        RepositoryOpenFlags::FROM_ENV | RepositoryOpenFlags::BARE | RepositoryOpenFlags::NO_SEARCH;
    Repository::open_ext(path, flags, &[] as &[&Path])
        .map_err(|error| Failure::clone(format!("the clone can't be opened: {error}")))
}

/// Makes an empty clone.
pub(super) fn init(path: &Path) -> Result<Repository, Failure> {
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

pub(super) fn on_disk(path: &Path, error: &std::io::Error) -> Failure {
    Failure::remote(format!("{} can't be written: {error}", path.display()))
}

fn update(repository: &Repository, errand: &FetchErrand) -> Result<Fetched, Failure> {
    if let Some(pinned) = pinned(repository, &errand.references) {
        return Ok(pinned);
    }
    let attempt = Attempt::new(errand)?;
    let fetched = ask(repository, errand, &attempt).map_err(|error| {
        // A remote on this machine has objects too, and errors of theirs look the same.
        let is_ours = !errand.anew && !upkeep::is_sound(repository);
        attempt.judge(&error, is_ours)
    })?;
    // They only keep objects from being thrown away when packs are made one.
    drop(keep(repository, errand));
    Ok(fetched)
}

/// Commits never change, so that a clone that has all that are wanted needs no remote.
fn pinned(repository: &Repository, references: &[GitReference]) -> Option<Fetched> {
    let commits = references.iter().map(|reference| match reference {
        GitReference::Commit(commit) => commit_in(repository, commit).map(Ok),
        _ => None,
    });
    commits.collect()
}

/// Asks the remote what it has, and fetches of what is wanted what we have not.
fn ask(
    repository: &Repository,
    errand: &FetchErrand,
    attempt: &Attempt,
) -> Result<Fetched, git2::Error> {
    let mut remote = repository.remote_anonymous(&errand.url)?;
    let callbacks = attempt.callbacks(progress(errand.max_bytes));
    let mut connection = remote.connect_auth(Direction::Fetch, Some(callbacks), Some(proxy()))?;
    let heads = heads(&connection)?;
    let chosen: Vec<Option<Chosen>> = errand
        .references
        .iter()
        .map(|reference| reference.choose(&heads))
        .collect();
    let new = chosen.iter().flatten();
    let new = new.filter(|chosen| !has(repository, chosen));
    let mut wanted: Vec<String> = new
        .map(|chosen| format!("+{}:{}", chosen.name, incoming(chosen)))
        .collect();
    if errand
        .references
        .iter()
        .any(|it| is_missing(repository, it))
    {
        // A name may have become a directory of names, and none may be in its way.
        forget(repository, &ALL_OF_IT, |_| false)?;
        wanted.extend(EVERYTHING.map(str::to_owned));
    }
    wanted.sort_unstable();
    wanted.dedup();
    if !wanted.is_empty() {
        let mut options = FetchOptions::new();
        options
            .download_tags(AutotagOption::None)
            .update_fetchhead(false)
            .follow_redirects(RemoteRedirect::None)
            .proxy_options(proxy())
            .remote_callbacks(attempt.callbacks(progress(errand.max_bytes)));
        let remote = connection.remote();
        let mut fetch = || remote.fetch(&wanted, Some(&mut options), None);
        if is_local(&errand.url) {
            // What is there is packed first, silently.
            upkeep::unstalled(fetch)?;
        } else {
            fetch()?;
        }
    }
    let references = errand.references.iter().zip(&chosen);
    let found = references.map(|(reference, chosen)| {
        let found = match (reference, chosen) {
            (GitReference::Commit(commit), _) => commit_in(repository, commit).map(Ok),
            (_, Some(chosen)) => Some(resolve(repository, chosen, errand)?),
            (_, None) => None,
        };
        Ok(found.unwrap_or_else(|| Err(format!("{} has no {reference}", errand.url))))
    });
    let found: Result<Fetched, git2::Error> = found.collect();
    let keep: Vec<String> = chosen.iter().flatten().map(incoming).collect();
    forget(repository, &["refs/jetkeeper/incoming/*"], |name| {
        keep.iter().any(|it| it == name)
    })?;
    found
}

/// Where the clone has what a reference of the remote names. Not under its own name: one of `a` and
/// `a/b` may have followed the other.
fn incoming(chosen: &Chosen) -> String {
    format!("{INCOMING}{}", Digest::of(chosen.name.as_bytes()))
}

/// Whether the clone has what was chosen.
fn has(repository: &Repository, chosen: &Chosen) -> bool {
    let target = repository.refname_to_id(&incoming(chosen)).ok();
    let target = target.filter(|it| it.to_string() == chosen.id);
    target.is_some_and(|it| repository.find_object(it, None).is_ok())
}

/// Whether it is a commit that the clone has not.
fn is_missing(repository: &Repository, reference: &GitReference) -> bool {
    match reference {
        GitReference::Commit(commit) => commit_in(repository, commit).is_none(),
        _ => false,
    }
}

/// The commit that a reference of the remote leads to. It may have moved on since it was asked.
fn resolve(
    repository: &Repository,
    chosen: &Chosen,
    errand: &FetchErrand,
) -> Result<Result<Found, String>, git2::Error> {
    let target = repository.refname_to_id(&incoming(chosen))?;
    match repository.find_object(target, None)?.peel_to_commit() {
        Ok(commit) => Ok(Ok(found(Some(chosen), target, commit.id()))),
        Err(error) if matches!(error.code(), ErrorCode::InvalidSpec | ErrorCode::Peel) => {
            let (url, name) = (&errand.url, &chosen.name);
            Ok(Err(format!("{name} of {url} leads to no commit")))
        }
        Err(error) => Err(error),
    }
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

fn commit_in(repository: &Repository, commit: &str) -> Option<Found> {
    let commit = repository.find_commit(Oid::from_str(commit).ok()?).ok()?;
    Some(found(None, commit.id(), commit.id()))
}

fn found(chosen: Option<&Chosen>, target: Oid, commit: Oid) -> Found {
    Found {
        commit: commit.to_string(),
        name: chosen.map(|chosen| chosen.name.clone()),
        tag: (target != commit).then(|| target.to_string()),
    }
}

/// Gives the commits that are to stay a reference, and takes it from the others.
fn keep(repository: &Repository, errand: &FetchErrand) -> Result<(), git2::Error> {
    let name = |commit: &String| format!("{KEPT}{commit}");
    let names: Vec<String> = errand.kept.iter().map(name).collect();
    for (commit, name) in errand.kept.iter().zip(&names) {
        let commit = repository.find_commit(Oid::from_str(commit)?);
        if let Ok(commit) = commit {
            repository.reference(name, commit.id(), true, "")?;
        }
    }
    forget(repository, &["refs/jetkeeper/kept/*"], |name| {
        names.iter().any(|it| it == name)
    })
}

/// Removes references, but for those to keep.
fn forget(
    repository: &Repository,
    globs: &[&str],
    keep: impl Fn(&str) -> bool,
) -> Result<(), git2::Error> {
    for glob in globs {
        for reference in repository.references_glob(glob)? {
            let mut reference = reference?;
            if !reference.name().is_ok_and(&keep) {
                reference.delete()?;
            }
        }
    }
    Ok(())
}

/// The proxy that the environment names.
pub(super) fn proxy() -> ProxyOptions<'static> {
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    proxy
}

/// Tells now and then that it came further; no more where too much was received.
pub(super) fn progress(max_bytes: u64) -> impl FnMut(u64) -> bool {
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
