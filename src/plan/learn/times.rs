//! Times that were recorded by a clock that was put back since.

use jiff::Timestamp;

use crate::plan::draft::Draft;
use crate::plan::record::JobRecord;

/// Takes recorded times to come for now, so that what is waited for from them on is not waited for longer than
/// it takes.
pub(super) fn set_right(draft: &mut Draft<'_>) {
    let now = draft.now();
    if !times(&draft.record)
        .into_iter()
        .flatten()
        .any(|at| at > now)
    {
        return;
    }
    for at in times_mut(draft.edit()).into_iter().flatten() {
        *at = (*at).min(now);
    }
}

/// The times that something is counted from.
fn times(record: &JobRecord) -> [Option<Timestamp>; 8] {
    let (job, operation) = (record.job.as_ref(), record.operation.as_ref());
    let upload = record.attempt.as_ref();
    [
        record.entry_since,
        record.restarts.last_at,
        record.sought_restart.map(|sought| sought.at),
        upload.and_then(|it| it.ended.as_ref()).map(|end| end.at),
        job.map(|job| job.status_since),
        job.and_then(|job| job.cancel?.sent_at),
        operation.map(|operation| operation.started_at),
        operation.and_then(|operation| operation.failures.at),
    ]
}

/// The same, to be changed.
fn times_mut(record: &mut JobRecord) -> [Option<&mut Timestamp>; 8] {
    let (since, cancel) = record.job.as_mut().map_or((None, None), |job| {
        (Some(&mut job.status_since), job.cancel.as_mut())
    });
    let (started, failures) = record.operation.as_mut().map_or((None, None), |operation| {
        (
            Some(&mut operation.started_at),
            Some(&mut operation.failures),
        )
    });
    let upload = record.attempt.as_mut();
    [
        record.entry_since.as_mut(),
        record.restarts.last_at.as_mut(),
        record.sought_restart.as_mut().map(|sought| &mut sought.at),
        upload
            .and_then(|it| it.ended.as_mut())
            .map(|end| &mut end.at),
        since,
        cancel.and_then(|cancel| cancel.sent_at.as_mut()),
        started,
        failures.and_then(|failures| failures.at.as_mut()),
    ]
}
