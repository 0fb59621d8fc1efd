//! The journal of systemd: entries by its native protocol, so that they can be searched by field.
//!
//! ```text
//! journalctl -u jetkeeper JETKEEPER_RESOURCE=JetJob/orders
//! journalctl -u jetkeeper JETKEEPER_KIND=Held -o json
//! ```
//!
//! An entry is one datagram, with at most [`LONGEST_FIELD`] bytes a field.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use super::event::TARGET;
use super::format::{in_one_line, priority};

/// Where the journal listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// The longest value of a field. An entry has to fit into one datagram, and a line that long has said
/// what it has to say.
const LONGEST_FIELD: usize = 16 * 1024;

/// How long a journal that is busy may hold up whoever logs, as a full pipe would; then it loses an entry.
const LONGEST_SEND: Duration = Duration::from_secs(1);

/// The most fields of an entry that are not always there.
const MOST_FIELDS: usize = 16;

/// `$JOURNAL_STREAM` names device and inode of what systemd connected; a redirect makes it wrong.
pub(super) fn takes_stderr() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let Ok(actual) = rustix::fs::fstat(std::io::stderr().as_fd()) else {
        return false;
    };
    named == format!("{}:{}", actual.st_dev, actual.st_ino)
}

/// Writes entries to the journal.
pub(super) struct Journal(UnixDatagram);

impl Journal {
    /// Connects to the journal that listens there.
    pub(super) fn connect(socket: &Path) -> io::Result<Self> {
        let datagram = UnixDatagram::unbound()?;
        datagram.connect(socket)?;
        datagram.set_write_timeout(Some(LONGEST_SEND))?;
        Ok(Self(datagram))
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut entry = Entry::default();
        entry.add("MESSAGE", &fields.words(metadata.target() == TARGET));
        let level = *metadata.level();
        entry.add("PRIORITY", &priority(level).to_string());
        entry.add("SYSLOG_IDENTIFIER", "jetkeeper");
        entry.add("JETKEEPER_TARGET", metadata.target());
        for (name, value) in &fields.others {
            entry.add(&field_name(name), value);
        }
        // An entry that the journal doesn't take is lost: there is no one else to tell.
        self.0.send(&entry.0).ok();
    }
}

/// The fields of an event as text.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Fields {
    /// The message; where it doesn't say what the fields say already, followed by these.
    fn words(&self, says_all: bool) -> String {
        let mut words = self.message.clone();
        for (name, value) in self.others.iter().filter(|_| !says_all) {
            for part in [" ", name, "=", value] {
                words.push_str(part);
            }
        }
        words
    }

    fn add(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.message = value;
        } else if self.others.len() < MOST_FIELDS {
            self.others.push((field.name(), value));
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, in_one_line(value));
    }
}

/// The journal's names have capitals, digits and `_` alone.
fn field_name(name: &str) -> String {
    let name = name.chars().map(|c| match c.to_ascii_uppercase() {
        c @ ('A'..='Z' | '0'..='9') => c,
        _ => '_',
    });
    format!("JETKEEPER_{}", name.collect::<String>())
}

/// One datagram.
#[derive(Default)]
struct Entry(Vec<u8>);

impl Entry {
    /// A value of one line is written after `=`, others after their length.
    fn add(&mut self, name: &str, value: &str) {
        let value = &value[..value.floor_char_boundary(LONGEST_FIELD)];
        self.0.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            self.0.push(b'\n');
            let length = value.len() as u64;
            self.0.extend_from_slice(&length.to_le_bytes());
        } else {
            self.0.push(b'=');
        }
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::plan::event::{Event, EventKind};
    use crate::resources::ResourceId;

    /// The datagrams that logging sends to a journal.
    fn entry(log: impl FnOnce()) -> Vec<u8> {
        let scratch = tempfile::tempdir().unwrap();
        let socket = scratch.path().join("socket");
        let journal = UnixDatagram::bind(&socket).unwrap();
        let layer = Journal::connect(&socket).unwrap();
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, log);
        let mut buffer = vec![0; 256 * 1024];
        let length = journal.recv(&mut buffer).unwrap();
        buffer.truncate(length);
        buffer
    }

    #[test]
    fn what_happened_to_a_job_can_be_found_by_the_job() {
        let event = Event {
            kind: EventKind::Held,
            resource: Some(ResourceId::jet_job("orders")),
            message: "JarNotFound: no jar".to_owned(),
            revision: None,
        };
        let entry = entry(|| super::super::event(&event));
        assert_eq!(
            String::from_utf8(entry).unwrap(),
            "MESSAGE=JetJob/orders: JarNotFound: no jar\nPRIORITY=4\nSYSLOG_IDENTIFIER=jetkeeper\n\
             JETKEEPER_TARGET=jetkeeper::event\nJETKEEPER_KIND=Held\nJETKEEPER_RESOURCE=JetJob/orders\n"
        );
    }

    #[test]
    fn other_lines_say_their_fields_in_the_message_too() {
        let entry = entry(|| tracing::info!(cluster = "dev", members = 3, "connected"));
        let entry = String::from_utf8(entry).unwrap();
        assert!(
            entry.starts_with("MESSAGE=connected cluster=dev members=3\nPRIORITY=6\n"),
            "{entry}"
        );
        assert!(entry.ends_with("JETKEEPER_CLUSTER=dev\nJETKEEPER_MEMBERS=3\n"));
    }

    #[test]
    fn several_lines_go_with_their_length_and_no_field_is_too_long() {
        let short = entry(|| tracing::error!("one\ntwo"));
        let mut expected = b"MESSAGE\n".to_vec();
        expected.extend_from_slice(&7_u64.to_le_bytes());
        expected.extend_from_slice(b"one\ntwo\n");
        assert!(short.starts_with(&expected));
        let long = entry(|| tracing::error!(text = "x".repeat(1_000_000), "long"));
        assert!(long.len() < 3 * LONGEST_FIELD);
    }
}
