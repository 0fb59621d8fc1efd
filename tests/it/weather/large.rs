//! State that takes longer to copy than the job takes to its next snapshot.

use jetkeeper::plan::record::SnapshotState;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;
use crate::support::member::Member;

#[test]
fn what_is_overtaken_again_and_again_says_what_helps_and_a_pause_helps() {
    let member = Member::options().start();
    let mut stage = Stage::on(&member);
    let (name, snapshot) = (stage.name("large"), stage.name("snap"));
    // 25 MB, and a snapshot of them twenty times a second, as far as the member can.
    stage.declare(
        &name,
        "Large",
        &["parameters: [\"400\", \"65536\", \"50\"]"],
    );
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
    assert!(
        exported.status.num_bytes.unwrap() > 25_000_000,
        "{exported:?}"
    );
    stage.cli(&["snapshot", "verify", &snapshot]).code(0);
    assert_eq!(stage.steps("suspend job"), 1);
    stage.until_phase(&name, Phase::Running);
    stage.person.only_job(&name);
}
