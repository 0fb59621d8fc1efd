//! Plays calls on one cluster, and puts the answers into words that don't depend on ids, names and times.

mod snapshots;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jetkeeper::cluster::{CallError, Cluster, StatusEvent, Upload};
use jetkeeper::plan::job::{JobConfigView, JobId, JobSettings, JobStatus, JobView};
use jetkeeper::plan::ownership::OwnershipEntry;
use jetkeeper::plan::record::UploadOutcome;
use jetkeeper::plan::snapshot::SnapshotFacts;
use jetkeeper::plan::upload::nonce_of;
use jetkeeper::resources::{Digest, ResourceId};
use jiff::SignedDuration;
use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::time::{Instant, sleep, timeout};

use super::super::jobs::usual_settings;
use super::call::{Call, Effect, Kind, NAMES, Which};
use super::words::{in_words, rests, said};

/// How long a job may take to come to rest.
const REST: Duration = Duration::from_secs(30);
/// How long an event that has to come is waited for.
const EVENT: Duration = Duration::from_secs(10);
/// The interval that jobs are given.
const INTERVAL: SignedDuration = SignedDuration::from_secs(7);
/// No job has this id.
const NOBODY: JobId = JobId(42);

/// Makes the upload of a jar that does this: the job's name, and the nonce in the file's name.
pub(super) type Jar<'a> = &'a (dyn Fn(Kind, &str, &str) -> Upload + Send + Sync);

/// Who plays on one cluster.
pub(super) struct Player<'a> {
    cluster: &'a dyn Cluster,
    jar: Jar<'a>,
    /// Names of this play begin with it.
    prefix: String,
    made: Vec<Made>,
    uploads: usize,
    exported: BTreeMap<usize, SnapshotFacts>,
    listeners: BTreeMap<usize, mpsc::Receiver<StatusEvent>>,
}

/// A job that was made.
struct Made {
    id: JobId,
    kind: Kind,
    nonce: String,
}

impl<'a> Player<'a> {
    pub(super) fn new(cluster: &'a dyn Cluster, jar: Jar<'a>, prefix: String) -> Self {
        Self {
            cluster,
            jar,
            prefix,
            made: Vec::new(),
            uploads: 0,
            exported: BTreeMap::new(),
            listeners: BTreeMap::new(),
        }
    }

    /// Makes a call, and tells what came of it.
    pub(super) async fn play(&mut self, call: Call) -> String {
        match call {
            Call::Submit {
                kind,
                name,
                snapshot,
            } => self.submit(kind, name, snapshot).await,
            Call::Do(effect, which) => self.act(effect, None, which).await,
            Call::AtOnce(first, second, which) => self.act(first, Some(second), which).await,
            Call::List => self.list().await,
            Call::Status(which) => said(self.cluster.status(self.id(which)).await, |status| {
                format!("{status:?}")
            }),
            Call::Config(which) => self.config(which).await,
            Call::Listen(which) => self.listen(which).await,
            Call::Health => said(self.cluster.health().await, |health| format!("{health:?}")),
            Call::Standing(which) => self.standing(which).await,
            Call::Export {
                of,
                which,
                strategy,
                snapshot,
                owner,
            } => self.export(of, which, strategy, snapshot, owner).await,
            Call::ReadSnapshot(snapshot) => self.read_snapshot(snapshot).await,
            Call::ListSnapshots => self.list_snapshots().await,
            Call::Inspect(snapshot) => self.inspect(snapshot).await,
            Call::DeleteSnapshot(snapshot) => {
                self.exported.remove(&snapshot);
                let name = self.snapshot(snapshot);
                let deleted = self.cluster.snapshots().delete(&name, None).await;
                said(deleted, |gone| format!("deleted: {gone}"))
            }
            Call::Write { name, old, new } => self.write(name, old, new).await,
            Call::Ownership => self.ownership().await,
        }
    }

    /// Ends and removes all that was made.
    pub(super) async fn clean_up(&self) {
        for job in &self.made {
            self.cluster.cancel(job.id, true).await.ok();
        }
        for number in 0..NAMES {
            let snapshot = self.snapshot(number);
            self.cluster.snapshots().delete(&snapshot, None).await.ok();
            let name = self.name(number);
            let there = self.cluster.ownership().await.unwrap_or_default();
            let written = self
                .cluster
                .write_ownership(&name, there.get(&name), None)
                .await;
            written.ok();
        }
    }

    fn name(&self, number: usize) -> String {
        format!("{}-job-{number}", self.prefix)
    }

    fn snapshot(&self, number: usize) -> String {
        format!("{}-snapshot-{number}", self.prefix)
    }

    fn index(&self, which: Which) -> Option<usize> {
        match which {
            Which::Made(index) if !self.made.is_empty() => Some(index % self.made.len()),
            Which::Latest if !self.made.is_empty() => Some(self.made.len() - 1),
            _ => None,
        }
    }

    fn id(&self, which: Which) -> JobId {
        self.index(which)
            .map_or(NOBODY, |index| self.made[index].id)
    }

    // Jobs.

    async fn submit(&mut self, kind: Kind, name: usize, snapshot: Option<usize>) -> String {
        self.uploads += 1;
        let nonce = format!("{:016x}", self.uploads);
        let name = self.name(name);
        let mut upload = (self.jar)(kind, &name, &nonce);
        upload.snapshot = snapshot.map(|number| self.snapshot(number));
        let report = self.cluster.upload(upload).await;
        let mut told = format!("{:?} {:?}", report.outcome, report.reason);
        if report.outcome == UploadOutcome::Unknown {
            return told;
        }
        let jobs = self.cluster.list().await.unwrap();
        let known: Vec<JobId> = self.made.iter().map(|job| job.id).collect();
        let new = |job: &&JobView| job.name == name && !known.contains(&job.id);
        for job in jobs.iter().filter(new) {
            let (id, nonce) = (job.id, nonce.clone());
            self.made.push(Made { id, kind, nonce });
            let rests = |view: &JobView| rests(kind, view);
            let made = self.at_rest(id, rests).await;
            write!(told, ", made {made}").unwrap();
        }
        told
    }

    async fn act(&mut self, first: Effect, second: Option<Effect>, which: Which) -> String {
        let (index, id) = (self.index(which), self.id(which));
        let before = self.view(id).await;
        let settings = self.settings(id).await;
        let answer = self.call(first, id, &settings).await;
        let mut told = said(answer.clone(), |()| "accepted".to_owned());
        if let Some(second) = second {
            let answer = self.call(second, id, &settings).await;
            let answer = said(answer, |()| "accepted".to_owned());
            write!(told, ", then {answer}").unwrap();
        } else if answer.is_ok() && matches!(first, Effect::Suspend | Effect::Cancel { .. }) {
            let status = self.cluster.status(id).await.unwrap();
            let runs = status == Some(JobStatus::Running);
            told += if runs { ", still runs" } else { "" };
        }
        let (Some(index), Some(before)) = (index, before) else {
            return told;
        };
        let kind = self.made[index].kind;
        let changes = match first {
            Effect::Update => false,
            Effect::Resume => before.status == JobStatus::Suspended,
            _ => !before.status.is_terminal(),
        };
        let anew = |view: &JobView| view.execution_id != before.execution_id && rests(kind, view);
        let ended = |view: &JobView| view.status.is_terminal() && view.completed_at.is_some();
        let suspended = |view: &JobView| view.status == JobStatus::Suspended || ended(view);
        let now = match first {
            _ if answer.is_err() || !changes => self.at_rest(id, |view| rests(kind, view)).await,
            Effect::Suspend => self.at_rest(id, suspended).await,
            Effect::Cancel { .. } => self.at_rest(id, ended).await,
            _ => self.at_rest(id, anew).await,
        };
        let after = self.view(id).await.unwrap();
        let another = after.execution_id != before.execution_id;
        write!(told, ", is {now}, another execution: {another}").unwrap();
        let waits = answer.is_ok() && changes;
        told + &self.events(index, waits.then_some(after.status)).await
    }

    async fn call(
        &self,
        effect: Effect,
        id: JobId,
        settings: &JobSettings,
    ) -> Result<(), CallError> {
        match effect {
            Effect::Suspend => self.cluster.suspend(id).await,
            Effect::Resume => self.cluster.resume(id).await,
            Effect::Restart => self.cluster.restart(id).await,
            Effect::Cancel { forceful } => self.cluster.cancel(id, forceful).await,
            Effect::Update => self.cluster.update_config(id, settings).await,
        }
    }

    async fn view(&self, id: JobId) -> Option<JobView> {
        let jobs = self.cluster.list().await.unwrap();
        jobs.into_iter().find(|job| job.id == id)
    }

    /// Waits until the job rests, and tells how.
    async fn at_rest(&self, id: JobId, rests: impl Fn(&JobView) -> bool) -> String {
        let deadline = Instant::now() + REST;
        loop {
            let view = self.view(id).await;
            match view {
                Some(view) if rests(&view) => return in_words(&view),
                _ if Instant::now() > deadline => return format!("never at rest: {view:?}"),
                _ => sleep(Duration::from_millis(10)).await,
            }
        }
    }

    async fn settings(&self, id: JobId) -> JobSettings {
        let config = self.cluster.config(id).await;
        let mut settings = config.map_or_else(|_| usual_settings(), |config| config.settings);
        settings.snapshot_interval = INTERVAL;
        settings.metrics_enabled = false;
        settings
    }

    async fn list(&self) -> String {
        said(self.cluster.list().await, |jobs| {
            let mut ours: Vec<String> = jobs
                .iter()
                .filter(|job| job.name.starts_with(&format!("{}-", self.prefix)))
                .map(|job| {
                    let index = self.made.iter().position(|made| made.id == job.id);
                    let name = job.name.strip_prefix(&self.prefix).unwrap();
                    format!("{index:?} {name} {}", in_words(job))
                })
                .collect();
            ours.sort();
            ours.join("; ")
        })
    }

    async fn config(&self, which: Which) -> String {
        let job = self.index(which).map(|index| &self.made[index]);
        said(self.cluster.config(self.id(which)).await, |config| {
            let JobConfigView {
                nonce,
                resource_ids,
                guarantee,
                suspendable,
                initial_snapshot: _,
                mut settings,
            } = config;
            let job = job.unwrap();
            // What a pipeline wants is its own affair.
            let guarantee = matches!(job.kind, Kind::Stream | Kind::Stateless).then_some(guarantee);
            if settings.snapshot_interval != INTERVAL {
                settings.snapshot_interval = SignedDuration::ZERO;
            }
            let of_upload = resource_ids
                .iter()
                .map(|id| nonce_of(id) == nonce.as_deref());
            let of_upload: Vec<bool> = of_upload.collect();
            format!(
                "its nonce: {}, {of_upload:?}, {guarantee:?}, suspendable: {suspendable}, {settings:?}",
                nonce.as_ref() == Some(&job.nonce)
            )
        })
    }

    async fn listen(&mut self, which: Which) -> String {
        let listened = self.cluster.listen(self.id(which)).await;
        said(listened, |events| {
            self.listeners.insert(self.index(which).unwrap(), events);
            "listens".to_owned()
        })
    }

    /// The events of a job up to that of the status, or those that are there.
    async fn events(&mut self, index: usize, until: Option<JobStatus>) -> String {
        let Some(listener) = self.listeners.get_mut(&index) else {
            return String::new();
        };
        let mut told = ", told".to_owned();
        loop {
            let event = if until.is_some() {
                timeout(EVENT, listener.recv()).await
            } else {
                match listener.try_recv() {
                    Ok(event) => Ok(Some(event)),
                    Err(TryRecvError::Disconnected) => Ok(None),
                    Err(TryRecvError::Empty) => return told,
                }
            };
            match event {
                Ok(Some(event)) => {
                    let why = event.description.filter(|_| event.user_requested);
                    let asked = event.user_requested;
                    write!(told, " {} {asked} {why:?}", event.status).unwrap();
                    if until == Some(event.status) && !event.status.is_terminal() {
                        return told;
                    }
                }
                Ok(None) => {
                    self.listeners.remove(&index);
                    return told + " end";
                }
                Err(_) => return told + " no more in time",
            }
        }
    }

    // The ownership map.

    fn entry(number: usize) -> OwnershipEntry {
        OwnershipEntry {
            owner: "keeper".to_owned(),
            keeper: String::new(),
            epoch: number as u64,
            attempt: "0123456789abcdef".to_owned(),
            job_id: None,
            resource: ResourceId::jet_job("job"),
            digest: Digest::of(b"spec"),
        }
    }

    async fn write(&self, name: usize, old: Option<usize>, new: Option<usize>) -> String {
        let (old, new) = (old.map(Self::entry), new.map(Self::entry));
        let name = self.name(name);
        let written = self
            .cluster
            .write_ownership(&name, old.as_ref(), new.as_ref())
            .await;
        said(written, |written| format!("written: {written}"))
    }

    async fn ownership(&self) -> String {
        said(self.cluster.ownership().await, |entries| {
            let ours = entries.iter().filter_map(|(name, entry)| {
                let name = name.strip_prefix(&format!("{}-", self.prefix))?;
                let number = (0..NAMES).find(|number| Self::entry(*number) == *entry);
                Some(format!("{name} {number:?}"))
            });
            ours.collect::<Vec<_>>().join("; ")
        })
    }
}
