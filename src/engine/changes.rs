//! How long changes take: from the moment somebody made one until a pass saw it, and until each job
//! that it concerns does what its document says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::published::JobResource;
use crate::plan::record::{ConditionStatus, ConditionType};
use crate::resources::{Desired, Kind, Revision, Shared};
use crate::store::RevisionEntry;
use crate::telemetry::Meters;

/// Changes that jobs don't follow yet: no more than there are jobs.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Since when, by the job's resource. A later change starts anew: the one before is history.
    since: BTreeMap<String, Timestamp>,
}

impl Changes {
    /// Notes what a new revision changes. One of which nobody knows when it was made tells nothing.
    pub(super) fn seen(
        &mut self,
        revision: &Revision,
        entry: &RevisionEntry,
        (before, desired): (&Desired, &Desired),
        (now, meters): (Timestamp, &Meters),
    ) {
        let Some(changed_at) = revision.changed_at else {
            return;
        };
        meters.detected(between(changed_at, now));
        let documents = entry.added.iter().chain(&entry.changed);
        let jobs = documents.filter(|id| id.kind == Kind::JetJob);
        let mut jobs: Vec<String> = jobs.map(|id| id.name.clone()).collect();
        for (name, origin) in &desired.jars {
            let is_ours = desired
                .jobs
                .get(name)
                .is_some_and(|job| job.place.source == revision.source);
            let known = before.jars.get(name);
            if is_ours && known.is_some_and(|before| before != origin) {
                jobs.push(name.clone());
            }
        }
        self.since
            .extend(jobs.into_iter().map(|name| (name, changed_at)));
    }

    /// Measures the changes that jobs follow now, and forgets those of jobs that are gone. A job whose jar
    /// was not looked at yet may still be told of a change.
    pub(super) fn shown(
        &mut self,
        jobs: &Shared<BTreeMap<String, Arc<JobResource>>>,
        jar_is_known: impl Fn(&str) -> bool,
        now: Timestamp,
        meters: &Meters,
    ) {
        self.since.retain(|name, since| {
            let Some(job) = jobs.get(name) else {
                return false;
            };
            let follows = job.status.conditions.iter().any(|condition| {
                condition.kind == ConditionType::Reconciled
                    && condition.status == ConditionStatus::True
            });
            let follows = follows && jar_is_known(name);
            if follows {
                meters.applied(between(*since, now));
            }
            !follows
        });
    }
}

/// Never negative: the clock of a file server, or of who committed, may be ahead.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from)
        .max(SignedDuration::ZERO)
        .unsigned_abs()
}
