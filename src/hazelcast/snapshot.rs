//! Snapshots of jobs, as members keep them in maps.
//!
//! | map | key | value |
//! | --- | --- | --- |
//! | `__jet.executionRecords` | job id | [`ExecutionRecord`] |
//! | `__jet.snapshot.<job>.0` and `.1` | [`SnapshotKey`] | chunk; the two alternate |
//! | `__jet.exportedSnapshot.<name>` | [`SnapshotKey`] | chunk |
//! | `__jet.exportedSnapshotsCache` | name | [`ValidationRecord`] |
//!
//! Each map of chunks has one more entry, its [`ValidationRecord`], under
//! [`validation_key`].

use super::client::Client;
use super::cluster::roster::Target;
use super::codec::Request;
use super::codec::client::create_proxy::CreateProxy;
use super::codec::client::destroy_proxy::DestroyProxy;
use super::codec::jet::export_snapshot::ExportSnapshot;
use super::codec::map::get::MapGet;
use super::error::{Kind, Result};
use super::invocation;
use super::serialization::{
    Data, decode_execution_record, decode_validation_record, validation_key,
};

/// The service that keeps maps.
const MAP_SERVICE: &str = "hz:impl:mapService";
/// The map of execution records.
const EXECUTION_RECORDS: &str = "__jet.executionRecords";
/// The map from which members list exported snapshots.
pub const EXPORTED_SNAPSHOTS: &str = "__jet.exportedSnapshotsCache";

/// The map of an exported snapshot.
pub fn exported_snapshot_map(name: &str) -> String {
    format!("__jet.exportedSnapshot.{name}")
}

/// A job's id as members write it in names: four groups of four hex digits.
pub fn job_id_text(job_id: i64) -> String {
    let hex = format!("{job_id:016x}");
    let (high, low) = hex.split_at(8);
    let ((a, b), (c, d)) = (high.split_at(4), low.split_at(4));
    format!("{a}-{b}-{c}-{d}")
}

/// Where a job's snapshots stand, as its master stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionRecord {
    /// The job.
    pub job_id: i64,
    /// Which of the job's two maps holds the last committed snapshot; -1 before the first.
    pub data_map_index: i32,
    /// The last committed snapshot; -1 before the first.
    pub snapshot_id: i64,
    /// The snapshot that was begun last.
    pub ongoing_snapshot_id: i64,
    /// Why the last snapshot failed, if it did.
    pub last_snapshot_failure: Option<String>,
    /// Of the last committed snapshot.
    pub stats: Option<SnapshotStats>,
    /// The exported snapshot that is the job's last one, where it ended with an export.
    pub exported_snapshot_name: Option<String>,
    /// Whether the job is suspended, and why.
    pub suspension: Suspension,
    /// Whether the job was ever executed.
    pub executed: bool,
    /// Milliseconds since the epoch, by the master's clock.
    pub timestamp: i64,
}

impl ExecutionRecord {
    /// The map of the last committed snapshot; none before the first.
    pub fn source_map(&self) -> Option<String> {
        if self.snapshot_id < 0 {
            return None;
        }
        Some(match &self.exported_snapshot_name {
            Some(name) => exported_snapshot_map(name),
            None => format!(
                "__jet.snapshot.{}.{}",
                job_id_text(self.job_id),
                self.data_map_index
            ),
        })
    }

    /// Whether the job is suspended and its last snapshot is the one that it was suspended with.
    pub fn is_terminal_snapshot_committed(&self) -> bool {
        self.suspension != Suspension::None
            && self.snapshot_id >= 0
            && self.snapshot_id == self.ongoing_snapshot_id
            && self.last_snapshot_failure.is_none()
    }
}

/// Whether a job is suspended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suspension {
    /// It is not.
    None,
    /// Somebody asked for it.
    Requested,
    /// An error suspended it.
    Failure(String),
}

/// Figures of one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotStats {
    /// The snapshot.
    pub snapshot_id: i64,
    /// Milliseconds since the epoch.
    pub start_time: i64,
    /// Milliseconds since the epoch.
    pub end_time: i64,
    /// Bytes of all chunks.
    pub bytes: i64,
    /// Keys in all chunks.
    pub keys: i64,
    /// Number of chunks.
    pub chunks: i64,
}

/// What a snapshot map must hold to be whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationRecord {
    /// The snapshot.
    pub snapshot_id: i64,
    /// Number of chunks.
    pub chunks: i64,
    /// Bytes of all chunks.
    pub bytes: i64,
    /// Milliseconds since the epoch, by the master's clock.
    pub creation_time: i64,
    /// The job that it was taken of.
    pub job_id: i64,
    /// That job's name; its id where it had none.
    pub job_name: String,
    /// That job's vertices and edges, as JSON.
    pub dag_json: String,
}

/// The key of a chunk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SnapshotKey {
    /// Decides on the partition, together with the hash in the key's header.
    pub partition_key: i32,
    /// The snapshot.
    pub snapshot_id: i64,
    /// The vertex whose state it is.
    pub vertex: String,
    /// Tells chunks of one vertex and partition apart.
    pub sequence: i32,
}

impl Client {
    /// Where a job's snapshots stand; none for a job that ended or is unknown.
    pub async fn execution_record(&self, job_id: i64) -> Result<Option<ExecutionRecord>> {
        let data = self.map(EXECUTION_RECORDS).get(&Data::long(job_id)).await?;
        let decoded = data.as_ref().map(decode_execution_record).transpose();
        decoded.map_err(|source| {
            let call = MapGet::NAME;
            Kind::Decode { call, source }.into()
        })
    }

    /// The validation record of a snapshot map; none where there is none.
    pub async fn validation_record(
        &self,
        map_name: &str,
    ) -> Result<Option<(ValidationRecord, Data)>> {
        let data = self.map(map_name).get(&validation_key()).await?;
        let Some(data) = data else { return Ok(None) };
        match decode_validation_record(&data) {
            Ok(record) => Ok(Some((record, data))),
            Err(source) => {
                let call = MapGet::NAME;
                Err(Kind::Decode { call, source }.into())
            }
        }
    }

    /// Exports a snapshot of a running job, where the members' edition has that.
    pub async fn export_snapshot(&self, job_id: i64, name: &str, cancel_job: bool) -> Result<()> {
        self.ask(ExportSnapshot {
            job_id,
            name,
            cancel_job,
        })
        .await
    }

    /// Makes a map known to the members' listings.
    pub async fn create_map(&self, name: &str) -> Result<()> {
        self.ask(CreateProxy {
            name,
            service_name: MAP_SERVICE,
        })
        .await
    }

    /// Destroys a map with all its entries.
    pub async fn destroy_map(&self, name: &str) -> Result<()> {
        self.ask(DestroyProxy {
            name,
            service_name: MAP_SERVICE,
        })
        .await
    }

    async fn ask<R: Request + Copy>(&self, request: R) -> Result<R::Response> {
        invocation::invoke(self.cluster(), Target::Any, self.timeout(), |_| request).await
    }
}

#[cfg(test)]
mod tests {
    use super::job_id_text;

    #[test]
    fn ids_are_written_in_groups() {
        assert_eq!(job_id_text(0x0adf_8fef_9a80_0001), "0adf-8fef-9a80-0001");
        assert_eq!(job_id_text(-1), "ffff-ffff-ffff-ffff");
    }
}
