//! The snapshots of simulated jobs: those that they commit by themselves, and those that are exported.
//!
//! A job's state is a count that grows with every snapshot. What a job that starts from a snapshot
//! begins with is the count in it, so that lost state shows.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jetkeeper::clock::Clock;
use jetkeeper::cluster::{CallError, Export, Inspection, Progress, Snapshots};
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::job::{JobId, JobStatus};
use jetkeeper::plan::snapshot::{ListedSnapshot, ReadBack, SnapshotFacts, SnapshotMark, Standing};
use jetkeeper::plan::step::WhichSnapshot;
use jiff::Timestamp;
use rand::Rng;
use rand::seq::IndexedRandom;

use super::client::{Client, Kind};
use super::hazelcast::{Hazelcast, State};

/// What a job's own snapshots hold.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    /// The last committed one.
    pub(crate) committed: Option<i64>,
    /// When, by the members' clock.
    committed_at: Timestamp,
    begun: i64,
    failure: Option<String>,
    /// What was counted by then.
    count: u64,
    /// The exported snapshot that the job started from, and the count in it.
    pub(crate) from: Option<(String, u64)>,
}

/// The exported snapshots of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) exported: BTreeMap<String, Exported>,
    marks: BTreeMap<String, SnapshotMark>,
    /// Counts the attempts to export under each name: what an earlier one wrote is waited for or
    /// cleared before the next one writes.
    attempts: BTreeMap<String, u64>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Exported {
    pub(crate) facts: SnapshotFacts,
    pub(crate) count: u64,
}

impl Own {
    pub(crate) fn starting_from(from: Option<(String, u64)>) -> Self {
        Self {
            committed: None,
            committed_at: Timestamp::UNIX_EPOCH,
            begun: -1,
            failure: None,
            count: 0,
            from,
        }
    }

    /// What the job would go on with.
    pub(crate) fn state(&self) -> u64 {
        match (&self.committed, &self.from) {
            (Some(_), _) => self.count,
            (None, from) => from.as_ref().map_or(0, |(_, count)| *count),
        }
    }

    /// Whether there is any.
    pub(crate) fn has_state(&self) -> bool {
        self.committed.is_some() || self.from.is_some()
    }

    fn commit(&mut self, more: u64, now: Timestamp) {
        self.committed_at = now;
        self.count = self.state() + more;
        self.committed = Some(self.begun);
        self.failure = None;
    }

    /// Commits the snapshot that a job is suspended with.
    pub(crate) fn end_with_snapshot(&mut self, more: u64, now: Timestamp) {
        self.begun += 1;
        self.commit(more, now);
    }

    /// Begins a snapshot that fails.
    pub(crate) fn fail_snapshot(&mut self) {
        self.begun += 1;
        self.failure = Some("java.io.IOException: simulated".to_owned());
    }

    fn standing(&self, suspended: bool) -> Standing {
        Standing {
            committed: self.committed,
            begun: self.begun,
            failure: self.failure.clone(),
            suspended,
            vertices: ["counter".to_owned(), "source".to_owned()].into(),
        }
    }
}

impl Hazelcast {
    /// A running job with a guarantee commits a snapshot every interval.
    pub(crate) fn snapshot_later(&self, state: &State, id: JobId) {
        let Some(job) = state.jobs.get(&id).filter(|job| job.keeps_state()) else {
            return;
        };
        let interval = job.config.settings.snapshot_interval;
        let millis = u64::try_from(interval.as_millis()).unwrap().max(100);
        self.later(state, id, millis, move |it, state| {
            let takes = state.rng.random_range(1..200);
            if let Some(job) = state.jobs.get_mut(&id) {
                job.own.begun += 1;
            }
            it.later(state, id, takes, move |it, state| {
                let more = state.rng.random_range(1..5);
                if let Some(job) = state.jobs.get_mut(&id) {
                    job.own.commit(more, it.clock.now());
                }
                it.snapshot_later(state, id);
            });
        });
    }
}

impl State {
    fn standing(&self, id: JobId) -> Option<Standing> {
        let job = self.jobs.get(&id).filter(|job| !job.status.is_terminal())?;
        Some(job.own.standing(job.status == JobStatus::Suspended))
    }

    /// What a job begins with that starts from this exported snapshot.
    pub(crate) fn start_of(
        &self,
        snapshot: Option<&str>,
    ) -> Result<Option<(String, u64)>, CallError> {
        let Some(name) = snapshot else {
            return Ok(None);
        };
        match self.shelf.exported.get(name) {
            Some(there) => Ok(Some((name.to_owned(), there.count))),
            None => Err(no(Reason::SnapshotMissing, "there is no such snapshot")),
        }
    }

    /// Whether the last state of a job is in an exported snapshot.
    pub(crate) fn is_secured(&self, id: JobId) -> bool {
        let job = &self.jobs[&id];
        let Some(last) = job.own.committed else {
            let from = job.own.from.as_ref();
            return from.is_some_and(|(name, _)| self.shelf.exported.contains_key(name));
        };
        let is_last = |it: &Exported| it.facts.job == id && it.facts.snapshot_id == last;
        job.status == JobStatus::Suspended && self.shelf.exported.values().any(is_last)
    }

    /// What is to be exported, or what was before under this name.
    fn source(&mut self, export: &Export) -> Result<(Exported, u64), CallError> {
        let identity = |mark: &SnapshotMark| (mark.owner.clone(), mark.resource.clone(), mark.job);
        let signed = self.shelf.marks.get(&export.name);
        if signed.is_some_and(|there| identity(there) != identity(&export.mark)) {
            return Err(no(Reason::SnapshotFailed, "the name is taken"));
        }
        let standing = self.standing(export.job);
        let Some(standing) = standing else {
            return Err(no(Reason::SnapshotMissing, "no execution record"));
        };
        let (mark, job) = (export.mark.clone(), &self.jobs[&export.job]);
        self.shelf.marks.insert(export.name.clone(), mark);
        let committed = match export.which {
            WhichSnapshot::Terminal => standing.terminal(),
            WhichSnapshot::Last | WhichSnapshot::Fresh => standing.committed,
        };
        let Some(snapshot_id) = committed else {
            return Err(no(Reason::SnapshotNotCommitted, "not committed"));
        };
        let facts = SnapshotFacts {
            snapshot_id,
            job: export.job,
            job_name: job.name.clone(),
            created_at: job.own.committed_at,
            chunks: 3,
            bytes: 300,
            stateful: ["counter".to_owned()].into(),
        };
        let count = job.own.count;
        let before = self.shelf.exported.get(&export.name);
        let same = |it: &&Exported| it.facts.is_same(&facts);
        let source = before.filter(same).cloned();
        let attempt = self.shelf.attempts.entry(export.name.clone()).or_default();
        *attempt += 1;
        Ok((source.unwrap_or(Exported { facts, count }), *attempt))
    }
}

fn no(reason: Reason, message: &str) -> CallError {
    CallError::Refused {
        transient: false,
        reason,
        message: message.to_owned(),
    }
}

#[async_trait]
impl Snapshots for Client {
    async fn standing(&self, job: JobId) -> Result<Option<Standing>, CallError> {
        self.call(Kind::Reads, format!("standing {job}"), move |_, state| {
            Ok(state.standing(job))
        })
        .await
    }

    async fn export(
        &self,
        export: &Export,
        report: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<SnapshotFacts, CallError> {
        let (name, asked) = (export.name.clone(), export.clone());
        let (source, attempt) = self
            .call(Kind::Writes, format!("export {name}"), move |_, state| {
                state.source(&asked)
            })
            .await?;
        report(Progress::default());
        let (takes, fails) = {
            let mut state = self.hazelcast.state();
            let chance = state.weather.export_fails;
            let reasons = [
                Reason::SnapshotFailed,
                Reason::SnapshotOvertaken,
                Reason::SnapshotDamaged,
                Reason::HeapTooFull,
            ];
            let reason = *reasons.choose(&mut state.rng).unwrap();
            let takes = state.rng.random_range(5..3_000);
            (takes, state.roll(chance).then_some(reason))
        };
        tokio::time::sleep(Duration::from_millis(takes)).await;
        if let Some(reason) = fails {
            return Err(no(reason, "simulated"));
        }
        self.call(Kind::Writes, format!("commit {name}"), move |_, state| {
            let facts = source.facts.clone();
            if state.shelf.attempts.get(&name) != Some(&attempt) {
                return Err(no(Reason::SnapshotFailed, "another attempt began"));
            }
            state
                .watchdog
                .note(&format!("snapshot {name} of {} exported", facts.job));
            state.shelf.exported.insert(name, source);
            Ok(facts)
        })
        .await
    }

    async fn read(&self, name: &str) -> Result<Option<ReadBack>, CallError> {
        let name = name.to_owned();
        self.call(Kind::Reads, format!("read {name}"), move |_, state| {
            let there = state.shelf.exported.get(&name);
            Ok(there.map(|it| ReadBack {
                facts: it.facts.clone(),
                mark: state.shelf.marks.get(&name).cloned(),
            }))
        })
        .await
    }

    async fn list(&self) -> Result<Vec<ListedSnapshot>, CallError> {
        self.call(Kind::Reads, "list snapshots".to_owned(), |_, state| {
            let marks = state.shelf.marks.iter();
            let listed = marks.map(|(name, mark)| ListedSnapshot {
                name: name.clone(),
                facts: state.shelf.exported.get(name).map(|it| it.facts.clone()),
                mark: Some(mark.clone()),
            });
            Ok(listed.collect())
        })
        .await
    }

    async fn inspect(&self, name: &str) -> Result<Option<Inspection>, CallError> {
        let name = name.to_owned();
        self.call(Kind::Reads, format!("inspect {name}"), move |_, state| {
            let there = state.shelf.exported.get(&name);
            Ok(there.map(|it| Inspection {
                facts: it.facts.clone(),
                vertices: BTreeMap::new(),
                partitions: BTreeMap::new(),
                faults: Vec::new(),
            }))
        })
        .await
    }

    async fn delete(&self, name: &str) -> Result<(), CallError> {
        let name = name.to_owned();
        let what = format!("delete snapshot {name}");
        self.call(Kind::Writes, what, move |_, state| {
            state.watch_delete(&name);
            state.shelf.exported.remove(&name);
            state.shelf.marks.remove(&name);
            Ok(())
        })
        .await
    }
}
