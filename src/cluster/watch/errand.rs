//! Calls about single jobs: each at most once at a time, a few at once, each with its own pauses.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::backoff::Backoff;
use crate::clock::Entropy;
use crate::plan::job::JobId;

/// How many calls of one kind are in flight at most.
const AT_ONCE: usize = 32;

/// The calls of one kind that are to be made. Empty at rest.
#[derive(Debug, Default)]
pub(super) struct Errands {
    due: BTreeMap<JobId, Instant>,
    in_flight: BTreeSet<JobId>,
    backoffs: BTreeMap<JobId, Backoff>,
}

impl Errands {
    /// Wants a call about this job at this time, unless one is wanted or in flight already.
    pub(super) fn need(&mut self, job: JobId, at: Instant) {
        if !self.in_flight.contains(&job) {
            self.due.entry(job).or_insert(at);
        }
    }

    /// Wants a call about this job now, even where one is in flight whose answer may be too old.
    pub(super) fn need_anew(&mut self, job: JobId, now: Instant) {
        self.due.insert(job, now);
    }

    /// When the next call is to be made.
    pub(super) fn next(&self) -> Option<Instant> {
        if self.in_flight.len() >= AT_ONCE {
            return None;
        }
        let waiting = self.due.iter();
        waiting
            .filter(|(job, _)| !self.in_flight.contains(job))
            .map(|(_, at)| *at)
            .min()
    }

    /// The calls to make now, those about the newest jobs first; they are in flight then.
    pub(super) fn begin(&mut self, now: Instant) -> Vec<JobId> {
        let free = AT_ONCE.saturating_sub(self.in_flight.len());
        let ready = self.due.iter().rev();
        let ready: Vec<JobId> = ready
            .filter(|(job, at)| **at <= now && !self.in_flight.contains(job))
            .map(|(job, _)| *job)
            .take(free)
            .collect();
        for job in &ready {
            self.due.remove(job);
            self.in_flight.insert(*job);
        }
        ready
    }

    /// The call about this job was answered.
    pub(super) fn succeeded(&mut self, job: JobId) {
        self.in_flight.remove(&job);
        self.backoffs.remove(&job);
    }

    /// The call about this job failed, or what it began has ended; it is made again after a pause.
    pub(super) fn failed(&mut self, job: JobId, now: Instant, entropy: &dyn Entropy) {
        self.in_flight.remove(&job);
        let pause = self.backoffs.entry(job).or_default().failed(entropy);
        self.due.insert(job, now + pause);
    }

    /// Forgets the job.
    pub(super) fn drop_job(&mut self, job: JobId) {
        self.due.remove(&job);
        self.in_flight.remove(&job);
        self.backoffs.remove(&job);
    }

    /// Whether the answer that came in now is too old, because the call is wanted anew.
    pub(super) fn is_wanted_anew(&self, job: JobId) -> bool {
        self.due.contains_key(&job)
    }

    /// Whether another call waits for its turn, or for an answer.
    pub(super) fn is_busy(&self, now: Instant) -> bool {
        !self.in_flight.is_empty() || self.due.values().any(|at| *at <= now)
    }

    /// Forgets all jobs but these.
    pub(super) fn retain(&mut self, keep: impl Fn(JobId) -> bool) {
        self.due.retain(|job, _| keep(*job));
        self.backoffs.retain(|job, _| keep(*job));
    }
}
