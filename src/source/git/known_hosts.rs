//! The keys by which SSH hosts are known, as in OpenSSH's file `known_hosts`. Pure.
//!
//! Names are taken strictly: a port other than 22 belongs to the name, `[host]:2222`. A line that can't
//! be read is an error, because it may be the one that revokes a key. Lines of certificate authorities
//! have nothing to say here: libssh2 knows no certificates.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// The port that is not part of a name.
const USUAL_PORT: u16 = 22;
/// With this begins a name that doesn't stand there itself.
const HASHED: &str = "|1|";

/// Known hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownHosts(Vec<Line>);

/// Why a text is no list of known hosts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line} of the known hosts can't be read: {why}")]
pub struct KnownHostsError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

/// A host of SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshHost {
    /// A name or an address, without brackets.
    pub name: String,
    /// Its port.
    pub port: u16,
}

/// A public key of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    kind: String,
    blob: Vec<u8>,
}

/// What is known of a key that a host shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the host's.
    Known,
    /// It was the host's, and somebody else may have it now.
    Revoked,
    /// The host has these.
    Other(Vec<HostKey>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    mark: Mark,
    hosts: Vec<Pattern>,
    key: HostKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    None,
    Revoked,
    Authority,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    /// `*` and `?` stand for any.
    Plain { text: String, negated: bool },
    /// A name's digest with a salt.
    Hashed { salt: Vec<u8>, digest: Vec<u8> },
}

impl KnownHosts {
    /// Reads lines.
    pub fn parse(text: &str) -> Result<Self, KnownHostsError> {
        let lines = text.lines().enumerate();
        let read = lines.filter_map(|(index, line)| {
            let line = line.trim();
            let says = !line.is_empty() && !line.starts_with('#');
            says.then(|| {
                let line = read_line(line);
                line.map_err(|why| KnownHostsError {
                    line: index + 1,
                    why,
                })
            })
        });
        read.collect::<Result<Vec<Line>, _>>().map(Self)
    }

    /// The keys that a host may show.
    pub(super) fn keys_of(&self, host: &SshHost) -> Vec<&HostKey> {
        let lines = self.0.iter().filter(|line| line.mark == Mark::None);
        let lines = lines.filter(|line| line.names(host));
        let keys = lines.map(|line| &line.key);
        keys.filter(|key| !self.is_revoked(host, &key.blob))
            .collect()
    }

    /// What is known of a key that a host shows.
    pub(super) fn judge(&self, host: &SshHost, shown: &[u8]) -> Verdict {
        if self.is_revoked(host, shown) {
            return Verdict::Revoked;
        }
        let keys = self.keys_of(host);
        if keys.iter().any(|key| key.blob == shown) {
            return Verdict::Known;
        }
        Verdict::Other(keys.into_iter().cloned().collect())
    }

    fn is_revoked(&self, host: &SshHost, key: &[u8]) -> bool {
        let mut lines = self.0.iter().filter(|line| line.mark == Mark::Revoked);
        lines.any(|line| line.key.blob == key && line.names(host))
    }
}

impl Line {
    /// Whether one of its patterns is the host's name, and none of those that exclude.
    fn names(&self, host: &SshHost) -> bool {
        let name = host.to_string().to_ascii_lowercase();
        let mut named = false;
        for pattern in &self.hosts {
            match pattern {
                Pattern::Plain { text, negated } if fits(text.as_bytes(), name.as_bytes()) => {
                    if *negated {
                        return false;
                    }
                    named = true;
                }
                Pattern::Plain { .. } => {}
                Pattern::Hashed { salt, digest } => {
                    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
                    named |= hmac::verify(&key, name.as_bytes(), digest).is_ok();
                }
            }
        }
        named
    }
}

fn read_line(line: &str) -> Result<Line, &'static str> {
    let mut words = line.split_ascii_whitespace();
    let mut next = || words.next().ok_or("it is not `host type key`");
    let first = next()?;
    let mark = match first {
        "@revoked" => Mark::Revoked,
        "@cert-authority" => Mark::Authority,
        mark if mark.starts_with('@') => return Err("it has a mark that nobody knows"),
        _ => Mark::None,
    };
    let hosts = if mark == Mark::None { first } else { next()? };
    let hosts: Vec<Pattern> = hosts.split(',').map(pattern).collect::<Result<_, _>>()?;
    let (kind, key) = (next()?, next()?);
    let blob = STANDARD.decode(key);
    let blob = blob.map_err(|_| "its key is not base64")?;
    let key = HostKey::of(blob).ok_or("its key is none")?;
    if key.kind != kind {
        return Err("its key is of another type than it says");
    }
    Ok(Line { mark, hosts, key })
}

fn pattern(text: &str) -> Result<Pattern, &'static str> {
    let Some(hashed) = text.strip_prefix(HASHED) else {
        let (negated, text) = match text.strip_prefix('!') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let text = text.to_ascii_lowercase();
        return Ok(Pattern::Plain { text, negated });
    };
    let wrong = "its host is hashed in a way that nobody knows";
    let (salt, digest) = hashed.split_once('|').ok_or(wrong)?;
    let (salt, digest) = (STANDARD.decode(salt), STANDARD.decode(digest));
    let salt = salt.map_err(|_| wrong)?;
    let digest = digest.map_err(|_| wrong)?;
    Ok(Pattern::Hashed { salt, digest })
}

/// Whether a name fits a pattern. Goes back to the last `*` alone, so that no pattern takes long.
pub(super) fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == b'?' || name.get(n) == Some(&c) => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                p = at + 1;
                n = from + 1;
            }
        }
    }
    pattern.iter().skip(p).all(|c| *c == b'*')
}

impl HostKey {
    /// A key as SSH sends it: what type it is stands first in it.
    pub(super) fn of(blob: Vec<u8>) -> Option<Self> {
        let length = u32::from_be_bytes(blob.first_chunk::<4>().copied()?);
        let kind = blob.get(4..)?.get(..usize::try_from(length).ok()?)?;
        let kind = std::str::from_utf8(kind).ok()?;
        let is_word = !kind.is_empty() && kind.bytes().all(|c| c.is_ascii_graphic());
        let kind = is_word.then(|| kind.to_owned())?;
        Some(Self { kind, blob })
    }

    /// The line that makes it known.
    pub fn line(&self, host: &SshHost) -> String {
        format!("{host} {} {}", self.kind, STANDARD.encode(&self.blob))
    }
}

/// Its type and fingerprint, as `ssh-keygen -l` tells them.
impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = STANDARD_NO_PAD.encode(Sha256::digest(&self.blob));
        write!(f, "{} SHA256:{digest}", self.kind)
    }
}

/// As it stands in front of its key.
impl fmt::Display for SshHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.port) {
            (name, USUAL_PORT) => f.write_str(name),
            (name, port) => write!(f, "[{name}]:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> HostKey {
        let mut blob = vec![0, 0, 0, 11];
        blob.extend(b"ssh-ed25519");
        blob.extend([0, 0, 0, 32]);
        blob.extend([byte; 32]);
        HostKey::of(blob).unwrap()
    }

    fn host(name: &str, port: u16) -> SshHost {
        let name = name.to_owned();
        SshHost { name, port }
    }

    /// What is known of a key of one byte; the text has `K1` where the key of this byte belongs.
    fn judged(text: &str, host: &SshHost, byte: u8) -> Verdict {
        let mut text = text.to_owned();
        for byte in 1..=3 {
            let line = key(byte).line(host);
            let (_, words) = line.split_once(' ').unwrap();
            text = text.replace(&format!("K{byte}"), words);
        }
        KnownHosts::parse(&text)
            .unwrap()
            .judge(host, &key(byte).blob)
    }

    #[test]
    fn a_key_is_known_by_the_names_of_its_line() {
        let (usual, odd) = (host("git.example.com", 22), host("git.example.com", 2222));
        let other = |bytes: &[u8]| Verdict::Other(bytes.iter().map(|it| key(*it)).collect());
        for (text, host, verdict) in [
            ("git.example.com K1", &usual, Verdict::Known),
            ("Git.Example.com K1 a comment", &usual, Verdict::Known),
            ("# none\n\nother,git.example.com K1", &usual, Verdict::Known),
            ("*.example.com K1", &usual, Verdict::Known),
            ("git.example.co? K1", &usual, Verdict::Known),
            ("*.example.com,!git.* K1", &usual, other(&[])),
            (
                "git.example.com K2\ngit.example.com K1",
                &usual,
                Verdict::Known,
            ),
            (
                "git.example.com K2\ngit.example.com K3",
                &usual,
                other(&[2, 3]),
            ),
            ("example.com K1", &usual, other(&[])),
            ("", &usual, other(&[])),
            // A port is part of the name.
            ("git.example.com K1", &odd, other(&[])),
            ("[git.example.com]:2222 K1", &odd, Verdict::Known),
            ("[git.example.com]:2222 K1", &usual, other(&[])),
            // Marks.
            (
                "git.example.com K1\n@revoked * K1",
                &usual,
                Verdict::Revoked,
            ),
            ("@revoked * K2\ngit.example.com K1", &usual, Verdict::Known),
            ("git.example.com K2\n@revoked * K2", &usual, other(&[])),
            ("@cert-authority *.example.com K1", &usual, other(&[])),
        ] {
            assert_eq!(judged(text, host, 1), verdict, "{text} for {host}");
        }
    }

    #[test]
    fn a_hashed_name_is_found() {
        let salt = b"twenty bytes of salt";
        let hashed = |name: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
            let digest = hmac::sign(&key, name.as_bytes());
            let (salt, digest) = (STANDARD.encode(salt), STANDARD.encode(digest));
            format!("|1|{salt}|{digest} K1")
        };
        let (usual, odd) = (host("Host", 22), host("host", 2222));
        assert_eq!(judged(&hashed("host"), &usual, 1), Verdict::Known);
        assert_eq!(judged(&hashed("[host]:2222"), &odd, 1), Verdict::Known);
        assert_eq!(judged(&hashed("host"), &odd, 1), Verdict::Other(vec![]));
    }

    #[test]
    fn a_line_that_nobody_can_read_is_told() {
        for (line, why) in [
            ("host", "it is not"),
            ("host ssh-ed25519", "it is not"),
            ("@new host ssh-ed25519 AAAA", "a mark"),
            ("host ssh-ed25519 %", "not base64"),
            ("host ssh-ed25519 AAAA", "is none"),
            ("|1|x ssh-ed25519 AAAA", "hashed"),
        ] {
            let error = KnownHosts::parse(&format!("# first\n{line}")).unwrap_err();
            assert_eq!(error.line, 2);
            assert!(error.why.contains(why), "{line}: {error}");
        }
        let wrong = key(1)
            .line(&host("host", 22))
            .replace("ssh-ed25519", "ssh-rsa");
        assert!(KnownHosts::parse(&wrong).is_err());
    }

    #[test]
    fn patterns_take_no_long() {
        let pattern = "*a".repeat(200);
        let name = "a".repeat(5_000) + "b";
        assert!(!fits(pattern.as_bytes(), name.as_bytes()));
        assert!(fits(b"*", b""));
        assert!(fits(b"a*c*", b"abcabc"));
        assert!(!fits(b"a*d", b"abc"));
    }
}
