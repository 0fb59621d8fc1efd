//! Log lines for people.
//!
//! ```text
//! 2026-11-24T23:40:46Z  WARN JetJob/orders: Held …          on a terminal or in a file
//! <4>JetJob/orders: Held …                                  in the journal
//! ```

use std::error::Error;
use std::fmt;

use anstyle::{AnsiColor, Style};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::event;

/// An error and its causes in one line.
pub fn in_one_line(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let words: Vec<String> = causes.map(ToString::to_string).collect();
    words.join(": ")
}

/// Writes one line an event.
pub(super) struct Lines {
    /// Whether the journal takes the lines: it knows the time, and takes the level from a prefix.
    pub(super) in_journal: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        if self.in_journal {
            write!(writer, "<{}>", priority(level))?;
        } else {
            let colour = writer.has_ansi_escapes();
            write!(writer, "{} {} ", seconds()?, word(level, colour))?;
        }
        if event.metadata().target() == event::TARGET {
            let mut message = Message::default();
            event.record(&mut message);
            writer.write_str(&message.0)?;
        } else {
            context.format_fields(writer.by_ref(), event)?;
        }
        writeln!(writer)
    }
}

/// The message of an event alone.
#[derive(Default)]
struct Message(String);

impl tracing::field::Visit for Message {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

/// The time without fractions of a second.
fn seconds() -> Result<String, fmt::Error> {
    let mut text = String::new();
    SystemTime.format_time(&mut Writer::new(&mut text))?;
    Ok(match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    })
}

/// As `syslog` counts.
pub(super) fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

fn word(level: Level, colour: bool) -> String {
    let style = match level {
        _ if !colour => Style::new(),
        Level::ERROR => AnsiColor::Red.on_default().bold(),
        Level::WARN => AnsiColor::Yellow.on_default(),
        Level::INFO => AnsiColor::Green.on_default(),
        Level::DEBUG | Level::TRACE => Style::new().dimmed(),
    };
    format!("{style}{level:>5}{style:#}")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::plan::event::{Event, EventKind};
    use crate::resources::ResourceId;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(in_journal: bool, log: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .event_format(Lines { in_journal })
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap()
    }

    fn running() -> Event {
        Event {
            kind: EventKind::Running,
            resource: Some(ResourceId::jet_job("orders")),
            message: "RUNNING (job 0adf-8fef-9a80-0001)".to_owned(),
            revision: None,
        }
    }

    #[test]
    fn the_journal_gets_a_priority_and_no_time() {
        assert_eq!(
            logged(true, || super::super::event(&running())),
            "<6>JetJob/orders: RUNNING (job 0adf-8fef-9a80-0001)\n"
        );
        let fields = || tracing::warn!(cluster = "dev", "no member answers");
        assert_eq!(
            logged(true, fields),
            "<4>no member answers cluster=\"dev\"\n"
        );
    }

    #[test]
    fn elsewhere_a_line_begins_with_the_time_and_the_level() {
        let line = logged(false, || super::super::event(&running()));
        let (time, rest) = line.split_once(' ').unwrap();
        time.parse::<jiff::Timestamp>().unwrap();
        assert_eq!(time.len(), "2026-11-24T23:40:46Z".len());
        assert_eq!(
            rest,
            " INFO JetJob/orders: RUNNING (job 0adf-8fef-9a80-0001)\n"
        );
    }
}
