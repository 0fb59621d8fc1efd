//! A member of three is lost while state is copied.

use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::record::SnapshotState;
use jetkeeper::plan::status::Phase;

use super::counting::{Counting, jar};
use super::stage::Stage;
use crate::support::cluster::Cluster;
use crate::support::wait::{PATIENCE, promptly};

#[test]
fn a_member_is_killed_during_an_upgrade() {
    let mut cluster = Cluster::start(3);
    let stage = Stage::on_all(&cluster);
    let counting = Counting::start_on(stage, &cluster.members[0], "upgraded", &[]);
    let stage = &counting.stage;
    stage.write("jars/counter.jar", jar("counter-v2.jar"));
    stage.until_step_after(0, "export snapshot");
    cluster.members[2].kill();

    stage.until_event(&counting.name, EventKind::UpgradeStable);
    stage.until_at_rest(&counting.name, Phase::Running);
    stage.person.only_active(&counting.name);
    counting.is_continuous();
    assert!(counting.counts().highest() > 1000);
}

#[test]
fn a_member_is_killed_during_a_copy() {
    let mut cluster = Cluster::start(3);
    let mut stage = Stage::on_all(&cluster);
    let (name, snapshot) = (stage.name("large"), stage.name("snap"));
    stage.declare(
        &name,
        "Large",
        &["parameters: [\"400\", \"65536\", \"3000\"]"],
    );
    stage.start();
    stage.until_at_rest(&name, Phase::Running);
    stage.declare_snapshot(&snapshot, &name, &[]);
    let begun = promptly(PATIENCE, || stage.person.snapshot_entries(&snapshot) > 0);
    assert!(begun, "nothing was copied; {}", stage.log());
    cluster.members[2].kill();

    let exported = stage.until_snapshot(&snapshot, SnapshotState::Exported);
    assert!(
        exported.status.num_bytes.unwrap() > 25_000_000,
        "{exported:?}"
    );
    stage.cli(&["snapshot", "verify", &snapshot]).code(0);
    stage.until_phase(&name, Phase::Running);
    stage.person.only_job(&name);
    assert_eq!(stage.count(&snapshot, EventKind::SnapshotExported), 1);
}
