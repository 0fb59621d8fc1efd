//! Events about what is seen.

use std::borrow::Cow;

use crate::plan::draft::Draft;
use crate::plan::event::EventKind;
use crate::plan::failure::headline;
use crate::plan::job::{JobStatus, JobView};
use crate::plan::record::{OperationKind, StoppedBy};

/// Tells that the job is in another status than before, and whether it ran before.
pub(super) fn status(draft: &mut Draft<'_>, job: &JobView, ran: bool) {
    let id = job.id;
    let by = draft.record.job.as_ref().and_then(|job| job.stopped_by);
    let whose = if by == Some(StoppedBy::Person) {
        " by hand"
    } else {
        ""
    };
    let failure = job.failure.as_deref().or(job.suspension_failure.as_deref());
    let why = failure
        .and_then(headline)
        .unwrap_or(Cow::Borrowed("no reason given"));
    let (kind, message) = match job.status {
        JobStatus::Running if ran => (EventKind::Resumed, format!("RUNNING again (job {id})")),
        JobStatus::Running => (EventKind::Running, format!("RUNNING (job {id})")),
        JobStatus::Suspended if by == Some(StoppedBy::Failure) => (
            EventKind::Suspended,
            format!("SUSPENDED after a failure: {why}"),
        ),
        JobStatus::Suspended => (EventKind::Suspended, format!("SUSPENDED{whose} (job {id})")),
        JobStatus::Failed if job.user_cancelled => {
            (EventKind::Canceled, format!("cancelled{whose} (job {id})"))
        }
        JobStatus::Failed => (EventKind::Failed, format!("FAILED: {why}")),
        JobStatus::Completed => (EventKind::Completed, format!("COMPLETED (job {id})")),
        JobStatus::NotRunning
        | JobStatus::Starting
        | JobStatus::SuspendedExportingSnapshot
        | JobStatus::Completing => return,
    };
    draft.tell(kind, message);
}

/// Tells, once, that an operation began.
pub(super) fn operation_began(draft: &mut Draft<'_>) {
    let Some(operation) = &mut draft.edit().operation else {
        return;
    };
    operation.told = true;
    if matches!(
        operation.kind,
        OperationKind::Replace | OperationKind::Upgrade
    ) {
        let (generation, job) = (operation.generation, operation.job);
        let message = format!("generation {generation} replaces job {job}");
        draft.tell(EventKind::UpgradeStarted, message);
    }
}

/// Whether the job that an upgrade made has come to something; tells so where it runs.
pub(super) fn replaced(draft: &mut Draft<'_>) -> bool {
    let Some(job) = &draft.record.job else {
        return true;
    };
    match job.status {
        JobStatus::Running => {
            let message = format!("the new version runs as job {}", job.id);
            draft.tell(EventKind::UpgradeStable, message);
            true
        }
        JobStatus::Failed | JobStatus::Completed | JobStatus::Suspended => true,
        _ => job.gone,
    }
}
