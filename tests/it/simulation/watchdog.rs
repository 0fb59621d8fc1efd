//! Watches every effect that reaches a simulated cluster, and says which invariant it breaks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jetkeeper::clock::Clock;
use jetkeeper::plan::job::JobId;
use jetkeeper::plan::ownership::OwnershipEntry;
use jiff::{SignedDuration, Timestamp};

use super::clock::SimulatedClock;
use super::hazelcast::{Job, MASTER_SETTLES, Maker, State};
use super::snapshots::Own;

/// Our name in the ownership map.
pub(crate) const OWNER: &str = "keeper";

/// How many lines are kept for the report of a failure.
const LINES: usize = 400;

/// What was seen, and what was wrong with it.
pub(crate) struct Watchdog {
    clock: SimulatedClock,
    /// Calls that write, whether or not they arrived.
    pub(crate) writes: u64,
    /// Lists.
    pub(crate) lists: u64,
    /// Names of jobs whose state nobody said may go.
    pub(crate) precious: BTreeSet<String>,
    /// Names of jobs that a document's policy left on the cluster.
    pub(crate) left_behind: BTreeSet<String>,
    /// Names of jobs that a person gave to us.
    pub(crate) adoptions: BTreeSet<String>,
    /// When the engine that runs now began to look at this cluster.
    pub(crate) engine_since: Timestamp,
    /// Violations.
    pub(crate) wrong: Vec<String>,
    uploads: BTreeMap<String, u32>,
    /// The newest job when each name was given up: what was before is no longer somebody's.
    released: BTreeMap<String, Option<JobId>>,
    lines: VecDeque<String>,
}

impl Watchdog {
    pub(crate) fn new(clock: SimulatedClock) -> Self {
        Self {
            clock,
            writes: 0,
            lists: 0,
            precious: BTreeSet::new(),
            left_behind: BTreeSet::new(),
            adoptions: BTreeSet::new(),
            engine_since: clock.now(),
            wrong: Vec::new(),
            uploads: BTreeMap::new(),
            released: BTreeMap::new(),
            lines: VecDeque::new(),
        }
    }

    /// Keeps a line for the report.
    pub(crate) fn note(&mut self, line: &str) {
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(format!(
            "{:>10.3} {line}",
            self.clock.elapsed().as_secs_f64()
        ));
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &String> {
        self.lines.iter()
    }

    fn blame(&mut self, what: String) {
        self.note(&format!("WRONG: {what}"));
        self.wrong.push(what);
    }
}

impl State {
    /// Something that stops or starts jobs is sent: invariants 3 and 11. It may arrive much later.
    pub(crate) fn watch_trust(&mut self, what: &str) {
        let now = self.watchdog.clock.now();
        if let Some(changed) = self.master_changed_at {
            let age = now.duration_since(changed);
            let known = changed > self.watchdog.engine_since;
            if known && age < MASTER_SETTLES && age > SignedDuration::from_secs(1) {
                self.watchdog
                    .blame(format!("{what} {age:#} after the master changed"));
            }
        }
    }

    /// An upload arrives: invariant 2.
    pub(crate) fn watch_upload(&mut self, nonce: &str, name: &str) {
        self.watchdog
            .note(&format!("upload {nonce} for {name} arrives"));
        let count = self.watchdog.uploads.entry(nonce.to_owned()).or_default();
        *count += 1;
        if *count > 1 {
            self.watchdog
                .blame(format!("attempt {nonce} of {name} was uploaded twice"));
        }
        if let Some(jobs) = self.active_ours().get(name) {
            let jobs = format!("{jobs:?}");
            self.watchdog.blame(format!(
                "uploaded {name} while our {jobs} of that name is active"
            ));
        }
        if self.mains.values().any(|(other, _)| other == name) {
            self.watchdog.blame(format!(
                "uploaded {name} while a main of it is still running"
            ));
        }
    }

    /// Something is done to a job: invariants 1 and 4.
    pub(crate) fn watch_touch(&mut self, what: &str, id: JobId) {
        self.watchdog.note(&format!("{what} {id} arrives"));
        let Some(job) = self.jobs.get(&id) else {
            return;
        };
        let name = job.name.clone();
        let adopted = self
            .ownership
            .get(&name)
            .is_some_and(|entry| entry.owner == OWNER && entry.job_id == Some(id));
        if job.maker == Maker::Person && !adopted {
            self.watchdog
                .blame(format!("{what} of {name} {id}, which is somebody else's"));
        }
        // What never ran, and started from nothing, is replaced by a newer document.
        let had_state = job.has_run() || job.own.has_state();
        let ends = what == "cancel" && !job.status.is_terminal() && job.keeps_state() && had_state;
        let secured = !ends || self.is_secured(id) || self.was_touched(id);
        if !secured && self.watchdog.precious.contains(&name) {
            self.watchdog
                .blame(format!("cancelled {name} {id}, whose state nobody gave up"));
        }
    }

    /// Whether somebody else did something to a job while a call of ours may have been on its way.
    fn was_touched(&self, id: JobId) -> bool {
        let touched = self.jobs.get(&id).and_then(|job| job.touched_at);
        let now = self.watchdog.clock.now();
        touched.is_some_and(|at| now.duration_since(at) < SignedDuration::from_secs(60))
    }

    /// The latest job of a name that was ours, since the name was given up last.
    fn latest(&self, name: &str) -> Option<(JobId, &Job)> {
        let released = self.watchdog.released.get(name).copied().flatten();
        let mut jobs = self.jobs.iter().rev();
        let found = jobs.find(|(id, job)| {
            job.name == name && job.is_ours && released.is_none_or(|before| **id > before)
        });
        found.map(|(id, job)| (*id, job))
    }

    /// A job of ours starts: it has all the state of the one before it (invariant 1).
    pub(crate) fn watch_start(&mut self, name: &str, own: &Own) {
        let Some((id, before)) = self.latest(name) else {
            return;
        };
        if !self.watchdog.precious.contains(name) || !before.keeps_state() {
            return;
        }
        let (state, begins) = (before.own.state(), own.state());
        let ended_by_us = before.cancelled_by_us && !self.was_touched(id);
        if ended_by_us && begins != state {
            self.watchdog.blame(format!(
                "{name} starts with {begins}, and {id} ended with {state}"
            ));
        } else if own.from.is_none() && before.own.has_state() {
            self.watchdog
                .blame(format!("{name} starts without the state of {id}"));
        }
    }

    /// A name is given up.
    pub(crate) fn watch_release(&mut self, name: &str) {
        let newest = self.jobs.keys().next_back().copied();
        self.watchdog.released.insert(name.to_owned(), newest);
    }

    /// An exported snapshot is deleted: nothing needs it.
    pub(crate) fn watch_delete(&mut self, snapshot: &str) {
        self.watchdog
            .note(&format!("snapshot {snapshot} is deleted"));
        let Some(there) = self.shelf.exported.get(snapshot) else {
            return;
        };
        let name = there.facts.job_name.clone();
        let needs = |job: &Job| {
            let initial = job
                .own
                .from
                .as_ref()
                .is_some_and(|(from, _)| from == snapshot);
            initial && job.own.committed.is_none() && !job.status.is_terminal()
        };
        let needed = self.jobs.iter().find(|(_, job)| needs(job));
        if let Some((id, _)) = needed {
            let what = format!("deleted {snapshot}, which {id} starts from");
            self.watchdog.blame(what);
            return;
        }
        let facts = (there.facts.job, Some(there.facts.snapshot_id));
        let only = self
            .latest(&name)
            .is_some_and(|(id, job)| job.status.is_terminal() && (id, job.own.committed) == facts);
        let again = self.shelf.exported.iter().any(|(other, it)| {
            other != snapshot && (it.facts.job, Some(it.facts.snapshot_id)) == facts
        });
        if only && !again {
            let what = format!("deleted {snapshot}, the only state of {name}");
            self.watchdog.blame(what);
        }
    }

    /// The ownership map is written: invariant 4.
    pub(crate) fn watch_entry(&mut self, name: &str, old: Option<&OwnershipEntry>, adopting: bool) {
        self.watchdog.note(&format!(
            "entry {name} written over {:?}",
            old.map(|old| &old.owner)
        ));
        if old.is_some_and(|old| old.owner != OWNER) && !adopting {
            self.watchdog
                .blame(format!("took {name} from another owner"));
        }
    }
}
