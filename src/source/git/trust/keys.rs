//! The keys that are trusted: their files, and what they say. All of them are public.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::openpgp::OpenPgpKeys;
use super::options::GitVerify;
use super::refusal::Why;
use super::ssh::SshKeys;

/// The largest file of keys, in bytes.
const LARGEST: u64 = 1024 * 1024;
/// How many files a directory of keys may have.
const MOST_FILES: usize = 1_000;

/// The files of keys as they are now, to be sent to the child.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::source::git) struct KeyFiles {
    allowed_signers: String,
    revoked_signers: String,
    /// As hexadecimal digits: they may be binary.
    openpgp_keys: Vec<String>,
}

/// Why keys can't be used.
#[derive(Debug, Error)]
pub(in crate::source::git) enum KeysError {
    /// A file can't be read.
    #[error("the keys in {} can't be read", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What is in it are no keys.
    #[error("`verify.{key}` can't be used: {problem}")]
    Content {
        /// The key of the configuration.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
}

impl KeysError {
    pub(super) fn new(key: &'static str, problem: &dyn fmt::Display) -> Self {
        Self::Content {
            key,
            problem: problem.to_string(),
        }
    }
}

impl KeyFiles {
    /// Reads the files that are configured. Blocks.
    pub(in crate::source::git) fn read(verify: &GitVerify) -> Result<Self, KeysError> {
        let GitVerify {
            mode: _,
            since: _,
            allowed_signers,
            revoked_signers,
            openpgp_keys,
        } = verify;
        let text = |key, path: &Option<PathBuf>| match path {
            None => Ok(String::new()),
            Some(path) => {
                String::from_utf8(read(path)?).map_err(|_| KeysError::new(key, &"it is not UTF-8"))
            }
        };
        let files = openpgp_keys.as_deref().map_or(Ok(Vec::new()), files)?;
        let openpgp = files.iter().map(|path| read(path).map(hex::encode));
        Ok(Self {
            allowed_signers: text("allowedSigners", allowed_signers)?,
            revoked_signers: text("revokedSigners", revoked_signers)?,
            openpgp_keys: openpgp.collect::<Result<_, _>>()?,
        })
    }
}

/// A file, or those in a directory but the hidden ones, in order.
fn files(path: &Path) -> Result<Vec<PathBuf>, KeysError> {
    let failed = |source| KeysError::File {
        path: path.to_owned(),
        source,
    };
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in path.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && entry.path().is_file() {
            files.push(entry.path());
        }
        if files.len() > MOST_FILES {
            let problem = format!("the directory has more than {MOST_FILES} files");
            return Err(KeysError::new("openpgpKeys", &problem));
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, KeysError> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?
            .take(LARGEST + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST {
            return Err(io::Error::other("it is larger than 1 MiB"));
        }
        Ok(bytes)
    };
    read().map_err(|source| KeysError::File {
        path: path.to_owned(),
        source,
    })
}

/// The keys that are trusted.
#[derive(Debug, Default)]
pub(super) struct Keys {
    ssh: SshKeys,
    openpgp: OpenPgpKeys,
}

/// A signature, and what it is of.
pub(super) struct Signed {
    /// The armored signature.
    pub(super) signature: String,
    /// The bytes that were signed.
    pub(super) data: Vec<u8>,
    /// When the object says that it was made.
    pub(super) at: Timestamp,
}

impl Keys {
    pub(super) fn parse(files: &KeyFiles) -> Result<Self, KeysError> {
        let KeyFiles {
            allowed_signers,
            revoked_signers,
            openpgp_keys,
        } = files;
        let openpgp = openpgp_keys.iter().map(hex::decode);
        let openpgp = openpgp
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| KeysError::new("openpgpKeys", &error))?;
        Ok(Self {
            ssh: SshKeys::parse(allowed_signers, revoked_signers)?,
            openpgp: OpenPgpKeys::parse(&openpgp)?,
        })
    }

    /// Who signed; else the key and why its signature is not taken. With `now`, the key has to be valid
    /// now too.
    pub(super) fn verify(
        &self,
        signed: &Signed,
        now: Option<Timestamp>,
    ) -> Result<String, (Option<String>, Why)> {
        let Signed {
            signature,
            data,
            at,
        } = signed;
        if signature.starts_with("-----BEGIN SSH SIGNATURE-----") {
            self.ssh.verify(signature, data, (*at, now))
        } else if signature.starts_with("-----BEGIN PGP SIGNATURE-----") {
            self.openpgp.verify(signature, data, now)
        } else {
            let what = "its signature is neither of OpenPGP nor of SSH";
            Err((None, Why::Unsupported(what.to_owned())))
        }
    }
}
