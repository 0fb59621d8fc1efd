//! How long a small job stands still while it is upgraded with its state. Beside it, a warm Java client
//! that does the same calls: suspend, copy, count, register, cancel, submit.

use std::fs;
use std::path::Path;

use jetkeeper::plan::status::{JobStatusReport, LifecycleState, Phase};
use jiff::Timestamp;
use tokio::runtime::Runtime;

use crate::daemon::Daemon;
use crate::java::Java;
use crate::keeper::{CLUSTER, Places, milliseconds};
use crate::support::member::Member;
use crate::support::{fixture, scratch};
use crate::table::{Row, ms, percentile, sorted};
use crate::trace::{self, Ended};

const WARM_UPS: usize = 10;
const SAMPLES: usize = 30;
const JARS: [&str; 2] = ["counter.jar", "counter-v2.jar"];
const NAME: &str = "upgraded";

/// Of each upgrade, in milliseconds.
#[derive(Default)]
struct Times {
    /// From the call that suspends to RUNNING, without our syncs of the disk.
    pauses: Vec<f64>,
    /// Those syncs.
    syncs: Vec<f64>,
    /// From the change of the jar to RUNNING, everything included.
    wholes: Vec<f64>,
    /// The pause of the Java client's.
    theirs: Vec<f64>,
}

/// The pause, and the whole upgrade.
pub(crate) fn pauses() -> Vec<Row> {
    let times = Runtime::new().unwrap().block_on(measure());
    let row = |what, ours: &[f64], percent, allowed| {
        let (our, their) = (
            percentile(ours, percent),
            percentile(&times.theirs, percent),
        );
        Row {
            what,
            ours: ms(our),
            theirs: ms(their),
            ratio: our / their,
            allowed,
        }
    };
    let pause = "pause of an upgrade with state, syncs apart / a Java client's, p50";
    let whole = "jar replaced → new version RUNNING / the same, p50";
    vec![
        row(pause, &times.pauses, 50, Some(1.3)),
        row("the same, p99", &times.pauses, 99, None),
        row(
            "our syncs of the disk in it / the same",
            &times.syncs,
            50,
            None,
        ),
        row(whole, &times.wholes, 50, None),
    ]
}

async fn measure() -> Times {
    let member = Member::options().start();
    let directory = scratch::directory();
    let places = Places::below(directory.path(), member.cluster_name(), &member.address());
    let counts = |of: &str| member.dir().join(of).display().to_string();
    let replace = |turn: usize| places.replace("jars/job.jar", jar(turn));
    replace(0);
    places.replace("job.yaml", document(counts("ours")));
    let mut daemon = Daemon::traced(&places).await;
    daemon.tells(NAME, Some(Phase::Running)).await;
    daemon.settles().await;
    let jars = JARS.map(|jar| fixture(jar).display().to_string());
    let parameters = ["counts", "4", "EXACTLY_ONCE", &counts("theirs")];
    let arguments = jars.iter().map(String::as_str).chain(parameters);
    let mut java = Java::start("Upgrade", &member, &arguments.collect::<Vec<_>>());
    let (mut times, mut ends) = (Times::default(), Vec::new());
    for turn in 1..=WARM_UPS + SAMPLES {
        let replaced = replace(turn);
        let stopped = |told: Option<&JobStatusReport>| told.unwrap().phase != Phase::Running;
        daemon.until(NAME, stopped).await;
        let running = daemon.tells(NAME, Some(Phase::Running)).await;
        ends.push(Timestamp::now());
        times.wholes.push(milliseconds(replaced, running));
        // The next version waits for this one's first snapshot.
        let stable = |told: Option<&JobStatusReport>| {
            told.unwrap().lifecycle_state == LifecycleState::Stable
        };
        daemon.until(NAME, stable).await;
        daemon.settles().await;
        times.theirs.push(java.sample());
    }
    told_by(&daemon.log(), &ends, &mut times);
    for times in [
        &mut times.pauses,
        &mut times.syncs,
        &mut times.wholes,
        &mut times.theirs,
    ] {
        *times = sorted(times.split_off(WARM_UPS));
    }
    times
}

/// Reads from the log when each upgrade suspended the job, and what was synced from then on to its end.
fn told_by(log: &str, ends: &[Timestamp], times: &mut Times) {
    let ended = trace::read(log);
    let terminations = ended.iter().filter(|it| it.is_call("JetTerminateJob"));
    // Each upgrade suspends the one version and cancels it then.
    let begins: Vec<_> = terminations.step_by(2).map(Ended::began_at).collect();
    assert_eq!(begins.len(), ends.len());
    for (begin, end) in begins.into_iter().zip(ends) {
        let commits = ended.iter().filter(|it| it.is_commit());
        let within = commits.filter(|it| it.began_at() > begin && it.began_at() < *end);
        let synced: f64 = within.map(|it| it.took().as_secs_f64() * 1e3).sum();
        let whole = end.duration_since(begin).as_secs_f64() * 1e3;
        times.pauses.push(whole - synced);
        times.syncs.push(synced);
    }
}

fn jar(turn: usize) -> Vec<u8> {
    fs::read(fixture(JARS[turn % 2])).unwrap()
}

fn document(counts: impl AsRef<Path>) -> String {
    format!(
        "apiVersion: hazelcast.com/v1alpha1\nkind: JetJob\nmetadata:\n  name: {NAME}\nspec:\n  \
         hazelcastResourceName: {CLUSTER}\n  jarName: job.jar\n  parameters: [counts, \"4\", EXACTLY_ONCE, \
         {:?}]\n  deletionPolicy: Cancel\n",
        counts.as_ref().display().to_string()
    )
}
