//! The one way in: what readers may ask the engine for.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use super::progress::ProgressBoard;
use super::published::Published;
use super::pulse::Pulse;
use super::settings::Configuration;
use crate::notifications::Deliveries;
use crate::plan::hold::HoldId;
use crate::plan::record::{Recorded, Told};
use crate::resources::ResourceId;
use crate::resources::jet_job_snapshot::JetJobSnapshotSpec;
use crate::store::Store;
use crate::telemetry::Meters;

/// Something asked of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Scan the sources and ask the clusters again, then make a pass.
    Reconcile,
    /// Leave a resource, or everything, alone.
    Pause {
        /// What; everything where absent.
        resource: Option<ResourceId>,
        /// Why.
        reason: String,
        /// Who.
        by: String,
        /// Until when.
        until: Option<Timestamp>,
    },
    /// End a pause.
    Unpause {
        /// Of what; of everything where absent.
        resource: Option<ResourceId>,
        /// Who.
        by: String,
    },
    /// Release a hold.
    Confirm {
        /// The hold.
        hold: HoldId,
        /// Whether the state of the jobs concerned may go.
        discard_state: bool,
        /// Who.
        by: String,
    },
    /// Export a snapshot that no document declares.
    Snapshot {
        /// The name of the resource, and of the snapshot on its cluster.
        name: String,
        /// What is exported, and how.
        spec: JetJobSnapshotSpec,
    },
    /// Delete a snapshot that was asked for by command, or give up to export it.
    Withdraw {
        /// The name of the resource.
        name: String,
    },
    /// Take over a job that somebody else made.
    Adopt {
        /// The resource that declares it.
        resource: ResourceId,
        /// Who.
        by: String,
    },
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RequestError {
    /// In one word, for programs: `NotFound`, `Invalid`, `Unavailable`.
    pub code: &'static str,
    /// Why.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// What a request is answered with: the number of the pass that saw it.
pub type Answer = Result<u64, RequestError>;

/// A request and where its answer goes.
pub type Envelope = (Request, oneshot::Sender<Answer>);

/// Where the records go that somebody wants to read.
pub type Reading = oneshot::Sender<Recorded>;

/// The engine, as its readers hold it. Cloning is cheap.
#[derive(Clone)]
pub struct Handle {
    /// The latest pass.
    pub published: watch::Receiver<Arc<Published>>,
    /// Events, journal, history.
    pub store: Arc<dyn Store>,
    requests: mpsc::Sender<Envelope>,
    readings: mpsc::Sender<Reading>,
    /// How far long steps are.
    pub progress: ProgressBoard,
    /// Whether its loop turns.
    pub pulse: Pulse,
    /// What is counted and timed.
    pub meters: Meters,
    pub(super) configuration: watch::Sender<Option<Arc<Configuration>>>,
    /// What is to be told to receivers of notifications, as it is durable.
    pub(super) told: watch::Sender<Arc<Told>>,
    /// How far they were told, as their senders say.
    pub(super) delivered: watch::Sender<Deliveries>,
}

impl Handle {
    /// Joins the ends that the engine keeps.
    pub fn new(
        published: watch::Receiver<Arc<Published>>,
        store: Arc<dyn Store>,
        requests: mpsc::Sender<Envelope>,
        readings: mpsc::Sender<Reading>,
        progress: ProgressBoard,
    ) -> Self {
        Self {
            published,
            store,
            requests,
            readings,
            progress,
            pulse: Pulse::default(),
            meters: Meters::default(),
            configuration: watch::Sender::new(None),
            told: watch::Sender::default(),
            delivered: watch::Sender::default(),
        }
    }

    /// What is to be told to receivers of notifications: only what is durable.
    pub fn told(&self) -> watch::Receiver<Arc<Told>> {
        self.told.subscribe()
    }

    /// Where senders of notifications say how far they are.
    pub fn delivered(&self) -> watch::Sender<Deliveries> {
        self.delivered.clone()
    }

    /// Has the engine go on with another configuration from its next pass on. Of several, the last
    /// one counts.
    pub fn configure(&self, configuration: Configuration) {
        self.configuration
            .send_replace(Some(Arc::new(configuration)));
    }

    /// The records as they are between two passes. The store is not asked: it may be written just now.
    pub async fn recorded(&self) -> Result<Recorded, RequestError> {
        let (answer, answered) = oneshot::channel();
        self.readings.send(answer).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    }

    /// Asks for something and waits until the pass that saw it was made.
    pub async fn request(&self, request: Request) -> Answer {
        let (answer, answered) = oneshot::channel();
        let sent = self.requests.send((request, answer)).await;
        sent.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

fn gone() -> RequestError {
    RequestError {
        code: "Unavailable",
        message: "the engine is stopping".to_owned(),
        hint: None,
    }
}
