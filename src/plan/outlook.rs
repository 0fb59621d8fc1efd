//! What comes after a step: a plan has the next step of each resource, and people want to know what for.

use super::record::OperationKind as Kind;
use super::record::Recorded;
use super::step::{Action, Step};
use crate::resources::{Desired, ResourceId};

/// A step and what follows it, in words.
pub fn outlook(step: &Step) -> String {
    match (&step.action, step.remember.operation) {
        (
            Action::Claim {
                attempt: Some(attempt),
                ..
            },
            _,
        ) => {
            let snapshot = attempt.snapshot.as_ref();
            let from =
                snapshot.map_or_else(String::new, |it| format!(" from snapshot {}", it.name));
            format!("{step}, then submit the job{from}")
        }
        (Action::Suspend { .. }, Some(kind)) => {
            let then = after_suspend(kind);
            then.map_or_else(
                || step.to_string(),
                |then| format!("{step} (a pause), then {then}"),
            )
        }
        (Action::Export(_), Some(kind)) => and_then(step, after_export(kind)),
        (Action::Cancel { .. }, Some(kind)) => and_then(step, after_cancel(kind)),
        _ => step.to_string(),
    }
}

/// The resource under whose name the document of a job was, that is now to be submitted for the first
/// time, as far as its spec tells: what was declared there word for word is not declared any more. A job
/// of another name is another job to its cluster, so it begins without state.
pub fn old_name(step: &Step, desired: &Desired, recorded: &Recorded) -> Option<String> {
    if !matches!(
        step.action,
        Action::Claim {
            attempt: Some(_),
            ..
        }
    ) {
        return None;
    }
    let digest = desired.jobs.get(&step.resource.name)?.digest;
    let is_gone = |name: &String| {
        !desired.jobs.contains_key(name) && !desired.faulty.contains_key(&ResourceId::jet_job(name))
    };
    let mut jobs = recorded.jobs.iter();
    let (name, _) = jobs.find(|(name, record)| {
        let ours = desired.sources.contains_key(&record.place.source);
        ours && record.digest == digest && record.job.is_some() && is_gone(name)
    })?;
    Some(name.clone())
}

fn and_then(step: &Step, then: Option<&str>) -> String {
    then.map_or_else(|| step.to_string(), |then| format!("{step}, then {then}"))
}

fn after_suspend(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Configure => Some("change its configuration and resume it"),
        Kind::Upgrade => {
            Some("export its snapshot, cancel it, and start the new version from that")
        }
        Kind::Pause => Some("export its snapshot and resume it"),
        Kind::End | Kind::Cancel | Kind::Delete => Some("export its snapshot and cancel it"),
        Kind::Replace | Kind::Rollback => None,
    }
}

fn after_export(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Upgrade => Some("cancel it and start the new version from that"),
        Kind::Pause => Some("resume it"),
        Kind::End | Kind::Cancel | Kind::Delete => Some("cancel it"),
        Kind::Configure | Kind::Replace | Kind::Rollback => None,
    }
}

fn after_cancel(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Upgrade => Some("start the new version from its snapshot"),
        Kind::Replace => Some("start the new version without state"),
        Kind::Rollback => Some("start the old version from the snapshot of the upgrade"),
        Kind::Configure | Kind::Pause | Kind::End | Kind::Cancel | Kind::Delete => None,
    }
}
