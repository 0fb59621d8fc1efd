//! The socket: every route, errors, streams and the socket's mode, against an engine made of channels.

mod daemon;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jetkeeper::api::recorded::RecordedView;
use jetkeeper::api::wire::{
    AdoptBody, Change, ChangeKind, ConfirmBody, PauseBody, PlanView, ReconcileBody, UnpauseBody,
};
use jetkeeper::api::{Client, Limits, Socket, SocketError, serve};
use jetkeeper::clock::SystemClock;
use jetkeeper::engine::published::{HazelcastResource, PlannedStep};
use jetkeeper::engine::{Handle, JobResource, ProgressBoard, Request};
use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::{Hold, HoldId};
use jetkeeper::plan::status::Phase;
use jetkeeper::resources::ResourceId;
use jetkeeper::store::{EventEntry, RevisionEntry, Store};
use jiff::Timestamp;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use daemon::{Daemon, FakeStore, adopt, hazelcast, hold, job, published, refusal};

const DEADLINE: Duration = Duration::from_secs(30);

async fn daemon() -> Daemon {
    Daemon::start(FakeStore::default(), Limits::default()).await
}

#[tokio::test]
async fn reads_what_the_engine_shows() {
    let daemon = daemon().await;
    let client = &daemon.client;

    let jobs: Vec<JobResource> = client.list("/v1/jobs").await.unwrap();
    assert_eq!(jobs, [(*job("orders", Phase::Running)).clone()]);
    let one: JobResource = client.get("/v1/jobs/orders").await.unwrap();
    assert_eq!(one, jobs[0]);

    let clusters: Vec<HazelcastResource> = client.list("/v1/hazelcast").await.unwrap();
    assert_eq!(clusters, [(*hazelcast("dev")).clone()]);
    let one: HazelcastResource = client.get("/v1/hazelcast/dev").await.unwrap();
    assert_eq!(one, clusters[0]);

    let holds: Vec<Hold> = client.list("/v1/holds").await.unwrap();
    assert_eq!(holds, [hold()]);

    let plan: PlanView = client.get("/v1/plan").await.unwrap();
    assert_eq!(plan, PlanView::from(&published()));

    let list: serde_json::Value = client.get("/v1/jobs").await.unwrap();
    assert_eq!(
        (&list["apiVersion"], &list["kind"]),
        (&json!("v1"), &json!("List"))
    );
}

#[tokio::test]
async fn reads_what_the_store_keeps() {
    let daemon = daemon().await;
    daemon.store.add_event(EventKind::Submitted, "submitted");
    daemon.store.add_event(EventKind::Running, "runs");

    let events: Vec<EventEntry> = daemon.client.list("/v1/events?limit=1").await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event.message, "runs");

    let history: Vec<RevisionEntry> = daemon.client.list("/v1/history").await.unwrap();
    let revisions: Vec<&str> = history.iter().map(|entry| &*entry.revision).collect();
    assert_eq!(revisions, ["one", "two"]);

    let recorded: RecordedView = daemon.client.get("/v1/recorded").await.unwrap();
    assert_eq!(
        recorded.store_id, "the-engine",
        "the store may be written just now"
    );
}

#[tokio::test]
async fn hands_requests_to_the_engine_and_answers_with_the_pass() {
    let daemon = daemon().await;
    let client = &daemon.client;
    let orders = ResourceId::jet_job("orders");
    let until = Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let pause = PauseBody {
        resource: Some(orders.clone()),
        reason: "holiday".to_owned(),
        by: "ann".to_owned(),
        until: Some(until),
    };
    let unpause = UnpauseBody {
        resource: None,
        by: String::new(),
    };
    let confirm = ConfirmBody {
        hold: HoldId("0123456789ab".to_owned()),
        discard_state: true,
        by: "bob".to_owned(),
    };
    let adopted = AdoptBody {
        resource: orders.clone(),
        by: String::new(),
    };

    let answers = [
        client.post("/v1/reconcile", &ReconcileBody {}).await,
        client.post("/v1/pause", &pause).await,
        client.post("/v1/unpause", &unpause).await,
        client.post("/v1/confirm", &confirm).await,
        client.post("/v1/adopt", &adopted).await,
    ];

    for answer in answers {
        assert_eq!(answer.unwrap().pass, 7);
    }
    // Whoever asks may say anything; the system knows who it is.
    let user = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    let user = String::from_utf8(user.stdout).unwrap().trim().to_owned();
    let expected = [
        Request::Reconcile,
        Request::Pause {
            resource: Some(orders),
            reason: "holiday".to_owned(),
            by: format!("ann (as {user})"),
            until: Some(until),
        },
        Request::Unpause {
            resource: None,
            by: user.clone(),
        },
        Request::Confirm {
            hold: HoldId("0123456789ab".to_owned()),
            discard_state: true,
            by: format!("bob (as {user})"),
        },
        adopt("orders", &user),
    ];
    assert_eq!(*daemon.requests.lock().unwrap(), expected);
}

#[tokio::test]
async fn refuses_with_code_message_and_hint() {
    let daemon = daemon().await;

    let unknown = AdoptBody {
        resource: ResourceId::jet_job("nobody"),
        by: String::new(),
    };
    let error = refusal(daemon.client.post("/v1/adopt", &unknown).await);
    assert_eq!(error.code, "NotFound");
    assert_eq!(error.message, "there is no JetJob/nobody");
    assert_eq!(error.hint.as_deref(), Some("see `jetkeeper get jobs`"));

    for (path, code, message) in [
        ("/v1/jobs/nobody", "NotFound", "there is no JetJob/nobody"),
        ("/v1/hazelcast/x", "NotFound", "there is no Hazelcast/x"),
        ("/v2/jobs", "NotFound", "there is no /v2/jobs"),
        (
            "/v1/pause",
            "Invalid",
            "/v1/pause can't be asked for with GET",
        ),
        (
            "/v1/events?limit=0",
            "Invalid",
            "limit is a number from 1 to 10000",
        ),
    ] {
        let error = daemon.refusal(path).await;
        assert_eq!((&*error.code, &*error.message), (code, message), "{path}");
    }
    for (path, command) in [
        ("/v1/jobs/nobody", "`jetkeeper get jobs`"),
        ("/v1/hazelcast/x", "`jetkeeper get hazelcast`"),
    ] {
        let hint = daemon.refusal(path).await.hint.unwrap();
        assert!(hint.contains(command), "{hint}");
    }
    let error = daemon.refusal("/v1/jobs?wotch=1").await;
    assert_eq!(error.code, "Invalid");
    assert!(error.message.contains("wotch"), "{error:?}");
}

#[tokio::test]
async fn refuses_bodies_that_make_no_sense() {
    let daemon = daemon().await;
    let post = async |path: &str, body: serde_json::Value| {
        let error = refusal(daemon.client.post(path, &body).await);
        assert_eq!(error.code, "Invalid", "{error:?}");
        error.message
    };
    let reason = "x".repeat(1001);
    let past = "2001-01-01T00:00:00Z";

    let unknown_field = post("/v1/reconcile", json!({"now": true})).await;
    assert!(unknown_field.contains("now"), "{unknown_field}");
    let no_reason = post("/v1/pause", json!({"reason": " ", "by": "ann"})).await;
    assert_eq!(no_reason, "a pause needs a reason");
    let novel = post("/v1/pause", json!({"reason": reason, "by": "ann"})).await;
    assert!(novel.contains("1000 bytes"), "{novel}");
    let over = post(
        "/v1/pause",
        json!({"reason": "r", "by": "ann", "until": past}),
    )
    .await;
    assert_eq!(over, "the end of the pause has passed already");
    let huge = post("/v1/adopt", json!({"x": "y".repeat(70_000)})).await;
    assert!(huge.contains("length limit"), "{huge}");
    assert!(daemon.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_store_that_fails_is_told_with_its_cause() {
    let store = FakeStore {
        broken: true,
        ..FakeStore::default()
    };
    let daemon = Daemon::start(store, Limits::default()).await;
    let error = daemon.refusal("/v1/events").await;
    assert_eq!(error.code, "Internal");
    assert!(error.message.ends_with("disk on fire"), "{error:?}");
}

#[tokio::test]
async fn streams_the_present_and_then_each_change() {
    let daemon = daemon().await;
    let mut jobs = daemon
        .client
        .watch::<Change<JobResource>>("/v1/jobs?watch=1")
        .await
        .unwrap();
    let mut next = async || {
        let change = tokio::time::timeout(DEADLINE, jobs.next()).await.unwrap();
        change.unwrap().unwrap()
    };

    let change = next().await;
    assert_eq!(change.kind, ChangeKind::Added);
    assert_eq!(change.object.metadata.name, "orders");

    // A pass that changes nothing sends nothing.
    daemon.publish(|_| {});
    daemon.publish(|published| {
        let suspended = job("orders", Phase::Suspended);
        published.jobs.insert("orders".to_owned(), suspended);
    });
    let change = next().await;
    assert_eq!(
        (change.kind, change.object.status.phase),
        (ChangeKind::Modified, Phase::Suspended)
    );

    daemon.publish(|published| {
        published.jobs.remove("orders");
    });
    assert_eq!(next().await.kind, ChangeKind::Deleted);

    daemon.stop.cancel();
    let end = tokio::time::timeout(DEADLINE, jobs.next()).await.unwrap();
    assert!(end.unwrap().is_none(), "the stream ends in order");
}

#[tokio::test]
async fn streams_one_resource_the_plan_and_events() {
    let daemon = daemon().await;
    daemon.store.add_event(EventKind::Submitted, "submitted");
    let client = &daemon.client;
    let mut one = client
        .watch::<Change<JobResource>>("/v1/jobs/orders?watch=1")
        .await
        .unwrap();
    let mut plan = client.watch::<PlanView>("/v1/plan?watch=1").await.unwrap();
    let mut events = client
        .watch::<EventEntry>("/v1/events?watch=1")
        .await
        .unwrap();

    assert_eq!(
        one.next().await.unwrap().unwrap().object.metadata.name,
        "orders"
    );
    assert_eq!(plan.next().await.unwrap().unwrap().pass, 1);
    assert_eq!(events.next().await.unwrap().unwrap().seq, 1);

    daemon.store.add_event(EventKind::Running, "runs");
    daemon.publish(|published| {
        let returns = job("returns", Phase::Running);
        published.jobs.insert("returns".to_owned(), returns);
    });
    assert_eq!(plan.next().await.unwrap().unwrap().pass, 2);
    assert_eq!(events.next().await.unwrap().unwrap().seq, 2);

    drop(daemon.published);
    assert!(
        one.next().await.unwrap().is_none(),
        "another job is no news of this one"
    );
}

#[tokio::test]
async fn no_more_streams_than_allowed_are_open() {
    let limits = Limits {
        watches: 1,
        ..Limits::default()
    };
    let daemon = Daemon::start(FakeStore::default(), limits).await;
    let first = daemon
        .client
        .watch::<PlanView>("/v1/plan?watch=1")
        .await
        .unwrap();

    let second = daemon.client.watch::<PlanView>("/v1/plan?watch=1").await;
    assert_eq!(refusal(second).code, "Busy");

    drop(first);
    let freed = async {
        while daemon
            .client
            .watch::<PlanView>("/v1/plan?watch=1")
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, freed).await.unwrap();
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_given_up() {
    let state = tempfile::tempdir().unwrap();
    let (_published, receiver) = watch::channel(Arc::default());
    let (sender, _nobody_reads) = mpsc::channel(8);
    let store: Arc<dyn Store> = Arc::new(FakeStore::default());
    let limits = Limits {
        timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let socket = Socket::bind(state.path()).await.unwrap();
    let handle = Handle::new(
        receiver,
        store,
        sender,
        mpsc::channel(1).0,
        ProgressBoard::default(),
    );
    let stop = CancellationToken::new();
    tokio::spawn(serve(socket, handle, Arc::new(SystemClock), limits, stop));
    let client = Client::connect(state.path()).await.unwrap().unwrap();

    let answer = client.post("/v1/reconcile", &ReconcileBody {}).await;

    assert_eq!(refusal(answer).code, "Timeout");
}

#[tokio::test]
async fn a_reader_that_takes_nothing_holds_nothing_up() {
    let daemon = daemon().await;
    let mut stuck = UnixStream::connect(daemon.client.socket()).await.unwrap();
    stuck
        .write_all(b"GET /v1/plan?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 12];
    stuck.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");

    // Far more than all buffers between the two take, if each pass were kept for the reader.
    let message = "x".repeat(10_000);
    for _ in 0..1_000 {
        daemon.publish(|published| {
            published.steps = [PlannedStep {
                resource: ResourceId::jet_job("orders"),
                verb: "submit".to_owned(),
                message: message.clone(),
            }]
            .into();
        });
        tokio::task::yield_now().await;
    }

    let plan: PlanView = daemon.client.get("/v1/plan").await.unwrap();
    assert_eq!(plan.pass, 1_001);
}

#[tokio::test]
async fn only_the_owner_may_open_the_socket() {
    let daemon = daemon().await;
    let mode = std::fs::metadata(daemon.client.socket())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(names(daemon.state.path()), ["jetkeeper.sock"]);
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[tokio::test]
async fn a_second_daemon_is_refused_and_a_stale_socket_replaced() {
    let daemon = daemon().await;
    let second = Socket::bind(daemon.state.path()).await.unwrap_err();
    assert!(matches!(second, SocketError::InUse { .. }), "{second}");

    let state = tempfile::tempdir().unwrap();
    let path = state.path().join("jetkeeper.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "left as by a killed daemon");
    assert!(Client::connect(state.path()).await.unwrap().is_none());

    let socket = Socket::bind(state.path()).await.unwrap();
    assert!(Client::connect(state.path()).await.unwrap().is_some());
    drop(socket);
    assert!(names(state.path()).is_empty(), "nothing is left");
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_is_refused_by_name() {
    let state = tempfile::tempdir().unwrap();
    let long = state.path().join("s".repeat(100));
    std::fs::create_dir(&long).unwrap();
    let error = Socket::bind(&long).await.unwrap_err().to_string();
    assert!(error.contains("--state DIR"), "{error}");
    let error = Client::connect(&long).await.unwrap_err().to_string();
    assert!(error.contains("the system takes 107"), "{error}");
}
