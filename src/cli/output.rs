//! The only writer to stdout and stderr: data goes to the one, everything else to the other.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use super::called::as_called;
use super::error::{CliError, Result};

/// Where the command's words go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    colour: ColorChoice,
}

impl Output {
    /// Colours where they are wanted and can be seen: not with `--no-color`, `NO_COLOR`, or a pipe.
    pub(super) fn new(no_colour: bool) -> Self {
        let colour = if no_colour {
            ColorChoice::Never
        } else {
            ColorChoice::Auto
        };
        Self { colour }
    }

    /// Prints data for people.
    pub(super) fn text(self, text: &str) -> Result<()> {
        self.data(&as_called(text))
    }

    /// Prints data, as it is.
    pub(super) fn data(self, text: &str) -> Result<()> {
        let mut stdout = AutoStream::new(io::stdout(), self.colour).lock();
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(|error| match error.kind() {
                io::ErrorKind::BrokenPipe => CliError::unread(error),
                _ => CliError::failed(error),
            })
    }

    /// Prints a line of data.
    pub(super) fn line(self, text: &str) -> Result<()> {
        self.data(&format!("{text}\n"))
    }

    /// Where data goes that is too much for one text. Bytes pass as they are.
    pub(super) fn writer() -> impl Write {
        io::stdout()
    }

    /// Tells how it goes, in one line.
    pub(super) fn say(self, text: &str) {
        self.tell(&format!("{text}\n"));
    }

    /// Tells something that may explain what is printed.
    pub(super) fn note(self, text: &str) {
        const NOTE: Style = AnsiColor::Cyan.on_default().bold();
        self.tell(&format!("{NOTE}note:{NOTE:#} {text}\n"));
    }

    /// Tells something that may be wrong.
    pub(super) fn warn(self, text: &str) {
        const WARNING: Style = AnsiColor::Yellow.on_default().bold();
        self.tell(&format!("{WARNING}warning:{WARNING:#} {text}\n"));
    }

    /// Tells an error.
    pub(super) fn error(self, error: &CliError) {
        self.tell(&error.render());
    }

    /// Whether somebody watches stderr.
    pub(super) fn is_watched() -> bool {
        io::stderr().is_terminal()
    }

    /// Whether log lines on stderr are to have colours.
    pub(super) fn colours_log(self) -> bool {
        AutoStream::new(io::stderr(), self.colour).current_choice() != ColorChoice::Never
    }

    fn tell(self, text: &str) {
        let mut stderr = AutoStream::new(io::stderr(), self.colour).lock();
        // There is nowhere left to tell that stderr is gone.
        stderr.write_all(as_called(text).as_bytes()).ok();
    }
}
