//! What happens to a world between two passes, at random.

use jetkeeper::plan::job::JobStatus;
use proptest::prelude::*;
use serde_json::{Value, json};

/// The job names of a world; a resource may declare one under its own name or another's.
pub(crate) const NAMES: [&str; 3] = ["a", "b", "c"];

/// Something that happens between two passes.
#[derive(Debug, Clone)]
pub(crate) enum Happening {
    /// A document is written.
    Declare(usize, Value),
    /// A document is removed.
    Remove(usize),
    /// A document gets a fault.
    Break(usize),
    /// A jar changes.
    Jar(usize, u8),
    /// A job changes its status by itself or by a person's hand.
    Job(usize, JobStatus, bool),
    /// The members lose a job, or its list does.
    Vanish(usize, bool),
    /// A job commits a snapshot of its own, with or without the vertices that had state before.
    Commit(usize, bool),
    /// Another program submits a job.
    Foreign(usize),
    /// Another owner takes a name.
    Taken(usize),
    /// Something of the view is not as it should be; 0 makes all well.
    View(u8),
    /// A jar can't be had, for some seconds or until somebody does something; or is there again.
    Bytes(usize, Option<u8>),
    /// A person pauses a resource or everything, for some seconds; or ends all pauses.
    Pause(Option<usize>, u8),
    /// Seconds go by.
    Time(u8),
    /// A person confirms everything that is held.
    Confirm(bool),
    /// A person adopts.
    Adopt(usize),
    /// What becomes of the next steps: 0 to 5, done, refused, stale, unknown but done, unknown and
    /// not done, left in flight.
    Steps(u8),
    /// The source is missing, can't be identified, or well again.
    Source(u8),
}

fn spec() -> impl Strategy<Value = Value> {
    let state = prop_oneof![
        4 => Just("Running"), 1 => Just("Suspended"), 1 => Just("Canceled"), 1 => Just("Restarted")
    ];
    let deletion = prop::sample::select(&["Snapshot", "Cancel", "Suspend", "Orphan"][..]);
    let drift = prop::sample::select(&["Warn", "Correct"][..]);
    let loss = prop::sample::select(&["Restore", "Hold", "StartFresh"][..]);
    let upgrade = prop::sample::select(&["Stateful", "Stateless", "Forbid"][..]);
    let restart = prop::sample::select(&["Never", "OnFailure"][..]);
    let numbers = (0..3u8, 0..3u8, 0..2u8, 0..2u8);
    (state, deletion, drift, loss, upgrade, restart, numbers).prop_map(
        |(state, deletion, drift, loss, upgrade, restart, (nonce, redeploy, parameter, config))| {
            let mut spec = json!({
                "state": state, "deletionPolicy": deletion, "driftPolicy": drift,
                "onStateLoss": {"mode": loss}, "upgradePolicy": {"mode": upgrade},
                "restartPolicy": {"type": restart, "backoff": "1s", "maxRestarts": 2},
                "parameters": [parameter.to_string()],
            });
            if nonce > 0 {
                spec["restartNonce"] = json!(nonce);
            }
            if redeploy > 0 {
                spec["redeployNonce"] = json!(redeploy);
            }
            if config > 0 {
                spec["jobConfig"] = json!({"snapshotInterval": "5s"});
            }
            spec
        },
    )
}

pub(crate) fn happening() -> impl Strategy<Value = Happening> {
    use Happening as H;
    let which = 0..NAMES.len();
    let status = prop::sample::select(
        &[
            JobStatus::NotRunning,
            JobStatus::Running,
            JobStatus::Suspended,
            JobStatus::Completing,
            JobStatus::Failed,
            JobStatus::Completed,
        ][..],
    );
    prop_oneof![
        6 => (which.clone(), spec()).prop_map(|(which, spec)| H::Declare(which, spec)),
        2 => which.clone().prop_map(H::Remove),
        1 => which.clone().prop_map(H::Break),
        2 => (which.clone(), 0..3u8).prop_map(|(which, jar)| H::Jar(which, jar)),
        5 => (which.clone(), status, any::<bool>()).prop_map(|(w, s, p)| H::Job(w, s, p)),
        1 => (which.clone(), any::<bool>()).prop_map(|(which, proven)| H::Vanish(which, proven)),
        2 => (which.clone(), any::<bool>()).prop_map(|(which, whole)| H::Commit(which, whole)),
        1 => which.clone().prop_map(H::Foreign),
        1 => which.clone().prop_map(H::Taken),
        3 => (0..12u8).prop_map(H::View),
        2 => (which.clone(), prop::option::of(0..20u8)).prop_map(|(which, wait)| H::Bytes(which, wait)),
        1 => (prop::option::of(which.clone()), 0..20u8).prop_map(|(which, time)| H::Pause(which, time)),
        4 => (0..20u8).prop_map(H::Time),
        2 => any::<bool>().prop_map(H::Confirm),
        1 => which.prop_map(H::Adopt),
        6 => (0..6u8).prop_map(H::Steps),
        1 => (0..3u8).prop_map(H::Source),
    ]
}
