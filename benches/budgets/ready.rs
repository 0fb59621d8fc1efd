//! From the start to the first pass shown, with ten thousand jobs recorded; the cluster doesn't answer.

use std::fs;
use std::sync::Arc;

use jetkeeper::plan::record::UploadOutcome;
use jetkeeper::plan::step::{Action, Expectation, Outcome, Remember, Step, Submit};
use jetkeeper::resources::ResourceId;
use jetkeeper::store::{Change, JournalEvent, Store};
use jiff::Timestamp;
use tokio::runtime::Runtime;

use crate::documents::{DOCUMENTS, bare_parsing, name, path, text, timed};
use crate::fleet::{CLUSTER_ID, bound, jar};
use crate::keeper::{CLUSTER, Keeper, Places, milliseconds, monotonic};
use crate::support::scratch;
use crate::table::{Row, ms, percentile, sorted};

const ROUNDS: usize = 5;
/// As many steps as fill the journal.
const STEPS: usize = 5_000;
/// Where no member answers.
const NOBODY: &str = "127.0.0.1:1";

pub(crate) fn measure() -> Vec<Row> {
    let directory = scratch::directory();
    let places = Places::below(directory.path(), "dev", NOBODY);
    fs::write(places.source.join("jars/a.jar"), "never opened").unwrap();
    let texts: Vec<String> = (0..DOCUMENTS)
        .map(|number| text(number, "Running"))
        .collect();
    for (number, text) in texts.iter().enumerate() {
        let path = places.source.join(path(number));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let runtime = Runtime::new().unwrap();
    runtime.block_on(record(&places));
    let (mut ready, mut opened, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(bare_parsing(texts.iter().map(String::as_str)));
        opened.push(timed(|| {
            runtime.block_on(async { drop(places.store().await.load().await.unwrap()) });
        }));
        ready.push(runtime.block_on(until_ready(&places)));
    }
    let [bare, opened, ready] = [bare, opened, ready].map(|times| percentile(&sorted(times), 50));
    vec![Row {
        what: "start to ready with 10 000 recorded jobs / bare parsing",
        ours: format!("{} ({} of it opening the store)", ms(ready), ms(opened)),
        theirs: ms(bare),
        ratio: ready / bare,
        allowed: Some(2.0),
    }]
}

/// Starts, and waits until all jobs are shown: how long that took, in milliseconds.
async fn until_ready(places: &Places) -> f64 {
    let began = monotonic();
    let keeper = Keeper::start(places).await;
    let ready = keeper
        .shows("all jobs", |shown| shown.jobs.len() == DOCUMENTS)
        .await;
    keeper.stop().await;
    milliseconds(began, ready)
}

/// Makes the store of a keeper whose jobs all run.
async fn record(places: &Places) {
    let keeper = Keeper::start(places).await;
    keeper
        .shows("all jobs", |shown| shown.jobs.len() == DOCUMENTS)
        .await;
    keeper.stop().await;
    let store = places.store().await;
    let recorded = store.load().await.unwrap();
    let mut change = Change::default();
    for (number, (name, record)) in recorded.jobs.iter().enumerate() {
        let bound = bound(name, record, i64::try_from(number).unwrap() + 1);
        change.jobs.insert(name.clone(), Some(Arc::new(bound)));
    }
    change.journal = (0..STEPS).flat_map(submit).collect();
    store.commit(&change).await.unwrap();
}

/// A submit's intent and outcome.
fn submit(number: usize) -> [JournalEvent; 2] {
    let step = Arc::new(Step {
        resource: ResourceId::jet_job(name(number)),
        generation: 1,
        cluster: CLUSTER.to_owned(),
        job_name: name(number),
        expects: Expectation {
            cluster_id: CLUSTER_ID,
            master: None,
            min_members: None,
            job: None,
            only_active: None,
            snapshot: None,
            uncommitted: None,
            keeper: None,
        },
        action: Action::Submit(Submit {
            nonce: format!("{}-1-0123456789abcdef", name(number)),
            jar: Some(jar()),
            jar_on_member: None,
            main_class: Some("com.example.pipelines.Orders".to_owned()),
            parameters: vec![format!("topic-{number}"), "--rate=100".to_owned()],
            secret_parameters: Vec::new(),
        }),
        remember: Remember::default(),
        timeout: std::time::Duration::from_mins(1),
    });
    let outcome = Outcome::Uploaded {
        outcome: UploadOutcome::Accepted,
        reason: None,
        message: String::new(),
        member: None,
    };
    [None, Some(outcome)].map(|outcome| JournalEvent {
        at: Timestamp::now(),
        step_id: step.id(),
        step: Arc::clone(&step),
        outcome,
    })
}
