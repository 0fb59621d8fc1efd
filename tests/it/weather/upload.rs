//! The member that runs `main` dies.

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;
use crate::support::cluster::Cluster;
use crate::support::member::Member;

#[test]
fn the_only_member_dies_during_an_upload() {
    let mut member = Member::options().start();
    let mut stage = Stage::on(&member);
    let name = stage.name("slow");
    stage.declare_slow(&name, &[]);
    stage.start();
    stage.until_main_begins(&member, &name);
    member.kill();
    stage.until_held(&name, Reason::ClusterUnreachable, &[&member.address()]);

    // It comes back empty: that job is gone with it, if it ever was.
    member.let_main_go(&name);
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
    stage.declare_slow(&name, &[]);
    stage.start();
    let begins = format!("main begins: {name}");
    let mut busy = None;
    stage.until("main waits on one of them", || {
        let mut members = cluster.members.iter();
        busy = members.position(|member| member.log().contains(&begins));
        busy.is_some()
    });
    let busy = busy.unwrap();
    cluster.members[busy].kill();
    stage.until_held(&name, Reason::OutcomeUnknown, &["the upload had no answer"]);
    assert_eq!(stage.submits(&name), 1);

    cluster.members[1 - busy].let_main_go(&name);
    let job = stage.until_at_rest(&name, Phase::Running);
    stage.reconcile();
    assert_eq!(stage.person.only_job(&name).job_id, job.status.id);
    assert_eq!(stage.submits(&name), 2);
}
