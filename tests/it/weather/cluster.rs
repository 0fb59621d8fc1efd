//! Clusters that aren't there, or not as they should be.

use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;
use crate::support::member::Member;

#[test]
fn no_member_is_up_and_then_one_is() {
    let mut member = Member::options().down();
    let mut stage = Stage::on(&member);
    let name = stage.name("orders");
    stage.declare(&name, "Stateless", &[]);
    stage.start();

    let address = member.address();
    let words = ["cluster hazelcast can't be reached", &address];
    stage.until_held(&name, Reason::ClusterUnreachable, &words);
    assert!(stage.described(&name).contains(&address));
    let listed = stage.cli(&["get", "jobs"]).code(0).stdout;
    assert!(listed.contains("can't be reached"), "{listed}");
    let clusters = stage.cli(&["get", "hazelcast"]).code(0).stdout;
    assert!(clusters.contains("Connecting"), "{clusters}");
    assert_eq!(stage.submits(&name), 0);

    member.restart();
    stage.until_at_rest(&name, Phase::Running);
    stage.person.only_job(&name);
    assert_eq!(stage.submits(&name), 1);
}

#[test]
fn a_cluster_of_another_name_is_told_and_the_right_name_taken() {
    let member = Member::shared();
    let mut stage = Stage::shared();
    let name = stage.name("orders");
    stage.declare(&name, "Stateless", &[]);
    stage.declare_cluster(&[member.address()], "somebody-elses");
    stage.start();

    let words = ["isn't called \"somebody-elses\"", "set clusterName"];
    stage.until_held(&name, Reason::ClusterMismatch, &words);
    assert!(stage.described(&name).contains("set clusterName"));
    assert_eq!(stage.submits(&name), 0);
    // It doesn't pass by itself, so nobody waits for it.
    let waited = stage.cli(&["reconcile", "--wait", "--timeout", "5m"]);
    let words = "warning: JetJob/";
    assert!(waited.code(1).stderr.contains(words));

    stage.declare_cluster(&[member.address()], member.cluster_name());
    stage.until_at_rest(&name, Phase::Running);
    stage.person.only_job(&name);
}

#[test]
fn jet_is_disabled_and_then_enabled() {
    let mut member = Member::options().jet(false).start();
    let mut stage = Stage::on(&member);
    let name = stage.name("orders");
    stage.declare(&name, "Stateless", &[]);
    stage.start();

    let words = ["Jet is disabled", "jet.enabled", "HZ_JET_ENABLED=true"];
    stage.until_held(&name, Reason::JetDisabled, &words);
    assert!(stage.described(&name).contains("HZ_JET_ENABLED=true"));
    assert_eq!(stage.submits(&name), 0);

    member.configure(|options| options.jet(true));
    member.restart();
    stage.until_at_rest(&name, Phase::Running);
    stage.person.only_job(&name);
    assert_eq!(stage.submits(&name), 1);
}

#[test]
fn upload_is_disabled_and_then_enabled() {
    let mut member = Member::options().upload(false).start();
    let mut stage = Stage::on(&member);
    let name = stage.name("orders");
    stage.declare(&name, "Stateless", &[]);
    stage.start();

    let words = [
        "takes no jars",
        "jet.resource-upload-enabled: true",
        "restart",
    ];
    stage.until_held(&name, Reason::ResourceUploadDisabled, &words);
    assert!(stage.described(&name).contains("resource-upload-enabled"));
    assert_eq!(stage.submits(&name), 0);
    assert!(stage.person.jobs(&name).is_empty());

    member.configure(|options| options.upload(true));
    member.restart();
    stage.until_at_rest(&name, Phase::Running);
    stage.person.only_job(&name);
    assert_eq!(stage.submits(&name), 1);
}
