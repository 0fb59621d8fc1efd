//! From a file that is renamed into place to a job that runs; from a change on the cluster to our
//! status. Beside each, a warm Java client at the same member, sample by sample.

use std::fs;

use jetkeeper::hazelcast::{Client, ClientConfig, TerminateMode};
use jetkeeper::plan::status::Phase;
use tokio::runtime::Runtime;

use crate::daemon::Daemon;
use crate::java::Java;
use crate::keeper::{CLUSTER, Places, milliseconds, monotonic};
use crate::support::member::Member;
use crate::support::{fixture, scratch};
use crate::table::{Row, ms, percentile, sorted};

const WARM_UPS: usize = 15;
const SAMPLES: usize = 30;
const JAR: &str = "pipelines.jar";
const MAIN_CLASS: &str = "jetkeeper.pipelines.Stateless";

/// Rename → RUNNING.
pub(crate) fn submits() -> Vec<Row> {
    let (ours, theirs) = Runtime::new().unwrap().block_on(async {
        let mut bench = Bench::start().await;
        let jar = fixture(JAR);
        let jar = jar.to_str().unwrap();
        let mut java = Java::start("Submit", &bench.member, &[jar, MAIN_CLASS]);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for number in 0..WARM_UPS + SAMPLES {
            let name = format!("job-{number}");
            let our = bench.declare(&name).await;
            bench.remove(&name).await;
            let their = java.sample();
            if number >= WARM_UPS {
                ours.push(our);
                theirs.push(their);
            }
        }
        (ours, theirs)
    });
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
    let (ours, theirs) = Runtime::new().unwrap().block_on(async {
        let mut bench = Bench::start().await;
        bench.suspends("listened").await
    });
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

/// A member and a daemon that keeps jobs on it.
struct Bench {
    member: Member,
    places: Places,
    daemon: Daemon,
    _directory: tempfile::TempDir,
}

impl Bench {
    async fn start() -> Self {
        let member = Member::options().start();
        let directory = scratch::directory();
        let places = Places::below(directory.path(), member.cluster_name(), &member.address());
        fs::copy(fixture(JAR), places.source.join("jars").join(JAR)).unwrap();
        // Never submitted; a source that declares no job any more would be asked about.
        let stays = document("stays") + "  state: Suspended\n";
        fs::write(places.source.join(file_of("stays")), stays).unwrap();
        let daemon = Daemon::start(&places).await;
        daemon.settles().await;
        Self {
            member,
            places,
            daemon,
            _directory: directory,
        }
    }

    /// Declares a job; gives the time from the rename until it was told to run.
    async fn declare(&mut self, name: &str) -> f64 {
        let renamed = self.places.replace(&file_of(name), document(name));
        let running = self.daemon.tells(name, Some(Phase::Running)).await;
        milliseconds(renamed, running)
    }

    /// Removes its document, and waits until nothing is left of it.
    async fn remove(&mut self, name: &str) {
        self.places.remove(&file_of(name));
        self.daemon.tells(name, None).await;
        self.daemon.settles().await;
    }

    /// How long it takes until a suspend by somebody else is told, by the daemon and to a Java
    /// listener: the same event.
    async fn suspends(&mut self, name: &str) -> (Vec<f64>, Vec<f64>) {
        self.declare(name).await;
        let id = self.daemon.status(name).unwrap().id;
        let mut java = Java::start("Listener", &self.member, &[name]);
        assert!(java.line().starts_with("listening"));
        let stranger = Client::start(ClientConfig {
            cluster_name: self.member.cluster_name().to_owned(),
            addresses: vec![self.member.address()],
            ..ClientConfig::default()
        });
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for number in 0..WARM_UPS + SAMPLES {
            self.daemon.settles().await;
            let called = monotonic();
            let (asked, shown) = tokio::join!(
                stranger.terminate(id, TerminateMode::SuspendGraceful),
                self.daemon.tells(name, Some(Phase::Suspended))
            );
            asked.unwrap();
            let told = told(&mut java, "SUSPENDED");
            if number >= WARM_UPS {
                ours.push(milliseconds(called, shown));
                theirs.push(milliseconds(called, told));
            }
            self.daemon.settles().await;
            stranger.resume(id).await.unwrap();
            self.daemon.tells(name, Some(Phase::Running)).await;
        }
        stranger.shutdown().await;
        (ours, theirs)
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
