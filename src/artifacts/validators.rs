//! What a server said by which it can tell later that nothing changed.

use reqwest::header::{
    ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};

/// The longest value that is kept, in bytes.
const LONGEST: usize = 1024;

/// The validators of an answer; empty where the server gave none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Validators {
    etag: String,
    last_modified: String,
}

impl Validators {
    /// Those of an answer with these headers.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let value = |name: HeaderName| {
            let text = headers.get(name).and_then(|value| value.to_str().ok());
            let usable = text.filter(|text| text.len() <= LONGEST);
            usable.unwrap_or_default().to_owned()
        };
        Self {
            etag: value(ETAG),
            last_modified: value(LAST_MODIFIED),
        }
    }

    /// Those of an object, or a file, that has this one word for what it is now.
    pub(super) fn of_etag(etag: Option<&str>) -> Self {
        let usable = etag.filter(|etag| etag.len() <= LONGEST && !etag.contains(['\n', '\r']));
        Self {
            etag: usable.unwrap_or_default().to_owned(),
            last_modified: String::new(),
        }
    }

    /// The word for what there was, if there is one.
    pub(super) fn etag(&self) -> Option<&str> {
        Some(&*self.etag).filter(|etag| !etag.is_empty())
    }

    /// The headers that ask for the content only if it is another one.
    pub(super) fn conditions(&self) -> impl Iterator<Item = (HeaderName, &str)> {
        let conditions = [
            (IF_NONE_MATCH, self.etag.as_str()),
            (IF_MODIFIED_SINCE, self.last_modified.as_str()),
        ];
        conditions
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
    }

    /// Two lines, to be kept in a file.
    pub(super) fn to_lines(&self) -> String {
        format!("{}\n{}", self.etag, self.last_modified)
    }

    /// Those that these lines were made of.
    pub(super) fn of_lines<'a>(mut lines: impl Iterator<Item = &'a str>) -> Self {
        let mut next = || lines.next().unwrap_or_default().to_owned();
        Self {
            etag: next(),
            last_modified: next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_gave_is_asked_with_also_after_it_was_written_down() {
        let mut headers = HeaderMap::new();
        headers.insert(ETAG, "\"a\"".parse().unwrap());
        let only_etag = Validators::of(&headers);
        let kept = Validators::of_lines(only_etag.to_lines().lines());
        assert_eq!(kept, only_etag);
        let conditions: Vec<_> = kept.conditions().collect();
        assert_eq!(conditions, [(IF_NONE_MATCH, "\"a\"")]);

        headers.insert(
            LAST_MODIFIED,
            "Mon, 05 Jan 2026 00:00:00 GMT".parse().unwrap(),
        );
        headers.insert(ETAG, "e".repeat(LONGEST + 1).parse().unwrap());
        let only_time = Validators::of(&headers);
        let kept = Validators::of_lines(only_time.to_lines().lines());
        assert_eq!(kept, only_time);
        assert_eq!(kept.conditions().count(), 1);
        assert_eq!(Validators::default().conditions().count(), 0);
    }
}
