//! Where a repository is: the URLs that Git knows, without anything secret in them.

use std::fmt;
use std::path::Path;

use reqwest::Url;
use thiserror::Error;

use super::known_hosts::SshHost;

/// The user where nobody names another: what hosts of repositories are used to.
pub(super) const USUAL_USER: &str = "git";

/// A repository's URL. Holds no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitUrl {
    text: String,
    /// How it is reached.
    pub transport: Transport,
}

/// How a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// `https://`
    Https,
    /// `http://`, which doesn't leave this machine.
    Http,
    /// `ssh://`, or `user@host:path`
    Ssh,
    /// A path of this machine, or `file://`
    Local,
}

/// Why a text is no repository's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GitUrlError {
    /// Nothing that Git knows.
    #[error("it is none of https://…, ssh://…, user@host:path, file:///…, /path")]
    Unknown,
    /// What is sent could be read and changed on the way.
    #[error(
        "http can be read and changed on the way, and is only taken to this machine; write https"
    )]
    Plain,
    /// It has a password in it.
    #[error("it has a password in it; put that into a secret and name it by `secretName`")]
    Password,
    /// It has a query or a fragment.
    #[error("it has a `?` or `#` in it, which Git has no use for")]
    Query,
}

impl GitUrl {
    /// Reads what stands in a configuration.
    pub fn parse(text: &str) -> Result<Self, GitUrlError> {
        if Path::new(text).is_absolute() {
            return Ok(Self::of(text, Transport::Local));
        }
        if !text.contains("://") {
            return match short_ssh(text) {
                Some(_) => Ok(Self::of(text, Transport::Ssh)),
                None => Err(GitUrlError::Unknown),
            };
        }
        let url = Url::parse(text).map_err(|_| GitUrlError::Unknown)?;
        if url.password().is_some() {
            return Err(GitUrlError::Password);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(GitUrlError::Query);
        }
        let host = url.host_str().unwrap_or_default();
        let transport = match url.scheme() {
            "https" => Transport::Https,
            "http" if matches!(host, "localhost" | "127.0.0.1" | "[::1]") => Transport::Http,
            "http" => return Err(GitUrlError::Plain),
            "ssh" if !url.username().starts_with('-') => Transport::Ssh,
            "file" if host.is_empty() => Transport::Local,
            _ => return Err(GitUrlError::Unknown),
        };
        if transport != Transport::Local && host.is_empty() {
            return Err(GitUrlError::Unknown);
        }
        if !url.username().is_empty() && transport != Transport::Ssh {
            // Often a token, written where the user stands.
            return Err(GitUrlError::Password);
        }
        Ok(Self::of(text, transport))
    }

    fn of(text: &str, transport: Transport) -> Self {
        Self {
            text: text.to_owned(),
            transport,
        }
    }

    /// The host, where it is reached over SSH.
    pub fn ssh_host(&self) -> Option<SshHost> {
        if self.transport != Transport::Ssh {
            return None;
        }
        let (name, port) = match Url::parse(&self.text) {
            Ok(url) if self.text.contains("://") => {
                (url.host_str()?.to_owned(), url.port().unwrap_or(22))
            }
            _ => (short_ssh(&self.text)?.to_owned(), 22),
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        Some(SshHost {
            name: name.to_owned(),
            port,
        })
    }

    /// The URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The host of `user@host:path`, as `git clone` takes it.
fn short_ssh(text: &str) -> Option<&str> {
    let (place, path) = text.split_once(':')?;
    let (user, host) = place.split_once('@')?;
    let word = |text: &str, more: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
        !text.is_empty() && !text.starts_with('-') && text.chars().all(fits)
    };
    (word(user, "-._") && word(host, "-._") && !path.is_empty()).then_some(host)
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_that_is_taken_is_read() {
        for (text, transport) in [
            ("https://host/jobs.git", Transport::Https),
            ("http://127.0.0.1:8080/jobs.git", Transport::Http),
            ("ssh://git@host:2222/jobs.git", Transport::Ssh),
            ("git@host:team/jobs.git", Transport::Ssh),
            ("file:///srv/jobs.git", Transport::Local),
            ("/srv/jobs.git", Transport::Local),
        ] {
            let url = GitUrl::parse(text).unwrap();
            assert_eq!(url.transport, transport, "{text}");
            assert_eq!(url.to_string(), text);
        }
    }

    #[test]
    fn the_host_of_ssh_is_found() {
        for (text, host) in [
            ("ssh://git@host:2222/jobs.git", Some("[host]:2222")),
            ("ssh://host/jobs.git", Some("host")),
            ("ssh://git@[::1]:22/jobs.git", Some("::1")),
            ("git@host:team/jobs.git", Some("host")),
            ("https://host/jobs.git", None),
        ] {
            let found = GitUrl::parse(text).unwrap().ssh_host();
            assert_eq!(found.map(|it| it.to_string()).as_deref(), host, "{text}");
        }
    }

    #[test]
    fn secrets_and_what_is_no_repository_are_refused() {
        for (text, error) in [
            ("https://user:hush@host/jobs.git", GitUrlError::Password),
            ("https://hush@host/jobs.git", GitUrlError::Password),
            ("https://host/jobs.git?token=hush", GitUrlError::Query),
            ("ssh://git:hush@host/jobs.git", GitUrlError::Password),
            ("ssh:///jobs.git", GitUrlError::Unknown),
            ("ssh://-oProxyCommand=x@host/jobs.git", GitUrlError::Unknown),
            ("git@-oProxyCommand=x:jobs.git", GitUrlError::Unknown),
            ("git@host:", GitUrlError::Unknown),
            ("http://host/jobs.git", GitUrlError::Plain),
            ("jobs.git", GitUrlError::Unknown),
            ("git://host/jobs.git", GitUrlError::Unknown),
            ("ftp://host/jobs.git", GitUrlError::Unknown),
            ("file://host/jobs.git", GitUrlError::Unknown),
            ("host:jobs", GitUrlError::Unknown),
            ("", GitUrlError::Unknown),
        ] {
            assert_eq!(GitUrl::parse(text), Err(error), "{text}");
        }
    }
}
