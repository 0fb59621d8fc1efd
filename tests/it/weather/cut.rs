//! The connection between the daemon and a real member is cut, again and again: before a request arrives, and after it
//! did, before its answer.

use jetkeeper::hazelcast::JobStatus;
use jetkeeper::hazelcast::codec::Request;
use jetkeeper::hazelcast::codec::jet::terminate_job::TerminateJob;
use jetkeeper::hazelcast::codec::jet::upload_job_meta_data::UploadJobMetaData;
use jetkeeper::hazelcast::codec::jet::upload_job_multipart::UploadJobMultipart;
use jetkeeper::hazelcast::codec::map::entry_set::MapEntrySet;
use jetkeeper::hazelcast::codec::map::fetch_entries::MapFetchEntries;
use jetkeeper::hazelcast::codec::map::put_all::MapPutAll;
use jetkeeper::hazelcast::codec::map::set::MapSet;
use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::record::SnapshotState;
use jetkeeper::plan::status::Phase;

use super::counting::{Counting, jar};
use super::person::RUNTIME;
use super::stage::Stage;
use crate::hazelcast::scripted::{ScriptedMember, cut_mid_frame, hang_up};
use crate::support::member::Member;

/// A counting job whose daemon knows the member by the script alone.
fn counting(stem: &str, keys: u32) -> (ScriptedMember, Counting) {
    let member = Member::shared();
    let script = RUNTIME.block_on(ScriptedMember::before(member));
    let stage = Stage::on(member);
    stage.declare_cluster(&[script.address()], member.cluster_name());
    let counting = Counting::of_keys(keys, stage, member, stem, &[]);
    (script, counting)
}

/// The next request of this kind gets lost, and of the one after it the answer.
fn cut<R: Request>(script: &ScriptedMember) {
    script.on::<R>(1, hang_up());
    script.on::<R>(1, cut_mid_frame());
}

/// One job of the name runs, and none was left on the way.
fn one_runs(counting: &Counting) {
    let jobs = counting.stage.person.jobs(&counting.name);
    let mut active = jobs.iter().filter(|job| !job.status.is_terminal());
    let first = active.next().map(|job| job.status);
    assert_eq!(first, Some(JobStatus::Running), "{jobs:?}");
    assert_eq!(active.next(), None, "{jobs:?}");
}

#[test]
fn an_export_ends_whole_however_often_it_is_cut() {
    // Enough for many chunks, which are read partition by partition.
    let (script, counting) = counting("cut-export", 200);
    let stage = &counting.stage;
    let snapshot = stage.name("snap");
    cut::<MapFetchEntries<'_>>(&script);
    cut::<MapPutAll<'_>>(&script);
    cut::<MapSet<'_>>(&script);
    stage.declare_snapshot(&snapshot, &counting.name, &[]);

    stage.until_snapshot(&snapshot, SnapshotState::Exported);
    assert!(script.heard::<MapFetchEntries<'_>>() > 2);
    stage.cli(&["snapshot", "verify", &snapshot]).code(0);
    assert_eq!(stage.count(&snapshot, EventKind::SnapshotExported), 1);
    counting.is_continuous();
    one_runs(&counting);
}

#[test]
fn an_upgrade_keeps_every_count_however_often_it_is_cut() {
    // So few that they are read with one call.
    let (script, counting) = counting("cut-upgrade", 4);
    let stage = &counting.stage;
    // Twice: to suspend, and to cancel.
    cut::<TerminateJob>(&script);
    cut::<TerminateJob>(&script);
    cut::<MapEntrySet<'_>>(&script);
    cut::<MapPutAll<'_>>(&script);
    // Of what it asks of the last part nobody knows whether it arrived: that would wait for a person.
    script.on::<UploadJobMetaData<'_>>(1, hang_up());
    script.on::<UploadJobMultipart<'_>>(1, cut_mid_frame());
    stage.write("jars/counter.jar", jar("counter-v2.jar"));

    stage.until_event(&counting.name, EventKind::UpgradeStable);
    stage.until_at_rest(&counting.name, Phase::Running);
    assert!(script.heard::<TerminateJob>() >= 4);
    counting.is_continuous();
    assert!(counting.counts().highest() > 1_000);
    one_runs(&counting);
    let ended = stage.person.jobs(&counting.name).len() - 1;
    assert_eq!(ended, 1, "the version before, and no other one");
}
