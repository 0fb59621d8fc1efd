//! The steps whose intent is in the journal and whose outcome isn't.

use std::collections::BTreeMap;

use super::StoreError;
use super::journal::{JournalEventKind, StepStatus, next_status};
use crate::plan::step::StepId;
use crate::resources::ResourceId;

/// Follows the journal, entry by entry. What ended is forgotten: a step that ended and one that was
/// never begun may do the same next.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenSteps {
    by_id: BTreeMap<StepId, (u64, ResourceId)>,
    by_resource: BTreeMap<ResourceId, StepId>,
}

impl OpenSteps {
    /// Takes one entry in. For an outcome it gives the number of the intent that it ends.
    pub(super) fn follow(
        &mut self,
        seq: u64,
        id: &StepId,
        resource: &ResourceId,
        event: JournalEventKind,
    ) -> Result<Option<u64>, StoreError> {
        let current = self.by_id.get(id).map(|_| StepStatus::InFlight);
        let next = next_status(current, event).map_err(|source| StoreError::Illegal {
            resource: resource.clone(),
            step: id.clone(),
            source,
        })?;
        if next != StepStatus::InFlight {
            let ended = self.by_id.remove(id).map(|(intent, resource)| {
                self.by_resource.remove(&resource);
                intent
            });
            return Ok(ended);
        }
        if let Some(other) = self.by_resource.get(resource) {
            return Err(StoreError::Busy {
                resource: resource.clone(),
                step: id.clone(),
                other: other.clone(),
            });
        }
        self.by_resource.insert(resource.clone(), id.clone());
        self.by_id.insert(id.clone(), (seq, resource.clone()));
        Ok(None)
    }

    /// The numbers of the intents that have no outcome.
    pub(super) fn intents(&self) -> impl Iterator<Item = u64> {
        self.by_id.values().map(|(seq, _)| *seq)
    }
}
