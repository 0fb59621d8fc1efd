//! From a file that is renamed into place to a job that runs; from a change on the cluster to our
//! status. Beside each, a warm Java client at the same member, sample by sample.

use std::fs;

use jetkeeper::engine::Published;
use jetkeeper::hazelcast::{Client, ClientConfig, TerminateMode};
use jetkeeper::plan::status::Phase;
use tokio::runtime::Runtime;

use crate::java::Java;
use crate::keeper::{CLUSTER, Keeper, Places, milliseconds, monotonic};
use crate::support::member::Member;
use crate::support::{fixture, scratch};
use crate::table::{Row, ms, percentile, sorted};

const WARM_UPS: usize = 15;
const SAMPLES: usize = 30;
const JAR: &str = "pipelines.jar";
const MAIN_CLASS: &str = "jetkeeper.pipelines.Stateless";

/// Rename → RUNNING.
pub(crate) fn submits() -> Vec<Row> {
    let bench = Bench::start();
    let jar = fixture(JAR);
    let jar = jar.to_str().unwrap();
    let mut java = Java::start("Submit", &bench.member, &[jar, MAIN_CLASS]);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 0..WARM_UPS + SAMPLES {
        let our = bench
            .runtime
            .block_on(bench.submit(&format!("job-{number}")));
        let their = java.sample();
        if number >= WARM_UPS {
            ours.push(our);
            theirs.push(their);
        }
    }
    drop(java);
    bench.stop();
    compare(
        [
            "rename → RUNNING / Java call → RUNNING, p50",
            "the same, p99",
        ],
        ours,
        theirs,
    )
}

/// A change on the cluster → our status.
pub(crate) fn statuses() -> Vec<Row> {
    let bench = Bench::start();
    let (ours, theirs) = bench.runtime.block_on(bench.suspends("listened"));
    bench.stop();
    compare(
        [
            "suspend on the cluster → our status / → Java listener, p50",
            "the same, p99",
        ],
        ours,
        theirs,
    )
}

fn compare(what: [&'static str; 2], ours: Vec<f64>, theirs: Vec<f64>) -> Vec<Row> {
    let (ours, theirs) = (sorted(ours), sorted(theirs));
    let row = |what, percent, allowed| {
        let (our, their) = (percentile(&ours, percent), percentile(&theirs, percent));
        Row {
            what,
            ours: ms(our),
            theirs: ms(their),
            ratio: our / their,
            allowed,
        }
    };
    let [p50, p99] = what;
    vec![row(p50, 50, Some(1.5)), row(p99, 99, None)]
}

/// A member and jetkeeper.
struct Bench {
    runtime: Runtime,
    member: Member,
    places: Places,
    keeper: Keeper,
    _directory: tempfile::TempDir,
}

impl Bench {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let member = Member::options().start();
        let directory = scratch::directory();
        let places = Places::below(directory.path(), member.cluster_name(), &member.address());
        fs::copy(fixture(JAR), places.source.join("jars").join(JAR)).unwrap();
        let keeper = runtime.block_on(Keeper::start(&places));
        Self {
            runtime,
            member,
            places,
            keeper,
            _directory: directory,
        }
    }

    /// Declares a job; gives the time of the rename and that at which the job was shown to run.
    async fn declare(&self, name: &str) -> (u64, u64) {
        let renamed = self.places.replace(&file_of(name), document(name));
        let running = self
            .keeper
            .shows("the job runs", |shown| {
                phase(shown, name) == Some(Phase::Running)
            })
            .await;
        (renamed, running)
    }

    /// How long it takes until a declared job runs. Removes it again.
    async fn submit(&self, name: &str) -> f64 {
        let (renamed, running) = self.declare(name).await;
        self.places.remove(&file_of(name));
        self.keeper
            .shows("the job is gone", |shown| {
                shown.jobs.is_empty() && shown.settled
            })
            .await;
        milliseconds(renamed, running)
    }

    /// How long it takes until a suspend by somebody else is shown, here and by a Java listener.
    async fn suspends(&self, name: &str) -> (Vec<f64>, Vec<f64>) {
        self.declare(name).await;
        let id = self.keeper.handle.published.borrow().jobs[name].status.id;
        let mut java = Java::start("Listener", &self.member, &[name]);
        assert!(java.line().starts_with("listening"));
        let stranger = Client::start(ClientConfig {
            cluster_name: self.member.cluster_name().to_owned(),
            addresses: vec![self.member.address()],
            ..ClientConfig::default()
        });
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for number in 0..WARM_UPS + SAMPLES {
            let called = monotonic();
            let (asked, shown) = tokio::join!(
                stranger.terminate(id, TerminateMode::SuspendGraceful),
                self.keeper.shows("the job is suspended", |shown| {
                    phase(shown, name) == Some(Phase::Suspended)
                })
            );
            asked.unwrap();
            let told = told(&mut java, "SUSPENDED");
            if number >= WARM_UPS {
                ours.push(milliseconds(called, shown));
                theirs.push(milliseconds(called, told));
            }
            stranger.resume(id).await.unwrap();
            told_running(&mut java);
            self.keeper
                .shows("the job runs again", |shown| {
                    phase(shown, name) == Some(Phase::Running) && shown.settled
                })
                .await;
        }
        stranger.shutdown().await;
        (ours, theirs)
    }

    fn stop(self) {
        self.runtime.block_on(self.keeper.stop());
    }
}

/// When the Java listener was told of a status.
fn told(java: &mut Java, status: &str) -> u64 {
    loop {
        let line = java.line();
        let (told, at) = line.split_once(' ').unwrap();
        if told == status {
            return at.parse().unwrap();
        }
    }
}

fn told_running(java: &mut Java) {
    told(java, "RUNNING");
}

fn phase(shown: &Published, name: &str) -> Option<Phase> {
    shown.jobs.get(name).map(|job| job.status.phase)
}

fn file_of(name: &str) -> String {
    format!("{name}.yaml")
}

fn document(name: &str) -> String {
    format!(
        "apiVersion: hazelcast.com/v1alpha1\nkind: JetJob\nmetadata:\n  name: {name}\nspec:\n  \
         hazelcastResourceName: {CLUSTER}\n  jarName: {JAR}\n  mainClass: {MAIN_CLASS}\n  \
         deletionPolicy: Cancel\n"
    )
}
