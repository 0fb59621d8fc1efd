//! Exporting, reading back, restoring and deleting through the cluster port.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;

use jetkeeper::cluster::{Cluster, Export, HazelcastCluster, Progress};
use jetkeeper::hazelcast;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::job::{JobId, JobStatus};
use jetkeeper::plan::snapshot::{SnapshotFacts, SnapshotMaker, SnapshotMark, Strategy};
use jetkeeper::plan::step::WhichSnapshot;
use jetkeeper::resources::ResourceId;
use jiff::Timestamp;

use super::counts::Counts;
use crate::cluster_real::{connected, job_with, upload};
use crate::support::member::Member;
use crate::support::unique;
use crate::support::wait::{PATIENCE, eventually_async};

pub(crate) struct Counting {
    pub(crate) name: String,
    pub(crate) job: JobId,
    file: PathBuf,
}

/// A counting job that has committed a snapshot.
pub(crate) async fn counting(
    cluster: &HazelcastCluster,
    member: &Member,
    guarantee: &str,
) -> Counting {
    let name = unique("counting");
    let file = member.dir().join(format!("{name}.counts"));
    submit(cluster, &name, &file, guarantee, None).await;
    let job = job_with(cluster, &name, JobStatus::Running).await.id;
    if guarantee != "NONE" {
        eventually_async(PATIENCE, "a snapshot is committed", async || {
            let standing = cluster.snapshots().standing(job).await.unwrap();
            standing.is_some_and(|it| it.committed.is_some())
        })
        .await;
    }
    Counting { name, job, file }
}

async fn submit(
    cluster: &HazelcastCluster,
    name: &str,
    file: &std::path::Path,
    guarantee: &str,
    snapshot: Option<&str>,
) {
    let file = file.to_str().unwrap();
    let parameters = ["counts", "4", guarantee, file];
    let mut upload = upload(name, "counter.jar", None, &parameters);
    upload.snapshot = snapshot.map(str::to_owned);
    let report = cluster.upload(upload).await;
    assert_eq!(report.reason, None, "{report:?}");
}

pub(crate) fn export_of(job: JobId, suspended: bool) -> Export {
    let name = unique("snapshot");
    Export {
        job,
        which: if suspended {
            WhichSnapshot::Terminal
        } else {
            WhichSnapshot::Fresh
        },
        strategy: None,
        mark: SnapshotMark {
            owner: "keeper".to_owned(),
            resource: ResourceId::jet_job(&name),
            job,
            begun_at: Timestamp::now(),
            fork: !suspended,
        },
        patience: PATIENCE,
        timeout: PATIENCE,
        name,
    }
}

pub(crate) async fn exported(cluster: &HazelcastCluster, export: &Export) -> SnapshotFacts {
    let told = Mutex::new(Progress::default());
    let report = |progress| *told.lock().unwrap() = progress;
    let facts = cluster.snapshots().export(export, &report).await.unwrap();
    let told = *told.lock().unwrap();
    assert_eq!((told.chunks, told.of_chunks), (facts.chunks, facts.chunks));
    facts
}

async fn restored_counts_on(cluster: &HazelcastCluster, counting: &Counting, snapshot: &str) {
    let before = Counts::read(&counting.file);
    submit(
        cluster,
        &counting.name,
        &counting.file,
        "EXACTLY_ONCE",
        Some(snapshot),
    )
    .await;
    eventually_async(PATIENCE, "the restored job counts", async || {
        Counts::read(&counting.file).lines() > before.lines() + 20
    })
    .await;
    let after = Counts::read(&counting.file);
    after.assert_continuous();
    assert!(after.lowest_after(&before).unwrap() > 10);
    let again = job_with(cluster, &counting.name, JobStatus::Running).await;
    assert_ne!(again.id, counting.job);
    cluster.cancel(again.id, true).await.unwrap();
}

async fn has_counted(counting: &Counting, to: u64) {
    eventually_async(PATIENCE, &format!("it counted to {to}"), async || {
        Counts::read(&counting.file).highest() >= to
    })
    .await;
}

#[tokio::test]
async fn a_running_jobs_snapshot_is_fresh_whole_listed_and_restorable() {
    let member = Member::shared();
    let cluster = connected(member).await;
    let counting = counting(&cluster, member, "EXACTLY_ONCE").await;
    has_counted(&counting, 100).await;
    let before = cluster
        .snapshots()
        .standing(counting.job)
        .await
        .unwrap()
        .unwrap();

    let export = export_of(counting.job, false);
    let facts = exported(&cluster, &export).await;

    assert!(facts.snapshot_id > before.begun, "{facts:?} of {before:?}");
    assert_eq!(
        (facts.job, facts.job_name.as_str()),
        (counting.job, counting.name.as_str())
    );
    assert!(facts.stateful.contains("counter"), "{facts:?}");
    let read = cluster
        .snapshots()
        .read(&export.name)
        .await
        .unwrap()
        .unwrap();
    assert!(read.facts.is_same(&facts));
    let listed = cluster.snapshots().list().await.unwrap();
    let listed = listed.iter().find(|it| it.name == export.name).unwrap();
    assert_eq!(listed.mark.as_ref(), Some(&export.mark));

    let inspected = cluster
        .snapshots()
        .inspect(&export.name)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(inspected.faults, Vec::<String>::new());
    let vertices: BTreeSet<String> = inspected.vertices.keys().cloned().collect();
    assert_eq!(vertices, facts.stateful);
    // A key each, and one of each processor for the event time.
    assert!(inspected.vertices["counter"].keys.unwrap() >= 4);
    assert_eq!(
        i64::try_from(inspected.partitions.values().sum::<u64>()),
        Ok(facts.chunks)
    );

    cluster.cancel(counting.job, true).await.unwrap();
    job_with(&cluster, &counting.name, JobStatus::Failed).await;
    restored_counts_on(&cluster, &counting, &export.name).await;

    cluster
        .snapshots()
        .delete(&export.name, None)
        .await
        .unwrap();
    assert_eq!(cluster.snapshots().read(&export.name).await.unwrap(), None);
    let listed = cluster.snapshots().list().await.unwrap();
    assert!(!listed.iter().any(|it| it.name == export.name));
    cluster.close().await;
}

#[tokio::test]
async fn a_suspended_jobs_snapshot_is_its_terminal_one() {
    let member = Member::shared();
    let cluster = connected(member).await;
    let counting = counting(&cluster, member, "EXACTLY_ONCE").await;
    has_counted(&counting, 60).await;
    cluster.suspend(counting.job).await.unwrap();
    job_with(&cluster, &counting.name, JobStatus::Suspended).await;
    let standing = cluster
        .snapshots()
        .standing(counting.job)
        .await
        .unwrap()
        .unwrap();

    let export = export_of(counting.job, true);
    let facts = exported(&cluster, &export).await;
    assert_eq!(Some(facts.snapshot_id), standing.terminal());
    // Once more, as after a crash: the same one, and nothing else.
    let again = cluster.snapshots().export(&export, &|_| ()).await.unwrap();
    assert_eq!(again, facts);

    let last = Counts::read(&counting.file).highest();
    cluster.cancel(counting.job, true).await.unwrap();
    job_with(&cluster, &counting.name, JobStatus::Failed).await;
    restored_counts_on(&cluster, &counting, &export.name).await;
    let counts = Counts::read(&counting.file);
    // Nothing was repeated either: the terminal snapshot has all that was counted.
    assert!(counts.highest() > last);
    cluster
        .snapshots()
        .delete(&export.name, None)
        .await
        .unwrap();
    cluster.close().await;
}

#[tokio::test]
async fn what_cannot_be_exported_says_why() {
    let member = Member::shared();
    let cluster = connected(member).await;
    let reason = async |export: &Export| match cluster.snapshots().export(export, &|_| ()).await {
        Err(jetkeeper::cluster::CallError::Refused {
            reason, message, ..
        }) => (reason, message),
        other => panic!("{other:?}"),
    };

    // Nothing is kept without a guarantee.
    let stateless = counting(&cluster, member, "NONE").await;
    let mut export = export_of(stateless.job, false);
    export.patience = std::time::Duration::from_secs(2);
    let (why, message) = reason(&export).await;
    assert_eq!(why, Reason::SnapshotNotCommitted, "{message}");
    // Members that can't export keep nothing of it, not even the name.
    let native = Export {
        strategy: Some(Strategy::Native),
        ..export_of(stateless.job, false)
    };
    let (why, message) = reason(&native).await;
    assert_eq!(why, Reason::SnapshotFailed, "{message}");
    let listed = cluster.snapshots().list().await.unwrap();
    assert!(!listed.iter().any(|it| it.name == native.name));
    cluster.suspend(stateless.job).await.unwrap();
    job_with(&cluster, &stateless.name, JobStatus::Suspended).await;
    export.which = WhichSnapshot::Terminal;
    assert_eq!(reason(&export).await.0, Reason::SnapshotNotCommitted);
    cluster.cancel(stateless.job, true).await.unwrap();

    // A name that somebody else has.
    let counting = counting(&cluster, member, "EXACTLY_ONCE").await;
    let first = export_of(counting.job, false);
    exported(&cluster, &first).await;
    let mut second = export_of(counting.job, false);
    second.name = first.name.clone();
    let (why, message) = reason(&second).await;
    assert_eq!(why, Reason::Conflict, "{message}");
    assert!(message.contains("keeper"), "{message}");

    cluster.cancel(counting.job, true).await.unwrap();
    job_with(&cluster, &counting.name, JobStatus::Failed).await;
    let (why, message) = reason(&export_of(counting.job, false)).await;
    assert_eq!(why, Reason::LookingForJob, "{message}");
    cluster.snapshots().delete(&first.name, None).await.unwrap();
    cluster.close().await;
}

#[tokio::test]
async fn only_its_maker_deletes_a_snapshot() {
    let member = Member::shared();
    let cluster = connected(member).await;
    let counting = counting(&cluster, member, "EXACTLY_ONCE").await;
    let export = export_of(counting.job, false);
    exported(&cluster, &export).await;
    let snapshots = cluster.snapshots();
    let maker = |owner: &str, resource: ResourceId| SnapshotMaker {
        owner: owner.to_owned(),
        resource,
    };
    let strangers = [
        maker("another", ResourceId::jet_job(&export.name)),
        maker("keeper", ResourceId::jet_job_snapshot(&export.name)),
    ];
    for stranger in &strangers {
        let gone = snapshots.delete(&export.name, Some(stranger)).await;
        assert!(!gone.unwrap(), "{stranger:?}");
    }
    assert!(snapshots.read(&export.name).await.unwrap().is_some());
    let maker = maker("keeper", ResourceId::jet_job("renamed-since"));
    for _ in 0..2 {
        assert!(snapshots.delete(&export.name, Some(&maker)).await.unwrap());
    }
    assert!(snapshots.read(&export.name).await.unwrap().is_none());

    // One without a signature is somebody else's.
    let client = hazelcast::Client::start(hazelcast::ClientConfig {
        cluster_name: member.cluster_name().to_owned(),
        addresses: vec![member.address()],
        ..hazelcast::ClientConfig::default()
    });
    let map = client.map(hazelcast::snapshot::exported_snapshot_map(&export.name));
    let some = hazelcast::Data::string("chunk");
    map.put_if_absent(&some, &some).await.unwrap();
    assert!(!snapshots.delete(&export.name, Some(&maker)).await.unwrap());
    assert_eq!(map.size().await.unwrap(), 1);
    assert!(snapshots.delete(&export.name, None).await.unwrap());
    assert_eq!(map.size().await.unwrap(), 0);
    client.shutdown().await;
    cluster.cancel(counting.job, true).await.unwrap();
    cluster.close().await;
}
