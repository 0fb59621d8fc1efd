//! The real program on a real member: plan, apply, plan again.

use crate::support::documents::orders;
use crate::support::member::Member;
use crate::support::program::{Output, Program};
use crate::support::scratch::Scratch;
use crate::support::unique;

struct Scene {
    jobs: Scratch,
    state: Scratch,
    job: String,
}

impl Scene {
    fn new() -> Self {
        let (jobs, state) = (Scratch::new(), Scratch::new());
        let job = unique("cli");
        jobs.jar("jars/orders.jar", "orders.jar");
        jobs.write("all.yaml", orders(Member::shared(), &job));
        Self { jobs, state, job }
    }

    fn run(&self, args: &[&str]) -> Output {
        let jobs = self.jobs.path().to_str().unwrap();
        let state = self.state.path().join("state");
        let args = args.iter().map(|arg| arg.replace("JOBS", jobs));
        Program::run(args.chain(["--state".to_owned(), state.display().to_string()]))
    }
}

#[test]
fn a_plan_is_applied_and_then_there_is_nothing_to_do() {
    let scene = Scene::new();
    let job = &scene.job;

    let plan = scene.run(&["plan", "JOBS", "--detailed-exitcode"]).code(2);
    assert!(
        plan.stdout.starts_with(&format!("+ JetJob/{job}: ")),
        "{}",
        plan.stdout
    );
    assert!(plan.stdout.ends_with("\n1 to do\n"), "{}", plan.stdout);

    let applied = scene.run(&["apply", "JOBS"]).code(0);
    assert!(
        applied.stderr.contains(": RUNNING (job "),
        "{}",
        applied.stderr
    );
    assert!(
        applied.stderr.ends_with("done: 1 job as declared\n"),
        "{}",
        applied.stderr
    );
    assert_eq!(applied.stdout, "");

    let plan = scene.run(&["plan", "JOBS", "--detailed-exitcode"]).code(0);
    assert_eq!(plan.stdout, "nothing to do\n");
    let jobs = scene.run(&["get", "jobs"]).code(0).stdout;
    assert!(jobs.contains(" Running "), "{jobs}");

    // The same again, by somebody who lost the state: nothing is submitted twice.
    std::fs::remove_dir_all(scene.state.path().join("state")).unwrap();
    let lost = scene.run(&["apply", "JOBS"]).code(1).stderr;
    assert!(lost.contains("state rebuild"), "{lost}");
    let rebuilt = scene.run(&["state", "rebuild", "JOBS"]).code(0).stdout;
    assert!(
        rebuilt.starts_with(&format!("JetJob/{job}: found as job ")),
        "{rebuilt}"
    );
    takes_the_name_over(&scene);
    rebuild_of_sound_state_asks(&scene);

    // A job that nobody declared can be written down.
    let config = scene.jobs.write(
        "jetkeeper.conf",
        format!(
            "clusters: {{here: {{clusterName: {}, addresses: [\"{}\"]}}}}\n",
            Member::shared().cluster_name(),
            Member::shared().address()
        ),
    );
    let exported = Program::run([
        "adopt",
        job,
        "--export",
        "--config",
        config.to_str().unwrap(),
    ]);
    let yaml = exported.code(0).stdout;
    assert!(yaml.contains(&format!("name: {job}\n")), "{yaml}");
    assert!(yaml.contains("hazelcastResourceName: here\n"), "{yaml}");

    let text = std::fs::read_to_string(scene.jobs.path().join("all.yaml")).unwrap();
    let canceled = text.replace("  jarName", "  state: Canceled\n  jarName");
    scene.jobs.replace("all.yaml", canceled);
    scene.run(&["apply", "JOBS"]).code(0);
    let jobs = scene.run(&["get", "jobs"]).code(0).stdout;
    assert!(jobs.contains("Canceled"), "{jobs}");
}

/// What was made anew takes the name over, so that nobody else with this owner goes on with the job.
fn takes_the_name_over(scene: &Scene) {
    let job = &scene.job;
    let plan = scene.run(&["plan", "JOBS", "--detailed-exitcode"]).code(2);
    let words = format!("JetJob/{job}: renew the claim on the name {job}");
    assert!(plan.stdout.contains(&words), "{plan:?}");
    assert!(plan.stdout.ends_with("\n1 to do\n"), "{plan:?}");
}

/// What is sound is not forgotten by accident.
fn rebuild_of_sound_state_asks(scene: &Scene) {
    let refused = scene.run(&["state", "rebuild", "JOBS"]).code(1).stderr;
    assert!(
        refused.contains("is sound") && refused.contains("--force"),
        "{refused}"
    );
    scene.run(&["state", "rebuild", "JOBS", "--force"]).code(0);
}
