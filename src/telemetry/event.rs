//! One event, one log line.

use std::borrow::Cow;

use crate::plan::event::{Event, EventKind};
use crate::resources::lineage::short;

/// Logs an event at the level of its kind.
pub fn event(event: &Event) {
    let kind = event.kind;
    let resource = event.resource.as_ref().map(ToString::to_string);
    let subject = resource.as_deref().unwrap_or("jetkeeper");
    let mut message = Cow::Borrowed(event.message.as_str());
    if let Some(revision) = &event.revision {
        message = Cow::Owned(format!("{message} (commit {})", short(revision)));
    }
    // A level is part of a callsite, so each has its own.
    match level(kind) {
        Level::Error => tracing::error!(target: TARGET, ?kind, resource, "{subject}: {message}"),
        Level::Warn => tracing::warn!(target: TARGET, ?kind, resource, "{subject}: {message}"),
        Level::Info => tracing::info!(target: TARGET, ?kind, resource, "{subject}: {message}"),
    }
}

/// Lines with this target say their kind in their words already.
pub(super) const TARGET: &str = "jetkeeper::event";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Error,
    Warn,
    Info,
}

/// Exhaustive: a new kind has to find its level.
fn level(kind: EventKind) -> Level {
    use EventKind as K;
    match kind {
        K::Failed | K::Lost | K::RolledBack | K::SnapshotFailed => Level::Error,
        K::StepFailed | K::Held | K::Drifted | K::SourceFailed => Level::Warn,
        K::Submitted
        | K::Running
        | K::Suspended
        | K::Resumed
        | K::Canceled
        | K::Completed
        | K::Adopted
        | K::Renamed
        | K::Configured
        | K::Deleted
        | K::UpgradeStarted
        | K::UpgradeStable
        | K::SnapshotExported
        | K::Released
        | K::Paused
        | K::Unpaused
        | K::Confirmed
        | K::SourceRecovered => Level::Info,
    }
}
