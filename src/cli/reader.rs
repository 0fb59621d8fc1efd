//! Where the reading commands get their answers: the daemon's socket, else the last records.

use std::sync::Arc;

use jiff::Timestamp;

use super::context::Context;
use super::error::{CliError, Result};
use super::locate::{Located, locate};
use super::{time, wiring};
use crate::api::Client;
use crate::engine::JobResource;
use crate::engine::published::{HazelcastResource, SnapshotResource};
use crate::plan::hold::Hold;
use crate::plan::record::{JobRecord, Recorded};
use crate::plan::{last_snapshot_status, last_status};
use crate::store::{EventEntry, RevisionEntry, Store};

/// Gives answers.
pub(super) enum Reader {
    /// A daemon's.
    Daemon(Client),
    /// What was recorded last.
    Records(Arc<dyn Store>, Box<Recorded>),
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
        context.output.note(&format!(
            "no daemon keeps {}; this is what was recorded last{age}",
            state.display()
        ));
        Ok(Self::Records(store, Box::new(recorded)))
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
            Self::Records(_, recorded) => {
                let jobs = recorded.jobs.iter();
                Ok(jobs.map(|(name, record)| last_seen(name, record)).collect())
            }
        }
    }

    pub(super) async fn job(&self, name: &str) -> Result<JobResource> {
        match self {
            Self::Daemon(client) => Ok(client.get(&format!("/v1/jobs/{}", escape(name))).await?),
            Self::Records(_, recorded) => {
                let record = recorded.jobs.get(name);
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
            Self::Records(_, recorded) => {
                let snapshots = recorded.snapshots.iter();
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

    /// Whether a cluster has this name, and no job.
    pub(super) async fn is_cluster_alone(&self, name: &str) -> bool {
        let Self::Daemon(_) = self else { return false };
        self.job(name).await.is_err() && self.hazelcast(name).await.is_ok()
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
            Self::Records(store, _) => Ok(store.events(limit).await?),
        }
    }

    pub(super) async fn history(&self, limit: usize) -> Result<Vec<RevisionEntry>> {
        match self {
            Self::Daemon(client) => Ok(client.list(&format!("/v1/history?limit={limit}")).await?),
            Self::Records(store, _) => Ok(store.revisions(limit).await?),
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
