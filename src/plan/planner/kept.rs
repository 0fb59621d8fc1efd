//! What was planned for a job at rest, to stand in later passes.

use std::sync::Arc;

use jiff::Timestamp;

use crate::plan::draft::Questions;
use crate::plan::record::JobRecord;
use crate::plan::status::JobStatusReport;

/// What was planned for a job for which nothing was to be done: why not, and its status.
#[derive(Debug)]
pub(in crate::plan) struct Kept {
    /// The resource.
    pub(in crate::plan) name: String,
    /// The record that it follows from.
    pub(in crate::plan) record: Arc<JobRecord>,
    /// When it was planned.
    pub(in crate::plan) planned_at: Timestamp,
    /// When time alone makes something else of it.
    pub(in crate::plan) wake: Option<Timestamp>,
    /// What a person may have been asked about it, where nothing could be decided.
    pub(in crate::plan) unasked: Questions,
    /// What users see, and with it what is held.
    pub(in crate::plan) status: Arc<JobStatusReport>,
}

impl Kept {
    /// Whether it would be planned again at this time, from this record, if all else is the same.
    pub(super) fn stands(&self, record: &Arc<JobRecord>, now: Timestamp) -> bool {
        Arc::ptr_eq(&self.record, record)
            && self.planned_at <= now
            && self.wake.is_none_or(|wake| now < wake)
    }
}
