//! Where a repository is: the URLs that Git knows, without anything secret in them.

use std::fmt;
use std::path::Path;

use reqwest::Url;
use thiserror::Error;

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
    /// A path of this machine, or `file://`
    Local,
}

/// Why a text is no repository's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GitUrlError {
    /// Nothing that Git knows.
    #[error("it is none of https://…, file:///…, /path")]
    Unknown,
    /// It is reached over SSH.
    #[error(
        "this version can't fetch over SSH yet; write an https URL and put a token into a secret"
    )]
    Ssh,
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
            return Err(if is_short_ssh(text) {
                GitUrlError::Ssh
            } else {
                GitUrlError::Unknown
            });
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
            "ssh" => return Err(GitUrlError::Ssh),
            "file" if host.is_empty() => Transport::Local,
            _ => return Err(GitUrlError::Unknown),
        };
        if transport != Transport::Local && host.is_empty() {
            return Err(GitUrlError::Unknown);
        }
        if !url.username().is_empty() {
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

    /// The URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Whether it is `user@host:path`, as `git clone` takes it.
fn is_short_ssh(text: &str) -> bool {
    let place = text.split_once(':').map_or("", |(place, _)| place);
    place.contains('@') && !place.contains('/')
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
            ("file:///srv/jobs.git", Transport::Local),
            ("/srv/jobs.git", Transport::Local),
        ] {
            let url = GitUrl::parse(text).unwrap();
            assert_eq!(url.transport, transport, "{text}");
            assert_eq!(url.to_string(), text);
        }
    }

    #[test]
    fn secrets_and_what_is_no_repository_are_refused() {
        for (text, error) in [
            ("https://user:hush@host/jobs.git", GitUrlError::Password),
            ("https://hush@host/jobs.git", GitUrlError::Password),
            ("https://host/jobs.git?token=hush", GitUrlError::Query),
            ("ssh://git@host:2222/jobs.git", GitUrlError::Ssh),
            ("git@host:team/jobs.git", GitUrlError::Ssh),
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
