//! A bare repository and a work tree that pushes into it, made by `git`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::scratch::Scratch;

pub(crate) struct Remote {
    pub(super) scratch: Scratch,
}

impl Remote {
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new();
        let remote = Self { scratch };
        for (directory, bare) in [(remote.bare(), true), (remote.tree(), false)] {
            let mut args = vec!["init", "--quiet", "--initial-branch=main"];
            args.extend(bare.then_some("--bare"));
            args.push(directory.to_str().unwrap());
            git(remote.scratch.path(), &args, "", &[]);
        }
        remote
    }

    /// The bare repository.
    pub(super) fn bare(&self) -> PathBuf {
        self.scratch.path().join("jobs.git")
    }

    fn tree(&self) -> PathBuf {
        self.scratch.path().join("tree")
    }

    pub(crate) fn url(&self) -> String {
        self.bare().display().to_string()
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        self.scratch.write(&format!("tree/{path}"), content);
    }

    pub(super) fn link(&self, path: &str, target: &str) {
        symlink(target, self.tree().join(path)).unwrap();
    }

    pub(super) fn remove(&self, path: &str) {
        fs::remove_file(self.tree().join(path)).unwrap();
    }

    /// Has git neither compress what it is given nor look for what files have in common: with noise that takes
    /// minutes, and is in vain.
    pub(crate) fn compresses_nothing(&self) {
        for (key, value) in [("core.bigFileThreshold", "1m"), ("core.compression", "0")] {
            self.git(&["config", key, value]);
            self.git_bare(&["config", key, value], "");
        }
    }

    /// Commits what is in the work tree and pushes it; returns the commit.
    pub(crate) fn push(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", "change"]);
        self.push_as_it_is()
    }

    /// The same, in the place of the last commit.
    pub(super) fn push_amended(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--amend", "-m", "other"]);
        self.push_as_it_is()
    }

    /// Pushes the index's last commit and the tags.
    pub(super) fn push_as_it_is(&self) -> String {
        let bare = self.url();
        self.git(&["push", "--quiet", "--force", "--tags", &bare, "HEAD:main"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// `git` in the work tree.
    pub(super) fn git(&self, args: &[&str]) -> String {
        git(&self.tree(), args, "", &[])
    }

    /// The same, with these variables.
    pub(super) fn git_with(&self, args: &[&str], variables: &[(&str, &str)]) -> String {
        git(&self.tree(), args, "", variables)
    }

    /// The same, with this on stdin.
    pub(super) fn git_with_input(&self, args: &[&str], stdin: &str) -> String {
        git(&self.tree(), args, stdin, &[])
    }

    /// `git` in the bare repository, with this on stdin.
    pub(super) fn git_bare(&self, args: &[&str], stdin: &str) -> String {
        git(&self.bare(), args, stdin, &[])
    }
}

fn git(directory: &Path, args: &[&str], stdin: &str, variables: &[(&str, &str)]) -> String {
    let mut child = Command::new("git")
        .args(args)
        .current_dir(directory)
        .env("HOME", directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs([
            ("GIT_AUTHOR_NAME", "A. Author"),
            ("GIT_AUTHOR_EMAIL", "author@example.com"),
            ("GIT_COMMITTER_NAME", "A. Author"),
            ("GIT_COMMITTER_EMAIL", "author@example.com"),
        ])
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`git` can't be started; scripts/tools installs it");
    let mut input = child.stdin.take().unwrap();
    input.write_all(stdin.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {args:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// So many bytes that can't be compressed, others for each seed but 0.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(length / 8).flatten().collect()
}
