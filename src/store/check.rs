//! What `jetkeeper state check` tells.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::StoreError;
use super::contents::{self, Contents, Depth};
use super::guard::guarded;
use super::layout::Layout;
use super::lock::ProcessLock;
use super::sled_disk::SledDisk;
use super::sled_store::{check_beside, read_marker};
use super::table::Table;
use crate::plan::record::Recorded;
use crate::resources::Kind;

/// What is in a state directory, and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// The directory.
    pub path: String,
    /// The store's identity, where it could be read.
    pub store_id: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// The schema version that wrote it.
    pub schema: Option<u32>,
    /// How many changes were committed.
    pub commits: u64,
    /// How many rows each table has.
    pub rows: BTreeMap<&'static str, u64>,
    /// Steps whose outcome isn't known, in words. The next run looks for it.
    pub in_flight: Vec<String>,
    /// What is wrong, in words.
    pub problems: Vec<String>,
}

impl CheckReport {
    /// Whether it tells of clusters that were seen, and so of jobs on them.
    pub fn knows_clusters(&self) -> bool {
        self.rows
            .get(Table::Clusters.name())
            .is_some_and(|rows| *rows > 0)
    }

    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Reads everything in the state directory and replays its journal. Changes no record; opening the
/// database may tidy its files. Blocks.
pub fn check(dir: &Path) -> Result<CheckReport, StoreError> {
    let layout = Layout::of(dir)?;
    let lock = Arc::new(ProcessLock::take(&layout.lock(), dir)?);
    let mut report = CheckReport {
        path: layout.label(),
        ..CheckReport::default()
    };
    match examine(&layout, &lock, &mut report) {
        Ok(()) => {}
        Err(StoreError::Damaged { message, .. }) => report.problems.push(message),
        Err(error) => return Err(error),
    }
    Ok(report)
}

fn examine(
    layout: &Layout,
    lock: &Arc<ProcessLock>,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    let marker = read_marker(layout)?;
    if let Some(marker) = &marker {
        report.store_id = Some(marker.store_id.clone());
        report.created_at = marker.created_at;
        report.schema = Some(marker.schema);
    }
    let (label, data, lock) = (layout.label(), layout.data(), Arc::clone(lock));
    let contents = guarded(layout.label(), move || {
        let disk = SledDisk::open(label, &data, false, lock)?;
        contents::read(&disk, Depth::Everything)
    })?;
    let Contents {
        recorded,
        ledger,
        rows,
        problems,
    } = contents;
    report.store_id = Some(ledger.row.store_id.clone());
    report.created_at = ledger.row.created_at;
    report.schema = Some(ledger.row.v);
    report.commits = ledger.row.commit;
    report.rows = rows
        .iter()
        .map(|(table, rows)| (table.name(), *rows))
        .collect();
    report.in_flight = recorded
        .in_flight
        .values()
        .map(ToString::to_string)
        .collect();
    report.problems.extend(problems);
    report.problems.extend(orphans(&recorded));
    report
        .problems
        .extend(check_beside(layout, marker.as_ref(), &ledger.row)?);
    Ok(())
}

/// Steps in flight of jobs that aren't recorded: nobody would look for their outcome.
fn orphans(recorded: &Recorded) -> Vec<String> {
    let steps = recorded.in_flight.iter();
    let orphans = steps.filter(|(resource, _)| {
        resource.kind == Kind::JetJob && !recorded.jobs.contains_key(&resource.name)
    });
    orphans
        .map(|(resource, step)| {
            format!("{resource} is not recorded, but a step is in flight: {step}")
        })
        .collect()
}
