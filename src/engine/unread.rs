//! Documents that can't be used and of which no good version was ever seen, as readers see them: without
//! spec and generation, and with what is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::published::{JobResource, Metadata, SnapshotResource, same_or_new};
use crate::plan::hold::{Hold, Reason};
use crate::plan::record::{Condition, ConditionStatus, ConditionType, SnapshotState};
use crate::plan::status::{JobStatusReport, LifecycleState, Phase, SnapshotStatusReport};
use crate::resources::desired::Annotations;
use crate::resources::jet_job_snapshot::JetJobSnapshotSpec;
use crate::resources::schema::API_VERSION;
use crate::resources::{JetJobSpec, Place, ResourceId};

/// What is held of documents that can't be used, by resource.
pub(super) struct Unread<'a>(BTreeMap<&'a ResourceId, &'a Hold>);

impl<'a> Unread<'a> {
    /// Among everything that is held.
    pub(super) fn among(holds: &'a [Hold]) -> Self {
        let faulty = holds.iter().filter(|hold| hold.reason == Reason::Faulty);
        let faulty = faulty.filter_map(|hold| Some((hold.subjects.first()?, hold)));
        Self(faulty.collect())
    }

    /// What is held of one resource.
    pub(super) fn of(&self, id: &ResourceId) -> Vec<Hold> {
        let found = self.0.get(id).map(|hold| (*hold).clone());
        found.into_iter().collect()
    }

    /// A job's row.
    pub(super) fn job(
        &self,
        id: &ResourceId,
        place: &Place,
        before: Option<&Arc<JobResource>>,
        now: Timestamp,
    ) -> Arc<JobResource> {
        let holds = self.of(id);
        let known = before.map_or(&[][..], |job| &job.status.conditions);
        let kinds = [ConditionType::Ready, ConditionType::Reconciled];
        let conditions = kinds.map(|kind| condition(kind, &holds, known, now));
        let resource = JobResource {
            api_version: API_VERSION.to_owned(),
            kind: "JetJob".to_owned(),
            metadata: metadata(id, place),
            spec: Arc::new(JetJobSpec::default()),
            status: Arc::new(JobStatusReport {
                id: 0,
                job_id_text: None,
                phase: Phase::NotRunning,
                lifecycle_state: LifecycleState::Failed,
                observed_generation: 0,
                submission_time: None,
                completion_time: None,
                failure_text: None,
                suspension_cause: None,
                jar: None,
                last_snapshot: None,
                conditions: conditions.into(),
                holds,
            }),
        };
        same_or_new(before, resource)
    }

    /// A snapshot's row.
    pub(super) fn snapshot(
        &self,
        id: &ResourceId,
        place: &Place,
        before: Option<&Arc<SnapshotResource>>,
        now: Timestamp,
    ) -> Arc<SnapshotResource> {
        let holds = self.of(id);
        let known = before.map_or(&[][..], |snapshot| &snapshot.status.conditions);
        let available = condition(ConditionType::Available, &holds, known, now);
        let resource = SnapshotResource {
            api_version: API_VERSION.to_owned(),
            kind: "JetJobSnapshot".to_owned(),
            metadata: metadata(id, place),
            spec: Arc::new(JetJobSnapshotSpec::default()),
            status: Arc::new(SnapshotStatusReport {
                state: SnapshotState::Waiting,
                message: available.message.clone(),
                creation_time: None,
                hazelcast_resource_name: None,
                snapshot_id: None,
                job_id_text: None,
                job_name: None,
                num_bytes: None,
                num_chunks: None,
                strategy: None,
                fork: None,
                conditions: vec![available],
                holds,
            }),
        };
        same_or_new(before, resource)
    }
}

/// Name and place, which is all that is known.
pub(super) fn metadata(id: &ResourceId, place: &Place) -> Metadata {
    Metadata {
        name: id.name.clone(),
        generation: 0,
        place: Some(place.clone()),
        annotations: Annotations::default(),
    }
}

fn condition(
    kind: ConditionType,
    holds: &[Hold],
    known: &[Condition],
    now: Timestamp,
) -> Condition {
    let status = ConditionStatus::False;
    Condition {
        kind,
        status,
        reason: Reason::Faulty,
        message: holds
            .first()
            .map(|hold| hold.message.clone())
            .unwrap_or_default(),
        last_transition_time: Condition::since(known, kind, status, now),
        observed_generation: 0,
    }
}
