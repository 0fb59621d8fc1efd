//! Snapshots as rows.

use jiff::Timestamp;
use serde::Serialize;

use super::super::format::Row;
use super::super::rows::named;
use super::super::table::{Cell, Mood};
use super::super::time;
use crate::engine::published::SnapshotResource;
use crate::plan::record::SnapshotState;
use crate::plan::snapshot::ListedSnapshot;
use crate::resources::ResourceId;

impl Row for SnapshotResource {
    fn header(wide: bool) -> Vec<&'static str> {
        let mut header = vec!["NAME", "STATE", "JOB", "CLUSTER", "AGE", "SIZE"];
        if wide {
            header.extend(["SNAPSHOT", "CHUNKS", "FORK", "JOB-ID", "DECLARED"]);
        }
        header.push("MESSAGE");
        header
    }

    fn expendable() -> &'static [&'static str] {
        &["CLUSTER", "SIZE", "AGE"]
    }

    fn cells(&self, wide: bool, now: Timestamp) -> Vec<Cell> {
        let (metadata, spec, status) = (&self.metadata, &self.spec, &self.status);
        let mood = match status.state {
            SnapshotState::Exported => Mood::Good,
            SnapshotState::Waiting | SnapshotState::Exporting => Mood::Calm,
            SnapshotState::Failed => Mood::Bad,
        };
        let mut cells = vec![
            metadata.name.clone().into(),
            Cell::of(format!("{:?}", status.state), mood),
            named(&spec.jet_job_resource_name),
            or_dash(status.hazelcast_resource_name.clone()),
            or_dash(status.creation_time.map(|at| time::ago(at, now))),
            or_dash(status.num_bytes.map(size)),
        ];
        if wide {
            let declared = metadata.place.as_ref().map(ToString::to_string);
            cells.extend([
                spec.snapshot_name(&metadata.name).to_owned().into(),
                or_dash(status.num_chunks.map(|chunks| chunks.to_string())),
                or_dash(status.fork.map(|fork| yes_or_no(fork).to_owned())),
                or_dash(status.job_id_text.map(|id| id.to_string())),
                or_dash(declared),
            ]);
        }
        let held = status.holds.first().map(|hold| hold.message.as_str());
        let message = held.unwrap_or(&status.message);
        cells.push(message.lines().next().unwrap_or_default().to_owned().into());
        cells
    }

    fn id(&self) -> String {
        ResourceId::jet_job_snapshot(&*self.metadata.name).to_string()
    }
}

/// A snapshot as it is found on a cluster.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Found {
    /// The cluster's resource.
    pub(super) cluster: String,
    #[serde(flatten)]
    pub(super) snapshot: ListedSnapshot,
}

impl Row for Found {
    fn header(wide: bool) -> Vec<&'static str> {
        let mut header = vec!["NAME", "JOB", "AGE", "SIZE", "CHUNKS", "FORK", "MADE-FOR"];
        if wide {
            header.extend(["CLUSTER", "JOB-ID", "SNAPSHOT-ID", "OWNER"]);
        }
        header
    }

    fn expendable() -> &'static [&'static str] {
        &["CHUNKS", "FORK", "SIZE"]
    }

    fn cells(&self, wide: bool, now: Timestamp) -> Vec<Cell> {
        let ListedSnapshot { name, facts, mark } = &self.snapshot;
        let facts = facts.as_ref();
        let name = match facts {
            Some(_) => Cell::from(name.clone()),
            None => Cell::of(format!("{name} (incomplete)"), Mood::Bad),
        };
        let mut cells = vec![
            name,
            or_dash(facts.map(|facts| facts.job_name.clone())),
            or_dash(facts.map(|facts| time::ago(facts.created_at, now))),
            or_dash(facts.map(|facts| size(facts.bytes))),
            or_dash(facts.map(|facts| facts.chunks.to_string())),
            or_dash(mark.as_ref().map(|mark| yes_or_no(mark.fork).to_owned())),
            or_dash(mark.as_ref().map(|mark| mark.resource.to_string())),
        ];
        if wide {
            cells.extend([
                self.cluster.clone().into(),
                or_dash(facts.map(|facts| facts.job.to_string())),
                or_dash(facts.map(|facts| facts.snapshot_id.to_string())),
                or_dash(mark.as_ref().map(|mark| mark.owner.clone())),
            ]);
        }
        cells
    }

    fn id(&self) -> String {
        self.snapshot.name.clone()
    }
}

fn yes_or_no(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

fn or_dash(text: Option<String>) -> Cell {
    text.unwrap_or_else(|| "-".to_owned()).into()
}

/// Bytes for people: `529 B`, `12.4 MiB`.
pub(in crate::cli) fn size(bytes: i64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let bytes = bytes.max(0);
    let (mut whole, mut tenth, mut unit) = (bytes, 0, "B");
    for next in UNITS {
        if whole < 1024 {
            break;
        }
        tenth = whole % 1024 * 10 / 1024;
        whole /= 1024;
        unit = next;
    }
    if unit == "B" || whole >= 100 {
        format!("{whole} {unit}")
    } else {
        format!("{whole}.{tenth} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_short() {
        let told = [0, 529, 1023, 1024, 1536, 120 << 20, 1 << 30, -1].map(size);
        let wanted = [
            "0 B", "529 B", "1023 B", "1.0 KiB", "1.5 KiB", "120 MiB", "1.0 GiB", "0 B",
        ];
        assert_eq!(told, wanted);
    }
}
