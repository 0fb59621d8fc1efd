//! Records and changes for the tests of this module.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::change::{Change, JournalEvent, RevisionEntry, ToldChange};
use crate::plan::event::{Event, EventKind};
use crate::plan::hold::{HoldId, Reason};
use crate::plan::job::{JobId, JobStatus};
use crate::plan::ownership::OwnershipEntry;
use crate::plan::record::{
    Attempt, Cause, ClusterDocument, ClusterRecord, CommitState, CommitStatus, Confirmation,
    Deployed, Incident, JobRecord, Mark, News, Notification, OperationKind, Pause, Scope,
    SourceRecord, UploadOutcome, Urgency,
};
use crate::plan::step::{Action, Expectation, Outcome, Remember, Step, Submit};
use crate::resources::desired::Annotations;
use crate::resources::jet_job::{Nonce, SecretParameter};
use crate::resources::{Digest, JetJobSpec, Place, ResourceId, SourceName};

pub(super) fn time(second: i64) -> Timestamp {
    Timestamp::new(1_790_000_000 + second, 123_456_789).unwrap()
}

pub(super) fn cluster_id() -> Uuid {
    Uuid::from_u128(7)
}

fn deployed() -> Deployed {
    Deployed {
        jar: Some(Digest::of(b"jar")),
        jar_on_member: None,
        main_class: Some("com.example.Orders".to_owned()),
        parameters: vec!["--fast".to_owned()],
        secret_parameters: vec![SecretParameter {
            index: 1,
            secret_name: "db".to_owned(),
            key: "password".to_owned(),
        }],
    }
}

fn attempt() -> Attempt {
    Attempt {
        nonce: "n1".to_owned(),
        cluster_id: cluster_id(),
        known_ids: BTreeSet::from([JobId(-3), JobId(4)]),
        deployed: deployed(),
        snapshot: None,
        generation: 2,
        started_at: time(3),
        claimed: true,
        uploading: false,
        ended: None,
        fulfils: Remember::default(),
    }
}

/// One of every kind of action.
pub(super) fn actions() -> Vec<Action> {
    let job = JobId(0x0adf_8fef_9a80_0001);
    let entry = OwnershipEntry {
        owner: "keeper-1".to_owned(),
        keeper: "store-1".to_owned(),
        epoch: 2,
        attempt: "n1".to_owned(),
        job_id: Some(job),
        resource: ResourceId::jet_job("orders"),
        digest: Digest::of(b"spec"),
    };
    let deployed = deployed();
    vec![
        Action::Suspend { job },
        Action::Claim {
            entry: entry.clone(),
            replaces: None,
            attempt: Some(Box::new(attempt())),
        },
        Action::Submit(Submit {
            nonce: "n1".to_owned(),
            jar: deployed.jar,
            jar_on_member: None,
            main_class: deployed.main_class,
            parameters: deployed.parameters,
            secret_parameters: deployed.secret_parameters,
        }),
        Action::Resume { job },
        Action::Restart {
            job,
            execution_id: -9,
        },
        Action::Cancel {
            job,
            forceful: true,
        },
        Action::Release { entry },
    ]
}

pub(super) fn step(resource: &str, action: Action) -> Step {
    Step {
        resource: ResourceId::jet_job(resource),
        generation: 2,
        cluster: "hazelcast".to_owned(),
        job_name: resource.to_owned(),
        expects: Expectation {
            cluster_id: cluster_id(),
            master: None,
            min_members: None,
            job: Some((JobId(4), vec![JobStatus::Running])),
            only_active: Some(BTreeSet::from([JobId(4)])),
            snapshot: None,
            uncommitted: None,
            keeper: None,
        },
        action,
        remember: Remember {
            operation: Some(OperationKind::Configure),
            restart_nonce: Some(Nonce("1".to_owned())),
            ..Remember::default()
        },
        timeout: Duration::from_millis(1500),
    }
}

/// Every way to end.
pub(super) fn outcomes() -> Vec<Option<Outcome>> {
    let message = "it said \"no\"".to_owned();
    vec![
        None,
        Some(Outcome::Done),
        Some(Outcome::Failed {
            reason: Reason::SubmitRefused,
            message: message.clone(),
        }),
        Some(Outcome::Unknown {
            message: message.clone(),
        }),
        Some(Outcome::Stale {
            message: String::new(),
        }),
        Some(Outcome::Uploaded {
            outcome: UploadOutcome::Accepted,
            reason: None,
            message: String::new(),
            member: None,
        }),
        Some(Outcome::Uploaded {
            outcome: UploadOutcome::Refused,
            reason: Some(Reason::ResourceUploadDisabled),
            message,
            member: Some(cluster_id()),
        }),
    ]
}

pub(super) fn journal_event(resource: &str, outcome: Option<Outcome>) -> JournalEvent {
    event_of(
        step(resource, Action::Suspend { job: JobId(4) }),
        outcome,
        time(1),
    )
}

pub(super) fn event_of(step: Step, outcome: Option<Outcome>, at: Timestamp) -> JournalEvent {
    JournalEvent {
        at,
        step_id: step.id(),
        step: Arc::new(step),
        outcome,
    }
}

pub(super) fn job_record(name: &str, generation: u64) -> JobRecord {
    let spec: JetJobSpec = serde_json::from_value(serde_json::json!({
        "hazelcastResourceName": "hazelcast",
        "jarName": format!("{name}.jar"),
        "parameters": ["a", "b"],
        "restartNonce": 3,
        "jobConfig": {"snapshotInterval": "PT5S"},
    }))
    .unwrap();
    let place = Place {
        source: SourceName("jobs".to_owned()),
        path: format!("{name}.yaml"),
        line: 3,
        column: 1,
    };
    let digest = Digest::of_json(&spec);
    let mut record = JobRecord::new(place, digest, Arc::new(spec), Annotations::default());
    record.generation = generation;
    record.attempt = Some(attempt());
    record
}

pub(super) fn event(message: &str) -> (Timestamp, Event) {
    let event = Event {
        kind: EventKind::Running,
        resource: Some(ResourceId::jet_job("orders")),
        message: message.to_owned(),
        revision: None,
    };
    (time(5), event)
}

pub(super) fn revision(revision: &str) -> RevisionEntry {
    RevisionEntry {
        source: SourceName("jobs".to_owned()),
        revision: revision.to_owned(),
        tag: Some("v1.0.0".to_owned()),
        seen_at: time(6),
        verified_at: Some(time(6)),
        applied_at: Some(time(7)),
        signers: vec!["a@example.com (SSH key SHA256:…)".to_owned()],
        refused: None,
        added: vec![ResourceId::jet_job("orders")],
        changed: Vec::new(),
        removed: vec![ResourceId::hazelcast("old")],
        errors: 1,
    }
}

pub(super) fn job_change(name: &str, generation: u64) -> Change {
    let record = Arc::new(job_record(name, generation));
    Change {
        jobs: BTreeMap::from([(name.to_owned(), Some(record))]),
        ..Change::default()
    }
}

/// Something that is wrong, that is to be told to one receiver, and how far a commit is.
fn told() -> ToldChange {
    let incident = Arc::new(Incident {
        cause: Cause {
            scope: Scope::Cluster("hazelcast".to_owned()),
            reason: Reason::ClusterUnreachable.as_str(),
        },
        urgency: Urgency::Error,
        since: time(1),
        message: "no member answers".to_owned(),
        affected: 1,
        subjects: vec![ResourceId::jet_job("orders")],
    });
    let commit = Arc::new(CommitStatus {
        source: SourceName("jobs".to_owned()),
        commit: "0".repeat(40),
        state: CommitState::Pending,
        description: "0 of 1 done".to_owned(),
    });
    let notification = |news| Some(Arc::new(Notification { at: time(2), news }));
    let began = notification(News::Began(Arc::clone(&incident)));
    let is_at = notification(News::Commit(Arc::clone(&commit)));
    let mark = Mark {
        through: 9,
        dropped: 1,
    };
    ToldChange {
        incidents: BTreeMap::from([(incident.cause.key(), Some(incident))]),
        outbox: BTreeMap::from([(10, began), (11, is_at)]),
        receivers: BTreeMap::from([("chat".to_owned(), Some(mark))]),
        commits: BTreeMap::from([(commit.source.clone(), Some(commit))]),
    }
}

/// A change of everything.
pub(super) fn full_change() -> Change {
    let resource = ResourceId::jet_job("orders");
    let cluster = ClusterRecord {
        document: Some(ClusterDocument {
            generation: 2,
            place: job_record("hazelcast", 1).place,
            spec: Arc::default(),
        }),
        ..ClusterRecord::new(cluster_id(), time(1))
    };
    let mut source = SourceRecord::new("r1".to_owned(), time(2));
    source.deletions.insert("returns".to_owned(), time(1));
    source.held_since = Some(time(2));
    let confirmation = Confirmation {
        at: time(3),
        discard_state: true,
    };
    let pause = Pause {
        reason: "upgrade of the \"network\"".to_owned(),
        by: "me".to_owned(),
        since: time(4),
        until: Some(time(5)),
    };
    Change {
        journal: vec![journal_event("orders", None)],
        events: vec![event("it runs")],
        revisions: vec![revision("r1")],
        clusters: BTreeMap::from([("hazelcast".to_owned(), Some(Arc::new(cluster)))]),
        sources: BTreeMap::from([(SourceName("jobs".to_owned()), Some(Arc::new(source)))]),
        confirmations: BTreeMap::from([(HoldId("abc".to_owned()), Some(confirmation))]),
        adoptions: BTreeMap::from([(resource.clone(), true)]),
        pauses: BTreeMap::from([(None, Some(pause.clone())), (Some(resource), Some(pause))]),
        told: told(),
        ..job_change("orders", 1)
    }
}
