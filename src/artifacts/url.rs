//! URLs as they may be shown: without what may be a secret.

use reqwest::Url;

/// The URL without user, password, query and fragment, any of which may hold a secret.
pub fn redact(url: &str) -> String {
    let Ok(mut parsed) = Url::parse(url) else {
        return "[not a URL]".to_owned();
    };
    if parsed.cannot_be_a_base() {
        return format!("{}:[redacted]", parsed.scheme());
    }
    let had_user = !parsed.username().is_empty() || parsed.password().is_some();
    let had_query = parsed.query().is_some();
    parsed.set_fragment(None);
    parsed.set_query(None);
    // Both can only fail where the URL has no host, and then it has no user either.
    let stripped = parsed.set_username("").and(parsed.set_password(None));
    if had_user && stripped.is_err() {
        return format!("{}:[redacted]", parsed.scheme());
    }
    let mut text = parsed.to_string();
    if had_query {
        text.push_str("?[redacted]");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_a_url_are_not_shown() {
        for (url, shown) in [
            ("https://host/a/b.jar", "https://host/a/b.jar"),
            ("https://user:hush@host:81/b.jar", "https://host:81/b.jar"),
            ("https://hush@host/b.jar", "https://host/b.jar"),
            ("https://:hush@host/b.jar", "https://host/b.jar"),
            (
                "https://host/b.jar?token=hush#hush",
                "https://host/b.jar?[redacted]",
            ),
            ("data:hush", "data:[redacted]"),
            ("file:///tmp/b.jar", "file:///tmp/b.jar"),
            ("user:hush@host", "user:[redacted]"),
            ("//user:hush@host", "[not a URL]"),
        ] {
            assert_eq!(redact(url), shown);
        }
    }
}
