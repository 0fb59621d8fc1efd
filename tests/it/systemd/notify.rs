//! What the program tells systemd, on a socket of the test's own.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::program::{Output, Program};
use crate::support::scratch::Scratch;
use crate::support::wait::{PATIENCE, eventually};

/// A job on a cluster that nobody answers for.
const JOB: &str = "\
apiVersion: hazelcast.com/v1alpha1
kind: JetJob
metadata: {name: NAME}
spec: {hazelcastResourceName: hazelcast, jarOnMember: /opt/orders.jar}
";

const CLUSTER: &str = "clusters: {hazelcast: {addresses: [\"127.0.0.1:1\"]}}\n";

/// Stands for systemd: a configured daemon, and the socket that it tells.
struct Manager {
    scratch: Scratch,
    socket: UnixDatagram,
    address: PathBuf,
}

impl Manager {
    fn new() -> Self {
        let scratch = Scratch::new();
        scratch.write("jobs/orders.yaml", JOB.replace("NAME", "orders"));
        let address = scratch.path().join("notify");
        let socket = UnixDatagram::bind(&address).unwrap();
        let manager = Self {
            scratch,
            socket,
            address,
        };
        manager.configure("  - {name: jobs, directory: {path: jobs}}\n", CLUSTER);
        manager
    }

    fn configure(&self, sources: &str, rest: &str) {
        let text = format!("sources:\n{sources}{rest}owner: keeper\nstate: {{directory: state}}\n");
        self.scratch.replace("jetkeeper.yaml", text);
    }

    fn start(&self, variables: &[(&str, &str)]) -> Program {
        let config = self.scratch.path().join("jetkeeper.yaml");
        let address = ("NOTIFY_SOCKET", self.address.to_str().unwrap());
        let variables = [&[address], variables].concat();
        Program::start_with(["--config", config.to_str().unwrap(), "run"], &variables)
    }

    fn run(&self, args: &[&str]) -> Output {
        let config = self.scratch.path().join("jetkeeper.yaml");
        Program::run([&["--config", config.to_str().unwrap()], args].concat())
    }

    /// The next message before the deadline.
    fn next(&self, deadline: Instant) -> Option<String> {
        let left = deadline.checked_duration_since(Instant::now())?;
        let shortest = Duration::from_millis(1);
        let timeout = Some(left.max(shortest));
        self.socket.set_read_timeout(timeout).unwrap();
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
    }

    /// Waits for a message with this in it.
    fn told(&self, what: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut others = Vec::new();
        while let Some(message) = self.next(deadline) {
            if message.contains(what) {
                return message;
            }
            others.push(message);
        }
        panic!("systemd was not told {what:?}, but {others:?}");
    }
}

#[test]
fn ready_comes_once_the_socket_answers_and_the_first_pass_was_made() {
    let manager = Manager::new();
    let daemon = manager.start(&[]);

    let first = manager.next(Instant::now() + PATIENCE).unwrap();
    assert!(
        first.starts_with("READY=1\nSTATUS=0 of 1 job running"),
        "{first}"
    );
    let jobs = manager.run(&["get", "jobs", "-o", "name"]).code(0).stdout;
    assert_eq!(jobs, "JetJob/orders\n");

    manager.scratch.write("jobs/broken.yaml", "kind: [\n");
    manager.told("1 error in the YAML");
    manager.scratch.remove("jobs/broken.yaml");
    let mended = manager.told("STATUS=0 of 1 job running");
    assert!(!mended.contains("READY"), "it was ready all the time");
    assert!(
        mended.contains("cluster hazelcast is not connected"),
        "{mended}"
    );

    let ended = daemon.terminate().code(0);
    manager.told("STOPPING=1\nSTATUS=stopping");
    assert!(ended.stderr.ends_with("stopped; nothing was left\n"));
}

#[test]
fn a_configuration_that_can_not_be_used_is_refused_and_the_old_one_stays() {
    let manager = Manager::new();
    let daemon = manager.start(&[]);
    manager.told("READY=1");

    manager.configure(
        "  - {name: jobs, directory: {path: elsewhere}}\n",
        "prune: {maxDeletions: no}\n",
    );
    daemon.signal(Signal::HUP);
    let reloading = manager.told("RELOADING=1");
    assert!(reloading.contains("\nMONOTONIC_USEC="), "{reloading}");
    let refused = manager.told("READY=1");
    assert!(
        refused.contains("STATUS=the new configuration is refused"),
        "{refused}"
    );
    let log = daemon.stderr();
    let place = "jetkeeper.yaml:3:23: `configuration.prune.maxDeletions` must be a whole number";
    assert!(log.contains(place), "{log}");
    manager.configure("  - {name: jobs, directory: {path: jobs}}\n", CLUSTER);
    let jobs = manager.run(&["get", "jobs", "-o", "name"]).code(0).stdout;
    assert_eq!(jobs, "JetJob/orders\n");
    daemon.terminate().code(0);
}

#[test]
fn a_reload_takes_sources_and_clusters_and_says_what_needs_a_restart() {
    let manager = Manager::new();
    manager
        .scratch
        .write("more/returns.yaml", JOB.replace("NAME", "returns"));
    let daemon = manager.start(&[]);
    manager.told("READY=1");

    manager.configure(
        "  - {name: jobs, directory: {path: jobs}}\n  - {name: more, directory: {path: more}}\n",
        "clusters: {hazelcast: {addresses: [\"127.0.0.1:2\"]}, other: {addresses: [\"127.0.0.1:3\"]}}\n\
         secrets: {directory: secrets}\n",
    );
    daemon.signal(Signal::HUP);
    manager.told("RELOADING=1");
    let done = manager.told("READY=1");
    assert!(
        done.contains("STATUS=a restart is needed for secrets; "),
        "{done}"
    );
    eventually(PATIENCE, "the job of the new source is known", || {
        let jobs = manager.run(&["get", "jobs", "-o", "name"]).code(0).stdout;
        jobs == "JetJob/orders\nJetJob/returns\n"
    });
    let clusters = manager
        .run(&["get", "hazelcast", "-o", "yaml"])
        .code(0)
        .stdout;
    assert!(
        clusters.contains("127.0.0.1:2") && clusters.contains("127.0.0.1:3"),
        "{clusters}"
    );
    assert!(!clusters.contains("127.0.0.1:1\n"), "{clusters}");
    daemon.terminate().code(0);
}

#[test]
fn a_process_that_stands_still_starves_the_watchdog() {
    let manager = Manager::new();
    let daemon = manager.start(&[("WATCHDOG_USEC", "200000")]);
    for _ in 0..3 {
        manager.told("WATCHDOG=1");
    }
    daemon.signal(Signal::STOP);
    let stat = format!("/proc/{}/stat", daemon.id());
    eventually(PATIENCE, "the process stands still", || {
        fs::read_to_string(&stat).unwrap().contains(") T ")
    });
    while manager.next(Instant::now()).is_some() {}
    let silent = manager.next(Instant::now() + Duration::from_secs(1));
    assert_eq!(silent, None, "systemd would end it after 0.2 s");
    daemon.signal(Signal::CONT);
    manager.told("WATCHDOG=1");
    daemon.terminate().code(0);
}

#[test]
fn the_end_of_its_terminal_ends_it_instead_of_a_reload() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new())
        .unwrap()
        .into_string()
        .unwrap();
    let stdin = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(name)
        .unwrap();

    let scratch = Scratch::new();
    scratch.write("jobs/orders.yaml", JOB.replace("NAME", "orders"));
    let (jobs, state) = (scratch.path().join("jobs"), scratch.path().join("state"));
    let args = [
        "run",
        jobs.to_str().unwrap(),
        "--state",
        state.to_str().unwrap(),
    ];
    let daemon = Program::start_reading(stdin.into(), args, &[]);
    eventually(PATIENCE, "it begins", || {
        daemon.stderr().contains(" begins; socket")
    });
    daemon.signal(Signal::HUP);
    let ended = daemon.end_within(PATIENCE).code(0);
    assert!(
        ended.stderr.contains("stopped; nothing was left"),
        "{}",
        ended.stderr
    );
}
