//! Where the reading commands get their answers: the daemon's socket, else the last records.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::context::Context;
use super::error::{CliError, Result};
use super::locate::{Located, locate};
use super::output::Output;
use super::{time, wiring};
use crate::api::Client;
use crate::engine::JobResource;
use crate::engine::published::{HazelcastResource, SnapshotResource};
use crate::plan::hold::Hold;
use crate::plan::record::{JobRecord, Recorded};
use crate::plan::{last_snapshot_status, last_status};
use crate::resources::{Kind, ResourceId};
use crate::store::{EventEntry, RevisionEntry, Store};

/// Gives answers.
pub(super) enum Reader {
    /// A daemon's.
    Daemon(Client),
    /// What was recorded last.
    Records(Box<Records>),
}

/// What was recorded last, where no daemon runs.
pub(super) struct Records {
    store: Arc<dyn Store>,
    recorded: Recorded,
    /// Says that it is no more than that, before the first answer.
    note: Mutex<Option<String>>,
    output: Output,
}

impl Records {
    fn note(&self) {
        let note = self
            .note
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(note) = note {
            self.output.note(&note);
        }
    }

    fn recorded(&self) -> &Recorded {
        self.note();
        &self.recorded
    }

    fn store(&self) -> &dyn Store {
        self.note();
        &*self.store
    }
}

impl Reader {
    /// The daemon, else the records; says so where it is the records.
    pub(super) async fn open(context: &Context) -> Result<Self> {
        let state = match locate(context).await? {
            Located::Daemon(client) => return Ok(Self::Daemon(client)),
            Located::State(state) => state,
        };
        let store = wiring::open_store(context, &state).await?;
        let recorded = store.load().await?;
        let now = context.clock.now();
        let age = last_change(&*store).await?;
        let age = age.map_or(String::new(), |at| format!(", {} ago", time::ago(at, now)));
        let note = format!(
            "no daemon keeps {}; this is what was recorded last{age}",
            state.display()
        );
        Ok(Self::Records(Box::new(Records {
            store,
            recorded,
            note: Mutex::new(Some(note)),
            output: context.output,
        })))
    }

    /// The daemon, for streams.
    pub(super) fn daemon(&self) -> Result<&Client> {
        match self {
            Self::Daemon(client) => Ok(client),
            Self::Records(..) => Err(CliError::failed(
                "there is nothing to watch without a daemon",
            )
            .hint("`jetkeeper run PATH` starts one")),
        }
    }

    pub(super) async fn jobs(&self) -> Result<Vec<JobResource>> {
        match self {
            Self::Daemon(client) => Ok(client.list("/v1/jobs").await?),
            Self::Records(records) => {
                let jobs = records.recorded().jobs.iter();
                Ok(jobs.map(|(name, record)| last_seen(name, record)).collect())
            }
        }
    }

    pub(super) async fn job(&self, name: &str) -> Result<JobResource> {
        match self {
            Self::Daemon(client) => Ok(client.get(&format!("/v1/jobs/{}", escape(name))).await?),
            Self::Records(records) => {
                let record = records.recorded().jobs.get(name);
                let record = record.ok_or_else(|| {
                    CliError::failed(format!("there is no JetJob/{name}"))
                        .hint("`jetkeeper get jobs` shows the names")
                })?;
                Ok(last_seen(name, record))
            }
        }
    }

    pub(super) async fn snapshots(&self) -> Result<Vec<SnapshotResource>> {
        match self {
            Self::Daemon(client) => Ok(client.list("/v1/snapshots").await?),
            Self::Records(records) => {
                let snapshots = records.recorded().snapshots.iter();
                Ok(snapshots
                    .map(|(name, record)| {
                        SnapshotResource::of(name, record, last_snapshot_status(record))
                    })
                    .collect())
            }
        }
    }

    pub(super) async fn snapshot(&self, name: &str) -> Result<SnapshotResource> {
        match self {
            Self::Daemon(client) => Ok(client
                .get(&format!("/v1/snapshots/{}", escape(name)))
                .await?),
            Self::Records(..) => {
                let all = self.snapshots().await?;
                let found = all.into_iter().find(|it| it.metadata.name == name);
                found.ok_or_else(|| {
                    CliError::failed(format!("there is no JetJobSnapshot/{name}"))
                        .hint("`jetkeeper get snapshots` shows the names")
                })
            }
        }
    }

    pub(super) async fn hazelcasts(&self) -> Result<Vec<HazelcastResource>> {
        match self {
            Self::Daemon(client) => Ok(client.list("/v1/hazelcast").await?),
            Self::Records(..) => Err(only_a_daemon("how a cluster is")),
        }
    }

    pub(super) async fn hazelcast(&self, name: &str) -> Result<HazelcastResource> {
        match self {
            Self::Daemon(client) => Ok(client
                .get(&format!("/v1/hazelcast/{}", escape(name)))
                .await?),
            Self::Records(..) => Err(only_a_daemon("how a cluster is")),
        }
    }

    /// The resource of this name: a job, else a cluster, else a snapshot; a job where there is none.
    pub(super) async fn named(&self, name: &str) -> ResourceId {
        if self.job(name).await.is_ok() {
            return ResourceId::jet_job(name);
        }
        if self.hazelcast(name).await.is_ok() {
            return ResourceId::hazelcast(name);
        }
        if self.snapshot(name).await.is_ok() {
            return ResourceId::jet_job_snapshot(name);
        }
        ResourceId::jet_job(name)
    }

    /// Refuses a resource that is not there.
    pub(super) async fn require(&self, id: &ResourceId) -> Result<()> {
        match id.kind {
            Kind::JetJob => self.job(&id.name).await.map(drop),
            Kind::JetJobSnapshot => self.snapshot(&id.name).await.map(drop),
            Kind::Hazelcast => self.hazelcast(&id.name).await.map(drop),
        }
    }

    pub(super) async fn holds(&self) -> Result<Vec<Hold>> {
        match self {
            Self::Daemon(client) => Ok(client.list("/v1/holds").await?),
            Self::Records(..) => Err(only_a_daemon("what is held")),
        }
    }

    pub(super) async fn events(&self, limit: usize) -> Result<Vec<EventEntry>> {
        match self {
            Self::Daemon(client) => Ok(client.list(&format!("/v1/events?limit={limit}")).await?),
            Self::Records(records) => Ok(records.store().events(limit).await?),
        }
    }

    pub(super) async fn history(&self, limit: usize) -> Result<Vec<RevisionEntry>> {
        match self {
            Self::Daemon(client) => Ok(client.list(&format!("/v1/history?limit={limit}")).await?),
            Self::Records(records) => Ok(records.store().revisions(limit).await?),
        }
    }
}

fn only_a_daemon(what: &str) -> CliError {
    CliError::failed(format!("only a daemon knows {what}, and none runs"))
        .hint("`jetkeeper run PATH` starts one; `jetkeeper plan PATH` looks once")
}

/// When anything was recorded last, as far as events tell.
async fn last_change(store: &dyn Store) -> Result<Option<Timestamp>> {
    let events = store.events(1).await?;
    Ok(events.last().map(|entry| entry.at))
}

fn last_seen(name: &str, record: &JobRecord) -> JobResource {
    JobResource::of(name, record, last_status(record))
}

/// A name as a segment of a path. Names of resources need no escape; what a person types may.
pub(super) fn escape(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let bytes = name.bytes().map(|byte| match byte {
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    bytes.collect()
}
