//! In the child: who we are to a remote, and what its errors mean.

use std::cell::RefCell;

use git2::{Cred, CredentialType, Error, ErrorClass, ErrorCode, RemoteCallbacks};
use reqwest::Url;

use super::errand::{Failure, FailureKind, FetchErrand, Login};
use super::fetch::too_large;
use super::inside::tell_progress;

/// One attempt at a remote, and what was learnt of it.
pub(super) struct Attempt<'a> {
    errand: &'a FetchErrand,
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
    pub(super) fn new(errand: &'a FetchErrand) -> Self {
        Self {
            errand,
            learnt: RefCell::default(),
        }
    }

    /// The answers to what libgit2 asks meanwhile. `progress` is told how many bytes were received, and
    /// tells whether to go on.
    pub(super) fn callbacks<'b>(
        &'b self,
        mut progress: impl FnMut(u64) -> bool + 'b,
    ) -> RemoteCallbacks<'b> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks
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
        if !has_origin_of(asked, &self.errand.url) {
            return Err(denied("it leads to another host, which gets no secret"));
        }
        match &self.errand.login {
            Login::None => Err(denied("it asks who we are, and no `secretName` is given")),
            Login::Password { .. } if self.asked_before() => {
                Err(denied("it refuses what the secret says"))
            }
            Login::Password { user, password }
                if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) =>
            {
                Cred::userpass_plaintext(named.unwrap_or(user), password)
            }
            Login::Password { .. } => Err(denied("it takes neither password nor token")),
        }
    }

    /// A remote that refuses asks again, for ever.
    fn asked_before(&self) -> bool {
        let mut learnt = self.learnt.borrow_mut();
        learnt.asked += 1;
        learnt.asked > 2
    }

    /// What an error means.
    pub(super) fn judge(&self, error: &Error) -> Failure {
        let learnt = self.learnt.borrow();
        if learnt.too_large {
            return too_large(self.errand.max_bytes);
        }
        let words = error.message();
        let url = &self.errand.url;
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
            (_, ErrorCode::Auth) => format!("{url} lets us not in: {words}"),
            (
                ErrorClass::Odb
                | ErrorClass::Object
                | ErrorClass::Zlib
                | ErrorClass::Repository
                | ErrorClass::Reference,
                _,
            ) if !is_local(url) => return Failure::clone(format!("the clone is damaged: {words}")),
            _ => format!("{url} can't be fetched from: {words}"),
        };
        Failure::remote(message)
    }
}

/// Whether both are of one scheme, host and port.
fn has_origin_of(asked: &str, url: &str) -> bool {
    let origin = |text: &str| Url::parse(text).ok().map(|url| url.origin());
    origin(asked).is_some_and(|asked| Some(asked) == origin(url))
}

/// Whether such errors may come from a remote on this machine.
fn is_local(url: &str) -> bool {
    url.starts_with('/') || url.starts_with("file:")
}
