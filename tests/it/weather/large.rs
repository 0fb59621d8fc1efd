//! State that takes longer to copy than the job takes to its next snapshots.

use std::time::Duration;

use jetkeeper::hazelcast::codec::map::fetch_entries::MapFetchEntries;
use jetkeeper::plan::record::SnapshotState;
use jetkeeper::plan::status::Phase;

use super::person::RUNTIME;
use super::stage::Stage;
use crate::hazelcast::scripted::{Reaction, ScriptedMember, reaction};
use crate::support::member::Member;

/// How long one partition takes: dozens of snapshots, at twenty a second as far as the member can.
const SLOW: Duration = Duration::from_secs(4);

/// Answers late for one partition, as a member does that is too busy.
fn slow_partition() -> Reaction {
    reaction(|exchange| async move {
        if exchange.request.partition_id().is_ok_and(|id| id == 0) {
            tokio::time::sleep(SLOW).await;
        }
        exchange.forward().await;
    })
}

#[test]
fn what_is_overtaken_again_and_again_says_what_helps_and_a_pause_helps() {
    let member = Member::options().start();
    let mut stage = Stage::on(&member);
    let script = RUNTIME.block_on(ScriptedMember::before(&member));
    script.on::<MapFetchEntries<'_>>(usize::MAX, slow_partition());
    stage.declare_cluster(&[script.address()], member.cluster_name());
    let (name, snapshot) = (stage.name("large"), stage.name("snap"));
    // So many keys that each partition has some, the slow one too.
    stage.declare(&name, "Large", &["parameters: [\"4000\", \"100\", \"50\"]"]);
    stage.start();
    stage.until_at_rest(&name, Phase::Running);
    stage.declare_snapshot(&snapshot, &name, &[]);
    let failed = stage.until_snapshot(&snapshot, SnapshotState::Failed);
    let message = &failed.status.message;
    for words in ["5 times", "snapshotInterval", "pauseToCopy: Allowed"] {
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(
        stage.person.snapshot_entries(&snapshot),
        0,
        "nothing is left of it"
    );
    assert_eq!(stage.steps("suspend job"), 0);

    stage.declare_snapshot(&snapshot, &name, &["pauseToCopy: Allowed"]);
    let exported = stage.until_snapshot(&snapshot, SnapshotState::Exported);
    assert!(exported.status.num_bytes.unwrap() > 0, "{exported:?}");
    stage.cli(&["snapshot", "verify", &snapshot]).code(0);
    assert_eq!(stage.steps("suspend job"), 1);
    stage.until_phase(&name, Phase::Running);
    stage.person.only_job(&name);
}
