//! Steps that are being carried out: one at most for each resource and each job, a bounded number
//! for each cluster.
//!
//! After its step a resource **rests** until its cluster was looked at again: what was seen before
//! the step ended may show the job as it was, and would have the same step planned once more. It has
//! rested as soon as the job is seen to be as the step wanted it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

use super::executor::{Executor, unknown};
use crate::cluster::watch::{ClusterWatch, WatchError};
use crate::plan::job::{JobId, JobStatus};
use crate::plan::observed::{ClusterView, Lists};
use crate::plan::step::{Action, Outcome, Step};
use crate::resources::ResourceId;

/// The pause before a cluster that did not answer is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A step that ended.
#[derive(Debug)]
pub(super) struct Landed {
    pub(super) step: Arc<Step>,
    pub(super) outcome: Outcome,
    /// The list of its cluster that was ordered then.
    pub(super) lists: Option<Lists>,
}

/// A step to start, and the cluster that it is for.
pub(super) struct Start {
    pub(super) step: Arc<Step>,
    pub(super) watch: Arc<ClusterWatch>,
}

/// Steps that are being carried out.
#[derive(Default)]
pub(super) struct Flights {
    tasks: JoinSet<Outcome>,
    started: HashMap<Id, Start>,
    ended: Vec<Landed>,
    looks: JoinSet<()>,
    resting: HashMap<Id, ResourceId>,
}

impl Flights {
    /// Waits until a step ends or a resource has rested; never returns where neither is to come.
    pub(super) async fn next(&mut self) {
        // In this order, so that a seed replays what ends at one moment.
        tokio::select! {
            biased;
            Some(result) = self.tasks.join_next_with_id() => self.land(result),
            Some(result) = self.looks.join_next_with_id() => self.looked(result),
            else => std::future::pending().await,
        }
    }

    /// The steps that ended since the last call.
    pub(super) fn landed(&mut self) -> Vec<Landed> {
        while let Some(result) = self.tasks.try_join_next_with_id() {
            self.land(result);
        }
        while let Some(result) = self.looks.try_join_next_with_id() {
            self.looked(result);
        }
        std::mem::take(&mut self.ended)
    }

    fn land(&mut self, result: Result<(Id, Outcome), JoinError>) {
        let (id, outcome) = match result {
            Ok((id, outcome)) => (id, Ok(outcome)),
            Err(error) => (error.id(), Err(error)),
        };
        let Some(Start { step, watch }) = self.started.remove(&id) else {
            return;
        };
        let outcome = outcome.unwrap_or_else(|error| {
            tracing::error!(%step, %error, "a step broke off; this is a defect of jetkeeper");
            unknown(&step, "the step broke off".to_owned())
        });
        let lists = self.rest(&step, &outcome, watch);
        self.ended.push(Landed {
            step,
            outcome,
            lists,
        });
    }

    /// Has the cluster looked at; tells which list was ordered.
    fn rest(&mut self, step: &Step, outcome: &Outcome, watch: Arc<ClusterWatch>) -> Option<Lists> {
        if let Action::UpdateConfig { job, .. } = &step.action {
            watch.invalidate_config(*job);
        }
        let writes_entry = matches!(step.action, Action::Claim { .. } | Action::Anchor { .. });
        if *outcome == Outcome::Done && writes_entry {
            // An entry changes no job, so nothing that was seen before it is out of date.
            watch.refresh_ownership();
            return None;
        }
        if matches!(outcome, Outcome::Exported { .. }) {
            // Nor does an export.
            return None;
        }
        if is_stopped(&step.action, &watch.views().borrow()) {
            return Some(watch.refresh());
        }
        let stale = matches!(outcome, Outcome::Stale { .. });
        let ordered = (!stale).then(|| watch.refresh());
        let stopped = stopped(step.action.clone(), watch.views());
        let look = async move {
            tokio::select! {
                biased;
                () = stopped => {}
                () = look(watch, ordered) => {}
            }
        };
        let id = self.looks.spawn(look).id();
        self.resting.insert(id, step.resource.clone());
        ordered
    }

    fn looked(&mut self, result: Result<(Id, ()), JoinError>) {
        let id = result.map_or_else(|error| error.id(), |(id, ())| id);
        self.resting.remove(&id);
    }

    /// The planned steps that may start now, in order.
    pub(super) fn choose<'a>(
        &self,
        planned: impl Iterator<Item = &'a Step>,
        in_flight: &BTreeMap<ResourceId, Arc<Step>>,
        per_cluster: usize,
    ) -> Vec<Arc<Step>> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut resources: BTreeSet<&ResourceId> = self.resting.values().collect();
        let mut jobs: BTreeSet<(&str, &str)> = BTreeSet::new();
        for step in in_flight.values() {
            *counts.entry(&step.cluster).or_default() += 1;
            resources.insert(&step.resource);
            jobs.insert((&step.cluster, &step.job_name));
        }
        let mut chosen = Vec::new();
        for step in planned {
            let count = counts.entry(&step.cluster).or_default();
            let free = *count < per_cluster
                && !resources.contains(&step.resource)
                && !jobs.contains(&(step.cluster.as_str(), step.job_name.as_str()));
            if free {
                *count += 1;
                resources.insert(&step.resource);
                jobs.insert((&step.cluster, &step.job_name));
                chosen.push(Arc::new(step.clone()));
            }
        }
        chosen
    }

    /// Starts steps whose intents are durable.
    pub(super) fn start(&mut self, starts: Vec<Start>, executor: &Executor) {
        for start in starts {
            let executor = executor.clone();
            let (step, watch) = (Arc::clone(&start.step), Arc::clone(&start.watch));
            let task = async move { executor.carry_out(&step, &watch).await };
            let id = self.tasks.spawn(task).id();
            self.started.insert(id, start);
        }
    }

    /// Whether a resource waits for its cluster to be looked at.
    pub(super) fn is_resting(&self) -> bool {
        !self.resting.is_empty()
    }

    /// Breaks off everything that is in flight, without waiting. Their intents stay open.
    pub(super) fn abandon(&mut self) {
        self.tasks.abort_all();
        self.looks.abort_all();
    }

    /// Whether nothing is in flight and everything that ended was taken.
    pub(super) fn is_idle(&self) -> bool {
        self.tasks.is_empty() && self.ended.is_empty()
    }
}

/// Whether the job is seen stopped that this was to stop. Other steps leave no such trace.
fn is_stopped(action: &Action, view: &ClusterView) -> bool {
    let status = |job: &JobId| Some(view.jobs.known()?.get(job)?.status);
    match action {
        Action::Suspend { job } => status(job) == Some(JobStatus::Suspended),
        Action::Cancel { job, .. } => status(job).is_some_and(JobStatus::is_terminal),
        _ => false,
    }
}

/// Waits until it is.
async fn stopped(action: Action, mut views: watch::Receiver<Arc<ClusterView>>) {
    let seen = views
        .wait_for(|view| is_stopped(&action, view))
        .await
        .is_ok();
    if !seen {
        std::future::pending::<()>().await;
    }
}

/// Looks at a cluster until it answers, or can't be reached: then no view of it is believed anyway.
/// The first look was ordered already, unless the step was stale.
async fn look(watch: Arc<ClusterWatch>, ordered: Option<Lists>) {
    if let Some(ordered) = ordered {
        let Err(WatchError::Call(_)) = watch.answered(ordered).await else {
            return;
        };
        tokio::time::sleep(ASK_AGAIN).await;
    } else {
        // What made the step stale may be the cluster's health, which a refresh doesn't read. Where
        // it can't be read, the view says so. The pause keeps a plan and a precondition that
        // disagree from chasing each other.
        drop(watch.guard().await);
        tokio::time::sleep(ASK_AGAIN).await;
    }
    while let Err(WatchError::Call(_)) = watch.refreshed().await {
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::{FakeCluster, JOB, executor, suspend};

    fn named(resource: &str, job: &str) -> Step {
        let mut step = suspend();
        step.resource = ResourceId::jet_job(resource);
        step.job_name = job.to_owned();
        step
    }

    fn names(steps: &[Arc<Step>]) -> Vec<&str> {
        steps
            .iter()
            .map(|step| step.resource.name.as_str())
            .collect()
    }

    #[test]
    fn one_step_a_resource_one_a_job_and_so_many_a_cluster() {
        let flights = Flights::default();
        let planned = [
            named("a", "a"),
            named("a", "b"),
            named("b", "a"),
            named("c", "c"),
            named("d", "d"),
        ];
        let chosen = flights.choose(planned.iter(), &BTreeMap::new(), 8);
        assert_eq!(names(&chosen), ["a", "c", "d"]);
        let in_flight = [(ResourceId::jet_job("c"), Arc::new(named("c", "c")))].into();
        let chosen = flights.choose(planned.iter(), &in_flight, 2);
        assert_eq!(names(&chosen), ["a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_resource_rests_until_its_cluster_was_looked_at() {
        let cluster = FakeCluster::new();
        let watch = cluster.watch();
        let mut views = watch.views();
        views
            .wait_for(|view| view.listed_at.is_some())
            .await
            .unwrap();
        let mut flights = Flights::default();
        let step = Arc::new(suspend());
        let start = Start {
            step: Arc::clone(&step),
            watch,
        };
        flights.start(vec![start], &executor(true));
        while flights.landed().is_empty() {
            flights.next().await;
        }
        assert!(flights.is_resting());
        let planned = [suspend()];
        assert!(
            flights
                .choose(planned.iter(), &BTreeMap::new(), 8)
                .is_empty()
        );
        flights.next().await;
        assert!(!flights.is_resting());
        assert_eq!(flights.choose(planned.iter(), &BTreeMap::new(), 8).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_is_seen_stopped_needs_no_other_look() {
        let cluster = FakeCluster::new();
        let watch = cluster.watch();
        let mut seen = watch.views();
        let listed = seen.wait_for(|view| view.listed_at.is_some());
        listed.await.unwrap();
        let is_stopped = |action| {
            let stopped = stopped(action, watch.views());
            tokio::time::timeout(Duration::from_millis(1), stopped)
        };
        let (suspend, resume) = (Action::Suspend { job: JOB }, Action::Resume { job: JOB });
        let cancel = Action::Cancel {
            job: JOB,
            forceful: true,
        };
        let mut found = Vec::new();
        for status in [JobStatus::Running, JobStatus::Suspended, JobStatus::Failed] {
            cluster.answers.lock().unwrap().jobs[0].status = status;
            watch.refreshed().await.unwrap();
            for action in [&suspend, &cancel, &resume] {
                found.push(is_stopped(action.clone()).await.is_ok());
            }
        }
        let (no, yes) = (false, true);
        assert_eq!(found, [no, no, no, yes, no, no, no, yes, no]);
    }
}
