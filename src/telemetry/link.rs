//! Whether clusters answer, in log lines.

use super::event::TARGET;

/// Logs that a cluster answers.
pub fn reached(text: &str) {
    tracing::info!(target: TARGET, "{text}");
}

/// Logs that a cluster doesn't answer, and why.
pub fn away(text: &str) {
    tracing::warn!(target: TARGET, "{text}");
}
