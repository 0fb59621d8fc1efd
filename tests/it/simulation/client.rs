//! The simulated cluster as the engine sees it: the port [`Cluster`], with a network that loses
//! requests and answers.
//!
//! An effect that was sent happens even if whoever asked is gone by then.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jetkeeper::clock::Clock;
use jetkeeper::cluster::{
    CallError, Cluster, Connection, Health, Snapshots, StatusEvent, Upload, UploadReport,
};
use jetkeeper::engine::{ClusterTarget, Clusters};
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::job::{JobConfigView, JobId, JobSettings, JobStatus, JobView};
use jetkeeper::plan::observed::Link;
use jetkeeper::plan::ownership::{AnchorEntry, OwnershipEntry, anchor_key};
use jetkeeper::plan::record::UploadOutcome;
use jetkeeper::plan::upload::nonce_of;
use rand::Rng;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::hazelcast::{Hazelcast, State};
use super::jobs::Stop;
use super::pipeline::Pipeline;
use super::refusal::{no, no_job, refused};

/// How long an answer is waited for.
const DEADLINE: Duration = Duration::from_secs(10);

/// All simulated clusters, by the address that leads to them.
pub(crate) struct SimulatedClusters(pub(crate) BTreeMap<String, Hazelcast>);

impl Clusters for SimulatedClusters {
    fn connect(&self, target: &ClusterTarget) -> Arc<dyn Cluster> {
        let hazelcast = self.0[&target.addresses[0]].clone();
        Arc::new(Client {
            hazelcast,
            closed: AtomicBool::new(false),
        })
    }
}

pub(super) struct Client {
    pub(super) hazelcast: Hazelcast,
    closed: AtomicBool,
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Reads,
    Writes,
    /// It stops or starts a job.
    Moves,
}

/// What becomes of a call.
struct Fate {
    there: Duration,
    back: Duration,
    request_lost: bool,
    answer_lost: bool,
}

impl Client {
    /// Rolls what becomes of a call, or says that it can't be sent.
    fn fate(&self, kind: Kind, what: &str) -> Result<Fate, CallError> {
        self.hazelcast.trace(&format!("{what} is sent"));
        let mut state = self.hazelcast.state();
        if kind != Kind::Reads {
            state.watchdog.writes += 1;
        }
        if kind == Kind::Moves {
            state.watch_trust(what);
        }
        let weather = state.weather;
        let down = state.link != Link::Up || self.closed.load(Ordering::Relaxed);
        if down || state.roll(weather.not_sent) {
            let message = "not connected".to_owned();
            return Err(CallError::NotSent { message });
        }
        let mut wait = |late: bool| {
            let most = if late { 30_000 } else { 15 };
            Duration::from_millis(state.rng.random_range(1..=most))
        };
        let (there, back) = (wait(false), wait(false));
        let late = wait(true);
        let is_late = state.roll(weather.late);
        Ok(Fate {
            there: if is_late { late } else { there },
            back,
            request_lost: state.roll(weather.request_lost),
            answer_lost: state.roll(weather.answer_lost),
        })
    }

    /// One call: over there, the effect, and back.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        kind: Kind,
        what: String,
        effect: impl FnOnce(&Hazelcast, &mut State) -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, CallError> {
        let fate = self.fate(kind, &what)?;
        let (answer, answered) = oneshot::channel();
        let hazelcast = self.hazelcast.clone();
        let incarnation = hazelcast.state().incarnation;
        tokio::spawn(async move {
            tokio::time::sleep(fate.there).await;
            if fate.request_lost {
                answer_never(answer).await;
                return;
            }
            hazelcast.trace(&format!("{what} arrives"));
            let result = {
                let mut state = hazelcast.state();
                if state.incarnation != incarnation {
                    return;
                }
                effect(&hazelcast, &mut state)
            };
            tokio::time::sleep(fate.back).await;
            if fate.answer_lost {
                answer_never(answer).await;
                return;
            }
            drop(answer.send(result));
        });
        let link_lost = self.hazelcast.link_lost();
        let unknown = |message: &str| CallError::Unknown {
            message: message.to_owned(),
            at: None,
        };
        tokio::select! {
            biased;
            answer = answered => answer.unwrap_or_else(|_| Err(unknown("the member is gone"))),
            () = link_lost => {
                Err(unknown("the connection was lost"))
            }
            () = tokio::time::sleep(DEADLINE) => Err(unknown("no answer within 10 s")),
        }
    }
}

/// Holds the answer back until nobody waits for it any more.
async fn answer_never<T>(mut answer: oneshot::Sender<T>) {
    answer.closed().await;
}

#[async_trait]
impl Cluster for Client {
    fn snapshots(&self) -> &dyn Snapshots {
        self
    }

    fn connection(&self) -> watch::Receiver<Connection> {
        self.hazelcast.connection()
    }

    async fn list(&self) -> Result<Vec<JobView>, CallError> {
        self.hazelcast.state().watchdog.lists += 1;
        self.call(Kind::Reads, "list".to_owned(), |it, state| {
            Ok(state.listed(it.clock.now()))
        })
        .await
    }

    async fn status(&self, job: JobId) -> Result<Option<JobStatus>, CallError> {
        self.call(Kind::Reads, format!("status {job}"), move |it, state| {
            Ok(state.status(job, it.clock.now()))
        })
        .await
    }

    async fn config(&self, job: JobId) -> Result<JobConfigView, CallError> {
        self.call(
            Kind::Reads,
            format!("config {job}"),
            move |_, state| match state.jobs.get(&job) {
                Some(job) => Ok(job.config.clone()),
                None => Err(no_job()),
            },
        )
        .await
    }

    async fn health(&self) -> Result<Health, CallError> {
        self.call(Kind::Reads, "health".to_owned(), |_, state| {
            Ok(state.health())
        })
        .await
    }

    async fn ownership(&self) -> Result<BTreeMap<String, OwnershipEntry>, CallError> {
        self.call(Kind::Reads, "ownership".to_owned(), |_, state| {
            Ok(state.ownership.clone())
        })
        .await
    }

    async fn ownership_of(&self, job_name: &str) -> Result<Option<OwnershipEntry>, CallError> {
        let name = job_name.to_owned();
        self.call(
            Kind::Reads,
            format!("ownership of {name}"),
            move |_, state| Ok(state.ownership.get(&name).cloned()),
        )
        .await
    }

    async fn anchors(&self) -> Result<BTreeMap<String, AnchorEntry>, CallError> {
        self.call(Kind::Reads, "anchors".to_owned(), |_, state| {
            Ok(state.anchors.clone())
        })
        .await
    }

    async fn write_anchor(
        &self,
        old: Option<&AnchorEntry>,
        new: &AnchorEntry,
    ) -> Result<bool, CallError> {
        let (old, new) = (old.cloned(), new.clone());
        self.call(
            Kind::Writes,
            format!("write anchor {}", new.source),
            move |_, state| {
                let key = anchor_key(&new.owner, &new.source);
                let there = state.anchors.get(&key).cloned();
                if there.as_ref() == Some(&new) || there != old {
                    return Ok(there.as_ref() == Some(&new));
                }
                state.anchors.insert(key, new);
                Ok(true)
            },
        )
        .await
    }

    async fn listen(&self, job: JobId) -> Result<mpsc::Receiver<StatusEvent>, CallError> {
        self.call(Kind::Reads, format!("listen {job}"), |_, _| Ok(()))
            .await?;
        self.hazelcast.listen(job)
    }

    async fn write_ownership(
        &self,
        job_name: &str,
        old: Option<&OwnershipEntry>,
        new: Option<&OwnershipEntry>,
    ) -> Result<bool, CallError> {
        let (name, old, new) = (job_name.to_owned(), old.cloned(), new.cloned());
        self.call(
            Kind::Writes,
            format!("write {name} {new:?}"),
            move |_, state| {
                let there = state.ownership.get(&name).cloned();
                if there == new || there != old {
                    return Ok(there == new);
                }
                let adopting = state.watchdog.adoptions.contains(&name);
                state.watch_entry(&name, there.as_ref(), adopting);
                let taken = new.as_ref().and_then(|new| new.job_id);
                if let Some(job) = taken.and_then(|id| state.jobs.get_mut(&id)) {
                    job.is_ours = true;
                }
                if let Some(new) = new {
                    state.ownership.insert(name, new);
                } else {
                    state.watch_release(&name);
                    state.ownership.remove(&name);
                }
                Ok(true)
            },
        )
        .await
    }

    async fn upload(&self, upload: Upload) -> UploadReport {
        let member = self.hazelcast.state().members.first().copied();
        let report = |outcome, reason, message: &str| UploadReport {
            outcome,
            reason,
            message: message.to_owned(),
            member,
        };
        let fate = match self.fate(Kind::Moves, &format!("upload {}", upload.file_name)) {
            Ok(fate) => fate,
            Err(error) => {
                let reason = Some(Reason::ClusterUnreachable);
                return report(UploadOutcome::NotRun, reason, &error.to_string());
            }
        };
        let timeout = upload.timeout;
        let (answer, answered) = oneshot::channel();
        let served_by = member.unwrap();
        tokio::spawn(run(self.hazelcast.clone(), upload, fate, served_by, answer));
        let link_lost = self.hazelcast.link_lost();
        let unknown = |message| report(UploadOutcome::Unknown, None, message);
        tokio::select! {
            biased;
            answer = answered => match answer {
                Ok(Ok(())) => report(UploadOutcome::Accepted, None, ""),
                Ok(Err(CallError::Refused { reason, message, .. })) => {
                    report(UploadOutcome::Refused, Some(reason), &message)
                }
                Ok(Err(error)) => unknown(&error.to_string()),
                Err(_) => unknown("the member is gone"),
            },
            () = link_lost => unknown("the connection was lost"),
            () = tokio::time::sleep(timeout) => unknown("no answer in time"),
        }
    }

    async fn suspend(&self, job: JobId) -> Result<(), CallError> {
        self.call(Kind::Moves, format!("suspend {job}"), move |it, state| {
            state.watch_touch("suspend", job);
            it.stop(state, job, Stop::Suspend, false)
        })
        .await
    }

    async fn resume(&self, job: JobId) -> Result<(), CallError> {
        self.call(Kind::Moves, format!("resume {job}"), move |it, state| {
            state.watch_touch("resume", job);
            it.resume(state, job)
        })
        .await
    }

    async fn restart(&self, job: JobId) -> Result<(), CallError> {
        self.call(Kind::Moves, format!("restart {job}"), move |it, state| {
            state.watch_touch("restart", job);
            it.stop(state, job, Stop::Restart, false)
        })
        .await
    }

    async fn cancel(&self, job: JobId, forceful: bool) -> Result<(), CallError> {
        self.call(
            Kind::Moves,
            format!("cancel {job} {forceful}"),
            move |it, state| {
                state.watch_touch("cancel", job);
                let ends = state
                    .jobs
                    .get(&job)
                    .is_some_and(|job| !job.status.is_terminal());
                it.stop(state, job, Stop::Cancel, forceful)?;
                if let (true, Some(job)) = (ends, state.jobs.get_mut(&job)) {
                    job.cancelled_by_us = true;
                }
                Ok(())
            },
        )
        .await
    }

    async fn update_config(&self, job: JobId, settings: &JobSettings) -> Result<(), CallError> {
        let settings = *settings;
        self.call(
            Kind::Writes,
            format!("update {job} {settings:?}"),
            move |_, state| {
                state.watch_touch("update", job);
                match state.jobs.get_mut(&job) {
                    Some(job) if job.status == JobStatus::Suspended => {
                        job.config.settings = settings;
                        Ok(())
                    }
                    Some(_) => Err(refused("the job is not suspended")),
                    None => Err(no_job()),
                }
            },
        )
        .await
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

/// An upload on the member: it arrives, `main` runs, jobs are submitted, `main` returns.
async fn run(
    hazelcast: Hazelcast,
    upload: Upload,
    fate: Fate,
    member: Uuid,
    answer: oneshot::Sender<Result<(), CallError>>,
) {
    tokio::time::sleep(fate.there).await;
    if fate.request_lost {
        answer_never(answer).await;
        return;
    }
    let jar = upload
        .jar
        .as_ref()
        .and_then(|path| path.file_name())
        .unwrap();
    let jar = jar.to_string_lossy().into_owned();
    let pipeline = Pipeline::of_jar(&jar);
    let name = upload.job_name.clone();
    let (nonce, resource_id, takes) = {
        hazelcast.trace(&format!("upload {} arrives", upload.file_name));
        let mut state = hazelcast.state();
        if !state.members.contains(&member) {
            return;
        }
        let resource_id = format!("{}{}.jar", upload.file_name, state.rng.random::<u64>());
        let nonce = nonce_of(&resource_id).unwrap().to_owned();
        state.watch_upload(&nonce, &name);
        state.mains.insert(nonce.clone(), (name.clone(), member));
        let takes = pipeline.main_takes(&mut state.rng);
        (nonce, resource_id, takes)
    };
    tokio::time::sleep(takes).await;
    let result = {
        let mut state = hazelcast.state();
        if state.mains.remove(&nonce).is_none() {
            return; // The member that ran it is gone.
        }
        let deployed = Some((jar, upload.parameters.clone()));
        let submit = |state: &mut State| {
            let start = state.start_of(upload.snapshot.as_deref());
            let deployed = deployed.clone();
            hazelcast
                .submit(state, &name, pipeline, resource_id.clone(), deployed, start)
                .map(|_| ())
        };
        match pipeline {
            Pipeline::Silent => Ok(()),
            Pipeline::Throws => Err(no(Reason::SubmitRefused, "main threw")),
            Pipeline::Twice => submit(&mut state).and_then(|()| submit(&mut state)),
            _ => submit(&mut state),
        }
    };
    tokio::time::sleep(fate.back).await;
    if fate.answer_lost {
        answer_never(answer).await;
        return;
    }
    drop(answer.send(result));
}
