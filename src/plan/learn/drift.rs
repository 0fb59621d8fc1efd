//! What a person did by hand against the YAML.

use crate::plan::draft::Draft;
use crate::plan::event::EventKind;
use crate::plan::jet_job::start_wanted;
use crate::plan::job::JobStatus;
use crate::plan::record::{Drift, StoppedBy};

/// Notes it, and forgets it once it is undone or the YAML agrees.
pub(super) fn judge(draft: &mut Draft<'_>) {
    let record = &draft.record;
    let Some(job) = &record.job else { return };
    let running_wanted = record.spec.state.runs();
    let drifted = running_wanted
        && record.deletion.is_none()
        && !job.gone
        && job.stopped_by == Some(StoppedBy::Person)
        && matches!(job.status, JobStatus::Suspended | JobStatus::Failed);
    let status = job.status;
    match (&record.drift, drifted) {
        (Some(drift), true) if drift.status == status => {}
        (_, true) => {
            // What is under way already is brought to its end by what it knows of the job's state.
            let asked_before = record.operation.is_none() && start_wanted(draft, job);
            let drift = Drift {
                status,
                generation: record.generation,
                since: draft.now(),
                confirmed: false,
                asked_before,
            };
            let message = format!("{}, RUNNING is declared", drift.words());
            draft.edit().drift = Some(drift);
            draft.tell(EventKind::Drifted, message);
        }
        (Some(_), false) => draft.edit().drift = None,
        (None, false) => {}
    }
}
