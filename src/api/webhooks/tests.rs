use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use axum::body::Body;

use super::*;
use crate::resources::{Revision, SourceName};
use crate::secrets::SecretError;

/// A source that counts how often it is woken.
struct Counted {
    name: SourceName,
    wakes: AtomicU64,
}

impl Counted {
    fn named(name: &str) -> Arc<Self> {
        Arc::new(Self {
            name: SourceName(name.to_owned()),
            wakes: AtomicU64::new(0),
        })
    }

    fn woken(&self) -> u64 {
        self.wakes.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Source for Counted {
    fn name(&self) -> &SourceName {
        &self.name
    }

    fn revisions(&self) -> watch::Receiver<Arc<Revision>> {
        panic!("a call reads nothing")
    }

    async fn rescan(&self) {
        panic!("a call waits for nothing")
    }

    fn wake(&self) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }
}

/// One secret, which is asked for by its name alone.
struct OneSecret(&'static str);

#[async_trait]
impl Secrets for OneSecret {
    async fn get(&self, name: &str, key: &str) -> Result<SecretString, SecretError> {
        assert_eq!(key, "token");
        if name == "hook" {
            return Ok(SecretString::new(self.0));
        }
        Err(SecretError::NotFound {
            name: name.to_owned(),
            key: key.to_owned(),
            credential: None,
            file: None,
        })
    }
}

const BODY: &str = "{\"ref\":\"refs/heads/main\"}";
/// The HMAC of it under `hush`.
const SIGNATURE: &str = "sha256=2415c216b44144d7d382aa2b9b0096074f2190e1e0c74a1f6f22c8115dc3b153";

struct Scene {
    jobs: Arc<Counted>,
    other: Arc<Counted>,
    shared: Shared,
}

impl Scene {
    /// Two sources, whose webhooks have this secret in a secret of this name.
    fn new(secret: &'static str, secret_name: &str) -> Self {
        let (jobs, other) = (Counted::named("jobs"), Counted::named("other"));
        let hook = |source: &Arc<Counted>| {
            let source: Arc<dyn Source> = Arc::clone(source) as _;
            Arc::new(Hook::new(
                source,
                WebhookHost::GitHub,
                secret_name.to_owned(),
            ))
        };
        let hooks = Hooks::from([
            ("jobs".to_owned(), hook(&jobs)),
            ("other".to_owned(), hook(&other)),
        ]);
        let shared = Shared {
            hooks: watch::channel(Arc::new(hooks)).1,
            secrets: Arc::new(OneSecret(secret)),
            meters: Meters::default(),
        };
        Self {
            jobs,
            other,
            shared,
        }
    }

    async fn send(&self, name: &str, request: Request) -> u16 {
        let answer = called(State(self.shared.clone()), Path(name.to_owned()), request).await;
        let too_often = answer.status() == StatusCode::TOO_MANY_REQUESTS;
        assert_eq!(
            answer.headers().contains_key(header::RETRY_AFTER),
            too_often
        );
        answer.status().as_u16()
    }

    fn metrics(&self) -> String {
        let mut registry = prometheus_client::registry::Registry::default();
        self.shared.meters.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let calls = text
            .lines()
            .filter(|line| line.starts_with("jetkeeper_webhook_calls_total"));
        calls.map(|line| line.to_owned() + "\n").collect()
    }
}

fn call(signatures: &[&str], body: impl Into<Body>) -> Request {
    let mut request = axum::http::Request::builder();
    for signature in signatures {
        request = request.header("X-Hub-Signature-256", *signature);
    }
    request.body(body.into()).unwrap()
}

#[tokio::test]
async fn a_proven_call_wakes_its_source_and_no_other() {
    let scene = Scene::new("hush", "hook");
    // One that is sent again can't do more than the first.
    for _ in 0..3 {
        assert_eq!(scene.send("jobs", call(&[SIGNATURE], BODY)).await, 202);
    }
    assert_eq!((scene.jobs.woken(), scene.other.woken()), (3, 0));
    let metrics = scene.metrics();
    assert_eq!(
        metrics,
        "jetkeeper_webhook_calls_total{source=\"jobs\",answer=\"taken\"} 3\n"
    );
}

#[tokio::test]
async fn what_proves_nothing_wakes_nothing() {
    let scene = Scene::new("hush", "hook");
    let other = SIGNATURE.replace('2', "3");
    for (signatures, body) in [
        (&[][..], BODY),
        (&[""], BODY),
        (&[&*other], BODY),
        (&[SIGNATURE], "{}"),
        (&[SIGNATURE, SIGNATURE], BODY),
        (&[&*other, SIGNATURE], BODY),
    ] {
        let answer = scene.send("jobs", call(signatures, body)).await;
        assert_eq!(answer, 401, "{signatures:?} {body}");
    }
    assert_eq!(scene.send("unknown", call(&[SIGNATURE], BODY)).await, 404);
    assert_eq!(scene.jobs.woken(), 0);
    let metrics = scene.metrics();
    assert_eq!(
        metrics,
        "jetkeeper_webhook_calls_total{source=\"jobs\",answer=\"unproven\"} 6\n"
    );
}

#[tokio::test]
async fn without_a_secret_nothing_is_proven() {
    let under_nothing = "sha256=70f408f0cf4971860f1ae76a84a59fed54c23b666a5c1069573bd17b46168283";
    for scene in [Scene::new("hush", "absent"), Scene::new("", "hook")] {
        for signature in [SIGNATURE, under_nothing] {
            assert_eq!(scene.send("jobs", call(&[signature], BODY)).await, 503);
        }
        assert_eq!(scene.jobs.woken(), 0);
    }
}

#[tokio::test]
async fn a_large_body_is_not_read_to_its_end() {
    let scene = Scene::new("hush", "hook");
    let announced = {
        let mut request = call(&[SIGNATURE], Body::from_stream(endless(Duration::ZERO)));
        let length = HeaderValue::from(MAX_BODY + 1);
        request.headers_mut().insert(header::CONTENT_LENGTH, length);
        request
    };
    assert_eq!(scene.send("jobs", announced).await, 413);
    let silent = call(&[SIGNATURE], Body::from_stream(endless(Duration::ZERO)));
    assert_eq!(scene.send("jobs", silent).await, 413);
    let whole = vec![b'x'; MAX_BODY];
    assert_eq!(scene.send("jobs", call(&[SIGNATURE], whole)).await, 401);
    assert_eq!(scene.jobs.woken(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_in_time_is_not_waited_for() {
    let scene = Scene::new("hush", "hook");
    let began = tokio::time::Instant::now();
    let slow = Body::from_stream(endless(Duration::from_secs(1)));
    assert_eq!(scene.send("jobs", call(&[SIGNATURE], slow)).await, 408);
    assert_eq!(began.elapsed(), LONGEST_CALL);
    assert_eq!(scene.jobs.woken(), 0);
}

/// 64 KiB at a time, each after such a pause, and no end.
fn endless(pause: Duration) -> impl futures_util::Stream<Item = std::io::Result<Vec<u8>>> {
    futures_util::stream::repeat(()).then(move |()| async move {
        tokio::time::sleep(pause).await;
        Ok(vec![b'x'; 64 * 1024])
    })
}

#[tokio::test(start_paused = true)]
async fn a_flood_for_one_source_is_refused_and_passes_the_others_by() {
    let scene = Scene::new("hush", "hook");
    let mut answers = BTreeMap::new();
    for _ in 0..1_000 {
        let answer = scene.send("jobs", call(&[SIGNATURE], BODY)).await;
        *answers.entry(answer).or_insert(0) += 1;
    }
    assert_eq!(answers, BTreeMap::from([(202, 30), (429, 970)]));
    assert_eq!(scene.send("other", call(&[SIGNATURE], BODY)).await, 202);
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(scene.send("jobs", call(&[SIGNATURE], BODY)).await, 202);
}
