//! The URL of a jar. What follows its `?` may be a token, so it is shown and written down without.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};

use super::identity::Digest;

/// What stands for a query, with a digest by which another one is told from it.
const REDACTED: &str = "?[redacted ";

/// The URL of a jar. It is printed, serialised and compared without its query and fragment, of which a
/// digest remains, so that other ones are a change. Whoever fetches it has to ask for the whole.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct RemoteUrl {
    whole: Box<str>,
    /// None where the whole may be shown.
    shown: Option<Box<str>>,
}

impl RemoteUrl {
    /// The whole URL. It belongs in the request that fetches it, and nowhere else.
    pub fn expose(&self) -> &str {
        &self.whole
    }

    /// The URL as it may be shown and written down.
    pub fn shown(&self) -> &str {
        self.shown.as_deref().unwrap_or(&self.whole)
    }
}

impl From<String> for RemoteUrl {
    fn from(whole: String) -> Self {
        let start = whole.find(['?', '#']);
        let shown = start.and_then(|start| {
            let (place, rest) = whole.split_at(start);
            // One that was written down is what it was then.
            let redacted = rest.starts_with(REDACTED) && rest.ends_with(']');
            (!redacted).then(|| {
                let mut digest = Digest::of(rest.as_bytes()).to_string();
                digest.truncate(12);
                format!("{place}{REDACTED}{digest}]").into()
            })
        });
        Self {
            whole: whole.into(),
            shown,
        }
    }
}

impl From<&str> for RemoteUrl {
    fn from(whole: &str) -> Self {
        Self::from(whole.to_owned())
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.shown(), f)
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

impl Serialize for RemoteUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.shown())
    }
}

impl PartialEq for RemoteUrl {
    fn eq(&self, other: &Self) -> bool {
        self.shown() == other.shown()
    }
}

impl Eq for RemoteUrl {}

impl PartialOrd for RemoteUrl {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RemoteUrl {
    fn cmp(&self, other: &Self) -> Ordering {
        self.shown().cmp(other.shown())
    }
}

impl Hash for RemoteUrl {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.shown().hash(state);
    }
}

impl JsonSchema for RemoteUrl {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "RemoteUrl".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_shown_and_written_down_as_a_digest_alone() {
        let url = RemoteUrl::from("https://host/a.jar?token=hush#hush");
        assert_eq!(url.expose(), "https://host/a.jar?token=hush#hush");
        let json = serde_json::to_string(&url).unwrap();
        for text in [&format!("{url} {url:?}"), &json, url.shown()] {
            assert!(text.contains("https://host/a.jar?[redacted "), "{text}");
            assert!(!text.contains("hush"), "{text}");
        }
        // What was written down is the same URL, and stays so.
        let read: RemoteUrl = serde_json::from_str(&json).unwrap();
        assert_eq!(read, url);
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }

    #[test]
    fn another_query_is_another_url_and_none_is_left_as_it_is() {
        let url = RemoteUrl::from("https://host/a.jar?token=hush");
        assert_ne!(url, RemoteUrl::from("https://host/a.jar?token=other"));
        assert_ne!(url, RemoteUrl::from("https://host/a.jar"));
        let plain = RemoteUrl::from("https://host/a.jar");
        assert_eq!(
            (plain.shown(), plain.expose()),
            ("https://host/a.jar", "https://host/a.jar")
        );
    }
}
