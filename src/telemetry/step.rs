//! One step, a line when it begins and a line when it didn't end well.

use super::event::TARGET;
use crate::plan::step::{Outcome, Step};

/// Logs that a step begins.
pub fn step_started(step: &Step) {
    let resource = &step.resource;
    tracing::info!(target: TARGET, %resource, "{resource}: {step}");
}

/// Logs how a step ended. What went well shows as an event soon, in the words of the cluster; an
/// upload proves nothing until its job is found.
pub fn step_ended(step: &Step, outcome: &Outcome) {
    let resource = &step.resource;
    match outcome {
        Outcome::Done => tracing::debug!(target: TARGET, %resource, "{resource}: done: {step}"),
        Outcome::Exported { facts } => {
            let (bytes, chunks) = (facts.bytes, facts.chunks);
            let read = format!("{bytes} bytes in {chunks} chunks, read back");
            tracing::info!(target: TARGET, %resource, bytes, chunks, "{resource}: done: {step}: {read}");
        }
        Outcome::Uploaded {
            outcome, message, ..
        } => {
            let ended = format!("{resource}: ended: {step}: {message}");
            tracing::debug!(target: TARGET, %resource, ?outcome, "{ended}");
        }
        Outcome::Stale { message } => {
            let stale = format!("{resource}: not done any more: {step}: {message}");
            tracing::info!(target: TARGET, %resource, "{stale}");
        }
        Outcome::Failed { reason, message } => {
            let failed = format!("{resource}: failed: {step}: {reason}: {message}");
            tracing::warn!(target: TARGET, %resource, %reason, "{failed}");
        }
        Outcome::Unknown { message } => {
            let open = "nobody knows yet whether this was done";
            tracing::warn!(target: TARGET, %resource, "{resource}: {open}: {step}: {message}");
        }
    }
}
