//! Which of a job's own snapshots is copied.

use tokio::time::{Instant, sleep};

use super::error::ExportError;
use super::export::Export;
use super::maps::Maps;
use crate::hazelcast::{ExecutionRecord, Suspension};
use crate::plan::job::JobId;
use crate::plan::step::WhichSnapshot;

/// How often the record is read while a snapshot is waited for.
const LOOK: std::time::Duration = std::time::Duration::from_millis(50);

/// The most that is told of why a snapshot failed, in bytes: the job's own code said that.
const LONGEST_FAILURE: usize = 300;

/// Whether the job rests where it was when this snapshot was found: a suspended job that somebody
/// resumed goes on from it, and one that was suspended again has another one.
pub(super) fn still_rests(export: &Export, now: &ExecutionRecord, snapshot_id: i64) -> bool {
    now.snapshot_id == snapshot_id && rests(export, now)
}

fn rests(export: &Export, record: &ExecutionRecord) -> bool {
    match export.which {
        WhichSnapshot::Fresh => true,
        WhichSnapshot::Terminal => record.is_terminal_snapshot_committed(),
        WhichSnapshot::Last => record.snapshot_id >= 0,
    }
}

/// The execution record of a snapshot that may be copied: the terminal one of a suspended job; else
/// one that was begun after the export, or after the one that was overtaken.
pub(super) async fn source(
    maps: &dyn Maps,
    export: &Export,
    fresher_than: Option<i64>,
) -> Result<ExecutionRecord, ExportError> {
    let first = record(maps, export.job).await?;
    if export.which == WhichSnapshot::Fresh {
        return fresh(maps, export, first, fresher_than).await;
    }
    if rests(export, &first) {
        return Ok(first);
    }
    Err(ExportError::NotCommitted {
        job: export.job.to_string(),
        why: standing(&first),
    })
}

/// The error where a job does not stand any more as it did.
pub(super) fn changed(export: &Export, now: &ExecutionRecord) -> ExportError {
    let how = match now.suspension {
        Suspension::None => "was resumed",
        Suspension::Requested | Suspension::Failure(_) => "was suspended",
    };
    ExportError::Changed {
        job: export.job.to_string(),
        how,
        standing: standing(now),
    }
}

/// Waits for a committed snapshot that was begun later than the given one.
async fn fresh(
    maps: &dyn Maps,
    export: &Export,
    first: ExecutionRecord,
    fresher_than: Option<i64>,
) -> Result<ExecutionRecord, ExportError> {
    let fresher_than = fresher_than.unwrap_or(first.ongoing_snapshot_id);
    let deadline = Instant::now() + export.patience.min(export.timeout);
    let mut seen = first;
    loop {
        if seen.snapshot_id > fresher_than {
            return Ok(seen);
        }
        // Its terminal snapshot was begun before, and no other one comes.
        if seen.suspension != Suspension::None {
            return Err(changed(export, &seen));
        }
        if Instant::now() >= deadline {
            return Err(ExportError::NoSnapshot {
                job: export.job.to_string(),
                seconds: export.patience.min(export.timeout).as_secs(),
                why: standing(&seen),
            });
        }
        sleep(LOOK).await;
        seen = record(maps, export.job).await?;
    }
}

pub(super) async fn record(maps: &dyn Maps, job: JobId) -> Result<ExecutionRecord, ExportError> {
    let record = maps.standing(job.0).await;
    let record = record.map_err(ExportError::call("looked for"))?;
    record.ok_or_else(|| ExportError::NoJob(job.to_string()))
}

fn standing(record: &ExecutionRecord) -> String {
    let (committed, begun) = (record.snapshot_id, record.ongoing_snapshot_id);
    let failure = record.last_snapshot_failure.as_deref();
    let failure = failure.map_or_else(String::new, |why| {
        format!(", the last one failed: {}", bounded(why))
    });
    match committed {
        -1 => format!("none is committed yet, {begun} was begun{failure}"),
        _ => format!("{committed} is committed, {begun} was begun last{failure}"),
    }
}

/// The first line of what was said, no longer than may be shown. Where it was cut is marked: what is secret is
/// taken out later, and has to be known there by its beginning.
fn bounded(said: &str) -> String {
    let line = said.lines().next().unwrap_or_default();
    match line.get(..line.floor_char_boundary(LONGEST_FAILURE)) {
        Some(cut) if cut.len() < said.trim_end().len() => format!("{cut}…"),
        _ => line.to_owned(),
    }
}
