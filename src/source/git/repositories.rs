//! Which sources are of one repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};

use super::GitParts;
use super::options::GitOptions;
use super::place::{Place, remove};
use super::repository::{Repository, held};
use super::share::Share;
use super::url::GitUrl;
use crate::resources::Digest;

/// How a repository is reached. Two sources of which this is the same share all else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) url: GitUrl,
    pub(super) secret_name: Option<String>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) known_hosts: Option<String>,
    pub(super) known_hosts_file: Option<PathBuf>,
    pub(super) max_size: u64,
}

impl Access {
    fn of(options: &GitOptions) -> Self {
        Self {
            url: options.url.clone(),
            secret_name: options.secret_name.clone(),
            ca_file: options.ca_file.clone(),
            known_hosts: options.known_hosts.clone(),
            known_hosts_file: options.known_hosts_file.clone(),
            max_size: options.max_size,
        }
    }

    /// The name of its directory: another for all that is reached in another way.
    fn directory(&self) -> String {
        let Self {
            url,
            secret_name,
            ca_file,
            known_hosts,
            known_hosts_file,
            max_size,
        } = self;
        let file = |path: &Option<PathBuf>| path.as_ref().map(|it| it.display().to_string());
        let parts = [
            Some(url.as_str().to_owned()),
            secret_name.clone(),
            file(ca_file),
            known_hosts.clone(),
            file(known_hosts_file),
            Some(max_size.to_string()),
        ];
        Digest::of_json(&parts).short()
    }
}

/// The repositories of all Git sources, each in a directory of its own.
pub struct Repositories {
    parts: GitParts,
    open: Mutex<BTreeMap<String, Weak<Repository>>>,
}

impl Repositories {
    /// Repositories that are fetched with these.
    pub fn new(parts: GitParts) -> Self {
        let open = Mutex::default();
        Self { parts, open }
    }

    pub(super) fn parts(&self) -> &GitParts {
        &self.parts
    }

    /// A source's share in the repository that it is of.
    pub(super) fn share(&self, options: &GitOptions) -> Share {
        let access = Access::of(options);
        let name = access.directory();
        let mut open = held(&self.open);
        open.retain(|_, it| it.strong_count() > 0);
        let repository = open.get(&name).and_then(Weak::upgrade);
        let repository = repository.unwrap_or_else(|| {
            let place = Place::of(self.parts.directory.join(&name));
            Arc::new(Repository::new(access, place, &self.parts))
        });
        open.insert(name, Arc::downgrade(&repository));
        drop(open);
        Share::new(repository, options)
    }

    /// Removes the clones of repositories that are none of these sources'. Blocks.
    pub fn remove_others(&self, sources: &[GitOptions]) {
        let keep = sources.iter().map(|it| Access::of(it).directory());
        let keep: BTreeSet<String> = keep.collect();
        let found = std::fs::read_dir(&self.parts.directory);
        for entry in found.into_iter().flatten().flatten() {
            let name = entry.file_name();
            // One that can't be removed takes room, and nothing else.
            if !name.to_str().is_some_and(|it| keep.contains(it))
                && let Err(error) = remove(&entry.path())
            {
                tracing::debug!("{} can't be removed: {error}", entry.path().display());
            }
        }
    }
}
