//! What a command ends with when it doesn't do what it was asked for.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use crate::api::{ApiError, ClientError, SocketError};
use crate::config::ConfigError;
use crate::engine::EngineError;
use crate::resources::Fault;
use crate::resources::render::render;
use crate::store::StoreError;
use crate::telemetry::{self, LogError};

/// Which exit code it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// 1: it was tried.
    Failed,
    /// 2: it can't be tried; asked the same way again, it never will.
    Usage,
    /// 0: nobody reads what is printed any more.
    Unread,
}

/// An error, its causes, and what to do.
#[derive(Debug)]
pub(super) struct CliError {
    kind: Kind,
    error: Box<dyn Error + Send + Sync>,
    faults: Vec<Fault>,
    hints: Vec<String>,
}

/// What the commands return.
pub(super) type Result<T, E = CliError> = std::result::Result<T, E>;

impl CliError {
    fn new(kind: Kind, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind,
            error: error.into(),
            faults: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// It was tried, and failed.
    pub(super) fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Kind::Failed, error)
    }

    /// It makes no sense as it was asked for.
    pub(super) fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Kind::Usage, error)
    }

    /// Whoever read our output has gone.
    pub(super) fn unread(error: std::io::Error) -> Self {
        Self::new(Kind::Unread, error)
    }

    /// Adds what to do.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Whether nobody reads what is printed any more, this error included.
    pub(super) fn is_unread(&self) -> bool {
        self.kind == Kind::Unread
    }

    /// The process's exit code.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            Kind::Unread => 0,
            Kind::Failed => 1,
            Kind::Usage => 2,
        })
    }

    /// The error and its causes in one line, for the log.
    pub(super) fn words(&self) -> String {
        telemetry::in_one_line(&*self.error)
    }

    /// What is wrong with files, where that is the error.
    pub(super) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// As it is printed: faults, the error, each cause once, the hints. Styled; who prints it strips.
    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        for fault in &self.faults {
            text.push_str(&render(fault, true));
            text.push_str("\n\n");
        }
        line(&mut text, ERROR, "error", &self.error.to_string());
        let mut cause = self.error.source();
        while let Some(error) = cause {
            line(&mut text, CAUSE, "  cause", &error.to_string());
            cause = error.source();
        }
        for hint in &self.hints {
            line(&mut text, HINT, "  hint", hint);
        }
        text
    }
}

const ERROR: Style = AnsiColor::Red.on_default().bold();
const CAUSE: Style = Style::new().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

fn line(text: &mut String, style: Style, label: &str, message: &str) {
    // Writing to a String can't fail.
    writeln!(text, "{style}{label}:{style:#} {message}").unwrap_or_default();
}

impl From<ConfigError> for CliError {
    /// The same configuration stays wrong: a service must not start again and again.
    fn from(error: ConfigError) -> Self {
        let faults = match &error {
            ConfigError::Faulty { faults, .. } => faults.clone(),
            _ => Vec::new(),
        };
        Self {
            faults,
            ..Self::usage(error)
        }
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused(ApiError {
                code: _,
                message,
                hint,
            }) => Self {
                hints: hint.into_iter().collect(),
                ..Self::failed(message)
            },
            other => Self::failed(other),
        }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::failed(error)
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        Self::failed(error)
    }
}

impl From<SocketError> for CliError {
    fn from(error: SocketError) -> Self {
        Self::failed(error)
    }
}

impl From<LogError> for CliError {
    fn from(error: LogError) -> Self {
        Self::usage(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_told_once_and_hints_come_last() {
        let error = StoreError::Io {
            what: "open",
            path: "/srv/state".to_owned(),
            source: std::io::Error::other("disk on fire"),
        };
        let error = CliError::from(EngineError::Load(error)).hint("buy another disk");
        let plain = anstream::adapter::strip_str(&error.render()).to_string();
        insta::assert_snapshot!(plain, @r"
        error: failed to read the recorded state
          cause: failed to open the state in /srv/state
          cause: disk on fire
          hint: buy another disk
        ");
        assert_eq!(error.exit_code(), ExitCode::from(1));
    }

    #[test]
    fn a_refusal_is_told_in_the_daemons_words() {
        let error = CliError::from(ClientError::Refused(ApiError {
            code: "NotFound".to_owned(),
            message: "there is no JetJob/nobody".to_owned(),
            hint: Some("`jetkeeper get jobs` shows the names".to_owned()),
        }));
        let plain = anstream::adapter::strip_str(&error.render()).to_string();
        insta::assert_snapshot!(plain, @r"
        error: there is no JetJob/nobody
          hint: `jetkeeper get jobs` shows the names
        ");
    }
}
