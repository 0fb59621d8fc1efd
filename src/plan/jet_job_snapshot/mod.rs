//! A `JetJobSnapshot`: waits for its job, exports it once, and is final from then on.
//!
//! ```text
//! Waiting ──job RUNNING or SUSPENDED──▶ Exporting ──read back──▶ Exported (final)
//!    ▲                                     │ passes by itself: tried again
//!    └── a changed document ◀── Failed ◀───┘ else, with what to do
//! ```
//!
//! What needs the job to be stopped (`cancelJob`, `pauseToCopy`) is done by the plan of that job, see
//! `jet_job/snapshotted`; here its outcome is taken over.

mod accept;
mod delete;
mod draft;
mod export;
mod rebuilt;
mod report;
mod transition;

use std::collections::BTreeMap;

use super::accept::Limits;
use super::cluster::ClusterSight;
use super::event::EventKind;
use super::faults::Faults;
use super::hold::{HoldClass, Reason};
use super::pass::{Plan, PlanInput};
use super::pause;
use super::record::SnapshotState;
use draft::Draft;
pub(super) use export::by_its_job;

pub use report::last_status;
pub use transition::{begin, finish};

/// Plans every snapshot, after the jobs.
pub(super) fn plan_all<'a>(
    input: &'a PlanInput<'a>,
    sights: &BTreeMap<&str, ClusterSight<'a>>,
    judged: (&Faults<'_>, &Limits<'_>),
    plan: &mut Plan,
) {
    for (name, standing) in accept::accept(input, judged) {
        let mut draft = Draft::new(input, &name, standing, sights, plan);
        decide(&mut draft);
        draft.finish_into(plan);
    }
}

fn decide(draft: &mut Draft<'_>) {
    if let Some(step) = draft.input.recorded.in_flight.get(&draft.id) {
        draft.hold(Reason::SnapshotUnderWay, step.under_way());
        return;
    }
    let looked_for = rebuilt::look_for(draft);
    if left_alone(draft) || !looked_for {
        return;
    }
    if draft.may_delete {
        delete::decide(draft);
        return;
    }
    if draft.record.deleting {
        // What was begun is held with its source.
        return;
    }
    if draft.record.rebuilt {
        rebuilt::ask(draft);
    } else if draft.record.is_open() {
        export::decide(draft);
    }
    tell(draft);
    let state = draft.record.state;
    match state {
        SnapshotState::Exported if delete::forgotten(draft) => {}
        SnapshotState::Exported => export::check_available(draft),
        SnapshotState::Failed => {
            let (reason, message) = (draft.record.reason, draft.record.message.clone());
            let reason = match reason.class() {
                HoldClass::Blocked => reason,
                HoldClass::Waiting | HoldClass::Policy => Reason::SnapshotFailed,
            };
            draft.hold(reason, message);
        }
        SnapshotState::Waiting | SnapshotState::Exporting => {}
    }
}

/// Tells, once, that a snapshot came to its end.
fn tell(draft: &mut Draft<'_>) {
    if draft.record.told == Some(draft.record.state) {
        return;
    }
    let record = &draft.record;
    let told = match (record.state, &record.exported) {
        (SnapshotState::Exported, Some(exported)) => {
            let fork = if exported.fork {
                "; the job went on, so this is a fork of its state"
            } else {
                ""
            };
            let (name, facts) = (record.spec.snapshot_name(&draft.id.name), &exported.facts);
            let mut message = format!(
                "snapshot {name} of job {} ({}) is exported and read back: {} bytes in {} chunks{fork}",
                facts.job_name, facts.job, facts.bytes, facts.chunks
            );
            if let Some(caution) = facts.caution() {
                message.push_str("; ");
                message.push_str(caution);
            }
            (EventKind::SnapshotExported, message)
        }
        (SnapshotState::Failed, _) => (EventKind::SnapshotFailed, record.message.clone()),
        _ => return,
    };
    draft.tell(told.0, told.1);
    let state = draft.record.state;
    draft.edit().told = Some(state);
}

fn left_alone(draft: &mut Draft<'_>) -> bool {
    if draft.record.annotations.reconcile_disabled {
        let message = "jetkeeper.io/reconcile: disabled; observed only";
        draft.hold(Reason::ReconcileDisabled, message);
        return true;
    }
    let hold = pause::hold(draft.input.recorded, &draft.id, draft.input.now);
    let paused = hold.is_some();
    if let Some(hold) = hold {
        draft.push(hold);
    }
    paused
}
