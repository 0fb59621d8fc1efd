//! Failures: why a jar can't be had, in words for the one who can change that.

use crate::plan::jar::JarProblem;

use super::cache::CacheError;
use super::jar::JarError;

/// Why a jar can't be had.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) problem: JarProblem,
    pub(super) message: String,
    pub(super) retry: Retry,
}

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// It may pass by itself.
    Soon,
    /// The jar has to be replaced first.
    Late,
    /// It can't change.
    Never,
}

impl Failure {
    pub(super) fn new(problem: JarProblem, retry: Retry, message: String) -> Self {
        Self {
            problem,
            message,
            retry,
        }
    }

    /// The jar called `name` is no good.
    pub(super) fn of_jar(name: &str, error: &JarError) -> Self {
        match error {
            JarError::Read(source) => Self::new(
                JarProblem::Unreadable,
                Retry::Soon,
                format!("{name} could not be read back: {}", source.kind()),
            ),
            JarError::NotAJar(_) => Self::new(
                JarProblem::NotAJar,
                Retry::Late,
                format!("{name} is not a jar; build it again and see that the whole file is there"),
            ),
            JarError::TooManyEntries => Self::new(
                JarProblem::TooLarge,
                Retry::Late,
                format!("{name} has too many entries; leave out what the job doesn't need"),
            ),
        }
    }

    /// The cache refused the jar called `name`.
    pub(super) fn of_cache(name: &str, error: &CacheError) -> Self {
        let cause = std::error::Error::source(error).map_or_else(String::new, |source| {
            let kind = source
                .downcast_ref::<std::io::Error>()
                .map(std::io::Error::kind);
            kind.map_or_else(String::new, |kind| format!(" ({kind})"))
        });
        Self::new(
            JarProblem::Unreadable,
            Retry::Soon,
            format!("{name} is there, but {error}{cause}"),
        )
    }

    /// Reading the jar called `name` broke off.
    pub(super) fn broken_off(name: &str) -> Self {
        Self::new(
            JarProblem::Unreadable,
            Retry::Late,
            format!("reading {name} broke off; it may be damaged"),
        )
    }
}
