//! The snapshots of a real cluster: what members store and answer, in the words of planning.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use uuid::Uuid;

use super::refusal;
use crate::clock::Clock;
use crate::cluster::port::{CallError, Snapshots};
use crate::cluster::snapshot::{
    self, ClientMaps, Export, ExportError, Inspection, Progress, lacks_native,
};
use crate::hazelcast::Client;
use crate::plan::hold::Reason;
use crate::plan::job::JobId;
use crate::plan::snapshot::{
    ListedSnapshot, ReadBack, SnapshotFacts, SnapshotMaker, Standing, Strategy,
};

/// The snapshots of a real cluster.
pub(super) struct HazelcastSnapshots {
    client: Client,
    maps: ClientMaps,
    clock: Arc<dyn Clock>,
    /// The cluster whose members were found to lack the native export.
    open_source: Mutex<Option<Uuid>>,
}

impl HazelcastSnapshots {
    pub(super) fn new(client: &Client, clock: Arc<dyn Clock>) -> Self {
        Self {
            client: client.clone(),
            maps: ClientMaps::new(client),
            clock,
            open_source: Mutex::default(),
        }
    }

    /// Asks once a cluster whether its members export by themselves, by asking them to.
    async fn export_anyhow(
        &self,
        export: &Export,
        report: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<SnapshotFacts, ExportError> {
        match export.strategy {
            Some(strategy) => {
                snapshot::export(&self.maps, export, strategy == Strategy::Native, report).await
            }
            None if self.is_open_source() => {
                snapshot::export(&self.maps, export, false, report).await
            }
            None => match snapshot::export(&self.maps, export, true, report).await {
                Err(error) if lacks_native(&error) => {
                    *self.lock() = self.cluster_id();
                    snapshot::export(&self.maps, export, false, report).await
                }
                exported => exported,
            },
        }
    }

    fn cluster_id(&self) -> Option<Uuid> {
        self.client.state().borrow().cluster_id
    }

    fn is_open_source(&self) -> bool {
        let known = *self.lock();
        known.is_some() && known == self.cluster_id()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Uuid>> {
        let open_source = self.open_source.lock();
        open_source.unwrap_or_else(PoisonError::into_inner)
    }

    fn call_error(&self, error: &ExportError) -> CallError {
        let refused = |transient, reason| CallError::Refused {
            transient,
            reason,
            message: error.to_string(),
        };
        match error {
            ExportError::Call { doing, source } => {
                let told = refusal::call_error(source, self.clock.now());
                with_context(told, &format!("while the snapshot was {doing}"))
            }
            ExportError::NoJob(_) => refused(true, Reason::LookingForJob),
            ExportError::NameTaken { .. } => refused(false, Reason::Conflict),
            ExportError::NotCommitted { .. }
            | ExportError::NoSnapshot { .. }
            | ExportError::Changed { .. } => refused(true, Reason::SnapshotNotCommitted),
            ExportError::Overtaken { .. } => refused(false, Reason::SnapshotOvertaken),
            ExportError::NoRoom { .. } => refused(true, Reason::HeapTooFull),
            ExportError::NoNative | ExportError::TooSlow { .. } => {
                refused(false, Reason::SnapshotFailed)
            }
            ExportError::Damaged(_) | ExportError::SourceDamaged { .. } => {
                refused(true, Reason::SnapshotDamaged)
            }
        }
    }
}

#[async_trait]
impl Snapshots for HazelcastSnapshots {
    async fn standing(&self, job: JobId) -> Result<Option<Standing>, CallError> {
        let read = snapshot::standing(&self.client, job.0).await;
        read.map_err(|error| refusal::call_error(&error, self.clock.now()))
    }

    async fn export(
        &self,
        export: &Export,
        report: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<SnapshotFacts, CallError> {
        let exported = self.export_anyhow(export, report).await;
        exported.map_err(|error| self.call_error(&error))
    }

    async fn read(&self, name: &str) -> Result<Option<ReadBack>, CallError> {
        let (read, mark) = tokio::join!(
            snapshot::read(&self.maps, name),
            snapshot::mark(&self.client, name)
        );
        let told = |error: &ExportError| self.call_error(error);
        let Some(facts) = read.map_err(|error| told(&error))? else {
            return Ok(None);
        };
        let mark = mark.map_err(|error| refusal::call_error(&error, self.clock.now()))?;
        Ok(Some(ReadBack { facts, mark }))
    }

    async fn list(&self) -> Result<Vec<ListedSnapshot>, CallError> {
        let listed = snapshot::list(&self.maps).await;
        listed.map_err(|error| self.call_error(&error))
    }

    async fn inspect(&self, name: &str) -> Result<Option<Inspection>, CallError> {
        let inspected = snapshot::inspect(&self.maps, name).await;
        inspected.map_err(|error| self.call_error(&error))
    }

    async fn delete(&self, name: &str, maker: Option<&SnapshotMaker>) -> Result<bool, CallError> {
        let deleted = snapshot::delete(&self.client, name, maker).await;
        deleted.map_err(|error| refusal::call_error(&error, self.clock.now()))
    }
}

fn with_context(mut error: CallError, context: &str) -> CallError {
    match &mut error {
        CallError::NotSent { message }
        | CallError::Refused { message, .. }
        | CallError::Unknown { message, .. } => *message = format!("{message} ({context})"),
    }
    error
}
