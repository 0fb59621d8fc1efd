//! The tests' own tools: what other tests build on has to work.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::cluster::Cluster;
use crate::support::fixture;
use crate::support::member::Member;
use crate::support::program::Program;
use crate::support::scratch::Scratch;
use crate::support::wait::{PATIENCE, eventually, eventually_async, within};

#[test]
fn a_member_is_killed_and_comes_back() {
    let mut member = Member::options().start();
    let address = member.address();
    assert!(answers(&address));

    member.kill();
    assert!(!member.is_running());
    assert!(
        TcpStream::connect(&address).is_err(),
        "a killed member still listens"
    );

    member.restart();
    assert_eq!(member.address(), address);
    assert!(answers(&address));

    member.stop();
    assert!(!member.is_running());
}

#[test]
fn a_paused_member_does_not_answer() {
    let member = Member::options().start();

    member.pause();
    assert!(!answers(&member.address()));

    member.resume();
    eventually(PATIENCE, "the resumed member answers", || {
        answers(&member.address())
    });
}

#[test]
fn options_reach_the_member() {
    let member = Member::options()
        .cluster_name("blue")
        .jet(false)
        .upload(false)
        .property("hazelcast.jet.job.scan.period", "1000")
        .start();

    let config = fs::read_to_string(member.dir().join("hazelcast.yaml")).unwrap();
    assert!(
        config.contains("hazelcast.jet.job.scan.period: \"1000\""),
        "{config}"
    );
    assert_eq!(member.cluster_name(), "blue");
    assert!(member.log().contains("[blue]"), "{}", member.log());
    assert!(
        member.log().contains("Jet engine is disabled"),
        "{}",
        member.log()
    );
}

#[test]
fn members_form_a_cluster_and_see_one_leave() {
    let mut cluster = Cluster::start(2);
    assert_eq!(cluster.addresses().split(',').count(), 2);

    cluster.members[0].kill();
    cluster.members[1].wait_for_log("Members {size:1,");
}

#[test]
fn the_shared_member_is_one() {
    assert_eq!(Member::shared().port(), Member::shared().port());
    assert!(answers(&Member::shared().address()));
}

#[test]
fn all_jars_are_there_and_the_counters_differ() {
    for version in ["5.3.0", "5.3.8", "5.4.0", "5.5.0", "5.6.0", "5.7.0"] {
        fixture(&format!("hazelcast-{version}.jar"));
    }
    for name in ["hazelcast-5.7.0-tests.jar", "pipelines.jar"] {
        fixture(name);
    }
    let (first, second) = (fixture("counter.jar"), fixture("counter-v2.jar"));
    assert_ne!(fs::read(first).unwrap(), fs::read(second).unwrap());
}

#[test]
fn the_program_runs_and_its_output_is_seen() {
    let output = Program::run(["--version"]).code(0);
    assert_eq!(output.stderr, "");
}

#[test]
fn a_scratch_directory_is_edited_as_users_do() {
    let scratch = Scratch::new();
    scratch.write("jobs/a.yaml", "kind: JetJob");
    let replaced = scratch.replace("jobs/a.yaml", "kind: Hazelcast");
    let jar = scratch.jar("jars/counter.jar", "counter.jar");
    assert_eq!(fs::read_to_string(&replaced).unwrap(), "kind: Hazelcast");
    assert!(jar.starts_with(scratch.path()));

    scratch.remove("jobs/a.yaml");
    assert!(!replaced.exists());
}

#[tokio::test(start_paused = true)]
async fn waiting_asynchronously_asks_until_the_answer_is_yes() {
    let mut asked = 0;
    eventually_async(PATIENCE, "the third answer", async || {
        asked += 1;
        asked == 3
    })
    .await;
    assert_eq!(asked, 3);
}

#[test]
fn waiting_ends_at_the_deadline() {
    assert!(!within(Duration::from_millis(1), || false));
}

/// A member hangs up on who doesn't speak its protocol; a process that is stopped does nothing.
fn answers(address: &str) -> bool {
    let mut connection = TcpStream::connect(address).unwrap();
    connection
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    connection.write_all(b"???").unwrap();
    match connection.read(&mut [0]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}
