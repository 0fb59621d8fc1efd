//! What the store knows, as `GET /v1/recorded` tells it: JSON has no maps with resources as keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::wire::PauseView;
use crate::plan::hold::HoldId;
use crate::plan::record::{
    ClusterRecord, Confirmation, JobRecord, Recorded, SnapshotRecord, SourceRecord, Told,
};
use crate::plan::step::Step;
use crate::resources::{ResourceId, SourceName};

/// Everything recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedView {
    /// The store's own identity.
    pub store_id: String,
    /// Whether nothing was recorded yet.
    pub fresh: bool,
    /// The jobs, by resource name.
    pub jobs: BTreeMap<String, Arc<JobRecord>>,
    /// The clusters.
    pub clusters: BTreeMap<String, Arc<ClusterRecord>>,
    /// The snapshots, by resource name.
    #[serde(default)]
    pub snapshots: BTreeMap<String, Arc<SnapshotRecord>>,
    /// The sources that were applied.
    pub sources: BTreeMap<SourceName, Arc<SourceRecord>>,
    /// Holds that a person released and that planning has not acted on yet.
    pub confirmations: BTreeMap<HoldId, Confirmation>,
    /// Resources that a person gave to us, not acted on yet.
    pub adoptions: BTreeSet<ResourceId>,
    /// What is paused.
    pub pauses: Vec<PauseView>,
    /// Steps whose outcome isn't durable yet.
    pub in_flight: Vec<Arc<Step>>,
}

impl From<Recorded> for RecordedView {
    fn from(recorded: Recorded) -> Self {
        // Without `..`: a new field must be told too.
        let Recorded {
            store_id,
            fresh,
            jobs,
            snapshots,
            clusters,
            sources,
            confirmations,
            adoptions,
            pauses,
            in_flight,
            // Nothing follows from it for whoever plans.
            told: _,
        } = recorded;
        let pauses = pauses.into_iter();
        Self {
            store_id,
            fresh,
            jobs,
            snapshots,
            clusters,
            sources,
            confirmations,
            adoptions,
            pauses: pauses
                .map(|(resource, pause)| PauseView { resource, pause })
                .collect(),
            in_flight: in_flight.into_values().collect(),
        }
    }
}

impl From<RecordedView> for Recorded {
    fn from(view: RecordedView) -> Self {
        let pauses = view.pauses.into_iter();
        let in_flight = view.in_flight.into_iter();
        Self {
            store_id: view.store_id,
            fresh: view.fresh,
            jobs: view.jobs,
            snapshots: view.snapshots,
            clusters: view.clusters,
            sources: view.sources,
            confirmations: view.confirmations,
            adoptions: view.adoptions,
            pauses: pauses.map(|view| (view.resource, view.pause)).collect(),
            in_flight: in_flight
                .map(|step| (step.resource.clone(), step))
                .collect(),
            told: Told::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::record::Pause;

    #[test]
    fn comes_back_from_json_as_it_was() {
        let pause = Pause {
            reason: "holiday".to_owned(),
            by: "ann".to_owned(),
            since: jiff::Timestamp::UNIX_EPOCH,
            until: None,
        };
        let recorded = Recorded {
            store_id: "s".to_owned(),
            pauses: [
                (None, pause.clone()),
                (Some(ResourceId::jet_job("orders")), pause),
            ]
            .into(),
            adoptions: [ResourceId::jet_job("returns")].into(),
            sources: [(
                SourceName("local".to_owned()),
                Arc::new(SourceRecord::new(
                    "r".to_owned(),
                    jiff::Timestamp::UNIX_EPOCH,
                )),
            )]
            .into(),
            ..Recorded::default()
        };

        let json = serde_json::to_string(&RecordedView::from(recorded.clone())).unwrap();
        let view: RecordedView = serde_json::from_str(&json).unwrap();

        assert_eq!(Recorded::from(view), recorded);
    }
}
