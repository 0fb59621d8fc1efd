//! Steps on a scripted cluster: what is called, what is not, and the outcome of each.

use super::*;
use crate::engine::fake::{FakeCluster, JOB, executor, job, step, submit, suspend};
use crate::plan::job::{JobId, JobStatus};
use crate::plan::observed::{ClusterState, ClusterView, Link};
use crate::plan::ownership::OwnershipEntry;
use crate::plan::record::Attempt;
use crate::plan::step::ExpectedKeeper;
use crate::resources::jet_job::SecretParameter;

async fn carry_out(cluster: &Arc<FakeCluster>, step: &Step) -> Outcome {
    let watch = cluster.watch();
    // The watch's first looks are no part of what is tested.
    tokio::task::yield_now().await;
    executor(true).carry_out(step, &watch).await
}

fn effects(cluster: &FakeCluster) -> Vec<String> {
    cluster.effects.lock().unwrap().clone()
}

fn secret(index: u32, key: &str) -> SecretParameter {
    SecretParameter {
        index,
        secret_name: "db".to_owned(),
        key: key.to_owned(),
    }
}

fn is_stale(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Stale { .. })
}

#[tokio::test(start_paused = true)]
async fn a_step_whose_expectations_hold_is_one_call() {
    let cluster = FakeCluster::new();
    assert_eq!(carry_out(&cluster, &suspend()).await, Outcome::Done);
    assert_eq!(effects(&cluster), ["suspend 7"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_to_a_job_that_changed_or_is_not_there() {
    for jobs in [vec![job(JOB, "orders", JobStatus::Suspended)], vec![]] {
        let cluster = FakeCluster::new();
        cluster.answers.lock().unwrap().jobs = jobs;
        assert!(is_stale(&carry_out(&cluster, &suspend()).await));
        assert!(effects(&cluster).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_to_another_cluster_or_one_that_is_not_safe() {
    let spoil: [fn(&FakeCluster); 4] = [
        |cluster| cluster.set_connection(|now| now.cluster_id = Some(uuid::Uuid::nil())),
        |cluster| cluster.set_connection(|now| now.foreign_cluster_id = Some(uuid::Uuid::nil())),
        |cluster| cluster.answers.lock().unwrap().health.state = ClusterState::Frozen,
        |cluster| cluster.answers.lock().unwrap().health.partitions_safe = false,
    ];
    for spoil in spoil {
        let cluster = FakeCluster::new();
        spoil(&cluster);
        assert!(is_stale(&carry_out(&cluster, &suspend()).await));
        assert!(effects(&cluster).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_once_fewer_members_are_left_than_the_document_asks_for() {
    let cluster = FakeCluster::new();
    let mut step = suspend();
    step.expects.min_members = Some(2);
    let outcome = carry_out(&cluster, &step).await;
    assert!(is_stale(&outcome), "{outcome:?}");
    assert!(effects(&cluster).is_empty());
    cluster.set_connection(|now| now.members.push(uuid::Uuid::from_u128(3)));
    assert_eq!(carry_out(&cluster, &step).await, Outcome::Done);
}

#[tokio::test(start_paused = true)]
async fn without_a_connection_a_step_fails_and_may_be_tried_again() {
    let cluster = FakeCluster::new();
    cluster.set_connection(|now| {
        now.link = Link::Down {
            since: crate::engine::fake::at(0),
            error: None,
        };
    });
    let outcome = carry_out(&cluster, &suspend()).await;
    let reason = Reason::ClusterUnreachable;
    assert!(matches!(outcome, Outcome::Failed { reason: found, .. } if found == reason));
    assert!(effects(&cluster).is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_unknown_and_a_refusal_is_a_failure() {
    let cluster = FakeCluster::new();
    cluster.answers.lock().unwrap().error = Some(CallError::Unknown {
        message: "lost".to_owned(),
        at: None,
    });
    let outcome = carry_out(&cluster, &suspend()).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }));
    cluster.answers.lock().unwrap().error = Some(CallError::Refused {
        transient: false,
        reason: Reason::JobFailed,
        message: "no".to_owned(),
    });
    let outcome = carry_out(&cluster, &suspend()).await;
    assert!(matches!(
        outcome,
        Outcome::Failed {
            reason: Reason::JobFailed,
            ..
        }
    ));
}

#[tokio::test(start_paused = true)]
async fn an_upload_needs_the_name_to_be_free() {
    let cluster = FakeCluster::new();
    assert!(is_stale(&carry_out(&cluster, &submit(vec![])).await));
    let ended = job(JobId(8), "orders", JobStatus::Failed);
    cluster.answers.lock().unwrap().jobs = vec![ended, job(JOB, "other", JobStatus::Running)];
    let outcome = carry_out(&cluster, &submit(vec![])).await;
    assert!(matches!(
        outcome,
        Outcome::Uploaded {
            outcome: UploadOutcome::Accepted,
            ..
        }
    ));
    assert_eq!(effects(&cluster).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_uploaded_where_the_members_have_not_told_which_jobs_there_are() {
    let cluster = FakeCluster::new();
    let watch = cluster.watch();
    watch.refreshed().await.unwrap();
    // The link breaks, and a member that has just become the master knows no jobs yet.
    cluster.answers.lock().unwrap().jobs = Vec::new();
    let down = Link::Down {
        since: jiff::Timestamp::UNIX_EPOCH,
        error: None,
    };
    cluster.set_connection(|now| now.link = down);
    let mut views = watch.views();
    let is_down = |view: &Arc<ClusterView>| view.link != Link::Up;
    views.wait_for(is_down).await.unwrap();
    cluster.set_connection(|now| {
        now.link = Link::Up;
        now.members = vec![uuid::Uuid::from_u128(9)];
    });
    views.wait_for(|view| view.link == Link::Up).await.unwrap();
    let outcome = executor(true).carry_out(&submit(vec![]), &watch).await;
    assert!(is_stale(&outcome), "{outcome:?}");
    assert!(effects(&cluster).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_read_beside_a_slow_look_is_read_again() {
    let changes: [fn(&FakeCluster); 2] = [
        |cluster| cluster.answers.lock().unwrap().health.state = ClusterState::Frozen,
        |cluster| cluster.answers.lock().unwrap().jobs[0].status = JobStatus::Suspended,
    ];
    for change in changes {
        let cluster = FakeCluster::new();
        cluster.answers.lock().unwrap().jobs[0].name = "other".to_owned();
        let watch = cluster.watch();
        watch.refreshed().await.unwrap();
        tokio::time::advance(RECENT * 2).await;
        cluster.answers.lock().unwrap().list_takes = RECENT * 2;
        let later = async {
            tokio::time::sleep(RECENT).await;
            change(&cluster);
        };
        let mut submit = submit(vec![]);
        submit.expects.job = Some((JOB, vec![JobStatus::Running]));
        let executor = executor(true);
        let (outcome, ()) = tokio::join!(executor.carry_out(&submit, &watch), later);
        assert!(is_stale(&outcome), "{outcome:?}");
        assert!(effects(&cluster).is_empty());
    }
}

fn attempt() -> Attempt {
    let nothing = serde_json::json!({
        "nonce": "n1",
        "clusterId": uuid::Uuid::nil(),
        "knownIds": [],
        "deployed": {"mainClass": null, "parameters": []},
        "generation": 1,
        "startedAt": "1970-01-01T00:00:00Z",
        "fulfils": {},
    });
    serde_json::from_value(nothing).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_jobs_that_an_upload_has_to_know_are_listed_while_its_name_is_claimed() {
    let cluster = FakeCluster::new();
    cluster.answers.lock().unwrap().jobs = Vec::new();
    let watch = cluster.watch();
    watch.refreshed().await.unwrap();
    tokio::time::advance(RECENT + Duration::from_millis(1)).await;
    let lists = || cluster.lists.load(std::sync::atomic::Ordering::Relaxed);
    let before = lists();
    let claim = Action::Claim {
        entry: entry("keeper", "a-state"),
        replaces: None,
        attempt: Some(Box::new(attempt())),
    };
    let outcome = executor(true).carry_out(&step(claim, None), &watch).await;
    assert_eq!(outcome, Outcome::Done);
    let outcome = executor(true).carry_out(&submit(vec![]), &watch).await;
    assert!(matches!(outcome, Outcome::Uploaded { .. }), "{outcome:?}");
    assert_eq!(lists(), before + 1);

    // One that is too old isn't enough: somebody may have started the job meanwhile.
    cluster.answers.lock().unwrap().jobs = vec![job(JOB, "orders", JobStatus::Running)];
    tokio::time::advance(RECENT + Duration::from_millis(1)).await;
    let outcome = executor(true).carry_out(&submit(vec![]), &watch).await;
    assert!(is_stale(&outcome), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn secrets_are_put_at_their_place_and_never_told() {
    let cluster = FakeCluster::new();
    cluster.answers.lock().unwrap().jobs.clear();
    cluster.answers.lock().unwrap().says = "main threw: bad password hush".to_owned();
    let step = submit(vec![secret(3, "password"), secret(1, "password")]);
    let outcome = carry_out(&cluster, &step).await;
    assert!(effects(&cluster)[0].ends_with(r#"["a", "hush", "b", "hush"]"#));
    let told = format!("{step:?} {outcome:?}");
    assert!(
        told.contains("bad password [redacted]") && !told.contains("hush"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_jar_or_secret_nothing_is_uploaded() {
    let cluster = FakeCluster::new();
    cluster.answers.lock().unwrap().jobs.clear();
    let outcome = carry_out(&cluster, &submit(vec![secret(0, "absent")])).await;
    assert!(matches!(
        outcome,
        Outcome::Failed {
            reason: Reason::SecretMissing,
            ..
        }
    ));
    let outcome = executor(false)
        .carry_out(&submit(vec![]), &cluster.watch())
        .await;
    assert!(matches!(
        outcome,
        Outcome::Failed {
            reason: Reason::JarNotFound,
            ..
        }
    ));
    assert!(effects(&cluster).is_empty());
}

struct Hanging;

#[async_trait::async_trait]
impl Secrets for Hanging {
    async fn get(&self, _: &str, _: &str) -> Result<SecretString, secrets::SecretError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn secrets_that_never_answer_fail_a_step_that_says_so() {
    let cluster = FakeCluster::new();
    cluster.answers.lock().unwrap().jobs.clear();
    let executor = Executor {
        secrets: Arc::new(Hanging),
        ..executor(true)
    };
    let step = submit(vec![secret(0, "password")]);
    let outcome = executor.carry_out(&step, &cluster.watch()).await;
    let Outcome::Failed { reason, message } = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(reason, Reason::SecretMissing);
    assert!(message.contains("was not read within 10 s"), "{message}");
    assert!(effects(&cluster).is_empty());
}

fn entry(owner: &str, keeper: &str) -> OwnershipEntry {
    OwnershipEntry {
        owner: owner.to_owned(),
        keeper: keeper.to_owned(),
        epoch: 1,
        attempt: String::new(),
        job_id: None,
        resource: crate::resources::ResourceId::jet_job("orders"),
        digest: crate::resources::Digest::of(b""),
    }
}

fn kept_by_us(mut step: Step) -> Step {
    step.expects.keeper = ExpectedKeeper::of(&step.action, "keeper", "a-state");
    assert!(step.expects.keeper.is_some());
    step
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_to_a_job_that_another_owner_or_keeper_has_now() {
    let job = || Some((JOB, vec![JobStatus::Running]));
    let steps = [
        suspend(),
        step(Action::Resume { job: JOB }, job()),
        step(
            Action::Restart {
                job: JOB,
                execution_id: 1,
            },
            job(),
        ),
        step(
            Action::Cancel {
                job: JOB,
                forceful: false,
            },
            job(),
        ),
    ];
    for step in steps.map(kept_by_us) {
        for theirs in [
            entry("keeper", "another-state"),
            entry("another", "a-state"),
        ] {
            let cluster = FakeCluster::new();
            cluster.answers.lock().unwrap().entry = Some(theirs);
            let outcome = carry_out(&cluster, &step).await;
            assert!(is_stale(&outcome), "{outcome:?}");
            assert!(effects(&cluster).is_empty());
        }
        // An entry that a person removed is written again; one of an earlier version names no keeper.
        for fine in [
            Some(entry("keeper", "a-state")),
            Some(entry("keeper", "")),
            None,
        ] {
            let cluster = FakeCluster::new();
            cluster.answers.lock().unwrap().entry = fine;
            assert_eq!(carry_out(&cluster, &step).await, Outcome::Done);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_uploaded_under_a_name_that_is_not_claimed_by_us() {
    let claimed = Some(entry("keeper", "a-state"));
    let others = [Some(entry("keeper", "another-state")), None];
    for (entry, uploads) in others
        .map(|entry| (entry, 0))
        .into_iter()
        .chain([(claimed, 1)])
    {
        let cluster = FakeCluster::new();
        cluster.answers.lock().unwrap().jobs.clear();
        cluster.answers.lock().unwrap().entry = entry;
        let outcome = carry_out(&cluster, &kept_by_us(submit(vec![]))).await;
        assert_eq!(is_stale(&outcome), uploads == 0, "{outcome:?}");
        assert_eq!(effects(&cluster).len(), uploads);
    }
}

#[tokio::test(start_paused = true)]
async fn another_entry_in_the_map_makes_a_claim_stale() {
    let cluster = FakeCluster::new();
    let entry = entry("keeper", "a-state");
    let release = step(Action::Release { entry }, None);
    assert_eq!(carry_out(&cluster, &release).await, Outcome::Done);
    cluster.answers.lock().unwrap().entry_is_other = true;
    assert!(is_stale(&carry_out(&cluster, &release).await));
}
