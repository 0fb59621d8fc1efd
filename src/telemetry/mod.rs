//! What the daemon says about itself: log lines on stderr, or entries of systemd's journal.
//!
//! Lines are for people, who read them on a terminal or in a file; `json` is for programs. Where stderr
//! leads to the journal, entries with fields go there directly. What
//! happened to jobs and sources is told by [`event()`], in the words that `jetkeeper events` shows too;
//! what is done about it by [`step_started`] and [`step_ended`].
//! What is counted and timed meanwhile is in [`Meters`].

mod event;
mod format;
mod journal;
mod link;
mod meters;
mod step;

use std::fmt;
use std::path::Path;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use event::event;
pub use format::in_one_line;
pub use link::{away, reached};
pub use meters::Meters;
pub use step::{step_ended, step_started};

use format::Lines;
use journal::Journal;

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// How lines look.
    pub format: LogFormat,
    /// What is logged: a level, or directives as of `tracing`.
    pub filter: String,
    /// Whether colours are wanted.
    pub colour: bool,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The filter says nothing.
    #[error("failed to read the log filter `{filter}`; write error, warn, info, debug or trace")]
    Filter {
        /// As it was given.
        filter: String,
        /// Why.
        #[source]
        source: ParseError,
    },
    /// There is one already.
    #[error("failed to set up the log")]
    Init(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Logs from now on. Once in a process.
pub fn init(options: &LogOptions) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(&options.filter).map_err(|source| LogError::Filter {
        filter: options.filter.clone(),
        source,
    })?;
    let in_journal = options.format == LogFormat::Text && journal::takes_stderr();
    if in_journal && let Ok(journal) = Journal::connect(Path::new(journal::SOCKET)) {
        let entries = tracing_subscriber::registry().with(filter).with(journal);
        return entries
            .try_init()
            .map_err(|error| LogError::Init(error.into()));
    }
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let done = match options.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder
            .with_ansi(options.colour && !in_journal)
            .event_format(Lines { in_journal })
            .try_init(),
    };
    done.map_err(LogError::Init)
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}
