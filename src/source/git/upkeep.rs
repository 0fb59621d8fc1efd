//! In the child: keeps a clone small and sound.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use git2::{AutotagOption, FetchOptions, Repository, Sort};

use super::errand::{Failure, FetchErrand};
use super::fetch::{init, on_disk, progress};
use super::inside::tell_progress;
use super::login::Attempt;
use super::place::{Place, remove};

/// How many packs may lie in a clone: every fetch adds one, and each is looked through.
const MOST_PACKS: usize = 50;
/// How much history a look at the clone's soundness reads: what a fetch reads of it.
const MOST_COMMITS: usize = 1000;
/// How often work on this machine is told of.
const TICK: Duration = Duration::from_millis(500);

/// Removes what a child left that was killed: locks that nobody holds, and parts of packs.
pub(super) fn remove_leftovers(repository: &Path) {
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

/// Whether it is time to make one pack of all.
pub(super) fn has_many_packs(repository: &Path) -> bool {
    let entries = fs::read_dir(repository.join("objects/pack"));
    let entries = entries.into_iter().flatten().flatten();
    let packs = entries.filter(|entry| entry.path().extension().is_some_and(|it| it == "pack"));
    packs.count() > MOST_PACKS
}

/// Does work of this machine, which no remote can stall; only the wall clock limits it.
pub(super) fn unstalled<T>(work: impl FnOnce() -> T) -> T {
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
pub(super) fn compact(place: &Place, errand: &FetchErrand) -> Result<(), Failure> {
    let new = place.new_repository();
    remove(&new).map_err(|error| on_disk(&new, &error))?;
    let repository = init(&new)?;
    let mut remote = repository
        .remote_anonymous(&place.repository().to_string_lossy())
        .map_err(|error| Failure::clone(error.message()))?;
    let attempt = Attempt::new(errand)?;
    let mut options = FetchOptions::new();
    options.download_tags(AutotagOption::None);
    // All of it was taken already.
    options.remote_callbacks(attempt.callbacks(progress(u64::MAX)));
    remote
        .fetch(
            &["+refs/jetkeeper/*:refs/jetkeeper/*"],
            Some(&mut options),
            None,
        )
        .map_err(|error| Failure::clone(error.message()))?;
    let current = place.repository();
    place.replace().map_err(|error| on_disk(&current, &error))
}

/// Whether what a fetch reads of the clone can be read: its references, and the history below them.
pub(super) fn is_sound(repository: &Repository) -> bool {
    let walked = || {
        // It names nothing here, and a fetch reads it all the same.
        repository.find_reference("HEAD")?;
        let mut walk = repository.revwalk()?;
        walk.set_sorting(Sort::NONE)?;
        for reference in repository.references_glob("refs/jetkeeper/*")? {
            let target = reference?.resolve()?.target();
            let target = target.ok_or_else(|| git2::Error::from_str("it leads nowhere"))?;
            let object = repository.find_object(target, None)?;
            if let Ok(commit) = object.peel_to_commit() {
                commit.tree()?;
                walk.push(commit.id())?;
            }
        }
        walk.take(MOST_COMMITS).try_for_each(|commit| {
            repository.find_commit(commit?)?;
            Ok::<(), git2::Error>(())
        })
    };
    walked().is_ok()
}
