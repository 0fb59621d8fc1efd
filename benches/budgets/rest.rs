//! Memory at rest: the daemon with a thousand running jobs and a thousand failed ones.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use jetkeeper::api::Client;
use jetkeeper::engine::JobResource;
use jetkeeper::plan::status::Phase;

use crate::daemon::run_as_service;
use crate::keeper::{CLUSTER, Places};
use crate::member::FakeMember;
use crate::support::wait::{eventually, within};
use crate::support::{fixture, scratch};
use crate::table::{Row, percentile, sorted};

const JOBS: usize = 1_000;
const FAILURE_LENGTH: usize = 30_000;
const JAR: &str = "pipelines.jar";
/// Longer than the time between two lists at rest.
const REST: Duration = Duration::from_secs(70);
const SAMPLE: Duration = Duration::from_secs(1);
const QUIET: Duration = Duration::from_secs(5);
const SETUP: Duration = Duration::from_mins(15);

pub(crate) fn measure() -> Vec<Row> {
    let member = FakeMember::start(FAILURE_LENGTH);
    let directory = scratch::directory();
    let places = Places::below(directory.path(), "dev", member.address());
    fs::copy(fixture(JAR), places.source.join("jars").join(JAR)).unwrap();
    for number in 0..JOBS {
        for name in [format!("running-{number}"), format!("failed-{number}")] {
            let path = places.source.join(format!("{name}.yaml"));
            fs::write(path, document(&name)).unwrap();
        }
    }
    let program = run_as_service(&places);
    eventually(SETUP, "all jobs are submitted", || {
        member.jobs() == 2 * JOBS && member.quiet_for() > QUIET
    });
    member.fail("failed-");
    eventually(SETUP, "the failures are known", || {
        member.quiet_for() > QUIET
    });
    let peak_before = memory(program.id(), "VmHWM");
    forget_peak(program.id());
    let slept = sleeps(program.id());
    let mut samples = Vec::new();
    within(REST, || {
        samples.push(memory(program.id(), "VmRSS"));
        std::thread::sleep(SAMPLE);
        false
    });
    let peak = memory(program.id(), "VmHWM");
    check(&places);
    let rss = percentile(&sorted(samples), 50);
    // Of threads that are still there: those that ended in between took their counts with them.
    let wakeups = sleeps(program.id()).into_iter();
    let wakeups = wakeups.map(|(thread, count)| count - slept.get(&thread).unwrap_or(&0.0));
    let wakeups = wakeups.sum::<f64>() * 60.0 / REST.as_secs_f64();
    let memory = Row {
        what: "RSS at rest: 1 000 jobs running, 1 000 failed with 30 kB of text, MB",
        ours: format!(
            "{rss:.1} MB ({peak:.1} while a list is read, {peak_before:.1} at most before)"
        ),
        theirs: "–".to_owned(),
        ratio: rss,
        allowed: Some(40.0),
    };
    let wakeups = Row {
        what: "wake-ups of all threads at rest, a minute, one list of all jobs included",
        ours: format!("{wakeups:.0}"),
        theirs: "–".to_owned(),
        ratio: wakeups,
        allowed: None,
    };
    vec![memory, wakeups]
}

/// How often each thread of a process went to sleep by itself so far.
fn sleeps(process: u32) -> HashMap<OsString, f64> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let counts = threads.flatten().map(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        let line = "voluntary_ctxt_switches:";
        let count = status.lines().find_map(|it| it.strip_prefix(line));
        let count = count.map_or(0.0, |count| count.trim().parse().unwrap());
        (thread.file_name(), count)
    });
    counts.collect()
}

/// That the daemon kept what it was to keep while it was measured.
fn check(places: &Places) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let jobs: Vec<JobResource> = runtime.block_on(async {
        let daemon = Client::connect(&places.state).await.unwrap();
        daemon.expect("it answers").list("/v1/jobs").await.unwrap()
    });
    let count = |phase| jobs.iter().filter(|job| job.status.phase == phase).count();
    assert_eq!(
        (count(Phase::Running), count(Phase::ExecutionFailed)),
        (JOBS, JOBS)
    );
}

/// A line of the kernel's account of a process, in megabytes of a million bytes.
pub(crate) fn memory(process: u32, line: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix(line));
    let kibibytes = line.and_then(|rest| rest.split_ascii_whitespace().nth(1));
    kibibytes.unwrap().parse::<f64>().unwrap() * 1_024.0 / 1e6
}

/// Has the kernel count the peak from now on.
fn forget_peak(process: u32) {
    fs::write(format!("/proc/{process}/clear_refs"), "5").unwrap();
}

fn document(name: &str) -> String {
    format!(
        "apiVersion: hazelcast.com/v1alpha1\nkind: JetJob\nmetadata:\n  name: {name}\nspec:\n  \
         hazelcastResourceName: {CLUSTER}\n  jarName: {JAR}\n  \
         mainClass: jetkeeper.pipelines.Stateless\n  deletionPolicy: Cancel\n"
    )
}
