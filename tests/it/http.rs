//! What monitoring is told by a daemon whose cluster is away.

use std::io::Write;
use std::net::TcpStream;

use crate::support::http::{address_in, ask, get};
use crate::support::openmetrics::Metrics;
use crate::support::program::Program;
use crate::support::scratch::Scratch;
use crate::support::wait::{PATIENCE, eventually};

struct Daemon {
    _scratch: Scratch,
    program: Program,
    address: String,
}

fn daemon() -> Daemon {
    let scratch = Scratch::new();
    scratch.write(
        "jobs/orders.yaml",
        "apiVersion: hazelcast.com/v1alpha1\nkind: JetJob\nmetadata: {name: orders}\n\
         spec: {hazelcastResourceName: far, jarOnMember: /opt/orders.jar}\n",
    );
    scratch.write("jobs/broken.yaml", "kind: [\n");
    let config = scratch.write(
        "jetkeeper.yaml",
        "sources: [{name: \"jobs\", directory: {path: jobs}}]\n\
         clusters: {far: {addresses: [\"127.0.0.1:1\"]}}\n\
         state: {directory: state}\nhttp: {listen: \"127.0.0.1:0\"}\n",
    );
    let program = Program::start(["--config", config.to_str().unwrap(), "run"]);
    eventually(PATIENCE, "monitoring is answered", || {
        address_in(&program.stderr()).is_some()
    });
    let address = address_in(&program.stderr()).unwrap();
    let first_pass = || !get(&address, "/readyz").body.starts_with("the first pass");
    eventually(PATIENCE, "the first pass is made", first_pass);
    Daemon {
        _scratch: scratch,
        program,
        address,
    }
}

#[test]
fn a_daemon_without_its_cluster_is_alive_and_names_what_is_not_ready() {
    let daemon = daemon();
    let address = &daemon.address;
    let alive = get(address, "/healthz");
    assert_eq!((alive.code, &*alive.body), (200, "ok\n"));
    let ready = get(address, "/readyz");
    assert_eq!(ready.code, 503);
    assert!(
        ready.body.starts_with("cluster far: Connecting"),
        "{}",
        ready.body
    );
    assert_eq!(ready.body.lines().count(), 1, "{}", ready.body);

    let answer = get(address, "/metrics");
    let openmetrics = "content-type: application/openmetrics-text; version=1.0.0";
    assert!(answer.head.contains(openmetrics), "{}", answer.head);
    let metrics = Metrics::read(&answer.body);
    let of = |name: &str, labels: &[(&str, &str)]| metrics.value(name, labels);
    assert_eq!(of("jetkeeper_cluster_up", &[("cluster", "far")]), Some(0.0));
    assert_eq!(
        of("jetkeeper_source_errors", &[("source", "jobs")]),
        Some(1.0)
    );
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    assert_eq!(of("jetkeeper_build_info", &version), Some(1.0));
    assert!(of("jetkeeper_pass_duration_seconds_count", &[]) > Some(0.0));
    assert!(of("jetkeeper_commit_duration_seconds_count", &[]) > Some(0.0));
    daemon.program.terminate().code(0);
}

#[test]
fn it_only_tells_and_only_who_asks_for_this_machine() {
    let daemon = daemon();
    let address = &daemon.address;
    assert_eq!(ask(address, "POST", "/metrics", address).code, 405);
    let other = get(address, "/v1/jobs");
    assert_eq!(other.code, 404);
    assert!(other.body.contains("/readyz"), "{}", other.body);
    let elsewhere = ask(address, "GET", "/metrics", "rebound.example.com");
    assert_eq!(elsewhere.code, 403);
    assert!(!elsewhere.body.contains("jetkeeper_"));

    // Who never asks to the end keeps nobody else out, and doesn't hold up the end.
    let idle: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /metr").unwrap();
            stream
        })
        .collect();
    assert_eq!(get(address, "/healthz").code, 200);
    daemon.program.terminate().code(0);
    drop(idle);
}

#[test]
fn an_address_that_is_taken_or_open_to_others_is_refused() {
    let daemon = daemon();
    let scratch = Scratch::new();
    let start = |address: &str| {
        let (jobs, state) = (scratch.path().join("jobs"), scratch.path().join("state"));
        std::fs::create_dir_all(&jobs).unwrap();
        let (jobs, state) = (jobs.to_str().unwrap(), state.to_str().unwrap());
        Program::run(["run", jobs, "--state", state, "--http-listen", address])
    };
    let taken = start(&daemon.address).code(1).stderr;
    assert!(taken.contains("failed to listen for http on"), "{taken}");
    let open = start("0.0.0.0:0").code(2).stderr;
    assert!(open.contains("--http-allow-remote"), "{open}");
    daemon.program.terminate().code(0);
}
