//! Watches every effect that reaches a simulated cluster, and says which invariant it breaks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jetkeeper::clock::Clock;
use jetkeeper::plan::job::JobId;
use jetkeeper::plan::ownership::OwnershipEntry;
use jiff::{SignedDuration, Timestamp};

use super::clock::SimulatedClock;
use super::hazelcast::{MASTER_SETTLES, Maker, State};

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
        let ends = what == "cancel" && !job.status.is_terminal() && job.keeps_state();
        if ends && self.watchdog.precious.contains(&name) {
            self.watchdog
                .blame(format!("cancelled {name} {id}, whose state nobody gave up"));
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
