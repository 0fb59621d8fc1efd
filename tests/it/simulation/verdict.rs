//! After the calm: is every job as its document says, or held for a reason that explains it?

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;
use jetkeeper::engine::{JobResource, Published};
use jetkeeper::plan::hold::{Hold, HoldClass, Reason};
use jetkeeper::plan::job::JobStatus;
use jetkeeper::plan::status::Phase;

use super::hazelcast::{Hazelcast, Job};
use super::source::JobDocument;
use super::world::{World, is_ours};

/// How many jobs ended how, to see that a run proves something.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) as_declared: u32,
    /// Those that are held, by the first reason.
    pub(crate) held: BTreeMap<Reason, u32>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.as_declared += other.as_declared;
        for (reason, count) in other.held {
            *self.held.entry(reason).or_default() += count;
        }
    }
}

impl World {
    /// Panics unless everything converged and rests.
    pub(crate) async fn judge(&mut self) -> Tally {
        let tally = self.judge_jobs();
        let shown = self.shown();
        self.judge_orphans(&shown);
        self.judge_snapshots();
        self.judge_rest(&shown).await;
        tally
    }

    /// Panics unless every declared job is as its document says, or held.
    pub(crate) fn judge_jobs(&self) -> Tally {
        let shown = self.shown();
        let mut tally = Tally::default();
        for (resource, document) in &self.documents {
            let Some(job) = shown.jobs.get(resource) else {
                self.fail(&format!("{resource} is declared and not shown"));
            };
            match self.judge_job(document, job) {
                Ok(Ending::AsDeclared) => tally.as_declared += 1,
                Ok(Ending::Held(reason)) => *tally.held.entry(reason).or_default() += 1,
                Err(why) => self.fail(&format!(
                    "{resource}: {why}\n{document:?}\n{:?}",
                    job.status
                )),
            }
        }
        tally
    }

    fn judge_job(&self, document: &JobDocument, shown: &JobResource) -> Result<Ending, String> {
        let hazelcast = &self.around.clusters[&format!("{}:5701", document.cluster)];
        let holds = &shown.status.holds;
        // An upload without an answer was looked into by somebody: it can't be held any more.
        let held =
            |hold: &Hold| hold.class != HoldClass::Waiting && hold.reason != Reason::OutcomeUnknown;
        if let Some(hold) = holds.iter().find(|hold| held(hold)) {
            return Ok(Ending::Held(hold.reason));
        }
        if let Some(hold) = holds.first() {
            if hold.reason == Reason::UpgradeQueued && self.an_upgrade_is_held() {
                return Ok(Ending::Held(hold.reason));
            }
            return Err(format!("still waiting: {hold:?}"));
        }
        if shown.status.phase == Phase::Completed {
            // Never again on its own, even where the cluster that it completed on is gone.
            return Ok(Ending::AsDeclared);
        }
        let left = hazelcast
            .state()
            .watchdog
            .left_behind
            .contains(&document.job_name);
        if left && document.state != "Running" && shown.status.id == 0 {
            // An earlier document left the job of that name behind; it is nobody's now.
            return Ok(Ending::AsDeclared);
        }
        as_declared(document, hazelcast)?;
        Ok(Ending::AsDeclared)
    }

    /// An upgrade that can't go on keeps those behind it waiting.
    fn an_upgrade_is_held(&self) -> bool {
        let passes = [Reason::Faulty, Reason::OutcomeUnknown];
        let held = |hold: &Hold| hold.class == HoldClass::Blocked && !passes.contains(&hold.reason);
        self.shown().holds.iter().any(held)
    }

    /// Every active job of ours is somebody's: a declared job's, one that is being removed and held,
    /// or one that its policy leaves behind.
    fn judge_orphans(&self, shown: &Published) {
        let known = |id| {
            shown
                .jobs
                .values()
                .any(|job| job.status.job_id_text == Some(id))
        };
        let mut orphans = Vec::new();
        for hazelcast in self.around.clusters.values() {
            let state = hazelcast.state();
            for (name, jobs) in state.active_ours() {
                let left = state.watchdog.left_behind.contains(name);
                if !left && !jobs.iter().any(|id| known(*id)) {
                    orphans.push(format!("{name} {jobs:?}"));
                }
            }
        }
        if !orphans.is_empty() {
            let shown: Vec<_> = shown.jobs.values().map(|job| &job.status).collect();
            self.fail(&format!("active and nobody's: {orphans:?}\n{shown:?}"));
        }
    }

    /// What a job may have to start from again is there, and of what was made before nothing is left
    /// where the job runs.
    fn judge_snapshots(&self) {
        let store = self.shown_store();
        let Some(Ok(recorded)) = store.load().now_or_never() else {
            self.fail("the records can't be read");
        };
        for (name, record) in &recorded.jobs {
            let cluster = &record.spec.hazelcast_resource_name;
            let hazelcast = &self.around.clusters[&format!("{cluster}:5701")];
            let (id, exported) = {
                let state = hazelcast.state();
                let exported: Vec<String> = state.shelf.exported.keys().cloned().collect();
                (state.cluster_id, exported)
            };
            let kept = record.kept.as_ref().filter(|kept| kept.cluster_id == id);
            if kept.is_some_and(|kept| !exported.contains(&kept.name)) {
                self.fail(&format!("{name}: {kept:?} is gone"));
            }
            let job = record.job.as_ref();
            let runs = job.is_some_and(|job| job.status == JobStatus::Running);
            let rests = runs && record.operation.is_none();
            if rests
                && self.shown().jobs[name].status.holds.is_empty()
                && !record.surplus.is_empty()
            {
                self.fail(&format!("{name}: {:?} are left", record.surplus));
            }
        }
    }

    /// At rest: no call that writes, no commit, one list a minute.
    async fn judge_rest(&mut self, shown: &Published) {
        if !shown.settled {
            self.fail(&format!(
                "not settled: steps {:?}, in flight {:?}, holds {:?}",
                shown.steps, shown.in_flight, shown.holds
            ));
        }
        let before = self.counts();
        self.pass_time(Duration::from_mins(10)).await;
        self.check();
        let after = self.counts();
        if before.0 != after.0 || before.1 != after.1 {
            self.fail(&format!(
                "writes and commits at rest: {before:?} then {after:?}"
            ));
        }
        let clusters = u64::try_from(self.around.clusters.len()).unwrap();
        if after.2 - before.2 > clusters * 11 {
            self.fail(&format!("lists at rest: {before:?} then {after:?}"));
        }
    }

    fn counts(&self) -> (u64, u64, u64) {
        let (mut writes, mut lists) = (0, 0);
        for hazelcast in self.around.clusters.values() {
            let state = hazelcast.state();
            writes += state.watchdog.writes;
            lists += state.watchdog.lists;
        }
        (writes, self.around.disk.commits(), lists)
    }
}

enum Ending {
    AsDeclared,
    Held(Reason),
}

fn as_declared(document: &JobDocument, hazelcast: &Hazelcast) -> Result<(), String> {
    let state = hazelcast.state();
    let named: Vec<&Job> = state
        .jobs
        .values()
        .filter(|job| job.name == document.job_name)
        .collect();
    let active: Vec<&&Job> = named
        .iter()
        .filter(|job| !job.status.is_terminal())
        .collect();
    match document.state {
        "Running" | "Restarted" => match active.as_slice() {
            [job] if job.status == JobStatus::Running => {
                let wanted = Some((document.jar(), document.parameters.clone()));
                if is_ours(&job.maker) && job.deployed != wanted {
                    return Err(format!("runs {:?}, declared is {wanted:?}", job.deployed));
                }
                Ok(())
            }
            [] if named.iter().any(|job| job.status == JobStatus::Completed) => Ok(()),
            other => Err(format!("should run, and there is {other:?}")),
        },
        "Suspended" => match active.as_slice() {
            [] => Ok(()),
            [job] if job.status == JobStatus::Suspended => Ok(()),
            other => Err(format!("should be suspended, and there is {other:?}")),
        },
        _ => match active.iter().find(|job| is_ours(&job.maker)) {
            None => Ok(()),
            // Policies that leave a job say so.
            Some(_) if matches!(document.deletion, "Orphan" | "Suspend") => Ok(()),
            Some(job) => Err(format!("should be cancelled, and is {}", job.status)),
        },
    }
}
