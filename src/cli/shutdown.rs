//! Signals, and the end of an engine of this process.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::{CliError, Result};
use crate::engine::published::PlannedStep;

/// What steps in flight get once somebody wants the end.
pub(super) const GRACE: Duration = Duration::from_secs(30);

/// SIGTERM and Ctrl-C.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Listens from now on; before, either ends the process at once.
    pub(super) fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(CliError::failed);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for either.
    pub(super) async fn wanted(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
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
