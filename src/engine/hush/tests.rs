//! Texts of members that repeat secrets, or may.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::json;

use super::*;
use crate::plan::job::JobStatus;
use crate::resources::Declared;
use crate::secrets::SecretError;

/// Tells one password, or none.
#[derive(Default)]
struct Password {
    is_away: bool,
    hangs: bool,
    asked: AtomicUsize,
}

#[async_trait]
impl Secrets for Password {
    async fn get(&self, name: &str, key: &str) -> Result<SecretString, SecretError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.hangs {
            std::future::pending::<()>().await;
        }
        if self.is_away {
            return Err(SecretError::NotFound {
                name: name.to_owned(),
                key: key.to_owned(),
                credential: None,
                file: None,
            });
        }
        Ok(SecretString::new("correct-horse"))
    }
}

fn failed(id: i64, name: &str, failure: &str) -> Arc<JobView> {
    let mut job = crate::engine::fake::job(JobId(id), name, JobStatus::Failed);
    job.failure = Some(failure.into());
    Arc::new(job)
}

fn place() -> crate::resources::Place {
    crate::resources::Place {
        source: crate::resources::SourceName("jobs".to_owned()),
        path: "orders.yaml".to_owned(),
        line: 1,
        column: 1,
    }
}

fn record(spec: serde_json::Value) -> Arc<JobRecord> {
    let spec: crate::resources::JetJobSpec = serde_json::from_value(spec).unwrap();
    let digest = crate::resources::Digest::of_json(&spec);
    let annotations = crate::resources::desired::Annotations::default();
    Arc::new(JobRecord::new(place(), digest, Arc::new(spec), annotations))
}

fn secretive() -> serde_json::Value {
    json!({
        "hazelcastResourceName": "dev",
        "name": "orders-eu",
        "secretParameters": [{"index": 0, "secretName": "db", "key": "password"}],
    })
}

/// A job with a secret parameter, and one without, as they are recorded.
fn recorded() -> Recorded {
    let plain = json!({"hazelcastResourceName": "dev"});
    Recorded {
        jobs: [
            ("orders".to_owned(), record(secretive())),
            ("other".to_owned(), record(plain)),
        ]
        .into(),
        ..Recorded::default()
    }
}

fn views(jobs: impl IntoIterator<Item = Arc<JobView>>) -> BTreeMap<String, Arc<ClusterView>> {
    let view = ClusterView {
        jobs: Seen::Known(jobs.into_iter().map(|job| (job.id, job)).collect()),
        ..ClusterView::unknown(jiff::Timestamp::UNIX_EPOCH)
    };
    BTreeMap::from([("dev".to_owned(), Arc::new(view))])
}

/// What is told of the job 1 of `orders-eu`, which said this.
async fn told(hush: &Hush, said: &str, desired: &Desired, recorded: &Recorded) -> String {
    let mut clusters = views([failed(1, "orders-eu", said)]);
    hush.views(&mut clusters, desired, recorded).await;
    let jobs = clusters["dev"].jobs.known().unwrap();
    jobs[&JobId(1)].failure.as_deref().unwrap().to_owned()
}

fn with(secrets: Password) -> (Arc<Password>, Hush) {
    let secrets = Arc::new(secrets);
    (Arc::clone(&secrets), Hush::new(secrets))
}

const SAID: &str = "no login with correct-horse";

#[tokio::test]
async fn a_failure_that_repeats_a_secret_parameter_reaches_planning_without_it() {
    let (_, hush) = with(Password::default());
    let mut clusters = views([failed(1, "orders-eu", SAID), failed(2, "other", SAID)]);
    hush.views(&mut clusters, &Desired::default(), &recorded())
        .await;
    let jobs = clusters["dev"].jobs.known().unwrap();
    let text = |id| jobs[&JobId(id)].failure.as_deref().unwrap();
    assert_eq!(text(1), "no login with [redacted]");
    assert_eq!(text(2), SAID, "it is no secret of that job");
}

#[tokio::test]
async fn what_is_declared_counts_where_nothing_is_recorded() {
    let (_, hush) = with(Password::default());
    let spec: crate::resources::JetJobSpec = serde_json::from_value(secretive()).unwrap();
    let declared = Declared {
        place: place(),
        digest: crate::resources::Digest::of_json(&spec),
        spec: Arc::new(spec),
        annotations: crate::resources::desired::Annotations::default(),
    };
    let mut desired = Desired::default();
    desired.jobs.insert("orders".to_owned(), Arc::new(declared));
    let told = told(&hush, SAID, &desired, &Recorded::default()).await;
    assert_eq!(told, "no login with [redacted]");
}

#[tokio::test]
async fn a_value_that_was_changed_since_its_upload_is_taken_out_too() {
    let (_, hush) = with(Password::default());
    let parameter = SecretParameter {
        index: 0,
        secret_name: "db".to_owned(),
        key: "password".to_owned(),
    };
    let used = SecretString::new("battery-staple");
    hush.remember(("dev", "orders-eu"), &parameter, &used);
    let said = "no login with correct-horse, nor with battery-staple";
    let none = Desired::default();
    assert_eq!(
        told(&hush, said, &none, &recorded()).await,
        "no login with [redacted], nor with [redacted]"
    );

    // What nobody needs any more is forgotten.
    told(&hush, said, &none, &Recorded::default()).await;
    let known = hush.values().of("dev", "orders-eu", [].into_iter());
    assert!(known.unwrap().is_empty());
    assert!(hush.known("dev", "orders-eu", &[&parameter]).is_err());
}

#[tokio::test]
async fn what_may_repeat_a_value_that_cannot_be_read_is_withheld() {
    let (_, hush) = with(Password {
        is_away: true,
        ..Password::default()
    });
    let told = told(&hush, SAID, &Desired::default(), &recorded()).await;
    assert_eq!(told, WITHHELD);
}

#[tokio::test(start_paused = true)]
async fn secrets_that_never_answer_hold_a_pass_up_for_a_moment_once_in_a_while() {
    let (secrets, hush) = with(Password {
        hangs: true,
        ..Password::default()
    });
    let none = Desired::default();
    let began = Instant::now();
    for _ in 0..100 {
        assert_eq!(told(&hush, SAID, &none, &recorded()).await, WITHHELD);
    }
    assert!(began.elapsed() <= READING, "{:?}", began.elapsed());
    assert_eq!(secrets.asked.load(Ordering::Relaxed), 1);
    tokio::time::advance(Duration::from_secs(31)).await;
    told(&hush, SAID, &none, &recorded()).await;
    assert_eq!(secrets.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn what_an_export_repeats_of_a_jobs_failure_is_told_without_secrets() {
    for (is_away, expected) in [
        (false, "the last one failed: no login with [redacted]"),
        (true, WITHHELD),
    ] {
        let (_, hush) = with(Password {
            is_away,
            ..Password::default()
        });
        let mut step = crate::engine::fake::step(export(), None);
        step.job_name = "orders-eu".to_owned();
        let outcome = Outcome::Failed {
            reason: crate::plan::hold::Reason::SnapshotFailed,
            message: format!("the last one failed: {SAID}"),
        };
        let mut landed = [Landed {
            step: Arc::new(step),
            outcome,
            lists: None,
        }];
        hush.outcomes(&mut landed, &Desired::default(), &recorded())
            .await;
        assert_eq!(message(&mut landed[0].outcome).unwrap(), expected);
    }
}

fn export() -> Action {
    let job = crate::engine::fake::JOB;
    Action::Export(crate::plan::step::ExportSnapshot {
        name: "evening".to_owned(),
        job,
        which: crate::plan::step::WhichSnapshot::Fresh,
        strategy: None,
        mark: crate::plan::snapshot::SnapshotMark {
            owner: "keeper".to_owned(),
            resource: crate::resources::ResourceId::jet_job("orders"),
            job,
            begun_at: jiff::Timestamp::UNIX_EPOCH,
            fork: true,
        },
    })
}
