//! The file of SSH signers, as `ssh-keygen -Y verify` reads it: who may sign with which key, when.
//!
//! Authorities (`cert-authority`) are read over: certificates are not taken, so nothing is let in by
//! them. A line that can't be read makes the whole file unusable, because it may say that somebody may
//! sign no more.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ssh_key::PublicKey;
use thiserror::Error;

use crate::source::git::known_hosts::fits;

/// What SSH signatures of commits are made for.
pub(super) const NAMESPACE: &str = "git";

/// Who may sign.
#[derive(Debug, Default)]
pub(super) struct AllowedSigners(Vec<AllowedSigner>);

/// A line of the file.
#[derive(Debug, Clone)]
pub(super) struct AllowedSigner {
    /// Whom the key belongs to, as the file says.
    pub(super) principals: String,
    pub(super) key: PublicKey,
    /// What may be signed; anything where absent.
    namespaces: Option<String>,
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
}

/// Why a line can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub(super) struct AllowedSignersError {
    /// The line, from 1.
    line: usize,
    /// What is wrong with it.
    problem: String,
}

impl AllowedSigners {
    /// Reads the file's text. Times without `Z` are of `zone`.
    pub(super) fn parse(text: &str, zone: &TimeZone) -> Result<Self, AllowedSignersError> {
        let mut signers = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line_of_words = line.trim();
            if line_of_words.is_empty() || line_of_words.starts_with('#') {
                continue;
            }
            let signer = signer(line_of_words, zone).map_err(|problem| AllowedSignersError {
                line: index + 1,
                problem,
            })?;
            signers.extend(signer);
        }
        Ok(Self(signers))
    }

    /// The lines of a key.
    pub(super) fn of<'a>(&'a self, key: &'a PublicKey) -> impl Iterator<Item = &'a AllowedSigner> {
        let lines = self.0.iter();
        lines.filter(|signer| signer.key.key_data() == key.key_data())
    }
}

impl AllowedSigner {
    /// Whether commits may be signed.
    pub(super) fn may_sign(&self) -> bool {
        let patterns = self.namespaces.as_deref();
        patterns.is_none_or(|patterns| matches_list(patterns, NAMESPACE))
    }

    /// Whether the key is valid at this time.
    pub(super) fn is_valid_at(&self, at: Timestamp) -> bool {
        self.valid_after.is_none_or(|after| after <= at)
            && self.valid_before.is_none_or(|before| at < before)
    }
}

/// A line; none for an authority.
fn signer(line: &str, zone: &TimeZone) -> Result<Option<AllowedSigner>, String> {
    let (principals, rest) = word(line)?;
    let rest = rest.trim_start();
    let (options, key) = if let Ok(key) = PublicKey::from_openssh(rest) {
        (Options::default(), key)
    } else {
        let (text, rest) = word(rest)?;
        let options = Options::parse(&text, zone)?;
        if options.is_authority {
            return Ok(None);
        }
        let key = PublicKey::from_openssh(rest.trim_start());
        (
            options,
            key.map_err(|error| format!("its key can't be read: {error}"))?,
        )
    };
    Ok(Some(AllowedSigner {
        principals: principals.replace('"', ""),
        key: PublicKey::from(key.key_data().clone()),
        namespaces: options.namespaces,
        valid_after: options.valid_after,
        valid_before: options.valid_before,
    }))
}

/// The first word, in which spaces may stand between quotes, and what follows.
fn word(line: &str) -> Result<(String, &str), String> {
    let mut quoted = false;
    for (at, character) in line.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ' ' | '\t' if !quoted => {
                let (word, rest) = line.split_at(at);
                return Ok((word.to_owned(), rest));
            }
            _ => {}
        }
    }
    Err("it has no key".to_owned())
}

#[derive(Default)]
struct Options {
    is_authority: bool,
    namespaces: Option<String>,
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
}

impl Options {
    fn parse(text: &str, zone: &TimeZone) -> Result<Self, String> {
        let mut options = Self::default();
        for option in split(text) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let value = value.trim_matches('"');
            match name.to_ascii_lowercase().as_str() {
                "cert-authority" => options.is_authority = true,
                "namespaces" => options.namespaces = Some(value.to_owned()),
                "valid-after" => options.valid_after = Some(time(value, zone)?),
                "valid-before" => options.valid_before = Some(time(value, zone)?),
                _ => return Err(format!("`{}` is no option", name.escape_default())),
            }
        }
        Ok(options)
    }
}

/// The parts between commas that stand in no quotes.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |character| {
        quoted ^= character == '"';
        character == ',' && !quoted
    })
}

/// `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, with `Z` for UTC.
fn time(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let (digits, zone) = match text.strip_suffix(['Z', 'z']) {
        Some(digits) => (digits, &TimeZone::UTC),
        None => (text, zone),
    };
    let pattern = match digits.len() {
        8 => "%Y%m%d",
        12 => "%Y%m%d%H%M",
        14 => "%Y%m%d%H%M%S",
        _ => "",
    };
    let read = if pattern == "%Y%m%d" {
        jiff::civil::Date::strptime(pattern, digits).map(DateTime::from)
    } else {
        DateTime::strptime(pattern, digits)
    };
    let moment = read.and_then(|time| zone.to_timestamp(time));
    moment.map_err(|_| format!("`{}` is no time such as 20261231Z", text.escape_default()))
}

/// Whether a list of patterns has a name: `*` and `?` stand for any, `!` excludes.
fn matches_list(patterns: &str, name: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if fits(pattern.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => found |= fits(pattern.as_bytes(), name.as_bytes()),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn read(text: &str) -> Result<AllowedSigners, String> {
        AllowedSigners::parse(text, &TimeZone::UTC).map_err(|error| error.to_string())
    }

    fn first(text: &str) -> AllowedSigner {
        read(text).unwrap().0.remove(0)
    }

    #[test]
    fn lines_are_read_as_ssh_keygen_reads_them() {
        let plain = first(&format!(
            "# who\n\na@example.com,b@example.com {KEY} a comment"
        ));
        assert_eq!(plain.principals, "a@example.com,b@example.com");
        assert!(plain.may_sign() && plain.is_valid_at(Timestamp::UNIX_EPOCH));

        let limited = first(&format!(
            "\"a b\" namespaces=\"file,git\",valid-after=\"20260101\",valid-before=\"202701011200Z\" {KEY}"
        ));
        assert_eq!(limited.principals, "a b");
        assert!(limited.may_sign());
        for (at, valid) in [
            ("2025-12-31T23:59:59Z", false),
            ("2026-01-01T00:00:00Z", true),
            ("2027-01-01T11:59:59Z", true),
            ("2027-01-01T12:00:00Z", false),
        ] {
            assert_eq!(limited.is_valid_at(at.parse().unwrap()), valid, "{at}");
        }
        for (namespaces, may_sign) in [
            ("file", false),
            ("g*,!git", false),
            ("*", true),
            ("gi?", true),
        ] {
            let line = format!("a namespaces=\"{namespaces}\" {KEY}");
            assert_eq!(first(&line).may_sign(), may_sign, "{namespaces}");
        }
    }

    #[test]
    fn an_authority_lets_nobody_in_and_does_no_harm() {
        let signers = read(&format!("*@example.com cert-authority {KEY}\na {KEY}")).unwrap();
        assert_eq!(signers.0.len(), 1);
    }

    #[test]
    fn a_line_that_cant_be_read_is_named() {
        for (line, problem) in [
            ("a".to_owned(), "line 2: it has no key"),
            (
                format!("a valid-befor=2026 {KEY}"),
                "line 2: `valid-befor` is no option",
            ),
            (
                format!("a valid-before=\"2026\" {KEY}"),
                "line 2: `2026` is no time such as 20261231Z",
            ),
        ] {
            let text = format!("# first\n{line}");
            assert_eq!(read(&text).unwrap_err(), problem);
        }
        assert!(read("a b ssh-ed25519 nonsense").is_err());
    }
}
