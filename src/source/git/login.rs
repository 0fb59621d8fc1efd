//! In the child: who we are to a remote, and what its errors mean.

use std::cell::RefCell;

use git2::{Cred, CredentialType, Error, ErrorClass, ErrorCode, RemoteCallbacks};
use reqwest::Url;

use super::errand::{Failure, FailureKind, FetchErrand, Login};
use super::fetch::too_large;
use super::host_key::HostCheck;
use super::inside::tell_progress;
use super::place::Place;
use super::url::USUAL_USER;

/// One attempt at a remote, and what was learnt of it.
pub(super) struct Attempt<'a> {
    errand: &'a FetchErrand,
    host: HostCheck,
    learnt: RefCell<Learnt>,
}

#[derive(Default)]
struct Learnt {
    /// How often it asked who we are.
    asked: u32,
    /// Whether it sent more than is taken.
    too_large: bool,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(errand: &'a FetchErrand) -> Result<Self, Failure> {
        let home = Place::of(&errand.place).home();
        Ok(Self {
            errand,
            host: HostCheck::new(&errand.url, &errand.known_hosts, &home)?,
            learnt: RefCell::default(),
        })
    }

    /// The answers to what libgit2 asks meanwhile. `progress` is told how many bytes were received, and
    /// tells whether to go on.
    pub(super) fn callbacks<'b>(
        &'b self,
        mut progress: impl FnMut(u64) -> bool + 'b,
    ) -> RemoteCallbacks<'b> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks
            .certificate_check(|shown, _| self.host.check(shown))
            .credentials(|asked, named, allowed| self.log_in(asked, named, allowed))
            .sideband_progress(|_words| {
                tell_progress();
                true
            })
            .transfer_progress(move |stats| {
                let go_on = progress(stats.received_bytes() as u64);
                self.learnt.borrow_mut().too_large |= !go_on;
                go_on
            });
        callbacks
    }

    fn log_in(
        &self,
        asked: &str,
        named: Option<&str>,
        allowed: CredentialType,
    ) -> Result<Cred, Error> {
        let denied = |words: &str| Error::new(ErrorCode::Auth, ErrorClass::Callback, words);
        // Over SSH nobody can lead us elsewhere, and the host has shown who it is.
        if !self.host.is_ssh() && !has_origin_of(asked, &self.errand.url) {
            return Err(denied("it leads to another host, which gets no secret"));
        }
        match &self.errand.login {
            Login::None => Err(denied("it asks who we are, and no `secretName` is given")),
            Login::Key { .. } if allowed.contains(CredentialType::USERNAME) => {
                Cred::username(USUAL_USER)
            }
            Login::Password { .. } | Login::Key { .. } if self.asked_before() => {
                Err(denied("it refuses what the secret says"))
            }
            Login::Password { user, password }
                if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) =>
            {
                Cred::userpass_plaintext(named.unwrap_or(user), password)
            }
            Login::Password { .. } => Err(denied("it takes neither password nor token")),
            Login::Key { key, passphrase } if allowed.contains(CredentialType::SSH_MEMORY) => {
                let user = named.unwrap_or(USUAL_USER);
                Cred::ssh_key_from_memory(user, None, key, passphrase.as_deref())
            }
            Login::Key { .. } => Err(denied("it takes no key")),
        }
    }

    /// A remote that refuses asks again, for ever.
    fn asked_before(&self) -> bool {
        let mut learnt = self.learnt.borrow_mut();
        learnt.asked += 1;
        learnt.asked > 2
    }

    /// What an error means; `is_ours` where our clone is known to be damaged.
    pub(super) fn judge(&self, error: &Error, is_ours: bool) -> Failure {
        if self.learnt.borrow().too_large {
            return too_large(self.errand.max_bytes);
        }
        let words = error.message();
        let url = &self.errand.url;
        if is_ours {
            return Failure::clone(format!("the clone is damaged: {words}"));
        }
        if let Some(words) = self.host.explain(error, url) {
            return Failure::remote(format!("{url} is not connected to: {words}"));
        }
        if words.contains("status code: 429") {
            return Failure {
                kind: FailureKind::Throttled,
                message: format!("{url} is asked too often: {words}"),
            };
        }
        let message = match (error.class(), error.code()) {
            (ErrorClass::Ssl, _) => format!(
                "{url} can't prove who it is: {words}; `caFile` names the authorities of a company"
            ),
            (ErrorClass::Ssh, _) if is_of_key(words) => format!(
                "{url} lets us not in: the key can't be used ({words}); see that the secret's `identity` is a \
                 private key, and its `passphrase` the one of that key"
            ),
            (_, ErrorCode::Auth) => format!("{url} lets us not in: {words}"),
            (
                ErrorClass::Odb
                | ErrorClass::Object
                | ErrorClass::Zlib
                | ErrorClass::Repository
                | ErrorClass::Reference,
                _,
            ) if !self.errand.anew && !is_local(url) => {
                return Failure::clone(format!("the clone is damaged: {words}"));
            }
            // What libgit2 says of a path without a repository.
            _ if is_local(url) && words == "unsupported URL protocol" => {
                format!("{url} can't be fetched from: there is no repository")
            }
            _ => format!("{url} can't be fetched from: {words}"),
        };
        Failure::remote(message)
    }
}

/// Whether libssh2 says that it can't use a private key.
fn is_of_key(words: &str) -> bool {
    ["private key", "passphrase", "PEM", "key file"]
        .iter()
        .any(|it| words.contains(it))
}

/// Whether both are of one scheme, host and port.
fn has_origin_of(asked: &str, url: &str) -> bool {
    let origin = |text: &str| Url::parse(text).ok().map(|url| url.origin());
    origin(asked).is_some_and(|asked| Some(asked) == origin(url))
}

/// Whether the remote is on this machine.
pub(super) fn is_local(url: &str) -> bool {
    url.starts_with('/') || url.starts_with("file:")
}
