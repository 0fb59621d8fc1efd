//! One step, a line when it begins and a line when it didn't end well.

use crate::plan::step::{Outcome, Step};

/// Logs that a step begins.
pub fn step_started(step: &Step) {
    tracing::info!("{}: {step}", step.resource);
}

/// Logs how a step ended. What went well shows as an event soon, in the words of the cluster; an
/// upload proves nothing until its job is found.
pub fn step_ended(step: &Step, outcome: &Outcome) {
    let resource = &step.resource;
    match outcome {
        Outcome::Done => tracing::debug!("{resource}: done: {step}"),
        Outcome::Exported { facts } => tracing::info!(
            "{resource}: done: {step}: {} bytes in {} chunks, read back",
            facts.bytes,
            facts.chunks
        ),
        Outcome::Uploaded {
            outcome, message, ..
        } => tracing::debug!(?outcome, "{resource}: ended: {step}: {message}"),
        Outcome::Stale { message } => {
            tracing::info!("{resource}: not done any more: {step}: {message}");
        }
        Outcome::Failed { reason, message } => {
            tracing::warn!("{resource}: failed: {step}: {reason}: {message}");
        }
        Outcome::Unknown { message } => {
            tracing::warn!("{resource}: nobody knows yet whether this was done: {step}: {message}");
        }
    }
}
