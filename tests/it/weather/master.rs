//! The master, which coordinates all jobs, changes.

use jetkeeper::hazelcast::JobStatus;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::status::Phase;

use super::stage::Stage;
use crate::support::cluster::Cluster;

#[test]
fn a_new_master_takes_over_and_nothing_is_submitted_or_cancelled() {
    let mut cluster = Cluster::start(2);
    let mut stage = Stage::on_all(&cluster);
    let (name, later) = (stage.name("counter"), stage.name("later"));
    let counts = format!("parameters: [{name}]");
    stage.declare(&name, "Counter", &[&counts]);
    stage.start();
    let before = stage.until_at_rest(&name, Phase::Running);

    cluster.members[0].kill();
    stage.until("the new master runs the job", || {
        let jobs = stage.person.jobs(&name);
        matches!(&*jobs, [job] if job.status == JobStatus::Running)
    });
    // What starts or stops jobs waits until the new master has settled.
    stage.declare(&later, "Stateless", &[]);
    stage.until_held(&later, Reason::ClusterUnsafe, &["has a new master"]);
    assert!(stage.person.jobs(&later).is_empty());

    stage.until_at_rest(&later, Phase::Running);
    let after = stage.until_at_rest(&name, Phase::Running);
    assert_eq!(after.status.id, before.status.id);
    stage.reconcile();
    let only = stage.person.only_job(&name);
    assert_eq!(
        (only.status, only.job_id),
        (JobStatus::Running, before.status.id)
    );
    assert_eq!(stage.submits(&name), 1);
    for verb in ["cancel", "suspend", "restart", "resume"] {
        assert_eq!(stage.steps(&format!("{verb} job")), 0, "{}", stage.log());
    }
}
