//! Senders in paused time, with receivers that answer as they are told to.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::clock::{Random, SystemClock};
use crate::notifications::format::samples::{at, incident};
use crate::notifications::options::Forge;
use crate::notifications::{Repository, Rules, outbox};
use crate::plan::event::EventKind;
use crate::plan::record::{CommitState, CommitStatus, Incident, Urgency};
use crate::resources::SourceName;

/// A receiver that answers what it is told to, and keeps what it got.
#[derive(Default)]
struct FakeReceiver {
    got: Mutex<Vec<(Instant, serde_json::Value)>>,
    answers: Mutex<Vec<Result<Reply, PostError>>>,
    /// How long it takes to answer.
    takes: Mutex<Duration>,
}

#[async_trait]
impl Post for FakeReceiver {
    async fn post(&self, request: Request) -> Result<Reply, PostError> {
        let body = serde_json::from_slice(&request.body).unwrap();
        self.got.lock().unwrap().push((Instant::now(), body));
        let takes = *self.takes.lock().unwrap();
        sleep(takes).await;
        let answer = self.answers.lock().unwrap().pop();
        answer.unwrap_or_else(|| Ok(status(200)))
    }
}

impl FakeReceiver {
    fn bodies(&self) -> Vec<serde_json::Value> {
        let got = self.got.lock().unwrap();
        got.iter().map(|(_, body)| body.clone()).collect()
    }

    fn times(&self) -> Vec<Instant> {
        self.got.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }
}

fn status(status: u16) -> Reply {
    Reply {
        status,
        ..Reply::default()
    }
}

struct OneSecret;

#[async_trait]
impl Secrets for OneSecret {
    async fn get(&self, _: &str, _: &str) -> Result<SecretString, SecretError> {
        Ok(SecretString::new("hush"))
    }
}

/// The engine's side: what is told, and senders that read it.
struct Scene {
    rules: Rules,
    told: watch::Sender<Arc<Told>>,
    delivered: watch::Sender<Deliveries>,
    _senders: Senders,
}

impl Scene {
    fn new(receivers: &[(ReceiverOptions, Arc<FakeReceiver>)], before: Told) -> Self {
        let options: Vec<_> = receivers.iter().map(|(it, _)| it.clone()).collect();
        let rules = Rules {
            receivers: options
                .iter()
                .map(|it| (it.name.clone(), it.wants()))
                .collect(),
            ..Rules::default()
        };
        let met = outbox::write(&before, &rules, &BTreeMap::new(), Vec::new(), at(0));
        let told = watch::Sender::new(Arc::new(met.unwrap_or(before)));
        let delivered = watch::Sender::default();
        let parts = SendersParts {
            told: told.subscribe(),
            delivered: delivered.clone(),
            secrets: Arc::new(OneSecret),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(Random::from_seed(1)),
            meters: Meters::default(),
            owner: "keeper-1".to_owned(),
        };
        let next = Mutex::new(receivers.iter().map(|(_, post)| Arc::clone(post)));
        let senders = Senders::start(&options, &parts, || next.lock().unwrap().next().unwrap());
        Self {
            rules,
            told,
            delivered,
            _senders: senders,
        }
    }

    /// What a pass does.
    fn tell(&self, news: Vec<News>) {
        let deliveries = self.delivered.borrow().clone();
        let before = Arc::clone(&self.told.borrow());
        let next = outbox::write(&before, &self.rules, &deliveries, news, at(0));
        if let Some(next) = next {
            self.told.send_replace(Arc::new(next));
        }
    }

    fn waiting(&self) -> usize {
        self.told.borrow().outbox.len()
    }
}

fn receiver(name: &str, kind: ReceiverKind) -> ReceiverOptions {
    ReceiverOptions {
        name: name.to_owned(),
        severity: Urgency::Info,
        ca_file: None,
        kind,
    }
}

fn webhook(name: &str) -> (ReceiverOptions, Arc<FakeReceiver>) {
    let secret_name = "hook".to_owned();
    let options = receiver(name, ReceiverKind::Webhook { secret_name });
    (options, Arc::default())
}

fn happened(message: &str) -> News {
    News::Happened {
        kind: EventKind::Submitted,
        resource: None,
        message: message.to_owned(),
    }
}

fn messages(body: &serde_json::Value) -> Vec<&str> {
    let all = body["notifications"].as_array().unwrap().iter();
    all.map(|it| it["message"].as_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_one_rests_goes_together_and_nothing_is_told_twice() {
    let (options, post) = webhook("hook");
    let scene = Scene::new(&[(options.clone(), Arc::clone(&post))], Told::default());
    scene.tell(vec![happened("a")]);
    sleep(Duration::from_millis(100)).await;
    scene.tell(vec![happened("b")]);
    scene.tell(vec![happened("c")]);
    sleep(Duration::from_mins(1)).await;
    let bodies = post.bodies();
    let told: Vec<_> = bodies.iter().map(messages).collect();
    assert_eq!(told, [vec!["a"], vec!["b", "c"]]);
    scene.tell(Vec::new());
    assert_eq!(scene.waiting(), 0, "what was delivered is written down");

    // Another run goes on where this one was.
    let before = Told::clone(&scene.told.borrow());
    drop(scene);
    let scene = Scene::new(&[(options, Arc::clone(&post))], before);
    scene.tell(vec![happened("d")]);
    sleep(Duration::from_mins(1)).await;
    assert_eq!(messages(post.bodies().last().unwrap()), ["d"]);
    assert_eq!(post.bodies().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_tried_again_ever_more_seldom_and_lost_to_no_restart() {
    let (options, post) = webhook("hook");
    *post.answers.lock().unwrap() = vec![
        Ok(status(403)),
        Ok(Reply {
            retry_after: Some(Duration::from_secs(100)),
            ..status(429)
        }),
        Ok(status(502)),
        Err(PostError::NoAnswer("nobody is there".to_owned())),
    ];
    let scene = Scene::new(&[(options.clone(), Arc::clone(&post))], Told::default());
    scene.tell(vec![happened("a")]);
    sleep(Duration::from_mins(10)).await;
    let times = post.times();
    let pauses: Vec<u64> = times
        .windows(2)
        .map(|it| (it[1] - it[0]).as_secs())
        .collect();
    assert_eq!(pauses.len(), 4, "{pauses:?}");
    assert!(pauses[0] >= 1 && pauses[1] >= 2, "{pauses:?}");
    assert!((100..200).contains(&pauses[2]), "{pauses:?}");
    scene.tell(Vec::new());
    let failing = webhook("hook").1;
    *failing.answers.lock().unwrap() = vec![Ok(status(500)); 100];
    let before = Told::clone(&scene.told.borrow());
    let scene = Scene::new(&[(options, Arc::clone(&failing))], before);
    scene.tell(vec![happened("b")]);
    sleep(Duration::from_hours(1)).await;
    assert_eq!(scene.waiting(), 1);
    let count = failing.bodies().len();
    assert!((12..40).contains(&count), "{count} tries in an hour");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_holds_nothing_up() {
    let (options, post) = webhook("hook");
    *post.answers.lock().unwrap() = vec![Ok(status(422))];
    let scene = Scene::new(&[(options, Arc::clone(&post))], Told::default());
    scene.tell(vec![happened("a")]);
    sleep(Duration::from_secs(1)).await;
    scene.tell(vec![happened("b")]);
    sleep(Duration::from_mins(1)).await;
    let bodies = post.bodies();
    assert_eq!(bodies.len(), 2);
    assert_eq!(messages(&bodies[1]), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_never_answers_keeps_nobody_waiting() {
    let (slow, dead) = webhook("slow");
    *dead.takes.lock().unwrap() = Duration::from_hours(1);
    let (fast, post) = webhook("fast");
    let receivers = [(slow, Arc::clone(&dead)), (fast, Arc::clone(&post))];
    let scene = Scene::new(&receivers, Told::default());
    let began = Instant::now();
    for number in 0..100 {
        // What a pass does never waits: time stands still meanwhile.
        scene.tell(vec![happened(&number.to_string())]);
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    sleep(Duration::from_mins(1)).await;
    let told: usize = post.bodies().iter().map(|body| messages(body).len()).sum();
    assert_eq!((told, post.bodies().len()), (100, 5), "20 in each");
    assert_eq!(dead.bodies().len(), 1);
}

fn alertmanager() -> (ReceiverOptions, Arc<FakeReceiver>) {
    let kind = ReceiverKind::Alertmanager(AlertmanagerOptions {
        url: "http://localhost:9093".to_owned(),
        secret_name: None,
        resend: Duration::from_mins(1),
    });
    (receiver("alerts", kind), Arc::default())
}

#[tokio::test(start_paused = true)]
async fn an_alertmanager_is_told_again_while_it_stands_and_once_that_it_is_over() {
    let (options, post) = alertmanager();
    let scene = Scene::new(&[(options.clone(), Arc::clone(&post))], Told::default());
    let incident: Arc<Incident> = Arc::new(incident());
    scene.tell(vec![
        happened("not for it"),
        News::Began(Arc::clone(&incident)),
    ]);
    sleep(Duration::from_secs(290)).await;
    assert_eq!(post.bodies().len(), 5, "at once, and every minute");

    // A run later it still stands, and is told so at once.
    let before = Told::clone(&scene.told.borrow());
    drop(scene);
    let scene = Scene::new(&[(options, Arc::clone(&post))], before);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(post.bodies().len(), 6);
    let ended = at(726);
    scene.tell(vec![News::Ended { incident, ended }]);
    sleep(Duration::from_mins(30)).await;
    let bodies = post.bodies();
    assert_eq!(bodies.len(), 7);
    assert_eq!(bodies[6][0]["endsAt"], ended.to_string());
    assert_eq!(bodies[6][0]["labels"], bodies[0][0]["labels"]);
    assert!(
        bodies
            .iter()
            .all(|body| body.as_array().unwrap().len() == 1)
    );
}

#[tokio::test(start_paused = true)]
async fn only_the_latest_state_of_a_commit_is_told() {
    let source = SourceName("jobs".to_owned());
    let kind = ReceiverKind::CommitStatus(CommitStatusOptions {
        forge: Forge::Gitea,
        source: source.clone(),
        repository: Repository::of(Forge::Gitea, "https://host/team/jobs", None, None).unwrap(),
        secret_name: "forge".to_owned(),
        context: "jetkeeper".to_owned(),
    });
    let post: Arc<FakeReceiver> = Arc::default();
    let options = receiver("commits", kind);
    let scene = Scene::new(&[(options, Arc::clone(&post))], Told::default());
    let commit = |state| {
        News::Commit(Arc::new(CommitStatus {
            source: source.clone(),
            commit: "0".repeat(40),
            state,
            description: String::new(),
        }))
    };
    scene.tell(vec![commit(CommitState::Pending)]);
    scene.tell(vec![commit(CommitState::Failure)]);
    scene.tell(vec![commit(CommitState::Success), happened("not for it")]);
    sleep(Duration::from_mins(1)).await;
    let states: Vec<_> = post
        .bodies()
        .iter()
        .map(|body| body["state"].clone())
        .collect();
    assert_eq!(states, ["success"]);
    scene.tell(Vec::new());
    assert_eq!(scene.waiting(), 0);
}
