//! Snapshots of jobs.

use std::time::Duration;

use jetkeeper::cluster::{CallError, Export};
use jetkeeper::plan::job::JobId;
use jetkeeper::plan::snapshot::{SnapshotFacts, SnapshotMark, Standing, Strategy};
use jetkeeper::plan::step::WhichSnapshot;
use jetkeeper::resources::ResourceId;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::super::call::{Kind, Which};
use super::super::words::{said, told_error};
use super::{Player, REST};

/// How long an export waits for a snapshot: longer than the interval of any job here.
const PATIENCE: Duration = Duration::from_secs(15);
/// The same where there will be none.
const IN_VAIN: Duration = Duration::from_secs(2);

impl Player<'_> {
    pub(super) async fn standing(&self, which: Which) -> String {
        let kind = self.index(which).map(|index| self.made[index].kind);
        let id = self.id(which);
        let standing = self.committed(id, kind).await;
        said(standing, |standing| {
            let Some(it) = standing else {
                return "none".to_owned();
            };
            // Whether a failure came before or after a snapshot is a matter of time.
            let committed = (kind != Some(Kind::Suspends)).then_some(it.committed.is_some());
            let terminal = committed.map(|_| it.terminal().is_some());
            // The snapshot of a running job may be cleared before its DAG is read.
            let rests = kind == Some(Kind::Stream) && it.suspended;
            let counter = rests && it.vertices.contains("counter");
            format!(
                "committed: {committed:?}, terminal: {terminal:?}, failed: {}, suspended: {}, counter: {counter}",
                it.failed, it.suspended
            )
        })
    }

    /// Where a job stands, once a running one that keeps state has committed a snapshot.
    async fn committed(
        &self,
        id: JobId,
        kind: Option<Kind>,
    ) -> Result<Option<Standing>, CallError> {
        let keeps = matches!(kind, Some(Kind::Stream | Kind::Twice | Kind::Joins));
        let deadline = Instant::now() + REST;
        loop {
            let standing = self.cluster.snapshots().standing(id).await?;
            let waits = |it: &Standing| keeps && !it.suspended && it.committed.is_none();
            if !standing.as_ref().is_some_and(waits) || Instant::now() > deadline {
                return Ok(standing);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn export(
        &mut self,
        of: Which,
        which: WhichSnapshot,
        strategy: Option<Strategy>,
        snapshot: usize,
        owner: usize,
    ) -> String {
        let kind = self.index(of).map(|index| self.made[index].kind);
        let job = self.id(of);
        let standing = match self.committed(job, kind).await {
            Ok(standing) => standing,
            Err(error) => return told_error(&error),
        };
        let keeps = matches!(kind, Some(Kind::Stream | Kind::Twice | Kind::Joins));
        let export = Export {
            name: self.snapshot(snapshot),
            job,
            which,
            strategy,
            mark: mark(job, owner, which),
            patience: if keeps { PATIENCE } else { IN_VAIN },
            timeout: 4 * PATIENCE,
        };
        let runs = standing
            .as_ref()
            .is_some_and(|it| !it.suspended && it.committed.is_some());
        if kind == Some(Kind::Suspends) || (runs && which == WhichSnapshot::Last) {
            return "a matter of time".to_owned();
        }
        let exported = self.cluster.snapshots().export(&export, &|_| ()).await;
        let before = self.exported.get(&snapshot);
        let told = said(exported.clone(), |facts| {
            let same = before.is_some_and(|before| before.is_same(&facts));
            let standing = standing.as_ref();
            let as_asked = match which {
                WhichSnapshot::Fresh => standing.is_some_and(|it| facts.snapshot_id > it.begun),
                WhichSnapshot::Terminal => {
                    standing.and_then(Standing::terminal) == Some(facts.snapshot_id)
                }
                WhichSnapshot::Last => {
                    standing.and_then(|it| it.committed) == Some(facts.snapshot_id)
                }
            };
            let counter = kind == Some(Kind::Stream) && facts.stateful.contains("counter");
            format!(
                "{}, the same: {same}, as asked: {as_asked}, counter: {counter}",
                self.facts_in_words(&facts)
            )
        });
        if let Ok(facts) = exported {
            self.exported.insert(snapshot, facts);
        }
        told
    }

    fn facts_in_words(&self, facts: &SnapshotFacts) -> String {
        let job = self.made.iter().position(|made| made.id == facts.job);
        let name = facts.job_name.strip_prefix(&self.prefix);
        // What there is of state is the pipeline's own affair.
        let stream = job.is_some_and(|job| self.made[job].kind == Kind::Stream);
        let filled = stream && facts.chunks > 0 && facts.bytes > 0;
        format!("of {job:?} {name:?}, filled: {filled}")
    }

    pub(super) async fn read_snapshot(&self, snapshot: usize) -> String {
        let read = self
            .cluster
            .snapshots()
            .read(&self.snapshot(snapshot))
            .await;
        said(read, |read| {
            let Some(read) = read else {
                return "none".to_owned();
            };
            let before = self.exported.get(&snapshot);
            let same = before.is_some_and(|before| before.is_same(&read.facts));
            format!(
                "{}, as exported: {same}, vertices: {}, signed: {:?}",
                self.facts_in_words(&read.facts),
                read.facts.stateful.len(),
                read.mark.map(|mark| mark.owner)
            )
        })
    }

    pub(super) async fn list_snapshots(&self) -> String {
        said(self.cluster.snapshots().list().await, |snapshots| {
            let ours = snapshots.into_iter().filter_map(|it| {
                let name = it.name.strip_prefix(&format!("{}-", self.prefix))?;
                let facts = it.facts.as_ref().map(|facts| self.facts_in_words(facts));
                let vertices = it.facts.as_ref().map(|facts| facts.stateful.len());
                let owner = it.mark.as_ref().map(|mark| mark.owner.as_str());
                Some(format!("{name} {facts:?} {vertices:?} {owner:?}"))
            });
            let mut ours: Vec<String> = ours.collect();
            ours.sort();
            ours.join("; ")
        })
    }

    pub(super) async fn inspect(&self, snapshot: usize) -> String {
        let inspected = self
            .cluster
            .snapshots()
            .inspect(&self.snapshot(snapshot))
            .await;
        said(inspected, |inspected| {
            let Some(it) = inspected else {
                return "none".to_owned();
            };
            let kind = self.made.iter().find(|made| made.id == it.facts.job);
            let counter = kind.is_some_and(|made| made.kind == Kind::Stream)
                && it.vertices.contains_key("counter");
            let chunks: u64 = it.partitions.values().sum();
            format!(
                "{}, counter: {counter}, all chunks: {}, faults: {:?}",
                self.facts_in_words(&it.facts),
                i64::try_from(chunks) == Ok(it.facts.chunks),
                it.faults
            )
        })
    }
}

fn mark(job: JobId, owner: usize, which: WhichSnapshot) -> SnapshotMark {
    SnapshotMark {
        owner: format!("owner-{owner}"),
        resource: ResourceId::jet_job_snapshot("snapshot"),
        job,
        begun_at: Timestamp::now(),
        fork: which == WhichSnapshot::Fresh,
    }
}
