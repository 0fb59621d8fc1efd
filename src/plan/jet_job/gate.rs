//! Whether a step that was decided may begin now.

use super::super::cluster::{Obstacle, guard, keeps_entries, spec};
use super::super::draft::Draft;
use super::super::hold::{HoldClass, Reason};
use super::super::record::Retry;
use super::super::step::Action;
use super::hold_for;

/// Turns the step into a hold where the cluster can't be trusted now, or the same step failed a
/// moment ago.
pub(super) fn gate(draft: &mut Draft<'_>) {
    let Some(step) = &draft.step else { return };
    if let Err(obstacle) = trusted(draft, &step.action) {
        draft.step = None;
        hold_for(draft, obstacle);
        return;
    }
    let verb = step.verb();
    if waits(draft, verb) {
        draft.step = None;
    }
}

/// Whether a step of this kind failed a moment ago and waits for its next try; holds if so.
pub(super) fn waits(draft: &mut Draft<'_>, verb: &str) -> bool {
    let retry = draft.record.retry.as_ref();
    let waits = retry.filter(|retry| retry.verb == verb && retry.goes_on(draft.now()));
    let Some(retry) = waits.cloned() else {
        return false;
    };
    back_off(draft, &retry);
    true
}

fn trusted(draft: &Draft<'_>, action: &Action) -> Result<(), Obstacle> {
    let Some(view) = draft.view() else {
        return Ok(());
    };
    let name = &draft.record.spec.hazelcast_resource_name;
    let spec = spec(draft.input, name)?;
    guard(name, view, &spec, draft.now())?;
    if let Some(obstacle) = draft.sight.and_then(|sight| sight.unsettled.clone()) {
        return Err(obstacle);
    }
    match action {
        Action::Claim { .. } => keeps_entries(name, view),
        _ => Ok(()),
    }
}

/// What needs somebody is told as what it is; the rest as a pause.
fn back_off(draft: &mut Draft<'_>, retry: &Retry) {
    let message = format!(
        "{} failed {} time{}, tried again at {}: {}",
        retry.verb,
        retry.count,
        if retry.count == 1 { "" } else { "s" },
        retry.at.strftime("%H:%M:%S"),
        retry.message
    );
    let reason = match retry.reason.class() {
        HoldClass::Blocked => retry.reason,
        HoldClass::Waiting | HoldClass::Policy => Reason::BackingOff,
    };
    draft.hold_until(reason, retry.at, message);
}
