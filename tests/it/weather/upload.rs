//! The member that runs `main` dies.

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;
use crate::support::cluster::Cluster;
use crate::support::member::Member;

const SLOW: &[&str] = &["parameters: [\"3000\"]"];

#[test]
fn the_only_member_dies_during_an_upload() {
    let mut member = Member::options().start();
    let mut stage = Stage::on(&member);
    let name = stage.name("slow");
    stage.declare(&name, "SlowMain", SLOW);
    stage.start();
    stage.until_held(&name, Reason::StepInFlight, &["submit job"]);
    member.kill();
    stage.until_held(&name, Reason::ClusterUnreachable, &[&member.address()]);

    // It comes back empty: that job is gone with it, if it ever was.
    member.restart();
    let job = stage.until_at_rest(&name, Phase::Running);
    stage.reconcile();
    assert_eq!(stage.person.only_job(&name).job_id, job.status.id);
    assert_eq!(stage.submits(&name), 2);
}

#[test]
fn one_of_two_members_dies_during_an_upload() {
    let mut cluster = Cluster::start(2);
    let mut stage = Stage::on_all(&cluster);
    let name = stage.name("slow");
    stage.declare(&name, "SlowMain", SLOW);
    stage.start();
    stage.until_held(&name, Reason::StepInFlight, &["submit job"]);
    // Main runs on the master, the oldest.
    cluster.members[0].kill();
    stage.until_held(&name, Reason::OutcomeUnknown, &[]);
    assert_eq!(stage.submits(&name), 1);

    let job = stage.until_at_rest(&name, Phase::Running);
    stage.reconcile();
    assert_eq!(stage.person.only_job(&name).job_id, job.status.id);
    assert_eq!(stage.submits(&name), 2);
}
