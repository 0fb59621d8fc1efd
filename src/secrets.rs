//! Secrets: named values that the YAML refers to and never contains.
//!
//! The key `k` of the secret `s` is the file `$CREDENTIALS_DIRECTORY/s.k` (systemd credentials), else
//! `<secrets.directory>/s/k`. A value is read anew each time it is asked for, is held in
//! [`SecretString`] which prints as `[redacted]`, and is named in no error. Whoever asks is answered in
//! time, also where the directory is on a disk that isn't: few reads wait for it, and no caller does.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::resources::redact;

/// The largest secret that is read, in bytes.
pub const MAX_SECRET_SIZE: u64 = 64 * 1024;

/// How long reading a secret may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many secrets are read at the same time: each takes a thread, for good where a disk hangs.
const READERS: usize = 4;

/// What is shown instead of a value.
const REDACTED: &str = "[redacted]";

/// Gives the values of secrets.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The value of this key of this secret.
    async fn get(&self, secret_name: &str, key: &str) -> Result<SecretString, SecretError>;

    /// The same; none where the secret has no such key.
    async fn find(
        &self,
        secret_name: &str,
        key: &str,
    ) -> Result<Option<SecretString>, SecretError> {
        match self.get(secret_name, key).await {
            Ok(value) => Ok(Some(value)),
            Err(SecretError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The value of this key of this secret, or an error before long.
pub async fn in_time(
    secrets: &dyn Secrets,
    secret_name: &str,
    key: &str,
) -> Result<SecretString, SecretError> {
    let read = tokio::time::timeout(PATIENCE, secrets.get(secret_name, key)).await;
    read.unwrap_or_else(|_| {
        Err(SecretError::TooSlow {
            name: secret_name.to_owned(),
            key: key.to_owned(),
        })
    })
}

/// Why a secret can't be had. Says where it was looked for and what to do, never what is in it.
#[derive(Debug, Error)]
pub enum SecretError {
    /// A name that can't be part of a path, or an empty one.
    #[error(
        "the {what} {given:?} of a secret can't be used: write a name of at most 200 bytes \
         without `/`, `..` and control characters"
    )]
    BadName {
        /// Which of both: `name` or `key`.
        what: &'static str,
        /// What was written.
        given: String,
    },
    /// It is at neither place.
    #[error(
        "the key `{key}` of the secret `{name}` was not found: {} and {} were looked at; put it \
         there, readable for this user only", Place("$CREDENTIALS_DIRECTORY", .credential),
        Place("secrets.directory", .file)
    )]
    NotFound {
        /// The secret.
        name: String,
        /// The key in it.
        key: String,
        /// The systemd credential that was looked for; none where the service has none.
        credential: Option<PathBuf>,
        /// The file that was looked for; none where no directory is configured.
        file: Option<PathBuf>,
    },
    /// It is there and can't be read.
    #[error("the secret file {path} could not be read: give this user the right to read it", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is there, but no regular file.
    #[error("the secret file {path} is no regular file: put a file there", path = .path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// It is there, but larger than any secret.
    #[error(
        "the secret file {path} is larger than {MAX_SECRET_SIZE} bytes: it is probably another file",
        path = .path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Reading it did not come to an end.
    #[error("reading the secret `{name}` broke off; it is read again with the next try")]
    BrokenOff {
        /// The secret.
        name: String,
    },
    /// Nothing came in time.
    #[error(
        "the key `{key}` of the secret `{name}` was not read within {} s: see whether the disk of \
         secrets.directory answers; it is read again with the next try", PATIENCE.as_secs()
    )]
    TooSlow {
        /// The secret.
        name: String,
        /// The key in it.
        key: String,
    },
    /// It is there, but no text.
    #[error("the secret file {path} is not UTF-8 text: write the value as text", path = .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
}

/// How a place that was looked at is told.
struct Place<'a>(&'static str, &'a Option<PathBuf>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(path) => write!(f, "{}", path.display()),
            None => write!(f, "{} (not set)", self.0),
        }
    }
}

/// A secret value. It prints as `[redacted]`, and its memory is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretString(String);

impl SecretString {
    /// Takes this text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The value itself. It belongs in the one request that needs it, and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The HMAC-SHA256 of a message with this as its key.
    pub fn authenticate(&self, message: &[u8]) -> Hmac<Sha256> {
        // A key of any length is taken, so what stands for a refused one is never used.
        let mut mac = Hmac::new_from_slice(self.expose().as_bytes())
            .unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
        mac.update(message);
        mac
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Drop for SecretString {
    fn drop(&mut self) {
        erase(std::mem::take(&mut self.0).into_bytes());
    }
}

/// Overwrites these bytes before their memory is given back.
fn erase(mut bytes: Vec<u8>) {
    bytes.fill(0);
    // Without this the compiler may leave out a write that nobody reads.
    std::hint::black_box(&mut bytes);
}

/// The text of somebody who may repeat these values, without them.
pub fn redacted(text: &str, values: &[SecretString]) -> String {
    redact::redacted(text, values.iter().map(SecretString::expose))
}

/// Secrets in files: systemd credentials first, then a directory.
#[derive(Debug, Clone)]
pub struct FileSecrets {
    credentials: Option<PathBuf>,
    directory: Option<PathBuf>,
    readers: Arc<Semaphore>,
}

impl Default for FileSecrets {
    fn default() -> Self {
        Self::new(None, None)
    }
}

impl FileSecrets {
    /// Secrets in these two directories: systemd's credentials, and `secrets.directory`.
    pub fn new(credentials: Option<PathBuf>, directory: Option<PathBuf>) -> Self {
        Self {
            credentials,
            directory,
            readers: Arc::new(Semaphore::new(READERS)),
        }
    }
}

#[async_trait]
impl Secrets for FileSecrets {
    /// Reads where blocking is allowed: a directory may be on a disk that doesn't answer.
    async fn get(&self, secret_name: &str, key: &str) -> Result<SecretString, SecretError> {
        let read = tokio::time::timeout(PATIENCE, self.read_aside(secret_name, key)).await;
        read.unwrap_or_else(|_| {
            Err(SecretError::TooSlow {
                name: secret_name.to_owned(),
                key: key.to_owned(),
            })
        })
    }
}

impl FileSecrets {
    async fn read_aside(&self, secret_name: &str, key: &str) -> Result<SecretString, SecretError> {
        let broken_off = || SecretError::BrokenOff {
            name: secret_name.to_owned(),
        };
        let readers = Arc::clone(&self.readers);
        let place = readers.acquire_owned().await.map_err(|_| broken_off())?;
        let (secrets, name, key_name) = (self.clone(), secret_name.to_owned(), key.to_owned());
        let read = spawn_blocking(move || {
            let read = secrets.find(&name, &key_name);
            // Not before: a read that hangs keeps its thread.
            drop(place);
            read
        });
        read.await.unwrap_or_else(|_| Err(broken_off()))
    }

    fn find(&self, secret_name: &str, key: &str) -> Result<SecretString, SecretError> {
        check_name("name", secret_name)?;
        check_name("key", key)?;
        let credential = self
            .credentials
            .as_ref()
            .map(|directory| directory.join(format!("{secret_name}.{key}")));
        let file = self
            .directory
            .as_ref()
            .map(|directory| directory.join(secret_name).join(key));
        for path in [&credential, &file].into_iter().flatten() {
            if let Some(value) = read(path)? {
                return Ok(value);
            }
        }
        Err(SecretError::NotFound {
            name: secret_name.to_owned(),
            key: key.to_owned(),
            credential,
            file,
        })
    }
}

fn check_name(what: &'static str, given: &str) -> Result<(), SecretError> {
    let usable = !given.is_empty()
        && given.len() <= 200
        && given != "."
        && !given.contains("..")
        && !given
            .chars()
            .any(|character| matches!(character, '/' | '\\') || character.is_control());
    if usable {
        Ok(())
    } else {
        Err(SecretError::BadName {
            what,
            given: given.chars().take(200).collect(),
        })
    }
}

/// The secret in this file, or nothing where no such file is.
fn read(path: &Path) -> Result<Option<SecretString>, SecretError> {
    let path_buf = || path.to_owned();
    let unreadable = |source| SecretError::Unreadable {
        path: path.to_owned(),
        source,
    };
    // Looked at before it is opened: opening a pipe would wait for its writer.
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    if !metadata.is_file() {
        return Err(SecretError::NotAFile { path: path_buf() });
    }
    if metadata.len() > MAX_SECRET_SIZE {
        return Err(SecretError::TooLarge { path: path_buf() });
    }
    let file = File::open(path).map_err(unreadable)?;
    // Room for everything at once, so that growing leaves no copies behind.
    let mut bytes = Vec::with_capacity(usize::try_from(MAX_SECRET_SIZE).unwrap_or(0) + 2);
    if let Err(error) = file.take(MAX_SECRET_SIZE + 1).read_to_end(&mut bytes) {
        erase(bytes);
        return Err(unreadable(error));
    }
    if bytes.len() as u64 > MAX_SECRET_SIZE {
        erase(bytes);
        return Err(SecretError::TooLarge { path: path_buf() });
    }
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(SecretString(text))),
        Err(error) => {
            erase(error.into_bytes());
            Err(SecretError::NotText { path: path_buf() })
        }
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authentication_code_is_that_of_the_standard() {
        // RFC 4231, test case 2.
        let code = SecretString::new("Jefe").authenticate(b"what do ya want for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(code.finalize().into_bytes()), expected);
    }

    #[test]
    fn a_text_is_told_without_values() {
        let values = [SecretString::new("correct-horse")];
        assert_eq!(redacted("is correct-horse", &values), "is [redacted]");
    }

    struct Directories {
        scratch: tempfile::TempDir,
        secrets: FileSecrets,
    }

    impl Directories {
        fn new() -> Self {
            let scratch = tempfile::tempdir().unwrap();
            let credentials = scratch.path().join("credentials");
            let directory = scratch.path().join("secrets");
            std::fs::create_dir(&credentials).unwrap();
            std::fs::create_dir_all(directory.join("db")).unwrap();
            let secrets = FileSecrets::new(Some(credentials), Some(directory));
            Self { scratch, secrets }
        }

        fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
            std::fs::write(self.scratch.path().join(path), bytes).unwrap();
        }

        fn value(&self) -> String {
            let secret = self.secrets.find("db", "password").unwrap();
            secret.expose().to_owned()
        }

        fn error(&self) -> String {
            self.secrets.find("db", "password").unwrap_err().to_string()
        }
    }

    #[tokio::test]
    async fn a_value_is_read_aside() {
        let directories = Directories::new();
        directories.put("secrets/db/password", "hush");
        let secret = directories.secrets.get("db", "password").await.unwrap();
        assert_eq!(secret.expose(), "hush");
        assert!(directories.secrets.get("db", "user").await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_does_not_answer_costs_a_caller_some_seconds_and_no_more_threads() {
        let directories = Directories::new();
        directories.put("secrets/db/password", "hush");
        let all = u32::try_from(READERS).unwrap();
        let hanging = directories.secrets.readers.acquire_many(all).await.unwrap();
        let error = directories.secrets.get("db", "password").await.unwrap_err();
        assert!(matches!(error, SecretError::TooSlow { .. }), "{error}");
        drop(hanging);
        assert!(directories.secrets.get("db", "password").await.is_ok());
    }

    #[test]
    fn a_credential_comes_before_a_file() {
        let directories = Directories::new();
        directories.put("secrets/db/password", "from the directory");
        assert_eq!(directories.value(), "from the directory");
        directories.put("credentials/db.password", "from systemd");
        assert_eq!(directories.value(), "from systemd");
    }

    #[test]
    fn one_line_end_is_stripped_and_no_more() {
        let directories = Directories::new();
        for (written, value) in [
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            (" a ", " a "),
            ("", ""),
        ] {
            directories.put("secrets/db/password", written);
            assert_eq!(directories.value(), value);
        }
    }

    #[test]
    fn an_absent_secret_names_both_places() {
        let directories = Directories::new();
        let error = directories.error();
        assert!(error.contains("/credentials/db.password"), "{error}");
        assert!(error.contains("/secrets/db/password"), "{error}");
        let error = FileSecrets::default().find("db", "password").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("$CREDENTIALS_DIRECTORY (not set)")
        );
    }

    #[test]
    fn names_never_leave_the_directory() {
        let directories = Directories::new();
        directories.put("outside", "x");
        for name in ["", ".", "..", "../outside", "a/b", "a\\b", "a\0b", "a..b"] {
            for (name, key) in [(name, "password"), ("db", name)] {
                let error = directories.secrets.find(name, key).unwrap_err();
                assert!(matches!(error, SecretError::BadName { .. }), "{error}");
            }
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_without_its_content() {
        let directories = Directories::new();
        let limit = usize::try_from(MAX_SECRET_SIZE).unwrap();
        directories.put("secrets/db/password", "s".repeat(limit));
        assert_eq!(directories.value().len(), limit);
        directories.put("secrets/db/password", "s".repeat(limit + 1));
        assert!(directories.error().contains("larger than 65536 bytes"));
        directories.put("secrets/db/password", b"hush\xff");
        let error = directories.error();
        assert!(error.contains("not UTF-8") && !error.contains("hush"));
        let path = directories.scratch.path().join("secrets/db/password");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(directories.error().contains("no regular file"));
    }

    #[test]
    fn a_secret_prints_as_redacted() {
        let secret = SecretString::new("hush");
        assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
        assert_eq!(format!("{:?}", Some(secret.clone())), "Some([redacted])");
        assert_eq!(secret.expose(), "hush");
    }
}
