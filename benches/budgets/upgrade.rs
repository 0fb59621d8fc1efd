//! How long a small job stands still while it is upgraded with its state. Beside it, a warm Java client
//! that does the same calls: suspend, copy, count, register, cancel, submit.

use std::fs;
use std::path::Path;

use jetkeeper::plan::status::{JobStatusReport, LifecycleState, Phase};
use jetkeeper::plan::step::Action;
use jetkeeper::store::Store;
use jiff::Timestamp;
use tokio::runtime::Runtime;

use crate::daemon::Daemon;
use crate::java::Java;
use crate::keeper::{CLUSTER, Places, milliseconds};
use crate::support::member::Member;
use crate::support::{fixture, scratch};
use crate::table::{Row, ms, percentile, sorted};

const WARM_UPS: usize = 10;
const SAMPLES: usize = 30;
const JARS: [&str; 2] = ["counter.jar", "counter-v2.jar"];
const NAME: &str = "upgraded";
/// More entries than all upgrades leave in the journal.
const ENTRIES: usize = 5_000;

/// The pause, and the whole upgrade.
pub(crate) fn pauses() -> Vec<Row> {
    let (ours, wholes, theirs) = Runtime::new().unwrap().block_on(measure());
    let row = |what, ours: &[f64], percent, allowed| {
        let (our, their) = (percentile(ours, percent), percentile(&theirs, percent));
        Row {
            what,
            ours: ms(our),
            theirs: ms(their),
            ratio: our / their,
            allowed,
        }
    };
    let pause = "pause of an upgrade with state, fsyncs included / a Java client's, p50";
    vec![
        row(pause, &ours, 50, Some(1.3)),
        row("the same, p99", &ours, 99, None),
        row(
            "jar replaced → new version RUNNING / the same, p50",
            &wholes,
            50,
            None,
        ),
    ]
}

async fn measure() -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let member = Member::options().start();
    let directory = scratch::directory();
    let places = Places::below(directory.path(), member.cluster_name(), &member.address());
    let counts = |of: &str| member.dir().join(of).display().to_string();
    let replace = |turn: usize| places.replace("jars/job.jar", jar(turn));
    replace(0);
    places.replace("job.yaml", document(counts("ours")));
    let mut daemon = Daemon::start(&places).await;
    daemon.tells(NAME, Some(Phase::Running)).await;
    daemon.settles().await;
    let jars = JARS.map(|jar| fixture(jar).display().to_string());
    let parameters = ["counts", "4", "EXACTLY_ONCE", &counts("theirs")];
    let arguments = jars.iter().map(String::as_str).chain(parameters);
    let mut java = Java::start("Upgrade", &member, &arguments.collect::<Vec<_>>());
    let (mut wholes, mut ends, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 1..=WARM_UPS + SAMPLES {
        let replaced = replace(turn);
        let stopped = |told: Option<&JobStatusReport>| told.unwrap().phase != Phase::Running;
        daemon.until(NAME, stopped).await;
        let running = daemon.tells(NAME, Some(Phase::Running)).await;
        ends.push(Timestamp::now());
        wholes.push(milliseconds(replaced, running));
        // The next version waits for this one's first snapshot.
        let stable = |told: Option<&JobStatusReport>| {
            told.unwrap().lifecycle_state == LifecycleState::Stable
        };
        daemon.until(NAME, stable).await;
        daemon.settles().await;
        theirs.push(java.sample());
    }
    drop(daemon);
    let ours = stops(&places).await.into_iter().zip(ends);
    let ours = ours.map(|(stopped, running)| running.duration_since(stopped).as_secs_f64() * 1e3);
    let counted = |times: Vec<f64>| sorted(times.into_iter().skip(WARM_UPS).collect());
    (counted(ours.collect()), counted(wholes), counted(theirs))
}

/// When each upgrade was about to suspend the job, as the journal says.
async fn stops(places: &Places) -> Vec<Timestamp> {
    let store = places.store().await;
    let journal = store.journal(ENTRIES).await.unwrap();
    let events = journal.into_iter().map(|entry| entry.event);
    let stops = events.filter(|event| {
        event.outcome.is_none() && matches!(event.step.action, Action::Suspend { .. })
    });
    let stops: Vec<_> = stops.map(|event| event.at).collect();
    assert_eq!(stops.len(), WARM_UPS + SAMPLES);
    assert!(stops.is_sorted());
    stops
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
