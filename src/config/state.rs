//! Where state is kept.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{ConfigError, Environment, Origin, SourceConfig};
use crate::resources::Digest;

/// Where the unit in `systemd/` keeps state.
const SYSTEM_STATE: &str = "/var/lib/jetkeeper";
/// So that a socket's path stays short enough.
const LONGEST_STEM: usize = 24;

/// `$STATE_DIRECTORY`, else a directory of the user's own, another for each set of sources.
pub(super) fn default_for(sources: &[SourceConfig], environment: &Environment) -> Option<PathBuf> {
    if let Some(given) = of_systemd(environment) {
        return Some(given);
    }
    let [first, ..] = sources else { return None };
    Some(users(environment)?.join(key(first, sources)))
}

/// Where a daemon's state may be when nobody says: that of the working directory as a source, that of
/// the system's daemon, and every other of this user.
pub fn places_of_state(environment: &Environment, here: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    places.extend(of_systemd(environment));
    if let Some(users) = users(environment) {
        let here = here.canonicalize().unwrap_or_else(|_| here.to_owned());
        let source = SourceConfig::of_path(here);
        places.push(users.join(key(&source, std::slice::from_ref(&source))));
        places.extend(directories_in(&users));
    }
    places.push(PathBuf::from(SYSTEM_STATE));
    let mut seen = std::collections::BTreeSet::new();
    places.retain(|place| place.is_dir() && seen.insert(place.clone()));
    places
}

fn directories_in(parent: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// Systemd may give several, of which the first is ours.
fn of_systemd(environment: &Environment) -> Option<PathBuf> {
    let given = environment.state_directory.as_ref()?;
    let first = std::env::split_paths(given).next()?;
    first.is_absolute().then_some(first)
}

fn users(environment: &Environment) -> Option<PathBuf> {
    let absolute = |value: &Option<std::ffi::OsString>| {
        let path = PathBuf::from(value.as_ref()?);
        path.is_absolute().then_some(path)
    };
    let base = absolute(&environment.xdg_state_home)
        .or_else(|| Some(absolute(&environment.home)?.join(".local/state")))?;
    Some(base.join("jetkeeper"))
}

/// The first source's last name, for people, and a digest of all their paths.
fn key(first: &SourceConfig, sources: &[SourceConfig]) -> String {
    let mut paths: Vec<&OsStr> = sources.iter().map(|source| place(&source.origin)).collect();
    paths.sort_unstable();
    let joined = paths.join(OsStr::new("\n"));
    let digest = Digest::of(joined.as_encoded_bytes());
    let stem = Path::new(place(&first.origin)).file_name();
    let stem = stem.unwrap_or_default();
    let stem: String = stem
        .to_string_lossy()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .take(LONGEST_STEM)
        .collect();
    match stem.trim_start_matches('.') {
        "" => digest.short(),
        stem => format!("{stem}-{}", digest.short()),
    }
}

/// What tells one source from another: its path or URL.
fn place(origin: &Origin) -> &OsStr {
    match origin {
        Origin::Directory(directory) => directory.as_os_str(),
        Origin::Git(git) => OsStr::new(git.url.as_str()),
    }
}

/// State is never inside a source, whichever links lead there.
pub(super) fn check(state: Option<&Path>, sources: &[SourceConfig]) -> Result<(), ConfigError> {
    let Some(state) = state else { return Ok(()) };
    let real = real_path(state);
    for source in sources {
        let Some(directory) = source.directory() else {
            continue;
        };
        if real.starts_with(real_path(directory)) {
            return Err(ConfigError::StateInSource {
                state: state.to_owned(),
                name: source.name.clone(),
                source_directory: directory.to_owned(),
            });
        }
    }
    Ok(())
}

/// The path with the links of the part that exists resolved.
fn real_path(path: &Path) -> PathBuf {
    for existing in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (existing.canonicalize(), path.strip_prefix(existing)) {
            return real.join(rest);
        }
    }
    path.to_owned()
}
