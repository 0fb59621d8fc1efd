//! How far the commit of a source is.
//!
//! `Pending` while something of it is under way or held, `Failure` when something of it can't be done
//! until somebody changes something, `Success` once all of it is done. The last is final: what fails
//! later is no fault of the commit, and is told as what it is.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::situation::Situation;
use crate::plan::hold::{Hold, HoldClass};
use crate::plan::record::{
    CommitState, CommitStatus, ConditionStatus, ConditionType, SnapshotState,
};
use crate::plan::status::{JobStatusReport, SnapshotStatusReport};
use crate::resources::{Severity, SourceName};

/// How a job or a snapshot stands to its document.
enum Stands<'a> {
    Done,
    UnderWay(Option<&'a Hold>),
    Stuck(&'a Hold),
}

/// What is to be told of the latest commit of a source; none where that was told.
pub(super) fn status(
    situation: &Situation<'_>,
    source: &SourceName,
    told: Option<&std::sync::Arc<CommitStatus>>,
) -> Option<CommitStatus> {
    let commit = &situation.desired.sources.get(source)?.revision;
    let known = told.filter(|told| told.commit == *commit);
    let is_final = known.is_some_and(|told| told.state == CommitState::Success);
    if is_final || !is_commit(commit) {
        return None;
    }
    let (state, description) = judge(situation, source);
    let same = known.is_some_and(|told| told.state == state);
    (!same).then(|| CommitStatus {
        source: source.clone(),
        commit: commit.clone(),
        state,
        description,
    })
}

fn is_commit(revision: &str) -> bool {
    matches!(revision.len(), 40 | 64) && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn judge(situation: &Situation<'_>, source: &SourceName) -> (CommitState, String) {
    let errors = situation.desired.faults.iter();
    let errors = errors.filter(|it| it.severity == Severity::Error && it.place.source == *source);
    let mut errors = errors.peekable();
    if let Some(first) = errors.peek() {
        let first = format!("{}: {}", first.place, first.message);
        return (CommitState::Failure, with_others(first, errors.count()));
    }
    let (mut all, mut done) = (0, 0);
    let mut stuck = Vec::new();
    let mut waiting = None;
    for (name, stands) in stands(situation, source) {
        all += 1;
        match stands {
            Stands::Done => done += 1,
            Stands::UnderWay(hold) => waiting = waiting.or(hold.map(|hold| (name, hold))),
            Stands::Stuck(hold) => stuck.push((name, hold)),
        }
    }
    let held = |(name, hold): (&str, &Hold)| format!("{name}: {}: {}", hold.reason, hold.message);
    if let Some(first) = stuck.first() {
        (CommitState::Failure, with_others(held(*first), stuck.len()))
    } else if done < all {
        let so_far = format!("{done} of {all} done");
        let why = waiting.map_or(String::new(), |it| format!("; {}", held(it)));
        (CommitState::Pending, so_far + &why)
    } else {
        (CommitState::Success, format!("all {all} done"))
    }
}

fn with_others(first: String, count: usize) -> String {
    match count {
        0 | 1 => first,
        count => format!("{first} (and {} more)", count - 1),
    }
}

/// How each job and snapshot of a source stands, those that are on their way out included.
fn stands<'a>(
    situation: &Situation<'a>,
    source: &'a SourceName,
) -> impl Iterator<Item = (&'a str, Stands<'a>)> {
    let Situation { plan, recorded, .. } = *situation;
    let jobs = plan.statuses.into_iter().filter_map(move |(name, status)| {
        let changed = plan.jobs.get(name).and_then(Option::as_ref);
        let record = changed.or_else(|| recorded.jobs.get(name))?;
        (record.place.source == *source).then(|| (name.as_str(), job(status)))
    });
    let snapshots = plan
        .snapshot_statuses
        .iter()
        .filter_map(move |(name, status)| {
            let changed = plan.snapshots.get(name).and_then(Option::as_ref);
            let record = changed.or_else(|| recorded.snapshots.get(name))?;
            (record.place.source == *source).then(|| (name.as_str(), snapshot(status)))
        });
    jobs.chain(snapshots)
}

fn job(status: &JobStatusReport) -> Stands<'_> {
    let mut conditions = status.conditions.iter();
    let done = conditions
        .any(|it| it.kind == ConditionType::Reconciled && it.status == ConditionStatus::True);
    if done {
        return Stands::Done;
    }
    held(&status.holds)
}

fn snapshot(status: &SnapshotStatusReport) -> Stands<'_> {
    match status.state {
        SnapshotState::Exported => Stands::Done,
        _ => held(&status.holds),
    }
}

fn held(holds: &[Hold]) -> Stands<'_> {
    let blocked = holds.iter().find(|hold| hold.class == HoldClass::Blocked);
    blocked.map_or_else(|| Stands::UnderWay(holds.first()), Stands::Stuck)
}

/// Since when commits fail: a failure is told once it has stood for a while, the rest at once.
#[derive(Debug, Default)]
pub(super) struct Failing(BTreeMap<SourceName, (String, Timestamp)>);

impl Failing {
    /// Whether this is to be told now; else when is noted.
    pub(super) fn is_due(
        &mut self,
        status: &CommitStatus,
        settle: SignedDuration,
        now: Timestamp,
        wake: &mut Option<Timestamp>,
    ) -> bool {
        let known = self.0.get_mut(&status.source);
        if status.state != CommitState::Failure {
            self.0.remove(&status.source);
            return true;
        }
        let since = match known {
            Some((commit, since)) if *commit == status.commit => {
                // A clock that was put back doesn't make it last longer.
                *since = (*since).min(now);
                *since
            }
            _ => {
                let failing = (status.commit.clone(), now);
                self.0.insert(status.source.clone(), failing);
                now
            }
        };
        let due = since.checked_add(settle).unwrap_or(now);
        if due > now {
            *wake = wake.iter().copied().chain([due]).min();
        }
        due <= now
    }
}
