//! Copying a state of 1 GB: an export through the cluster port, beside a Java program that does the
//! obvious and one with the same concurrency. One member with a large heap, all on this machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jetkeeper::clock::SystemClock;
use jetkeeper::cluster::{Cluster, ClusterTarget, Export, HazelcastCluster, Upload};
use jetkeeper::hazelcast::{Client, ClientConfig};
use jetkeeper::plan::job::{JobId, JobStatus};
use jetkeeper::plan::snapshot::{SnapshotFacts, SnapshotMark, Strategy};
use jetkeeper::plan::step::WhichSnapshot;
use jetkeeper::plan::upload::file_name;
use jetkeeper::resources::{Digest, ResourceId};
use jiff::Timestamp;

use crate::java::Java;
use crate::rest::memory;
use crate::support::fixture;
use crate::support::member::Member;
use crate::table::{Row, percentile, sorted};

/// Small entries: of a state of few large ones members may leave some out, see docs/snapshots.md.
const KEYS: u32 = 1_048_576;
const BYTES: u32 = 1_024;
/// Rounds until the members' and Java's code is compiled.
const WARM_UPS: usize = 3;
const SAMPLES: usize = 5;
/// The state, two snapshots of it, a copy, and what is under way.
const MEMBER_HEAP_MIB: u32 = 10 * 1024;
/// The obvious program holds everything, more than once.
const JAVA_HEAP_MIB: u32 = 4 * 1024;
/// As jetkeeper's.
const THREADS: &str = "32";
const SETUP: Duration = Duration::from_mins(10);
const MEGABYTE: f64 = 1e6;

pub(crate) fn measure() -> Vec<Row> {
    let member = Member::options().in_earnest(MEMBER_HEAP_MIB).start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (cluster, job) = runtime.block_on(suspended_job(&member));
    let source = runtime.block_on(source_of(&member, job));
    let start = |threads| Java::start_with(JAVA_HEAP_MIB, "Copy", &member, &[&source, threads]);
    let (mut plain, mut concurrent) = (start("0"), start(THREADS));
    let pid = std::process::id();
    let before = memory(pid, "VmRSS");
    let (mut times, mut size) = (<[Vec<f64>; 3]>::default(), 0.0);
    for round in 0..WARM_UPS + SAMPLES {
        let begin = Instant::now();
        let facts = runtime.block_on(export(&cluster, job));
        let ours = begin.elapsed().as_secs_f64();
        size = megabytes(facts.bytes);
        let deleted = cluster.snapshots().delete("copied", None);
        runtime.block_on(deleted).unwrap();
        let round_times = [
            ours,
            plain.sample() / 1_000.0,
            concurrent.sample() / 1_000.0,
        ];
        println!(
            "  {size:.0} MB in {} chunks: {round_times:.1?} s",
            facts.chunks
        );
        if round >= WARM_UPS {
            for (times, time) in times.iter_mut().zip(round_times) {
                times.push(time);
            }
        }
    }
    let grown = memory(pid, "VmHWM") - before;
    runtime.block_on(cluster.close());
    let [ours, plain, concurrent] = times.map(|times| size / percentile(&sorted(times), 50));
    let row = |what, theirs: f64, allowed| Row {
        what,
        ours: format!("{ours:.0} MB/s"),
        theirs: format!("{theirs:.0} MB/s"),
        ratio: theirs / ours,
        allowed: Some(allowed),
    };
    vec![
        row("copying 1 GB, beside the obvious Java program", plain, 0.5),
        row(
            "copying 1 GB, beside a Java program with our concurrency",
            concurrent,
            1.0,
        ),
        Row {
            what: "growth of RSS while copying 1 GB, MB",
            ours: format!("{grown:.1} MB"),
            theirs: "–".to_owned(),
            ratio: grown,
            allowed: Some(64.0),
        },
    ]
}

/// A job with a state of 1 GB, suspended with its snapshot.
async fn suspended_job(member: &Member) -> (HazelcastCluster, JobId) {
    let target = ClusterTarget {
        name: "bench".to_owned(),
        cluster_name: member.cluster_name().to_owned(),
        addresses: vec![member.address()],
        credentials: None,
        tls: None,
    };
    let cluster = HazelcastCluster::connect(&target, Arc::new(SystemClock));
    let jar = fixture("pipelines.jar");
    let digest = Digest::of(&std::fs::read(&jar).unwrap());
    let report = cluster
        .upload(Upload {
            file_name: file_name("abc123def4567890", &digest),
            jar: Some(jar),
            sha256: Some(digest.to_string()),
            job_name: "large".to_owned(),
            snapshot: None,
            main_class: Some("jetkeeper.pipelines.Large".to_owned()),
            parameters: [KEYS, BYTES, 5_000].map(|it| it.to_string()).to_vec(),
            secrets: Vec::new(),
            timeout: SETUP,
        })
        .await;
    assert_eq!(report.reason, None, "{report:?}");
    let job = cluster.list().await.unwrap()[0].id;
    let client = client(member);
    let whole = i64::from(KEYS) * i64::from(BYTES);
    until("a snapshot has all of its state", async || {
        committed(&client, job).await >= Some(whole)
    })
    .await;
    cluster.suspend(job).await.unwrap();
    until("it is suspended", async || {
        cluster.status(job).await.unwrap() == Some(JobStatus::Suspended)
    })
    .await;
    (cluster, job)
}

fn client(member: &Member) -> Client {
    Client::start(ClientConfig {
        cluster_name: member.cluster_name().to_owned(),
        addresses: vec![member.address()],
        ..ClientConfig::default()
    })
}

/// Bytes of the snapshot that the job committed last; none while there is none, or it is being replaced.
async fn committed(client: &Client, job: JobId) -> Option<i64> {
    let record = client.execution_record(job.0).await.unwrap()?;
    let map = record.source_map()?;
    let (validation, _) = client.validation_record(&map).await.unwrap()?;
    Some(validation.bytes)
}

async fn source_of(member: &Member, job: JobId) -> String {
    let record = client(member).execution_record(job.0).await;
    record.unwrap().unwrap().source_map().unwrap()
}

async fn export(cluster: &HazelcastCluster, job: JobId) -> SnapshotFacts {
    let export = Export {
        name: "copied".to_owned(),
        job,
        which: WhichSnapshot::Terminal,
        strategy: Some(Strategy::Copy),
        mark: SnapshotMark {
            owner: "bench".to_owned(),
            resource: ResourceId::jet_job("large"),
            job,
            begun_at: Timestamp::UNIX_EPOCH,
            fork: false,
        },
        patience: SETUP,
        timeout: SETUP,
    };
    cluster.snapshots().export(&export, &|_| ()).await.unwrap()
}

fn megabytes(bytes: i64) -> f64 {
    f64::from(u32::try_from(bytes / 1_000).unwrap()) * 1_000.0 / MEGABYTE
}

async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    crate::support::wait::eventually_async(SETUP, what, async || condition().await).await;
}
