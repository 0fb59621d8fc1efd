//! Signals, and the end of an engine of this process.

use std::io::IsTerminal as _;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::{CliError, Result};
use crate::engine::published::PlannedStep;

/// What steps in flight get once somebody wants the end.
pub(super) const GRACE: Duration = Duration::from_secs(30);

/// SIGTERM, Ctrl-C, and the end of the terminal that it runs in.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
    /// None without a terminal: there SIGHUP is a daemon's word to read its configuration again.
    hangup: Option<Signal>,
}

impl Stop {
    /// Listens from now on; before, each ends the process at once.
    pub(super) fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(CliError::failed);
        let in_terminal = std::io::stdin().is_terminal();
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: in_terminal
                .then(|| listen(SignalKind::hangup()))
                .transpose()?,
        })
    }

    /// Waits for any of them.
    pub(super) async fn wanted(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = hangup => {}
        }
    }
}

/// What was left, in words; none where nothing was.
pub(super) fn left(steps: &[PlannedStep]) -> Option<String> {
    if steps.is_empty() {
        return None;
    }
    let steps: Vec<String> = steps
        .iter()
        .map(|step| format!("{}: {}", step.resource, step.message))
        .collect();
    Some(format!(
        "not ended, and looked for by the next run: {}",
        steps.join("; ")
    ))
}
