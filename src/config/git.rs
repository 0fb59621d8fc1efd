//! Git repositories in the configuration.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use semver::VersionReq;
use serde::{Deserialize, Serialize};

use super::duration::{shown, time};
use super::file::RawConfig;
use super::trust::{self, RawVerify, ShownVerify, shown_force_push};
use crate::resources::reading::Reading;
use crate::source::git::{GitOptions, GitReference, GitUrl, KnownHosts, Transport};

/// The bounds of the time between two questions to a remote.
const INTERVAL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_hours(24));
/// The bounds of the time that a fetch may take.
const TIMEOUT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_hours(1));

/// A Git repository as it is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawGit {
    url: Option<String>,
    r#ref: Option<RawRef>,
    path: Option<String>,
    #[schemars(extend("x-time" = true))]
    interval: Option<String>,
    #[schemars(extend("x-time" = true))]
    timeout: Option<String>,
    secret_name: Option<String>,
    ca_file: Option<PathBuf>,
    known_hosts: Option<String>,
    known_hosts_file: Option<PathBuf>,
    verify: Option<RawVerify>,
    force_push: Option<String>,
}

#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawRef {
    branch: Option<String>,
    tag: Option<String>,
    semver: Option<String>,
    commit: Option<String>,
}

/// Reads and checks the repository of the source at `at`; none where it has no URL.
pub(super) fn read(
    raw: &RawGit,
    at: &[&str; 2],
    base: &Path,
    reading: &mut Reading<'_, RawConfig>,
) -> Option<GitOptions> {
    let [sources, index] = *at;
    let git = [sources, index, "git"];
    let url = match raw.url.as_deref().map(GitUrl::parse) {
        Some(Ok(url)) => Some(url),
        Some(Err(error)) => {
            // Without the URL itself, which may have a password in it.
            let message = format!("this URL can't be used: {error}");
            let help = "write `url: https://host/repository.git` or `url: git@host:repository.git`";
            reading.refuse(&[sources, index, "git", "url"], message, help);
            None
        }
        None => {
            if reading.complete {
                let message = "the source does not say which repository";
                reading.refuse(&git, message, "add `url: https://…`");
            }
            None
        }
    };
    let path = path(raw.path.as_deref(), &git, reading);
    let reference = reference(raw.r#ref.as_ref(), &git, reading);
    let key = |key| [git[0], git[1], git[2], key];
    let interval = time(raw.interval.as_deref(), &key("interval"), INTERVAL, reading);
    let timeout = time(raw.timeout.as_deref(), &key("timeout"), TIMEOUT, reading);
    let url = url?;
    ssh(raw, &url, &git, reading);
    let verify = raw.verify.as_ref();
    let verify = verify.map(|raw| trust::verify(raw, &reference, &git, base, reading));
    let force_push = trust::force_push(raw.force_push.as_deref(), &git, reading);
    let usual = GitOptions::new(url);
    Some(GitOptions {
        reference,
        path,
        interval: interval.unwrap_or(usual.interval),
        timeout: timeout.unwrap_or(usual.timeout),
        secret_name: raw.secret_name.clone(),
        ca_file: raw.ca_file.as_ref().map(|file| base.join(file)),
        known_hosts: raw.known_hosts.clone(),
        known_hosts_file: raw.known_hosts_file.as_ref().map(|file| base.join(file)),
        verify,
        force_push,
        ..usual
    })
}

/// Checks what SSH needs: who we are, and by which keys the host is known.
fn ssh(raw: &RawGit, url: &GitUrl, at: &[&str; 3], reading: &mut Reading<'_, RawConfig>) {
    let known = raw.known_hosts.is_some() || raw.known_hosts_file.is_some();
    if url.transport != Transport::Ssh {
        if known {
            let message =
                "only hosts of SSH are known by keys, and this one is not reached over SSH";
            let help = "take `knownHosts` and `knownHostsFile` out, or write an `ssh://` URL";
            reading.refuse(at, message, help);
        }
        return;
    }
    if let Some(Err(error)) = raw.known_hosts.as_deref().map(KnownHosts::parse) {
        let help = "write lines as in a file `known_hosts`: `host type key`";
        reading.refuse(
            &[at[0], at[1], at[2], "knownHosts"],
            error.to_string(),
            help,
        );
    }
    if !reading.complete {
        return;
    }
    if !known {
        let message =
            "nothing says by which key the host is known, so that it would not be connected to";
        let help = format!(
            "add `knownHosts`, with what `jetkeeper config learn-host-key {url}` prints once you know that it \
             is right, or `knownHostsFile`"
        );
        reading.refuse(at, message, help);
    }
    if raw.secret_name.is_none() {
        let message = "nothing says which key logs in";
        let help = "add `secretName: …`, a secret with the key `identity`: a private key of SSH";
        reading.refuse(at, message, help);
    }
}

/// The path in the repository, without `/` at its ends.
fn path(text: Option<&str>, at: &[&str; 3], reading: &mut Reading<'_, RawConfig>) -> String {
    let path = text.unwrap_or_default().trim_matches('/');
    let path = if path == "." { "" } else { path };
    let usual = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    if !path.is_empty() && !path.split('/').all(usual) {
        let message = "this is no path in a repository";
        let help = "write it from the repository's top, without `.` and `..`";
        reading.refuse(&[at[0], at[1], at[2], "path"], message, help);
    }
    path.to_owned()
}

fn reference(
    raw: Option<&RawRef>,
    at: &[&str; 3],
    reading: &mut Reading<'_, RawConfig>,
) -> GitReference {
    let RawRef {
        branch,
        tag,
        semver,
        commit,
    } = raw.cloned().unwrap_or_default();
    let read = match (branch, tag, semver, commit) {
        (None, None, None, None) => Ok(GitReference::Head),
        (Some(branch), None, None, None) if is_name(&branch) => Ok(GitReference::Branch(branch)),
        (None, Some(tag), None, None) if is_name(&tag) => Ok(GitReference::Tag(tag)),
        (None, None, Some(range), None) => match VersionReq::parse(&range) {
            Ok(range) => Ok(GitReference::Semver(range)),
            Err(error) => Err(format!("`{range}` is no range of versions: {error}")),
        },
        (None, None, None, Some(commit)) if is_commit(&commit) => {
            Ok(GitReference::Commit(commit.to_ascii_lowercase()))
        }
        (Some(_), None, None, None) => Err("this is no name of a branch".to_owned()),
        (None, Some(_), None, None) => Err("this is no name of a tag".to_owned()),
        (None, None, None, Some(_)) => Err("a commit has 40 hexadecimal digits".to_owned()),
        _ => Err("more than one reference is given".to_owned()),
    };
    read.unwrap_or_else(|message| {
        let help = "write one of `branch: main`, `tag: v1`, `semver: \"^1.2\"`, `commit: …`";
        reading.refuse(&[at[0], at[1], at[2], "ref"], message, help);
        GitReference::Head
    })
}

/// Whether it can be in a refspec: what Git itself refuses in names of references.
fn is_name(name: &str) -> bool {
    let odd = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let parts = |part: &str| !part.is_empty() && !part.starts_with('.');
    name.split('/').all(parts) && !name.contains(odd) && !name.contains("..")
}

pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// A repository as it is in force, in the form of the file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownGit<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#ref: Option<ShownRef<'a>>,
    path: &'a str,
    interval: String,
    timeout: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known_hosts: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known_hosts_file: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verify: Option<ShownVerify<'a>>,
    force_push: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum ShownRef<'a> {
    Branch(&'a str),
    Tag(&'a str),
    Semver(String),
    Commit(&'a str),
}

impl<'a> From<&'a GitOptions> for ShownGit<'a> {
    fn from(options: &'a GitOptions) -> Self {
        let GitOptions {
            url,
            reference,
            path,
            interval,
            timeout,
            stall_timeout: _,
            max_size: _,
            max_jar_size: _,
            secret_name,
            ca_file,
            known_hosts,
            known_hosts_file,
            verify,
            force_push,
        } = options;
        Self {
            url: url.as_str(),
            r#ref: match reference {
                GitReference::Head => None,
                GitReference::Branch(branch) => Some(ShownRef::Branch(branch)),
                GitReference::Tag(tag) => Some(ShownRef::Tag(tag)),
                GitReference::Semver(range) => Some(ShownRef::Semver(range.to_string())),
                GitReference::Commit(commit) => Some(ShownRef::Commit(commit)),
            },
            path,
            interval: shown(*interval),
            timeout: shown(*timeout),
            secret_name: secret_name.as_deref(),
            ca_file: ca_file.as_deref(),
            known_hosts: known_hosts.as_deref(),
            known_hosts_file: known_hosts_file.as_deref(),
            verify: verify.as_ref().map(ShownVerify::from),
            force_push: shown_force_push(*force_push),
        }
    }
}
