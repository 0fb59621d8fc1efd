//! Resources for the tests of what is printed.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::engine::JobResource;
use crate::engine::published::{HazelcastResource, HazelcastStatus, Metadata};
use crate::plan::event::{Event, EventKind};
use crate::plan::hold::{Hold, Reason, Release};
use crate::plan::job::JobId;
use crate::plan::record::{Condition, ConditionStatus, ConditionType};
use crate::plan::status::{JarReport, JobStatusReport, LastSnapshot, LifecycleState, Phase};
use crate::resources::desired::Annotations;
use crate::resources::{Digest, HazelcastSpec, Place, ResourceId, SourceName};
use crate::store::EventEntry;

pub(super) fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

pub(super) fn minutes_ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

fn metadata(name: &str) -> Metadata {
    Metadata {
        name: name.to_owned(),
        generation: 2,
        place: Some(Place {
            source: SourceName("local".to_owned()),
            path: format!("jobs/{name}.yaml"),
            line: 1,
            column: 1,
        }),
        annotations: Annotations::default(),
    }
}

fn condition(
    kind: ConditionType,
    status: ConditionStatus,
    reason: Reason,
    message: &str,
) -> Condition {
    Condition {
        kind,
        status,
        reason,
        message: message.to_owned(),
        last_transition_time: minutes_ago(12),
        observed_generation: 2,
    }
}

/// A job that runs as declared.
pub(super) fn running() -> JobResource {
    let spec = json!({
        "hazelcastResourceName": "hazelcast",
        "jarName": "orders.jar",
        "parameters": ["--topic", "orders"],
    });
    let is_so = ConditionStatus::True;
    JobResource {
        api_version: "hazelcast.com/v1alpha1".to_owned(),
        kind: "JetJob".to_owned(),
        metadata: metadata("orders"),
        spec: Arc::new(serde_json::from_value(spec).unwrap()),
        status: Arc::new(JobStatusReport {
            id: 0x0adf_8fef_9a80_0001,
            job_id_text: Some(JobId(0x0adf_8fef_9a80_0001)),
            phase: Phase::Running,
            lifecycle_state: LifecycleState::Stable,
            observed_generation: 2,
            submission_time: Some(minutes_ago(13)),
            completion_time: None,
            failure_text: None,
            suspension_cause: None,
            jar: Some(JarReport {
                sha256: Digest::of(b"jar"),
            }),
            last_snapshot: Some(LastSnapshot {
                name: "orders.upgrade-1".to_owned(),
                time: minutes_ago(14),
            }),
            conditions: vec![
                condition(ConditionType::Ready, is_so, Reason::AsDesired, "RUNNING"),
                condition(ConditionType::Reconciled, is_so, Reason::AsDesired, ""),
            ],
            holds: Vec::new(),
        }),
    }
}

/// A job that completed as another version than the declared one.
pub(super) fn outdated() -> JobResource {
    let mut job = running();
    job.metadata = metadata("words");
    let (ready, says) = (
        ConditionType::Ready,
        "another restartNonce runs it with them",
    );
    let status = JobStatusReport::clone(&job.status);
    job.status = Arc::new(JobStatusReport {
        phase: Phase::Completed,
        conditions: vec![condition(ready, ConditionStatus::True, Reason::Ended, says)],
        ..status
    });
    job
}

/// A job that a person suspended.
pub(super) fn drifted() -> JobResource {
    let mut job = running();
    job.metadata = metadata("returns");
    let hold = Hold::new(
        Reason::Drifted,
        vec![ResourceId::jet_job("returns")],
        "the job was suspended by hand; resume it, change the YAML, or confirm that it be resumed",
    );
    let message = hold.message.clone();
    let ready = ConditionType::Ready;
    job.status = Arc::new(JobStatusReport {
        phase: Phase::Suspended,
        lifecycle_state: LifecycleState::Deployed,
        observed_generation: 1,
        suspension_cause: Some("Requested by user".into()),
        conditions: vec![condition(
            ready,
            ConditionStatus::False,
            Reason::Drifted,
            &message,
        )],
        holds: vec![hold.released_by(Release::Confirm)],
        ..(*job.status).clone()
    });
    job
}

/// A job that failed, with a stack trace.
pub(super) fn failed() -> JobResource {
    let mut job = running();
    job.metadata = metadata("word-count");
    let name = vec![ResourceId::jet_job("word-count")];
    let waiting = Hold::new(Reason::BackingOff, name, "restarted in 40 s (2 of 5)");
    job.status = Arc::new(JobStatusReport {
        phase: Phase::ExecutionFailed,
        lifecycle_state: LifecycleState::Failed,
        completion_time: Some(minutes_ago(1)),
        failure_text: Some("java.io.IOException: no such file\n\tat A.b(A.java:7)".into()),
        holds: vec![waiting.until(now() + SignedDuration::from_secs(40))],
        ..(*job.status).clone()
    });
    job
}

/// A job that was declared just now, of which nothing is known.
pub(super) fn new() -> JobResource {
    let mut job = running();
    job.metadata = metadata("new");
    job.status = Arc::new(JobStatusReport {
        id: 0,
        job_id_text: None,
        phase: Phase::NotRunning,
        lifecycle_state: LifecycleState::Created,
        observed_generation: 0,
        submission_time: None,
        jar: None,
        last_snapshot: None,
        conditions: Vec::new(),
        ..(*job.status).clone()
    });
    job
}

pub(super) fn cluster(phase: &str) -> HazelcastResource {
    let connected = phase == "Connected";
    HazelcastResource {
        api_version: "hazelcast.com/v1alpha1".to_owned(),
        kind: "Hazelcast".to_owned(),
        metadata: metadata("hazelcast"),
        spec: HazelcastSpec {
            addresses: vec!["10.0.0.1:5701".to_owned(), "10.0.0.2:5701".to_owned()],
            ..HazelcastSpec::default()
        },
        status: HazelcastStatus {
            phase: phase.to_owned(),
            cluster_id: connected.then(|| "5f2b".to_owned()),
            version: connected.then(|| "5.7.0".to_owned()),
            members: if connected { 2 } else { 0 },
            state: connected.then(|| "Active".to_owned()),
            message: (!connected).then(|| "10.0.0.1:5701: connection refused".to_owned()),
            jobs_running: if connected { 3 } else { 0 },
            holds: Vec::new(),
        },
    }
}

pub(super) fn events() -> Vec<EventEntry> {
    let event = |seq, minutes, kind, message: &str| EventEntry {
        seq,
        at: minutes_ago(minutes),
        event: Event {
            kind,
            resource: Some(ResourceId::jet_job("orders")),
            message: message.to_owned(),
            revision: None,
        },
    };
    let id = JobId(0x0adf_8fef_9a80_0001);
    vec![
        event(
            1,
            13,
            EventKind::Submitted,
            &format!("submitted as job {id}"),
        ),
        event(2, 12, EventKind::Running, &format!("RUNNING (job {id})")),
    ]
}
