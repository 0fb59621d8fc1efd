//! What systemd is told about the service, by the protocol of `sd_notify(3)`: datagrams of
//! `NAME=value` lines to the socket that `$NOTIFY_SOCKET` names.
//!
//! What is told is a hint: where nobody listens, or the manager is too busy to take one more, the
//! service goes on. Nothing here waits.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The longest status: systemd shows one line of it.
const LONGEST_STATUS: usize = 500;

/// Where systemd listens; nowhere when the service wasn't started by it.
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
}

/// Why nobody can be told.
#[derive(Debug, thiserror::Error)]
#[error("failed to prepare for telling systemd at {socket:?} ($NOTIFY_SOCKET)")]
pub struct NotifyError {
    socket: OsString,
    #[source]
    source: io::Error,
}

impl Notifier {
    /// Tells whoever listens at this address: a path, or a name after `@`. None tells nobody.
    pub fn new(socket: Option<OsString>) -> Result<Self, NotifyError> {
        let Some(socket) = socket else {
            return Ok(Self::default());
        };
        let connect = || {
            let datagram = UnixDatagram::unbound()?;
            datagram.set_nonblocking(true)?;
            Ok((datagram, address(&socket)?))
        };
        match connect() {
            Ok(socket) => Ok(Self {
                socket: Some(socket),
            }),
            Err(source) => Err(NotifyError { socket, source }),
        }
    }

    /// It does what it is for, as far as this says.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={}", line(status)));
    }

    /// How it is doing, in one line.
    pub fn status(&self, status: &str) {
        self.tell(&format!("STATUS={}", line(status)));
    }

    /// It reads its configuration again; [`Self::ready`] ends that. The time tells systemd which of
    /// several reloads this answers.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// It ends.
    pub fn stopping(&self, status: &str) {
        self.tell(&format!("STOPPING=1\nSTATUS={}", line(status)));
    }

    /// It gets on. To be said only when it does: see `WatchdogSec=`.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, text: &str) {
        if let Some((socket, address)) = &self.socket
            && let Err(error) = socket.send_to_addr(text.as_bytes(), address)
        {
            tracing::debug!(%error, "systemd was not told: {text}");
        }
    }
}

/// How often systemd wants to hear that the service is alive, from `$WATCHDOG_USEC` and
/// `$WATCHDOG_PID`; none where it doesn't ask, or asks another process.
pub fn watchdog(micros: Option<&OsStr>, process: Option<&OsStr>, ours: u32) -> Option<Duration> {
    let number = |text: &OsStr| text.to_str()?.parse::<u64>().ok();
    let is_ours = process.is_none_or(|process| number(process) == Some(u64::from(ours)));
    let micros = number(micros?).filter(|micros| *micros > 0)?;
    is_ours.then(|| Duration::from_micros(micros))
}

fn address(socket: &OsStr) -> io::Result<SocketAddr> {
    match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(socket),
    }
}

/// The text in one line, no longer than systemd shows.
fn line(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let end = text.floor_char_boundary(LONGEST_STATUS);
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(listener: &UnixDatagram) -> String {
        let mut buffer = [0; 4096];
        let length = listener.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_path_and_an_abstract_name_are_told() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("notify");
        let by_path = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::new(Some(path.into_os_string())).unwrap();
        notifier.ready("two\nlines");
        assert_eq!(told(&by_path), "READY=1\nSTATUS=two lines");

        let name = format!("jetkeeper-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let by_name = UnixDatagram::bind_addr(&address).unwrap();
        let notifier = Notifier::new(Some(format!("@{name}").into())).unwrap();
        notifier.stopping(&"ä".repeat(LONGEST_STATUS));
        let text = told(&by_name);
        assert_eq!(text.len(), "STOPPING=1\nSTATUS=".len() + LONGEST_STATUS);
    }

    #[test]
    fn a_manager_that_does_not_read_holds_nothing_up() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::new(Some(path.into_os_string())).unwrap();
        for _ in 0..10_000 {
            notifier.status("busy");
        }
        drop(listener);
        notifier.alive();
        Notifier::new(None).unwrap().alive();
    }

    #[test]
    fn a_reload_says_when() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        Notifier::new(Some(path.into_os_string()))
            .unwrap()
            .reloading();
        let text = told(&listener);
        let micros = text.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(micros.parse::<u64>().unwrap() > 0, "{text}");
    }

    #[test]
    fn the_watchdog_is_for_the_process_that_is_named() {
        let of = |micros: &str, process: Option<&str>| {
            watchdog(Some(micros.as_ref()), process.map(OsStr::new), 7)
        };
        assert_eq!(of("3000000", None), Some(Duration::from_secs(3)));
        assert_eq!(of("3000000", Some("7")), Some(Duration::from_secs(3)));
        assert_eq!(of("3000000", Some("8")), None);
        assert_eq!(of("0", None), None);
        assert_eq!(of("soon", None), None);
        assert_eq!(watchdog(None, None, 7), None);
    }
}
