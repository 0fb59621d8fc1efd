//! A served socket whose engine is made of channels, and whose store is a list in memory.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jetkeeper::api::{ApiError, Client, ClientError, Limits, Socket, serve};
use jetkeeper::clock::SystemClock;
use jetkeeper::engine::published::{
    HazelcastResource, HazelcastStatus, Metadata, PlannedStep, SourceReport,
};
use jetkeeper::engine::request::Reading;
use jetkeeper::engine::{Handle, JobResource, ProgressBoard, Published, Request, RequestError};
use jetkeeper::plan::event::{Event, EventKind};
use jetkeeper::plan::hold::{Hold, Reason};
use jetkeeper::plan::record::Recorded;
use jetkeeper::plan::status::{JobStatusReport, LifecycleState, Phase};
use jetkeeper::resources::desired::Annotations;
use jetkeeper::resources::{HazelcastSpec, ResourceId, SourceName};
use jetkeeper::store::{Change, EventEntry, JournalEntry, RevisionEntry, Store, StoreError};
use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// A store in memory that says what it is told to.
#[derive(Default)]
pub(super) struct FakeStore {
    pub(super) events: Mutex<Vec<EventEntry>>,
    pub(super) broken: bool,
}

impl FakeStore {
    pub(super) fn add_event(&self, kind: EventKind, message: &str) {
        let mut events = self.events.lock().unwrap();
        let seq = events.len() as u64 + 1;
        let resource = Some(ResourceId::jet_job("orders"));
        let message = message.to_owned();
        events.push(EventEntry {
            seq,
            at: Timestamp::UNIX_EPOCH,
            event: Event {
                kind,
                resource,
                message,
                revision: None,
            },
        });
    }
}

fn newest<T: Clone>(all: &[T], limit: usize) -> Vec<T> {
    all[all.len().saturating_sub(limit)..].to_vec()
}

#[async_trait]
impl Store for FakeStore {
    async fn load(&self) -> Result<Recorded, StoreError> {
        let store_id = "the-store".to_owned();
        Ok(Recorded {
            store_id,
            ..Recorded::default()
        })
    }

    async fn commit(&self, _: &Change) -> Result<(), StoreError> {
        unreachable!("the socket writes nothing")
    }

    async fn events(&self, limit: usize) -> Result<Vec<EventEntry>, StoreError> {
        if self.broken {
            return Err(StoreError::Io {
                what: "read",
                path: "/state".to_owned(),
                source: std::io::Error::other("disk on fire"),
            });
        }
        Ok(newest(&self.events.lock().unwrap(), limit))
    }

    async fn journal(&self, _: usize) -> Result<Vec<JournalEntry>, StoreError> {
        Ok(Vec::new())
    }

    async fn revisions(&self, limit: usize) -> Result<Vec<RevisionEntry>, StoreError> {
        let revision = |revision: &str| RevisionEntry {
            source: SourceName("local".to_owned()),
            revision: revision.to_owned(),
            tag: None,
            seen_at: Timestamp::UNIX_EPOCH,
            verified_at: None,
            applied_at: None,
            signers: Vec::new(),
            refused: None,
            added: vec![ResourceId::jet_job("orders")],
            changed: Vec::new(),
            removed: Vec::new(),
            errors: 0,
        };
        Ok(newest(&[revision("one"), revision("two")], limit))
    }
}

/// A served socket, and the engine's end of it.
pub(super) struct Daemon {
    pub(super) published: watch::Sender<Arc<Published>>,
    pub(super) store: Arc<FakeStore>,
    pub(super) requests: Arc<Mutex<Vec<Request>>>,
    pub(super) stop: CancellationToken,
    pub(super) client: Client,
    pub(super) state: TempDir,
}

impl Daemon {
    pub(super) async fn start(store: FakeStore, limits: Limits) -> Self {
        let state = tempfile::tempdir().unwrap();
        let (published, receiver) = watch::channel(Arc::new(published()));
        let (sender, incoming) = mpsc::channel(8);
        let store = Arc::new(store);
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        tokio::spawn(answer(incoming, Arc::clone(&requests)));
        let (readings, mut read) = mpsc::channel::<Reading>(8);
        tokio::spawn(async move {
            while let Some(reader) = read.recv().await {
                let recorded = Recorded {
                    store_id: "the-engine".to_owned(),
                    ..Recorded::default()
                };
                drop(reader.send(recorded));
            }
        });
        let handle = Handle::new(
            receiver,
            Arc::clone(&store) as Arc<dyn Store>,
            sender,
            readings,
            ProgressBoard::default(),
        );
        let stop = CancellationToken::new();
        let socket = Socket::bind(state.path()).await.unwrap();
        tokio::spawn(serve(
            socket,
            handle,
            Arc::new(SystemClock),
            limits,
            stop.clone(),
        ));
        let client = Client::connect(state.path()).await.unwrap().unwrap();
        Self {
            published,
            store,
            requests,
            stop,
            client,
            state,
        }
    }

    pub(super) fn publish(&self, change: impl FnOnce(&mut Published)) {
        self.published.send_modify(|published| {
            let mut next = Published::clone(published);
            next.pass += 1;
            change(&mut next);
            *published = Arc::new(next);
        });
    }

    pub(super) async fn refusal(&self, path: &str) -> ApiError {
        refusal(self.client.get::<serde_json::Value>(path).await)
    }
}

pub(super) fn refusal<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> ApiError {
    match answer.unwrap_err() {
        ClientError::Refused(error) => error,
        other => panic!("not refused, but {other:?}"),
    }
}

/// An engine that accepts everything but one name.
async fn answer(
    mut incoming: mpsc::Receiver<jetkeeper::engine::request::Envelope>,
    requests: Arc<Mutex<Vec<Request>>>,
) {
    while let Some((request, answer)) = incoming.recv().await {
        let nobody = ResourceId::jet_job("nobody");
        let unknown = matches!(&request, Request::Adopt { resource, .. } if *resource == nobody);
        requests.lock().unwrap().push(request);
        let refused = RequestError {
            code: "NotFound",
            message: "there is no JetJob/nobody".to_owned(),
            hint: Some("see `jetkeeper get jobs`".to_owned()),
        };
        answer.send(if unknown { Err(refused) } else { Ok(7) }).ok();
    }
}

pub(super) fn adopt(name: &str, by: &str) -> Request {
    let resource = ResourceId::jet_job(name);
    let by = by.to_owned();
    Request::Adopt { resource, by }
}

pub(super) fn job(name: &str, phase: Phase) -> Arc<JobResource> {
    let spec = json!({"hazelcastResourceName": "dev", "jarName": "orders.jar"});
    Arc::new(JobResource {
        api_version: "hazelcast.com/v1alpha1".to_owned(),
        kind: "JetJob".to_owned(),
        metadata: metadata(name),
        spec: serde_json::from_value(spec).unwrap(),
        status: Arc::new(JobStatusReport {
            last_snapshot: None,
            id: 0,
            job_id_text: None,
            phase,
            lifecycle_state: LifecycleState::Created,
            observed_generation: 0,
            submission_time: None,
            completion_time: None,
            failure_text: None,
            suspension_cause: None,
            jar: None,
            conditions: Vec::new(),
            holds: Vec::new(),
        }),
    })
}

fn metadata(name: &str) -> Metadata {
    Metadata {
        name: name.to_owned(),
        generation: 1,
        place: None,
        annotations: Annotations::default(),
    }
}

pub(super) fn hazelcast(name: &str) -> Arc<HazelcastResource> {
    Arc::new(HazelcastResource {
        api_version: "hazelcast.com/v1alpha1".to_owned(),
        kind: "Hazelcast".to_owned(),
        metadata: metadata(name),
        spec: HazelcastSpec::default(),
        status: HazelcastStatus {
            phase: "Connected".to_owned(),
            cluster_id: None,
            version: Some("5.7.0".to_owned()),
            members: 1,
            state: Some("ACTIVE".to_owned()),
            message: None,
            jobs_running: 1,
            holds: Vec::new(),
        },
    })
}

pub(super) fn hold() -> Hold {
    let subjects = vec![ResourceId::jet_job("orders")];
    Hold::new(Reason::Drifted, subjects, "somebody suspended it")
}

pub(super) fn published() -> Published {
    let step = PlannedStep {
        resource: ResourceId::jet_job("orders"),
        verb: "submit".to_owned(),
        message: "submit job orders to dev".to_owned(),
    };
    let source = SourceReport {
        revision: "one".to_owned(),
        present: true,
        trouble: None,
        errors: 0,
        seen_at: None,
    };
    Published {
        pass: 1,
        at: Some(Timestamp::UNIX_EPOCH),
        jobs: [("orders".to_owned(), job("orders", Phase::Running))]
            .into_iter()
            .collect(),
        hazelcasts: [("dev".to_owned(), hazelcast("dev"))].into(),
        holds: [hold()].into(),
        steps: [step].into(),
        sources: [(SourceName("local".to_owned()), source)].into(),
        ..Published::default()
    }
}
