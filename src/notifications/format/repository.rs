//! Where the interface of a repository's host is, as its Git URL tells.

use thiserror::Error;

use crate::notifications::options::Forge;

/// Where the interface of a host is, and which repository of it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// The interface, without `/` at its end.
    pub api_url: String,
    /// The repository: `team/jobs`.
    pub path: String,
}

/// Why it is not known where the state of commits is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParseRepositoryError {
    /// The source is at no host.
    #[error("the source's URL names no host and repository that could be told")]
    NoHost,
    /// What is written is no repository.
    #[error("this is no repository, written as `team/jobs`")]
    NoRepository,
    /// What is written is no URL, or leads over the network in the clear.
    #[error("this is no URL that a token may be sent to")]
    NoUrl,
}

impl Repository {
    /// What is written, and else what the source's Git URL tells.
    pub fn of(
        forge: Forge,
        git_url: &str,
        api_url: Option<&str>,
        path: Option<&str>,
    ) -> Result<Self, ParseRepositoryError> {
        let found = split(git_url);
        let path = path.or(found.map(|(_, path)| path));
        let path = path.ok_or(ParseRepositoryError::NoHost)?;
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        if !is_repository(forge, path) {
            return Err(ParseRepositoryError::NoRepository);
        }
        let api_url = match (api_url, found) {
            (Some(url), _) if is_safe(url) => url.trim_end_matches('/').to_owned(),
            (Some(_), _) => return Err(ParseRepositoryError::NoUrl),
            (None, Some((host, _))) => usual(forge, host),
            (None, None) => return Err(ParseRepositoryError::NoHost),
        };
        Ok(Self {
            api_url,
            path: path.to_owned(),
        })
    }
}

/// Where the interface usually is.
fn usual(forge: Forge, host: &str) -> String {
    match forge {
        Forge::GitHub if host == "github.com" => "https://api.github.com".to_owned(),
        Forge::GitHub => format!("https://{host}/api/v3"),
        Forge::GitLab => format!("https://{host}/api/v4"),
        Forge::Gitea => format!("https://{host}/api/v1"),
    }
}

/// Host and path of a Git URL. A port is that of the interface only where both are reached by https.
fn split(url: &str) -> Option<(&str, &str)> {
    let (authority, path, is_https) = if let Some((scheme, rest)) = url.split_once("://") {
        let (authority, path) = rest.split_once('/')?;
        (authority, path, scheme == "https")
    } else {
        let (authority, path) = url.split_once(':')?;
        (authority, path, false)
    };
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((name, port)) if !is_https && port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    };
    (!host.is_empty() && !host.contains('/')).then_some((host, path))
}

/// Groups of GitLab have groups in them.
fn is_repository(forge: Forge, path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let usual = |part: &&str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    let count = if forge == Forge::GitLab {
        2..=20
    } else {
        2..=2
    };
    count.contains(&parts.len()) && parts.iter().all(usual)
}

fn is_safe(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| {
        let host = url.host_str().unwrap_or_default();
        let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let plain = url.username().is_empty() && url.password().is_none();
        plain
            && url.query().is_none()
            && (url.scheme() == "https" || (url.scheme() == "http" && is_here))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(forge: Forge, url: &str) -> Result<(String, String), ParseRepositoryError> {
        Repository::of(forge, url, None, None).map(|it| (it.api_url, it.path))
    }

    #[test]
    fn the_git_url_tells_where_the_interface_is() {
        for (forge, url, api_url, path) in [
            (
                Forge::GitHub,
                "https://github.com/team/jobs.git",
                "https://api.github.com",
                "team/jobs",
            ),
            (
                Forge::GitHub,
                "git@github.com:team/jobs.git",
                "https://api.github.com",
                "team/jobs",
            ),
            (
                Forge::GitHub,
                "https://git.corp/team/jobs",
                "https://git.corp/api/v3",
                "team/jobs",
            ),
            (
                Forge::GitLab,
                "ssh://git@git.corp:2222/a/b/jobs.git",
                "https://git.corp/api/v4",
                "a/b/jobs",
            ),
            (
                Forge::Gitea,
                "https://git.corp:3000/team/jobs",
                "https://git.corp:3000/api/v1",
                "team/jobs",
            ),
        ] {
            let expected = (api_url.to_owned(), path.to_owned());
            assert_eq!(read(forge, url), Ok(expected), "{url}");
        }
        assert_eq!(
            read(Forge::GitHub, "file:///srv/jobs.git"),
            Err(ParseRepositoryError::NoHost)
        );
        assert_eq!(
            read(Forge::GitHub, "/srv/jobs.git"),
            Err(ParseRepositoryError::NoHost)
        );
        assert_eq!(
            read(Forge::GitHub, "https://github.com/team/../jobs"),
            Err(ParseRepositoryError::NoRepository)
        );
    }

    #[test]
    fn what_is_written_counts_and_leaks_no_token() {
        let read = |api_url| Repository::of(Forge::Gitea, "/srv/jobs", Some(api_url), Some("a/b"));
        assert_eq!(
            read("https://host/api/v1/").unwrap().api_url,
            "https://host/api/v1"
        );
        assert!(read("http://127.0.0.1:3000/api/v1").is_ok());
        for url in [
            "http://host/api/v1",
            "https://me:hush@host",
            "host",
            "https://host/?a=b",
        ] {
            assert_eq!(read(url), Err(ParseRepositoryError::NoUrl), "{url}");
        }
    }
}
