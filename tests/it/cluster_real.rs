//! The cluster port and the watch on real members.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jetkeeper::clock::SystemClock;
use jetkeeper::cluster::{
    CallError, Cluster, ClusterTarget, ClusterWatch, HazelcastCluster, Upload, UploadReport,
    WatchOptions,
};
use jetkeeper::plan::Interest;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::job::{Guarantee, JobId, JobStatus, JobView};
use jetkeeper::plan::observed::{ClusterState, ClusterView, Link, Look, Seen};
use jetkeeper::plan::ownership::OwnershipEntry;
use jetkeeper::plan::record::UploadOutcome;
use jetkeeper::plan::upload::file_name;
use jetkeeper::resources::{Digest, ResourceId};

use crate::support::cluster::Cluster as Members;
use crate::support::member::Member;
use crate::support::wait::{PATIENCE, eventually_async};
use crate::support::{fixture, unique};

const NONCE: &str = "0123456789abcdef";

fn connect(addresses: &[String], cluster_name: &str) -> HazelcastCluster {
    let target = ClusterTarget {
        name: "test".to_owned(),
        cluster_name: cluster_name.to_owned(),
        addresses: addresses.to_vec(),
        ..ClusterTarget::default()
    };
    HazelcastCluster::connect(&target, Arc::new(SystemClock))
}

pub(crate) async fn connected(member: &Member) -> HazelcastCluster {
    connected_to(member.address(), member.cluster_name()).await
}

pub(crate) async fn connected_to(address: String, cluster_name: &str) -> HazelcastCluster {
    let cluster = connect(&[address], cluster_name);
    up(&cluster).await;
    cluster
}

/// Waits until members answer.
pub(crate) async fn up(cluster: &HazelcastCluster) {
    let mut connection = cluster.connection();
    let up = connection.wait_for(|connection| connection.link == Link::Up);
    tokio::time::timeout(PATIENCE, up).await.unwrap().unwrap();
}

pub(crate) fn upload(job: &str, jar: &str, main: Option<&str>, parameters: &[&str]) -> Upload {
    let jar = fixture(jar);
    let digest = Digest::of(&std::fs::read(&jar).unwrap());
    Upload {
        file_name: file_name(NONCE, &digest),
        jar: Some(jar),
        sha256: Some(digest.to_string()),
        job_name: job.to_owned(),
        snapshot: None,
        main_class: main.map(|main| format!("jetkeeper.pipelines.{main}")),
        parameters: parameters.iter().map(ToString::to_string).collect(),
        secrets: Vec::new(),
        timeout: PATIENCE,
    }
}

async fn run(
    cluster: &HazelcastCluster,
    main: &str,
    parameters: &[&str],
) -> (String, UploadReport) {
    let name = unique("job");
    let report = cluster
        .upload(upload(&name, "pipelines.jar", Some(main), parameters))
        .await;
    (name, report)
}

/// The newest job of this name.
async fn job(cluster: &HazelcastCluster, name: &str) -> Option<JobView> {
    let jobs = cluster.list().await.unwrap();
    let jobs = jobs.into_iter().filter(|job| job.name == name);
    jobs.max_by_key(|job| job.submitted_at)
}

pub(crate) async fn job_with(cluster: &HazelcastCluster, name: &str, status: JobStatus) -> JobView {
    let mut found = None;
    eventually_async(PATIENCE, &format!("{name} is {status}"), async || {
        found = job(cluster, name).await;
        found.as_ref().is_some_and(|job| job.status == status)
    })
    .await;
    found.unwrap()
}

#[tokio::test]
async fn a_job_lives_through_the_port() {
    let cluster = connected(Member::shared()).await;
    let (name, report) = run(&cluster, "Counter", &["counts", "3"]).await;
    assert_eq!(report.outcome, UploadOutcome::Accepted, "{report:?}");
    assert_eq!(
        report.member,
        cluster.connection().borrow().members.first().copied()
    );

    let running = job_with(&cluster, &name, JobStatus::Running).await;
    let config = cluster.config(running.id).await.unwrap();
    assert_eq!(config.nonce.as_deref(), Some(NONCE));
    assert_eq!(config.guarantee, Guarantee::ExactlyOnce);
    assert_eq!(config.settings.snapshot_interval.as_secs(), 1);
    assert!(config.suspendable);

    let mut events = cluster.listen(running.id).await.unwrap();
    cluster.suspend(running.id).await.unwrap();
    let event = events.recv().await.unwrap();
    assert_eq!(
        (event.status, event.user_requested),
        (JobStatus::Suspended, true)
    );
    let suspended = job_with(&cluster, &name, JobStatus::Suspended).await;
    assert_eq!(suspended.suspension_failure, None);

    let mut settings = config.settings;
    settings.snapshot_interval = jiff::SignedDuration::from_secs(7);
    settings.suspend_on_failure = true;
    cluster.update_config(running.id, &settings).await.unwrap();
    let updated = cluster.config(running.id).await.unwrap();
    assert_eq!(updated.settings, settings);
    assert_eq!(updated.nonce.as_deref(), Some(NONCE));

    cluster.resume(running.id).await.unwrap();
    let resumed = job_with(&cluster, &name, JobStatus::Running).await;
    assert_ne!(resumed.execution_id, running.execution_id);
    cluster.restart(running.id).await.unwrap();
    eventually_async(PATIENCE, "another execution runs", async || {
        job(&cluster, &name).await.is_some_and(|job| {
            job.status == JobStatus::Running && job.execution_id != resumed.execution_id
        })
    })
    .await;

    cluster.cancel(running.id, true).await.unwrap();
    cluster.close().await;
}

#[tokio::test]
async fn a_graceful_cancel_is_a_cancel_by_a_user() {
    let cluster = connected(Member::shared()).await;
    let (name, _) = run(&cluster, "Counter", &["counts", "3"]).await;
    let running = job_with(&cluster, &name, JobStatus::Running).await;
    let config = cluster.config(running.id).await.unwrap();
    let mut events = cluster.listen(running.id).await.unwrap();
    cluster.cancel(running.id, false).await.unwrap();
    let cancelled = job_with(&cluster, &name, JobStatus::Failed).await;
    assert!(cancelled.user_cancelled, "{cancelled:?}");
    // A list taken while the job ends may show the status before the time.
    eventually_async(PATIENCE, "the time of the end is told", async || {
        let ended = job(&cluster, &name).await;
        ended.is_some_and(|job| job.completed_at.is_some())
    })
    .await;
    let mut last = None;
    while let Some(event) = events.recv().await {
        last = Some(event);
    }
    let last = last.unwrap();
    assert_eq!(
        (last.status, last.user_requested),
        (JobStatus::Failed, true)
    );

    let ended = cluster.config(running.id).await.unwrap();
    assert_eq!(
        ended.nonce.as_deref(),
        Some(NONCE),
        "ended jobs keep theirs"
    );
    let refused = cluster.update_config(running.id, &config.settings).await;
    assert!(
        matches!(refused, Err(CallError::Refused { .. })),
        "{refused:?}"
    );
    cluster.close().await;
}

#[tokio::test]
async fn a_forceful_cancel_ends_a_suspended_job() {
    let cluster = connected(Member::shared()).await;
    let (name, _) = run(&cluster, "Counter", &["counts", "3"]).await;
    let id = job_with(&cluster, &name, JobStatus::Running).await.id;
    cluster.suspend(id).await.unwrap();
    job_with(&cluster, &name, JobStatus::Suspended).await;
    let refused = cluster.cancel(id, false).await.unwrap_err();
    assert!(
        matches!(
            refused,
            CallError::Refused {
                transient: true,
                ..
            }
        ),
        "{refused:?}"
    );
    cluster.cancel(id, true).await.unwrap();
    let cancelled = job_with(&cluster, &name, JobStatus::Failed).await;
    assert!(cancelled.user_cancelled);
    cluster.close().await;
}

#[tokio::test]
async fn a_job_that_is_not_there_is_none() {
    let cluster = connected(Member::shared()).await;
    assert_eq!(cluster.status(JobId(42)).await, Ok(None));
    let refused = cluster.suspend(JobId(42)).await.unwrap_err();
    assert!(matches!(refused, CallError::Refused { .. }), "{refused:?}");
    assert!(cluster.listen(JobId(42)).await.is_err());
    assert!(cluster.config(JobId(42)).await.is_err());
    cluster.close().await;
}

#[tokio::test]
async fn what_main_does_wrong_is_told() {
    let cluster = connected(Member::shared()).await;
    let refused = (UploadOutcome::Refused, Some(Reason::SubmitRefused));

    let (name, report) = run(&cluster, "Joining", &[]).await;
    assert_eq!(report.outcome, UploadOutcome::Accepted, "{report:?}");
    assert!(report.message.contains("join()"), "{report:?}");
    let joined = job_with(&cluster, &name, JobStatus::Running).await;
    cluster.cancel(joined.id, true).await.unwrap();

    let (_, report) = run(&cluster, "ThrowingMain", &["hunter22", "refuses"]).await;
    assert_eq!((report.outcome, report.reason), refused, "{report:?}");
    assert!(report.message.contains("this main"), "{report:?}");
    assert!(report.message.contains("refuses"), "{report:?}");
    let parameters = ["hunter22", "refuses"];
    let secret = Upload {
        secrets: vec!["refuses".to_owned()],
        ..upload(
            &unique("job"),
            "pipelines.jar",
            Some("ThrowingMain"),
            &parameters,
        )
    };
    let report = cluster.upload(secret).await;
    assert_eq!((report.outcome, report.reason), refused, "{report:?}");
    assert!(!report.message.contains("refuses"), "{report:?}");

    let (name, report) = run(&cluster, "TwoJobs", &[]).await;
    assert_eq!(report.reason, Some(Reason::Conflict), "{report:?}");
    assert!(report.message.contains(&name), "{report:?}");
    let first = job_with(&cluster, &name, JobStatus::Running).await;
    cluster.cancel(first.id, true).await.unwrap();

    let (name, report) = run(&cluster, "NoJob", &[]).await;
    assert_eq!(report.outcome, UploadOutcome::Accepted, "{report:?}");
    assert_eq!(job(&cluster, &name).await, None);

    let (_, report) = run(&cluster, "Misspelt", &[]).await;
    assert_eq!(report.reason, Some(Reason::MainClassMissing), "{report:?}");
    let unnamed = upload(&unique("job"), "pipelines.jar", None, &[]);
    let report = cluster.upload(unnamed).await;
    assert_eq!(report.reason, Some(Reason::MainClassMissing), "{report:?}");
    assert!(report.message.contains("mainClass"), "{report:?}");
    cluster.close().await;
}

#[tokio::test]
async fn a_file_that_is_no_jar_is_told() {
    let cluster = connected(Member::shared()).await;
    let scratch = crate::support::scratch::Scratch::new();
    let path = scratch.write("text.jar", "no jar at all");
    let broken = Upload {
        jar: Some(path.clone()),
        sha256: Some(Digest::of(b"no jar at all").to_string()),
        ..upload(&unique("job"), "pipelines.jar", Some("Counter"), &[])
    };
    let report = cluster.upload(broken).await;
    assert_eq!(report.outcome, UploadOutcome::Refused, "{report:?}");
    assert_eq!(report.reason, Some(Reason::JarInvalid), "{report:?}");

    let changed = Upload {
        jar: Some(path),
        ..upload(&unique("job"), "pipelines.jar", Some("Counter"), &[])
    };
    let report = cluster.upload(changed).await;
    assert_eq!(report.outcome, UploadOutcome::NotRun, "{report:?}");
    assert_eq!(report.reason, Some(Reason::JarInvalid), "{report:?}");

    let missing = Upload {
        jar: Some(scratch.path().join("nowhere.jar")),
        ..upload(&unique("job"), "pipelines.jar", Some("Counter"), &[])
    };
    let report = cluster.upload(missing).await;
    assert_eq!(report.outcome, UploadOutcome::NotRun, "{report:?}");
    assert_eq!(report.reason, Some(Reason::JarNotFound), "{report:?}");
    cluster.close().await;
}

#[tokio::test]
async fn a_jar_on_the_member_runs() {
    let cluster = connected(Member::shared()).await;
    let name = unique("job");
    let path = fixture("counter.jar");
    let on_member = Upload {
        file_name: path.display().to_string(),
        jar: None,
        sha256: None,
        ..upload(&name, "counter.jar", None, &["counts", "2"])
    };
    let report = cluster.upload(on_member).await;
    assert_eq!(report.outcome, UploadOutcome::Accepted, "{report:?}");
    let running = job_with(&cluster, &name, JobStatus::Running).await;
    cluster.cancel(running.id, true).await.unwrap();

    let nowhere = Upload {
        file_name: "/nowhere/at-all.jar".to_owned(),
        jar: None,
        sha256: None,
        ..upload(&unique("job"), "counter.jar", None, &[])
    };
    let report = cluster.upload(nowhere).await;
    assert_eq!(report.outcome, UploadOutcome::NotRun, "{report:?}");
    assert_eq!(report.reason, Some(Reason::JarNotFound), "{report:?}");
    cluster.close().await;
}

#[tokio::test]
async fn a_main_that_takes_too_long_is_unknown() {
    let cluster = connected(Member::shared()).await;
    let name = unique("job");
    let slow = Upload {
        timeout: Duration::from_secs(5),
        ..upload(&name, "pipelines.jar", Some("SlowMain"), &[&name])
    };
    let report = cluster.upload(slow).await;
    assert_eq!(report.outcome, UploadOutcome::Unknown, "{report:?}");
    assert!(report.member.is_some());
    Member::shared().let_main_go(&name);
    let running = job_with(&cluster, &name, JobStatus::Running).await;
    cluster.cancel(running.id, true).await.unwrap();
    cluster.close().await;
}

fn entry(owner: &str, epoch: u64) -> OwnershipEntry {
    OwnershipEntry {
        owner: owner.to_owned(),
        keeper: format!("{owner}-1"),
        epoch,
        attempt: NONCE.to_owned(),
        job_id: Some(JobId(7)),
        resource: ResourceId::jet_job("orders"),
        digest: Digest::of(owner.as_bytes()),
    }
}

#[tokio::test]
async fn of_two_owners_one_wins() {
    let (one, two) = tokio::join!(connected(Member::shared()), connected(Member::shared()));
    let name = unique("name");
    let (mine, theirs) = (entry("one", 1), entry("two", 1));
    let (first, second) = tokio::join!(
        one.write_ownership(&name, None, Some(&mine)),
        two.write_ownership(&name, None, Some(&theirs))
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_ne!(first, second, "exactly one wins");
    let winner = if first { mine } else { theirs };
    let entries: BTreeMap<_, _> = one.ownership().await.unwrap();
    assert_eq!(entries.get(&name), Some(&winner));

    let next = entry(&winner.owner, 2);
    assert!(
        one.write_ownership(&name, Some(&winner), Some(&next))
            .await
            .unwrap()
    );
    // Whoever asks again because the answer was lost is told the same.
    assert!(
        one.write_ownership(&name, Some(&winner), Some(&next))
            .await
            .unwrap()
    );
    assert!(
        !two.write_ownership(&name, Some(&winner), None)
            .await
            .unwrap()
    );
    assert!(two.write_ownership(&name, Some(&next), None).await.unwrap());
    assert!(!two.ownership().await.unwrap().contains_key(&name));
    one.close().await;
    two.close().await;
}

#[tokio::test]
async fn health_says_what_may_be_done() {
    let cluster = connected(Member::shared()).await;
    let health = cluster.health().await.unwrap();
    assert_eq!(health.state, ClusterState::Active);
    assert!(health.partitions_safe && health.jet_enabled && health.upload_enabled);
    assert_eq!(health.ownership_map_fault, None);
    cluster.close().await;

    let member = Member::options().upload(false).start();
    let cluster = connected(&member).await;
    let health = cluster.health().await.unwrap();
    assert!(health.jet_enabled && !health.upload_enabled);
    let (_, report) = run(&cluster, "Counter", &[]).await;
    assert_eq!(report.outcome, UploadOutcome::NotRun, "{report:?}");
    assert_eq!(
        report.reason,
        Some(Reason::ResourceUploadDisabled),
        "{report:?}"
    );
    assert!(
        report.message.contains("resource-upload-enabled"),
        "{report:?}"
    );
    cluster.close().await;

    let member = Member::options().jet(false).start();
    let cluster = connected(&member).await;
    let health = cluster.health().await.unwrap();
    assert!(!health.jet_enabled);
    let refused = cluster.list().await.unwrap_err();
    let expected = Reason::JetDisabled;
    assert!(
        matches!(&refused, CallError::Refused { reason, .. } if *reason == expected),
        "{refused:?}"
    );
    let (_, report) = run(&cluster, "Counter", &[]).await;
    assert_eq!(report.outcome, UploadOutcome::NotRun, "{report:?}");
    assert_eq!(report.reason, Some(Reason::JetDisabled), "{report:?}");
    cluster.close().await;
}

async fn down_error(cluster: &HazelcastCluster) -> String {
    let mut connection = cluster.connection();
    let failed = connection
        .wait_for(|connection| matches!(&connection.link, Link::Down { error: Some(_), .. }));
    let failed = tokio::time::timeout(PATIENCE, failed)
        .await
        .unwrap()
        .unwrap();
    match &failed.link {
        Link::Down { error, .. } => error.clone().unwrap(),
        Link::Up => unreachable!(),
    }
}

#[tokio::test]
async fn who_can_not_connect_is_told_why() {
    let member = Member::shared();
    let cluster = connect(&[member.address()], "misnamed");
    let error = down_error(&cluster).await;
    assert!(
        error.contains("\"misnamed\"") && error.contains("clusterName"),
        "{error}"
    );
    let hurried = Upload {
        timeout: Duration::from_millis(300),
        ..upload("x", "pipelines.jar", Some("Counter"), &[])
    };
    let report = cluster.upload(hurried).await;
    assert_eq!(report.outcome, UploadOutcome::NotRun, "{report:?}");
    cluster.close().await;

    let cluster = connect(&["127.0.0.1:1".to_owned()], "dev");
    let error = down_error(&cluster).await;
    assert!(
        error.contains("127.0.0.1:1") && error.contains("refused"),
        "{error}"
    );
    cluster.close().await;
}

#[tokio::test]
async fn the_watch_sees_a_job_live_and_its_member_go_and_come_back() {
    let mut member = Member::options().start();
    let cluster = Arc::new(connected(&member).await);
    let name = unique("job");
    let watch = ClusterWatch::start(
        cluster.clone(),
        Arc::new(SystemClock),
        WatchOptions::new("test"),
    );
    watch.want(Interest {
        names: [name.clone()].into(),
        ..Interest::default()
    });
    let mut views = watch.views();
    let report = cluster
        .upload(upload(&name, "counter.jar", None, &["counts", "3"]))
        .await;
    assert_eq!(report.outcome, UploadOutcome::Accepted, "{report:?}");
    watch.refresh();
    let running = |job: &JobView| job.status == JobStatus::Running && job.config.is_some();
    let view = seen(&mut views, |view| one(view, &name).is_some_and(running)).await;
    let id = one(&view, &name).unwrap().id;
    assert!(matches!(view.look(id), Look::Present(_)));
    assert_eq!(view.ownership, Seen::Known(BTreeMap::new()));

    cluster.suspend(id).await.unwrap();
    let suspended = |job: &JobView| job.status == JobStatus::Suspended;
    let view = seen(&mut views, |view| one(view, &name).is_some_and(suspended)).await;
    assert_eq!(one(&view, &name).unwrap().user_requested, Some(true));
    let before = view.cluster_id;

    watch.want(Interest {
        names: [name.clone()].into(),
        ids: [id].into(),
        ..Interest::default()
    });
    member.kill();
    let view = seen(&mut views, |view| view.link != Link::Up).await;
    assert_eq!(view.jobs, Seen::Unknown);
    member.restart();
    let view = seen(&mut views, |view| view.jobs.known().is_some()).await;
    assert_ne!(view.cluster_id, before);
    let gone = |view: &ClusterView| view.look(id) == Look::Gone;
    let view = seen(&mut views, gone).await;
    assert_eq!(view.link, Link::Up);
    watch.stop().await;
}

#[tokio::test]
async fn the_watch_sees_another_master() {
    let mut members = Members::start(2);
    let cluster = Arc::new(connected(&members.members[1]).await);
    let watch = ClusterWatch::start(
        cluster.clone(),
        Arc::new(SystemClock),
        WatchOptions::new("test"),
    );
    let name = unique("job");
    watch.want(Interest {
        names: [name.clone()].into(),
        ..Interest::default()
    });
    let mut views = watch.views();
    let report = cluster
        .upload(upload(&name, "counter.jar", None, &["counts", "3"]))
        .await;
    assert_eq!(report.outcome, UploadOutcome::Accepted, "{report:?}");
    watch.refresh();
    let running = |job: &JobView| job.status == JobStatus::Running;
    let view = seen(&mut views, |view| one(view, &name).is_some_and(running)).await;
    let (id, master) = (one(&view, &name).unwrap().id, view.master);
    let health = watch.guard().await.unwrap();
    assert!(health.partitions_safe);

    members.members[0].kill();
    let view = seen(&mut views, |view| view.master != master).await;
    assert!(view.master_changed_at.is_some());
    let settled = |view: &ClusterView| {
        let healthy = view.partitions_safe == Seen::Known(true);
        healthy && view.members.len() == 1 && one(view, &name).is_some_and(running)
    };
    let view = seen(&mut views, settled).await;
    assert_eq!(one(&view, &name).unwrap().id, id);
    assert_eq!(view.missing.len(), 0);
    watch.stop().await;
}

fn one<'a>(view: &'a ClusterView, name: &str) -> Option<&'a JobView> {
    view.jobs
        .known()?
        .values()
        .find(|job| job.name == name)
        .map(AsRef::as_ref)
}

async fn seen(
    views: &mut tokio::sync::watch::Receiver<Arc<ClusterView>>,
    is: impl Fn(&ClusterView) -> bool,
) -> Arc<ClusterView> {
    let wait = views.wait_for(|view| is(view));
    let view = tokio::time::timeout(PATIENCE, wait).await;
    Arc::clone(&view.expect("no such view came").unwrap())
}
