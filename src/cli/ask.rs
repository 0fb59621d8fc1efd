//! Asks for something: the daemon, which does it now, else writes it into the state, for the next run.

use std::path::Path;

use serde::Serialize;

use super::context::Context;
use super::error::{CliError, Result};
use super::locate::{Located, locate};
use super::wiring;
use crate::api::Client;
use crate::plan::record::Recorded;
use crate::resources::{Kind, ResourceId};
use crate::store::{Change, Store};

/// Who takes what is asked for.
pub(super) enum Taker {
    /// A daemon.
    Daemon(Client),
    /// The state that no daemon keeps now.
    State(std::sync::Arc<dyn Store>, Box<Recorded>),
}

impl Taker {
    /// Finds it.
    pub(super) async fn find(context: &Context) -> Result<Self> {
        match locate(context).await? {
            Located::Daemon(client) => Ok(Self::Daemon(client)),
            Located::State(state) => Self::open(context, &state).await,
        }
    }

    async fn open(context: &Context, state: &Path) -> Result<Self> {
        let store = wiring::open_store(context, state).await?;
        let recorded = Box::new(store.load().await?);
        Ok(Self::State(store, recorded))
    }

    /// Asks. What the state takes is judged by `write`, for nobody else does before the next run.
    pub(super) async fn ask(
        &self,
        context: &Context,
        path: &str,
        body: &impl Serialize,
        write: impl FnOnce(&Recorded) -> Result<Change>,
    ) -> Result<()> {
        match self {
            Self::Daemon(client) => {
                client.post(path, body).await?;
            }
            Self::State(store, recorded) => {
                store.commit(&write(recorded)?).await?;
                let note = "no daemon runs; it is recorded, and the next run or apply acts on it";
                context.output.note(note);
            }
        }
        Ok(())
    }
}

/// Refuses what nothing is recorded of.
pub(super) fn require_recorded(id: &ResourceId, recorded: &Recorded) -> Result<()> {
    let is_recorded = match id.kind {
        Kind::JetJob => recorded.jobs.contains_key(&id.name),
        Kind::JetJobSnapshot => recorded.snapshots.contains_key(&id.name),
        Kind::Hazelcast => false,
    };
    if is_recorded {
        return Ok(());
    }
    Err(CliError::failed(format!("nothing is recorded of {id}"))
        .hint("`jetkeeper get jobs` shows the names"))
}
