//! A whole export: the snapshot that is wanted, copied as often as it takes.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::copy::{Copied, CopyError, copy, read_back};
use super::error::ExportError;
use super::heap;
use super::inspect::{facts, stateful};
use super::maps::{ClientMaps, Maps, Validation};
use super::marks;
use crate::hazelcast::snapshot::exported_snapshot_map;
use crate::hazelcast::{ErrorCode, ExecutionRecord};
use crate::plan::job::JobId;
use crate::plan::snapshot::{SnapshotFacts, SnapshotMark, Strategy};
use crate::plan::step::WhichSnapshot;

/// How often the job's own snapshots may overtake the copy.
const ATTEMPTS: u32 = 5;
/// How often the record is read while a snapshot is waited for.
const LOOK: Duration = Duration::from_millis(50);
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
    marks::sign(maps, &export.name, &export.mark).await?;
    if native {
        return export_natively(maps, export).await;
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

async fn copy_job(
    maps: &dyn Maps,
    export: &Export,
    report: &(dyn Fn(Progress) + Send + Sync),
) -> Result<SnapshotFacts, ExportError> {
    let target = exported_snapshot_map(&export.name);
    if let Some(done) = committed_before(maps, export, &target).await? {
        return Ok(done);
    }
    let mut fresher_than = None;
    for attempt in 1..=ATTEMPTS {
        let record = source(maps, export, fresher_than).await?;
        let Some(map) = record.source_map() else {
            return Err(ExportError::NoJob(export.job.to_string()));
        };
        let validation = maps.validation(&map).await;
        let validation = validation.map_err(ExportError::call("looked at"))?;
        // Its map may have been cleared since the record was read.
        let Some(validation) = validation.filter(|it| it.record.snapshot_id == record.snapshot_id)
        else {
            fresher_than = Some(record.snapshot_id);
            continue;
        };
        if attempt == 1 {
            heap::check(maps, &target, validation.record.bytes).await?;
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
        match copy(maps, &map, &target, &validation, &told).await {
            Ok(copied) => return register(maps, export, &validation, copied).await,
            Err(CopyError::Overtaken) => fresher_than = Some(record.snapshot_id),
            Err(CopyError::Damaged(why)) if attempt == ATTEMPTS => {
                return Err(ExportError::Damaged(why));
            }
            Err(CopyError::Damaged(why)) => {
                tracing::warn!(snapshot = %export.name, attempt, why, "copy reads back wrong, made again");
                sleep(STRAGGLERS).await;
            }
            Err(CopyError::Call(error)) => return Err(after_failure(maps, &target, error).await),
        }
    }
    let error = ExportError::Overtaken { attempts: ATTEMPTS };
    Err(after_failure(maps, &target, error).await)
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
    if export.which != WhichSnapshot::Fresh {
        let now = record(maps, export.job).await?;
        if now.snapshot_id != validation.record.snapshot_id {
            return Ok(None);
        }
    }
    if read_back(maps, target, &validation).await.is_err() {
        return Ok(None);
    }
    let vertices = stateful(maps, target, validation.record.snapshot_id).await?;
    let copied = Copied { vertices };
    register(maps, export, &validation, copied).await.map(Some)
}

/// Leaves nothing of an attempt that a failed call ended: what has no validation record is no
/// snapshot, but takes room.
async fn after_failure(maps: &dyn Maps, target: &str, error: ExportError) -> ExportError {
    let lost = matches!(&error, ExportError::Call { source, .. } if source.is_connection_lost());
    if lost {
        sleep(STRAGGLERS).await;
    }
    if let Err(error) = maps.clear(target).await {
        tracing::debug!(target, %error, "what was copied could not be cleared");
    }
    error
}

async fn register(
    maps: &dyn Maps,
    export: &Export,
    validation: &Validation,
    copied: Copied,
) -> Result<SnapshotFacts, ExportError> {
    let registered = maps.register(&export.name, &validation.data).await;
    registered.map_err(ExportError::call("registered"))?;
    Ok(SnapshotFacts {
        stateful: copied.vertices,
        ..facts(&validation.record)
    })
}

/// The execution record of a snapshot that may be copied: the terminal one of a suspended job; else
/// one that was begun after the export, or after the one that was overtaken.
async fn source(
    maps: &dyn Maps,
    export: &Export,
    fresher_than: Option<i64>,
) -> Result<ExecutionRecord, ExportError> {
    let first = record(maps, export.job).await?;
    let committed = match export.which {
        WhichSnapshot::Fresh => return fresh(maps, export, first, fresher_than).await,
        WhichSnapshot::Terminal => first.is_terminal_snapshot_committed(),
        WhichSnapshot::Last => first.snapshot_id >= 0,
    };
    if committed {
        return Ok(first);
    }
    Err(ExportError::NotCommitted {
        job: export.job.to_string(),
        why: standing(&first),
    })
}

/// Waits for a committed snapshot that was begun later than the given one.
async fn fresh(
    maps: &dyn Maps,
    export: &Export,
    first: ExecutionRecord,
    fresher_than: Option<i64>,
) -> Result<ExecutionRecord, ExportError> {
    let fresher_than = fresher_than.unwrap_or(first.ongoing_snapshot_id);
    let deadline = Instant::now() + export.patience;
    let mut seen = first;
    loop {
        if seen.snapshot_id > fresher_than {
            return Ok(seen);
        }
        if Instant::now() >= deadline {
            return Err(ExportError::NoSnapshot {
                job: export.job.to_string(),
                seconds: export.patience.as_secs(),
                why: standing(&seen),
            });
        }
        sleep(LOOK).await;
        seen = record(maps, export.job).await?;
    }
}

async fn record(maps: &dyn Maps, job: JobId) -> Result<ExecutionRecord, ExportError> {
    let record = maps.standing(job.0).await;
    let record = record.map_err(ExportError::call("looked for"))?;
    record.ok_or_else(|| ExportError::NoJob(job.to_string()))
}

fn standing(record: &ExecutionRecord) -> String {
    let (committed, begun) = (record.snapshot_id, record.ongoing_snapshot_id);
    let failure = record.last_snapshot_failure.as_deref();
    let failure = failure.map_or_else(String::new, |why| {
        let line = why.lines().next().unwrap_or_default();
        format!(", the last one failed: {line}")
    });
    match committed {
        -1 => format!("none is committed yet, {begun} was begun{failure}"),
        _ => format!("{committed} is committed, {begun} was begun last{failure}"),
    }
}
