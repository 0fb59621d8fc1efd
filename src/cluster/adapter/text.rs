//! What members said, made fit to be shown: one line, bounded, without secrets.

use std::error::Error as _;

use crate::hazelcast::{Error, ErrorHolder, ServerError};
use crate::resources::redact::redacted;

/// The most that is shown of what a member said, in bytes.
const LONGEST: usize = 500;
/// The error and its causes in one line.
pub(super) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    bounded(&text)
}

/// The root of a chain of exceptions in one line: its class, and what it says, without these values.
pub(super) fn root(error: &ServerError, secrets: &[String]) -> String {
    match error.chain.last() {
        Some(root) => one(root, secrets),
        None => "an error without description".to_owned(),
    }
}

fn one(exception: &ErrorHolder, secrets: &[String]) -> String {
    let class = exception.simple_class_name();
    let message = exception.message.as_deref().unwrap_or_default();
    let message = redacted(message, secrets.iter().map(String::as_str));
    match message.lines().next().unwrap_or_default().trim() {
        "" => class.to_owned(),
        line => bounded(&format!("{class}: {line}")),
    }
}

fn bounded(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(LONGEST);
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazelcast::ErrorCode;

    fn error(messages: &[&str]) -> ServerError {
        let holder = |message: &&str| ErrorHolder {
            code: ErrorCode::UNDEFINED,
            class_name: "java.lang.IllegalStateException".to_owned(),
            message: Some((*message).to_owned()),
        };
        ServerError {
            chain: messages.iter().map(holder).collect(),
        }
    }

    fn root_of(message: &str, secrets: &[&str]) -> String {
        let secrets: Vec<String> = secrets.iter().map(ToString::to_string).collect();
        root(&error(&["outer", message]), &secrets)
    }

    #[test]
    fn the_root_is_told_in_one_line() {
        assert_eq!(
            root_of("no such table\n\tat a.B", &[]),
            "IllegalStateException: no such table"
        );
        assert!(root_of(&"ü".repeat(4000), &[]).len() < LONGEST + 10);
        assert_eq!(root_of("", &[]), "IllegalStateException");
    }

    #[test]
    fn secrets_are_not_told() {
        let told = root_of("login of root with hunter22 in 10 s", &["hunter22", "10"]);
        assert_eq!(
            told,
            "IllegalStateException: login of root with [redacted] in [redacted] s"
        );
        assert_eq!(
            root_of("code 110 and 1,10", &["10"]),
            "IllegalStateException: code 110 and 1,[redacted]"
        );
        assert!(!root_of("ab abcd", &["ab", "abcd"]).contains("cd"));
    }

    #[test]
    fn a_long_secret_is_known_by_its_beginning() {
        let secret = "s3cret".repeat(1000);
        let told = root_of(&format!("cannot use {}", &secret[..3000]), &[&secret]);
        assert_eq!(told, "IllegalStateException: cannot use [redacted]");
    }

    #[test]
    fn a_secret_of_several_lines_is_not_told_by_its_first() {
        let told = root_of("bad key alpha\nbeta", &["alpha\nbeta"]);
        assert_eq!(told, "IllegalStateException: bad key [redacted]");
    }
}
