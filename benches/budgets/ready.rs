//! From the start to the first pass shown, with ten thousand jobs recorded; the cluster doesn't answer.

use std::fs;
use std::sync::Arc;

use jetkeeper::plan::job::{Guarantee, JobId, JobStatus};
use jetkeeper::plan::ownership::OwnershipEntry;
use jetkeeper::plan::record::{BoundJob, Deployed, JobRecord, UploadOutcome};
use jetkeeper::plan::step::{Action, Expectation, Outcome, Remember, Step, Submit};
use jetkeeper::resources::{Digest, ResourceId};
use jetkeeper::store::{Change, JournalEvent, Store};
use jiff::Timestamp;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::documents::{DOCUMENTS, bare_parsing, name, path, text, timed};
use crate::keeper::{CLUSTER, Keeper, Places};
use crate::support::scratch;
use crate::table::{Row, ms, percentile, sorted};

const ROUNDS: usize = 5;
/// As many steps as fill the journal.
const STEPS: usize = 5_000;
/// Where no member answers.
const NOBODY: &str = "127.0.0.1:1";
const CLUSTER_ID: Uuid = Uuid::from_u128(7);

pub(crate) fn measure() -> Vec<Row> {
    let directory = scratch::directory();
    let places = Places::below(directory.path(), "dev", NOBODY);
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
            runtime.block_on(async { places.store().await.load().await.unwrap() });
        }));
        ready.push(timed(|| runtime.block_on(until_ready(&places))));
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

/// Starts, and waits until all jobs are shown.
async fn until_ready(places: &Places) {
    let keeper = Keeper::start(places).await;
    keeper
        .shows("all jobs", |shown| shown.jobs.len() == DOCUMENTS)
        .await;
    // Dropped, as a crash would: ending is not measured, and nothing is left to write.
    drop(keeper);
}

/// Makes the store of a keeper whose jobs all run.
async fn record(places: &Places) {
    let keeper = Keeper::start(places).await;
    keeper
        .shows("all jobs", |shown| {
            shown.jobs.len() == DOCUMENTS && shown.pass > 2
        })
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

fn bound(name: &str, record: &JobRecord, id: i64) -> JobRecord {
    let nonce = format!("{name}-1-0123456789abcdef");
    let now = Timestamp::now();
    JobRecord {
        attempts: 1,
        entry: Some(OwnershipEntry {
            owner: "bench".to_owned(),
            epoch: 1,
            attempt: nonce.clone(),
            job_id: Some(JobId(id)),
            resource: ResourceId::jet_job(name),
            digest: record.digest,
        }),
        job: Some(BoundJob {
            cluster_id: CLUSTER_ID,
            id: JobId(id),
            nonce,
            deployed: Some(Deployed {
                jar: Some(Digest::of(b"jar")),
                jar_on_member: None,
                main_class: record.spec.main_class.clone(),
                parameters: record.spec.parameters.clone(),
                secret_parameters: Vec::new(),
            }),
            submitted_at: now,
            guarantee: Some(Guarantee::ExactlyOnce),
            status: JobStatus::Running,
            status_since: now,
            completed_at: None,
            failure: None,
            stopped_by: None,
            gone: false,
            configured: None,
            ran: true,
        }),
        ..record.clone()
    }
}

/// A submit's intent and outcome.
fn submit(number: usize) -> [JournalEvent; 2] {
    let step = Arc::new(Step {
        resource: ResourceId::jet_job(name(number)),
        generation: 1,
        cluster: CLUSTER.to_owned(),
        job_name: name(number),
        expects: Expectation::cluster(CLUSTER_ID),
        action: Action::Submit(Submit {
            nonce: format!("{}-1-0123456789abcdef", name(number)),
            jar: Some(Digest::of(b"jar")),
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
