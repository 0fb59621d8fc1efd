//! The snapshots of simulated jobs: those that they commit by themselves, and those that are exported.
//!
//! A job's state is a count that grows with every snapshot. What a job that starts from a snapshot
//! begins with is the count in it, so that lost state shows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use jetkeeper::clock::Clock;
use jetkeeper::cluster::snapshot::VertexShare;
use jetkeeper::cluster::{CallError, Export, Inspection, Progress, Snapshots};
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::job::{JobId, JobStatus};
use jetkeeper::plan::snapshot::{
    ListedSnapshot, ReadBack, SnapshotFacts, SnapshotMaker, SnapshotMark, Standing, Strategy,
};
use jetkeeper::plan::step::WhichSnapshot;
use jiff::Timestamp;
use rand::Rng;
use rand::seq::IndexedRandom;
use tokio::time::Instant;

use super::client::{Client, Kind};
use super::hazelcast::{Hazelcast, State};
use super::refusal::{for_now, no, no_job};

/// What every exported snapshot has.
const CHUNKS: i64 = 3;
const BYTES: i64 = 300;
/// How often a fresh snapshot is looked for.
const LOOK: Duration = Duration::from_millis(500);

/// What a job's own snapshots hold.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    /// The last committed one.
    pub(crate) committed: Option<i64>,
    /// When, by the members' clock.
    committed_at: Timestamp,
    begun: i64,
    failed: bool,
    /// What was counted by then.
    count: u64,
    /// The exported snapshot that the job started from, and the count in it.
    pub(crate) from: Option<(String, u64)>,
    /// That one is not there: the job fails.
    pub(crate) is_missing: bool,
}

/// What a job starts with.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    /// Nothing.
    Empty,
    /// An exported snapshot, and the count in it.
    Snapshot(String, u64),
    /// An exported snapshot that is not there.
    Missing(String),
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
    pub(crate) fn starting_from(start: Start) -> Self {
        let is_missing = matches!(start, Start::Missing(_));
        let from = match start {
            Start::Empty => None,
            Start::Snapshot(name, count) => Some((name, count)),
            Start::Missing(name) => Some((name, 0)),
        };
        Self {
            committed: None,
            committed_at: Timestamp::UNIX_EPOCH,
            begun: -1,
            failed: false,
            count: 0,
            from,
            is_missing,
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
        self.failed = false;
    }

    /// Commits the snapshot that a job is suspended with.
    pub(crate) fn end_with_snapshot(&mut self, more: u64, now: Timestamp) {
        self.begun += 1;
        self.commit(more, now);
    }

    /// Begins a snapshot that fails.
    pub(crate) fn fail_snapshot(&mut self) {
        self.begun += 1;
        self.failed = true;
    }

    fn standing(&self, suspended: bool) -> Standing {
        Standing {
            committed: self.committed,
            begun: self.begun,
            failed: self.failed,
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
    pub(crate) fn start_of(&self, snapshot: Option<&str>) -> Start {
        let Some(name) = snapshot.map(str::to_owned) else {
            return Start::Empty;
        };
        match self.shelf.exported.get(&name) {
            Some(there) => Start::Snapshot(name, there.count),
            None => Start::Missing(name),
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

    /// Begins an export: signs the name, and finds what was exported before or clears it away.
    fn begin_export(&mut self, export: &Export) -> Result<Begun, CallError> {
        let name = &export.name;
        self.sign(export)?;
        let rests = self.standing(export.job).ok_or_else(no_job);
        let before = self.shelf.exported.get(name);
        if let Some(before) = before.filter(|it| it.facts.job == export.job) {
            let rests = export.which == WhichSnapshot::Fresh
                || last_of(export, &rests.clone()?) == Some(before.facts.snapshot_id);
            if rests {
                return Ok(Begun::Done(before.facts.clone()));
            }
        }
        if export.strategy == Some(Strategy::Native) {
            let ready = match export.which {
                WhichSnapshot::Fresh => Ok(()),
                _ => self.ready(export, -1).map(|_| ()),
            };
            if !self.shelf.exported.contains_key(name) {
                self.shelf.marks.remove(name);
            }
            return Err(ready
                .err()
                .unwrap_or_else(|| no(Reason::SnapshotFailed, "open source")));
        }
        self.shelf.exported.remove(name);
        let attempt = self.shelf.attempts.entry(name.clone()).or_default();
        *attempt += 1;
        let attempt = *attempt;
        let begun = rests.map(|it| it.begun);
        let begun = begun.inspect_err(|_| self.leave_nothing(export, attempt))?;
        Ok(Begun::Attempt { attempt, begun })
    }

    fn sign(&mut self, export: &Export) -> Result<(), CallError> {
        let taken = || no(Reason::Conflict, "the name is taken");
        if let Some(there) = self.shelf.marks.get(&export.name) {
            let identity = |mark: &SnapshotMark| (mark.owner.clone(), mark.resource.clone());
            let committed = self.shelf.exported.contains_key(&export.name);
            let other_job = committed && there.job != export.mark.job;
            if identity(there) != identity(&export.mark) || other_job {
                return Err(taken());
            }
        }
        let mark = export.mark.clone();
        self.shelf.marks.insert(export.name.clone(), mark);
        Ok(())
    }

    /// The snapshot to copy; none where a fresh one has to be waited for.
    fn ready(&self, export: &Export, begun: i64) -> Result<Option<Exported>, CallError> {
        let not_committed = || for_now(Reason::SnapshotNotCommitted, "not committed");
        let standing = self.standing(export.job).ok_or_else(no_job)?;
        let snapshot_id = match (last_of(export, &standing), export.which) {
            (Some(last), WhichSnapshot::Fresh) if last > begun => last,
            (_, WhichSnapshot::Fresh) if standing.suspended => return Err(not_committed()),
            (_, WhichSnapshot::Fresh) => return Ok(None),
            (Some(last), _) => last,
            (None, _) => return Err(not_committed()),
        };
        let job = &self.jobs[&export.job];
        let facts = SnapshotFacts {
            snapshot_id,
            job: export.job,
            job_name: job.name.clone(),
            created_at: job.own.committed_at,
            chunks: CHUNKS,
            bytes: BYTES,
            stateful: ["counter".to_owned()].into(),
        };
        let count = job.own.count;
        Ok(Some(Exported { facts, count }))
    }

    /// Writes the validation record, unless another attempt began or the job went on.
    fn commit_export(
        &mut self,
        export: &Export,
        attempt: u64,
        copied: Exported,
    ) -> Result<SnapshotFacts, CallError> {
        if self.shelf.attempts.get(&export.name) != Some(&attempt) {
            return Err(no(Reason::SnapshotFailed, "another attempt began"));
        }
        let facts = copied.facts.clone();
        let now = self.standing(export.job);
        let last = now.and_then(|standing| last_of(export, &standing));
        if export.which != WhichSnapshot::Fresh && last != Some(facts.snapshot_id) {
            self.leave_nothing(export, attempt);
            return Err(for_now(Reason::SnapshotNotCommitted, "the job went on"));
        }
        let text = format!("snapshot {} of {} exported", export.name, facts.job);
        self.watchdog.note(&text);
        self.shelf.exported.insert(export.name.clone(), copied);
        Ok(facts)
    }

    /// What an attempt that failed leaves, unless another one began.
    fn leave_nothing(&mut self, export: &Export, attempt: u64) {
        if self.shelf.attempts.get(&export.name) == Some(&attempt) {
            self.shelf.exported.remove(&export.name);
            if self.shelf.marks.get(&export.name) == Some(&export.mark) {
                self.shelf.marks.remove(&export.name);
            }
        }
    }
}

/// How an export began.
enum Begun {
    /// It was made before.
    Done(SnapshotFacts),
    /// An attempt, and the job's snapshot that was begun last by then.
    Attempt { attempt: u64, begun: i64 },
}

/// The job's last snapshot that such an export may take.
fn last_of(export: &Export, standing: &Standing) -> Option<i64> {
    match export.which {
        WhichSnapshot::Terminal => standing.terminal(),
        WhichSnapshot::Last | WhichSnapshot::Fresh => standing.committed,
    }
}

/// What is told of a snapshot by who read no chunk of it.
fn shallow(facts: &SnapshotFacts) -> SnapshotFacts {
    SnapshotFacts {
        stateful: BTreeSet::new(),
        ..facts.clone()
    }
}

/// What is in every exported snapshot.
fn share() -> VertexShare {
    VertexShare {
        chunks: CHUNKS.unsigned_abs(),
        bytes: BYTES.unsigned_abs(),
        keys: None,
    }
}

impl Client {
    /// Waits for the snapshot that is wanted.
    async fn found(&self, export: &Export, begun: i64) -> Result<Exported, CallError> {
        let deadline = Instant::now() + export.patience.min(export.timeout);
        loop {
            let (what, asked) = (format!("look for {}", export.name), export.clone());
            let ready = self.call(Kind::Reads, what, move |_, state| {
                state.ready(&asked, begun)
            });
            if let Some(found) = ready.await? {
                return Ok(found);
            }
            if Instant::now() >= deadline {
                return Err(for_now(Reason::SnapshotNotCommitted, "none in time"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// How the copying fails, if it does, after a while.
    async fn copying(&self) -> Result<(), CallError> {
        let (takes, fails) = {
            let mut state = self.hazelcast.state();
            let chance = state.weather.export_fails;
            let takes = state.rng.random_range(5..3_000);
            let fails = state.roll(chance);
            let reasons = [
                no(Reason::SnapshotFailed, "simulated"),
                no(Reason::SnapshotOvertaken, "simulated"),
                for_now(Reason::SnapshotDamaged, "simulated"),
                for_now(Reason::HeapTooFull, "simulated"),
            ];
            let reason = reasons.choose(&mut state.rng).unwrap();
            (takes, fails.then(|| reason.clone()))
        };
        tokio::time::sleep(Duration::from_millis(takes)).await;
        fails.map_or(Ok(()), Err)
    }

    /// One attempt that was begun, to its commit.
    async fn copy(
        &self,
        export: &Export,
        attempt: u64,
        begun: i64,
    ) -> Result<SnapshotFacts, CallError> {
        let copied = self.found(export, begun).await?;
        self.copying().await?;
        let (what, asked) = (format!("commit {}", export.name), export.clone());
        self.call(Kind::Writes, what, move |_, state| {
            state.commit_export(&asked, attempt, copied)
        })
        .await
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
        let (what, asked) = (format!("export {}", export.name), export.clone());
        let begun = self.call(Kind::Writes, what, move |_, state| {
            state.begin_export(&asked)
        });
        let (attempt, begun) = match begun.await? {
            Begun::Done(facts) => return Ok(facts),
            Begun::Attempt { attempt, begun } => (attempt, begun),
        };
        report(Progress::default());
        let copied = self.copy(export, attempt, begun).await;
        if copied.is_err() {
            let (what, asked) = (format!("clear {}", export.name), export.clone());
            let cleared = self.call(Kind::Writes, what, move |_, state| {
                state.leave_nothing(&asked, attempt);
                Ok(())
            });
            // What can't be cleared now is cleared by the next attempt.
            cleared.await.ok();
        }
        copied
    }

    async fn read(&self, name: &str) -> Result<Option<ReadBack>, CallError> {
        let name = name.to_owned();
        self.call(Kind::Reads, format!("read {name}"), move |_, state| {
            let there = state.shelf.exported.get(&name);
            Ok(there.map(|it| ReadBack {
                facts: shallow(&it.facts),
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
                facts: state.shelf.exported.get(name).map(|it| shallow(&it.facts)),
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
                vertices: [("counter".to_owned(), share())].into(),
                partitions: (0..)
                    .zip(vec![1; CHUNKS.unsigned_abs().try_into().unwrap()])
                    .collect(),
                faults: Vec::new(),
            }))
        })
        .await
    }

    async fn delete(&self, name: &str, maker: Option<&SnapshotMaker>) -> Result<bool, CallError> {
        let (name, maker) = (name.to_owned(), maker.cloned());
        let what = format!("delete snapshot {name}");
        self.call(Kind::Writes, what, move |_, state| {
            let mark = state.shelf.marks.get(&name);
            let is_there = mark.is_some() || state.shelf.exported.contains_key(&name);
            let made = |maker: &SnapshotMaker| mark.is_some_and(|mark| maker.made(mark));
            if is_there && !maker.as_ref().is_none_or(made) {
                return Ok(false);
            }
            state.watch_delete(&name);
            state.shelf.exported.remove(&name);
            state.shelf.marks.remove(&name);
            Ok(true)
        })
        .await
    }
}
