//! What jetkeeper exported, used by somebody with the Java client.

use std::process::Command;

use jetkeeper::plan::record::SnapshotState;
use jetkeeper::plan::status::Phase;

use super::counting::Counting;
use crate::support::fixture;
use crate::support::member::Member;

#[test]
fn the_java_client_lists_what_was_exported_and_starts_from_it() {
    let counting = Counting::start("for-java", &[]);
    let stage = &counting.stage;
    let snapshot = stage.name("snap");
    stage.declare_snapshot(&snapshot, &counting.name, &["cancelJob: true"]);
    let exported = stage.until_snapshot(&snapshot, SnapshotState::Exported);
    stage.until_phase(&counting.name, Phase::Canceled);
    let before = counting.counts();

    let name = stage.name("by-java");
    let printed = java_client(&counting, &snapshot, &name);
    let bytes = exported.status.num_bytes.unwrap();
    let line = format!("{snapshot} of {}, {bytes} bytes", counting.name);
    assert!(printed.lines().any(|it| it == line), "{line} in {printed}");
    counting.is_continuous();
    let lowest = counting.counts().lowest_after(&before).unwrap();
    assert!(lowest > 10, "it began anew, at {lowest}");
    stage.person.only_active(&name);
}

fn java_client(counting: &Counting, snapshot: &str, job: &str) -> String {
    let jars = [fixture("hazelcast-5.7.0.jar"), fixture("pipelines.jar")];
    let member = Member::shared();
    let output = Command::new("timeout")
        .args(["60", "java", "-Xmx128m", "-XX:+UseSerialGC", "-cp"])
        .arg(std::env::join_paths(&jars).unwrap())
        .args(["jetkeeper.pipelines.JavaClient", &member.address()])
        .args([member.cluster_name(), snapshot, job])
        .args([&counting.file, &jars[1]])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}
