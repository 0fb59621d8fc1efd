//! Where a path leads, and which directory entries decide that.
//!
//! A path is followed name by name, because every name on the way (a directory that may be replaced,
//! a link that may be swapped) has to be watched in the directory that holds it.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// As many links as Linux itself follows.
const MAX_LINKS: usize = 40;

/// Where a path leads now.
#[derive(Debug)]
pub(super) struct Location {
    /// The path without links, where everything on the way is there.
    pub(super) target: io::Result<PathBuf>,
    /// The entries on the way, as far as it went; each parent is free of links. When one of them
    /// changes, the path may lead elsewhere.
    pub(super) anchors: BTreeSet<PathBuf>,
}

/// Follows an absolute path.
pub(super) fn locate(path: &Path) -> Location {
    follow(PathBuf::from("/"), path)
}

/// Follows a path from a directory that is absolute and free of links.
pub(super) fn locate_in(directory: &Path, path: &Path) -> Location {
    follow(directory.to_owned(), path)
}

fn follow(start: PathBuf, path: &Path) -> Location {
    let mut anchors = BTreeSet::new();
    let target = walk(start, path, &mut anchors);
    Location { target, anchors }
}

fn walk(mut at: PathBuf, path: &Path, anchors: &mut BTreeSet<PathBuf>) -> io::Result<PathBuf> {
    let mut todo = names(path);
    let mut links = 0;
    while let Some(name) = todo.pop_front() {
        match name.to_str() {
            Some("/") => at = PathBuf::from("/"),
            Some(".") => {}
            Some("..") => {
                at.pop();
            }
            _ => {
                let entry = at.join(&name);
                anchors.insert(entry.clone());
                if entry.symlink_metadata()?.is_symlink() {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(io::Error::other("too many links"));
                    }
                    let mut target = names(&entry.read_link()?);
                    target.append(&mut todo);
                    todo = target;
                } else {
                    at = entry;
                }
            }
        }
    }
    Ok(at)
}

fn names(path: &Path) -> VecDeque<OsString> {
    path.components()
        .map(|component| component.as_os_str().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_name_on_the_way_is_an_anchor() {
        let scratch = tempfile::tempdir().unwrap();
        let top = scratch.path().canonicalize().unwrap();
        fs::create_dir_all(top.join("releases/42/jobs")).unwrap();
        symlink("releases/42", top.join("current")).unwrap();
        symlink(top.join("current/jobs"), top.join("jobs")).unwrap();
        let location = locate(&top.join("./jobs/../jobs"));
        assert_eq!(location.target.unwrap(), top.join("releases/42/jobs"));
        for anchor in [
            "",
            "jobs",
            "current",
            "releases",
            "releases/42",
            "releases/42/jobs",
        ] {
            let anchor = top.join(anchor);
            let anchor = anchor.components().collect::<PathBuf>();
            assert!(location.anchors.contains(&anchor), "{anchor:?}");
        }
    }

    #[test]
    fn a_path_that_is_not_there_tells_how_far_it_went() {
        let scratch = tempfile::tempdir().unwrap();
        let top = scratch.path().canonicalize().unwrap();
        let location = locate_in(&top, Path::new("absent/jobs"));
        assert_eq!(location.target.unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(location.anchors, BTreeSet::from([top.join("absent")]));
    }

    #[test]
    fn links_in_a_circle_end() {
        let scratch = tempfile::tempdir().unwrap();
        symlink("b", scratch.path().join("a")).unwrap();
        symlink("a", scratch.path().join("b")).unwrap();
        assert!(locate(&scratch.path().join("a")).target.is_err());
    }
}
