//! In the child: whether an SSH host is who it should be.
//!
//! Our own check decides, in libgit2's question about the key, before anything secret is sent. libgit2
//! reads `.ssh/known_hosts` below HOME too, only to choose which of its keys a host is asked for; the one
//! in our HOME has the known keys of this one host, and nothing else.

use std::cell::RefCell;
use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use git2::cert::Cert;
use git2::{
    CertificateCheckStatus, Direction, Error, ErrorClass, ErrorCode, Remote, RemoteCallbacks,
};

use super::errand::{Answer, Failure, HostKeyErrand};
use super::known_hosts::{HostKey, KnownHosts, SshHost, Verdict};
use super::place::create;
use super::url::GitUrl;

/// How the keys of a remote's host are checked.
pub(super) struct HostCheck {
    /// None where the remote isn't reached over SSH.
    ssh: Option<(SshHost, KnownHosts)>,
    /// What was wrong with the key that the host showed; empty where it is as it should be.
    wrong: RefCell<Option<String>>,
    file: PathBuf,
}

impl HostCheck {
    /// The check of a URL's host, in a process with this HOME.
    pub(super) fn new(url: &str, known_hosts: &str, home: &Path) -> Result<Self, Failure> {
        let url = GitUrl::parse(url).map_err(|error| Failure::remote(error.to_string()))?;
        let directory = home.join(".ssh");
        let file = directory.join("known_hosts");
        let ssh = match url.ssh_host() {
            None => None,
            Some(host) => {
                let known = KnownHosts::parse(known_hosts);
                let known = known.map_err(|error| Failure::remote(error.to_string()))?;
                let keys = known.keys_of(&host);
                let lines: String = keys.iter().map(|key| key.line(&host) + "\n").collect();
                write(&directory, &file, &lines).map_err(|error| {
                    Failure::remote(format!("{} can't be written: {error}", file.display()))
                })?;
                Some((host, known))
            }
        };
        Ok(Self {
            ssh,
            wrong: RefCell::default(),
            file,
        })
    }

    /// Whether the remote is reached over SSH.
    pub(super) fn is_ssh(&self) -> bool {
        self.ssh.is_some()
    }

    /// The answer to libgit2's question about what the remote shows.
    pub(super) fn check(&self, shown: &Cert<'_>) -> Result<CertificateCheckStatus, Error> {
        let Some(key) = shown.as_hostkey() else {
            // That of https is for OpenSSL to judge.
            return Ok(CertificateCheckStatus::CertificatePassthrough);
        };
        let refused = match (key.hostkey(), &self.ssh) {
            (Some(key), Some((host, known))) => judge(host, known, key),
            _ => Some("the host shows no key".to_owned()),
        };
        match refused {
            None => Ok(CertificateCheckStatus::CertificateOk),
            Some(words) => {
                let error = Error::new(ErrorCode::Certificate, ErrorClass::Ssh, &words);
                *self.wrong.borrow_mut() = Some(words);
                Err(error)
            }
        }
    }

    /// What is wrong with the host's key, where that is why a connection failed.
    ///
    /// A host that has none of the types of key that it is known by shows none at all, so that it is
    /// asked again for whichever it has.
    pub(super) fn explain(&self, error: &Error, url: &str) -> Option<String> {
        let wrong = self.wrong.borrow().clone();
        let no_session = || error.class() == ErrorClass::Ssh && error.message().contains("session");
        match (&self.ssh, wrong) {
            (_, Some(words)) => Some(words),
            (Some((host, known)), None) if no_session() => {
                fs::remove_file(&self.file).ok();
                let key = ask(url).ok()?;
                judge(host, known, &key)
            }
            _ => None,
        }
    }
}

/// Why a key is refused; none where it is known.
fn judge(host: &SshHost, known: &KnownHosts, shown: &[u8]) -> Option<String> {
    let Some(key) = HostKey::of(shown.to_vec()) else {
        return Some(format!("{host} shows what is no key"));
    };
    match known.judge(host, shown) {
        Verdict::Known => None,
        Verdict::Revoked => Some(format!("{host} shows the key {key}, which is revoked")),
        Verdict::Other(keys) if keys.is_empty() => Some(format!(
            "{host} is not among the known hosts. It shows the key {key}; if those who run it say that this is \
             its key, add the line that `jetkeeper config learn-host-key` prints to `knownHosts`"
        )),
        Verdict::Other(keys) => {
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            Some(format!(
                "{host} shows the key {key}, but is known by {}: it may be another machine that poses as it. \
                 Ask those who run it before you change `knownHosts`",
                keys.join(" and ")
            ))
        }
    }
}

fn write(directory: &Path, file: &Path, lines: &str) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    create(file)?.write_all(lines.as_bytes())
}

/// Asks a host for its key, and goes no further.
pub(super) fn learn(errand: &HostKeyErrand) -> Result<Answer, Failure> {
    let key = ask(&errand.url).map_err(|error| {
        Failure::remote(format!(
            "{} can't be asked: {}",
            errand.url,
            error.message()
        ))
    })?;
    Ok(Answer::HostKey(key))
}

fn ask(url: &str) -> Result<Vec<u8>, Error> {
    let shown: RefCell<Option<Vec<u8>>> = RefCell::default();
    let mut callbacks = RemoteCallbacks::new();
    callbacks.certificate_check(|certificate, _| {
        let key = certificate.as_hostkey();
        let key = key.and_then(|key| key.hostkey()).map(<[u8]>::to_vec);
        *shown.borrow_mut() = key;
        Err(Error::from_str("its key is all that was asked for"))
    });
    let mut remote = Remote::create_detached(url)?;
    let connected = remote.connect_auth(Direction::Fetch, Some(callbacks), None);
    let failed = connected.err();
    let key = shown.borrow_mut().take();
    key.ok_or_else(|| failed.unwrap_or_else(|| Error::from_str("it showed no key")))
}
