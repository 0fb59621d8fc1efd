//! A whole export: the snapshot that is wanted, copied as often as it takes.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::copy::{Copied, CopyError, Copying, clear, copy, patiently, read_back};
use super::error::ExportError;
use super::heap;
use super::inspect::{facts, stateful};
use super::maps::{ClientMaps, Maps, Validation};
use super::marks;
use super::source::{changed, record, source, still_rests};
use crate::hazelcast::snapshot::exported_snapshot_map;
use crate::hazelcast::{ErrorCode, ExecutionRecord, ValidationRecord};
use crate::plan::job::JobId;
use crate::plan::snapshot::{SnapshotFacts, SnapshotMark, Strategy};
use crate::plan::step::WhichSnapshot;

/// How often the job's own snapshots may overtake the copy.
const ATTEMPTS: u32 = 5;
/// How long after a lost connection its last writes may still arrive: the member reads what is in
/// its socket, finds the end, and closes.
const STRAGGLERS: Duration = Duration::from_secs(5);

/// What is to be exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The snapshot's name.
    pub name: String,
    /// The job.
    pub job: JobId,
    /// Which of its snapshots.
    pub which: WhichSnapshot,
    /// How.
    pub strategy: Option<Strategy>,
    /// What it is signed with.
    pub mark: SnapshotMark,
    /// How long a snapshot that is fresh enough is waited for.
    pub patience: Duration,
    /// How long all of it may take. The copy ends its calls then, and leaves nothing.
    pub timeout: Duration,
}

/// How far an export is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// The attempt, from 1; 0 while a snapshot is waited for.
    pub attempt: u32,
    /// Chunks written in this attempt.
    pub chunks: i64,
    /// Chunks that there are.
    pub of_chunks: i64,
    /// Bytes written in this attempt.
    pub bytes: i64,
    /// Bytes that there are.
    pub of_bytes: i64,
}

/// Exports a snapshot and reads it back. An export of the same mark that broke off is begun again.
pub(in crate::cluster) async fn export(
    maps: &ClientMaps,
    export: &Export,
    native: bool,
    report: &(dyn Fn(Progress) + Send + Sync),
) -> Result<SnapshotFacts, ExportError> {
    if native {
        marks::sign(maps, &export.name, &export.mark).await?;
        let exported = export_natively(maps, export).await;
        if let Err(error) = &exported {
            leave_no_mark(maps, export, error).await;
        }
        return exported;
    }
    copy_job(maps, export, report).await
}

/// Whether the members have no native export: open-source ones answer that they lack it.
pub(in crate::cluster) fn lacks_native(error: &ExportError) -> bool {
    matches!(error, ExportError::NoNative)
}

async fn export_natively(maps: &ClientMaps, export: &Export) -> Result<SnapshotFacts, ExportError> {
    let (name, job) = (&export.name, export.job.0);
    let map = exported_snapshot_map(name);
    // The answer to an earlier try may have been lost.
    if let Some(done) = committed_before(maps, export, &map).await? {
        return Ok(done);
    }
    if export.which != WhichSnapshot::Fresh {
        // Of a suspended job the members export what is committed, complete or not.
        source(maps, export, None).await?;
    }
    let client = maps.client().with_timeout(export.patience);
    match client.export_snapshot(job, name, false).await {
        Ok(()) => {}
        Err(error) if error.has_code(ErrorCode::UNSUPPORTED_OPERATION) => {
            return Err(ExportError::NoNative);
        }
        Err(error) => return Err(ExportError::call("exported by the members")(error)),
    }
    let validation = maps.validation(&map).await;
    let Some(validation) = validation.map_err(ExportError::call("read back"))? else {
        let why =
            format!("the members said it is exported, but map {map} has no validation record");
        return Err(ExportError::Damaged(why));
    };
    if validation.record.job_id != job {
        let why = format!("map {map} is of job {}", JobId(validation.record.job_id));
        return Err(ExportError::Damaged(why));
    }
    let size = maps.size(&map).await;
    let size = size.map_err(ExportError::call("read back"))?;
    if i64::try_from(size) != Ok(validation.record.chunks + 1) {
        let chunks = validation.record.chunks;
        let why = format!("map {map} has {size} entries instead of {chunks} and one");
        return Err(ExportError::Damaged(why));
    }
    Ok(SnapshotFacts {
        stateful: stateful(maps, &map, validation.record.snapshot_id).await?,
        ..facts(&validation.record)
    })
}

/// Copies the job's snapshot, or finds the copy that an earlier try committed. Where it fails nothing
/// is left: no chunk, no mark.
pub(super) async fn copy_job(
    maps: &dyn Maps,
    export: &Export,
    report: &(dyn Fn(Progress) + Send + Sync),
) -> Result<SnapshotFacts, ExportError> {
    let started = Instant::now();
    let free = marks::sign(maps, &export.name, &export.mark).await?;
    let target = exported_snapshot_map(&export.name);
    if !free {
        if let Some(done) = committed_before(maps, export, &target).await? {
            return Ok(done);
        }
        settle(maps, &target).await?;
    }
    match copy_often(maps, export, &target, started, report).await {
        Ok((validation, copied)) => register(maps, export, &validation, copied).await,
        Err(error) => {
            leave_nothing(maps, export, &target, &error).await;
            Err(error)
        }
    }
}

/// Copies until a copy is whole, or it was tried often enough.
async fn copy_often(
    maps: &dyn Maps,
    export: &Export,
    target: &str,
    started: Instant,
    report: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(Validation, Copied), ExportError> {
    let (mut fresher_than, mut has_room) = (None, false);
    let mut last = ExportError::Overtaken { attempts: ATTEMPTS };
    for attempt in 1..=ATTEMPTS {
        let record = source(maps, export, fresher_than).await?;
        let Some((map, validation)) = validated(maps, export, &record).await? else {
            // Its map was cleared since the record was read.
            fresher_than = Some(record.snapshot_id);
            continue;
        };
        if !has_room {
            heap::check(maps, target, validation.record.bytes).await?;
            has_room = true;
        }
        let of = &validation.record;
        let told = |chunks, bytes| {
            report(Progress {
                attempt,
                chunks,
                of_chunks: of.chunks,
                bytes,
                of_bytes: of.bytes,
            });
        };
        let copying = Copying {
            source: &map,
            target,
            expected: &validation,
            deadline: (started + export.timeout, export.timeout.as_secs()),
            report: &told,
        };
        match copy(maps, &copying).await {
            Ok(copied) => {
                unchanged(maps, export, record.snapshot_id).await?;
                return Ok((validation, copied));
            }
            Err(CopyError::Overtaken { found }) if export.which != WhichSnapshot::Fresh => {
                unchanged(maps, export, record.snapshot_id).await?;
                return Err(source_damaged(export, of, found));
            }
            Err(CopyError::Overtaken { .. }) => {
                fresher_than = Some(record.snapshot_id);
                last = ExportError::Overtaken { attempts: ATTEMPTS };
            }
            Err(CopyError::Damaged(why)) => {
                tracing::warn!(snapshot = %export.name, attempt, why, "copy reads back wrong, made again");
                last = ExportError::Damaged(why);
                sleep(STRAGGLERS).await;
            }
            Err(CopyError::Call(error)) => return Err(error),
        }
    }
    Err(last)
}

/// Clears what an earlier try left, whose last writes may still be on their way.
async fn settle(maps: &dyn Maps, target: &str) -> Result<(), ExportError> {
    let size = maps.size(target).await;
    if size.map_err(ExportError::call("looked for"))? > 0 {
        clear(maps, target).await.map_err(ExportError::of_copy)?;
        sleep(STRAGGLERS).await;
    }
    Ok(())
}

/// The map of the committed snapshot, and its validation record. None where a running job has gone on.
async fn validated(
    maps: &dyn Maps,
    export: &Export,
    record: &ExecutionRecord,
) -> Result<Option<(String, Validation)>, ExportError> {
    let no_job = || ExportError::NoJob(export.job.to_string());
    let map = record.source_map().ok_or_else(no_job)?;
    let validation = maps.validation(&map).await;
    let validation = validation.map_err(ExportError::call("looked at"))?;
    match validation.filter(|it| it.record.snapshot_id == record.snapshot_id) {
        Some(validation) => Ok(Some((map, validation))),
        None if export.which == WhichSnapshot::Fresh => Ok(None),
        None => {
            unchanged(maps, export, record.snapshot_id).await?;
            let why = "its validation record is gone, and the job makes no other one";
            Err(ExportError::Damaged(why.to_owned()))
        }
    }
}

/// Sees that a job which was suspended is still where it was: else it went on from what was copied.
async fn unchanged(maps: &dyn Maps, export: &Export, snapshot_id: i64) -> Result<(), ExportError> {
    if export.which == WhichSnapshot::Fresh {
        return Ok(());
    }
    let now = record(maps, export.job).await?;
    if still_rests(export, &now, snapshot_id) {
        return Ok(());
    }
    Err(changed(export, &now))
}

fn source_damaged(export: &Export, of: &ValidationRecord, found: i64) -> ExportError {
    ExportError::SourceDamaged {
        job: export.job.to_string(),
        snapshot_id: of.snapshot_id,
        found,
        chunks: of.chunks,
    }
}

/// The snapshot that an earlier try of this export committed, registered if it was not: its answer
/// may have been lost. That of a suspended job must still be its last.
async fn committed_before(
    maps: &dyn Maps,
    export: &Export,
    target: &str,
) -> Result<Option<SnapshotFacts>, ExportError> {
    let validation = maps.validation(target).await;
    let validation = validation.map_err(ExportError::call("looked for"))?;
    let Some(validation) = validation.filter(|it| it.record.job_id == export.job.0) else {
        return Ok(None);
    };
    let snapshot_id = validation.record.snapshot_id;
    if export.which != WhichSnapshot::Fresh {
        let now = record(maps, export.job).await?;
        if !still_rests(export, &now, snapshot_id) {
            return Ok(None);
        }
    }
    match read_back(maps, target, &validation).await {
        Ok(()) => {}
        // What can't be read now may be whole: it is not made again.
        Err(CopyError::Call(error)) => return Err(error),
        Err(_) => return Ok(None),
    }
    let vertices = stateful(maps, target, snapshot_id).await?;
    let copied = Copied { vertices };
    register(maps, export, &validation, copied).await.map(Some)
}

/// Leaves nothing of what failed: what has no validation record is no snapshot, but takes room, and
/// its mark would keep the name from others. What can't be cleared now keeps its mark, and is cleared
/// by the next try.
async fn leave_nothing(maps: &dyn Maps, export: &Export, target: &str, error: &ExportError) {
    if error.leaves_writes_open() {
        sleep(STRAGGLERS).await;
    }
    if let Err(error) = clear(maps, target).await {
        tracing::debug!(target, ?error, "what was copied could not be cleared");
        return;
    }
    if let Err(error) = marks::withdraw(maps, &export.name, &export.mark).await {
        tracing::debug!(target, %error, "the mark could not be taken back");
    }
}

/// Takes the mark of a native export back that wrote nothing, or it would keep the name from others.
async fn leave_no_mark(maps: &ClientMaps, export: &Export, error: &ExportError) {
    let map = exported_snapshot_map(&export.name);
    if error.leaves_writes_open() || !matches!(maps.size(&map).await, Ok(0)) {
        return;
    }
    if let Err(error) = marks::withdraw(maps, &export.name, &export.mark).await {
        tracing::debug!(map, %error, "the mark could not be taken back");
    }
}

async fn register(
    maps: &dyn Maps,
    export: &Export,
    validation: &Validation,
    copied: Copied,
) -> Result<SnapshotFacts, ExportError> {
    let registered = patiently(|| maps.register(&export.name, &validation.data)).await;
    registered.map_err(ExportError::call("registered"))?;
    Ok(SnapshotFacts {
        stateful: copied.vertices,
        ..facts(&validation.record)
    })
}

#[cfg(test)]
mod tests;
