//! The daemon and those who ask it, with the real program and no cluster: it has to be of use even
//! while no member is up.

use std::path::PathBuf;

use crate::support::program::{Output, Program};
use crate::support::scratch::Scratch;
use crate::support::wait::{PATIENCE, eventually};

/// Nothing listens on this port.
const CLUSTER: &str = "\
apiVersion: hazelcast.com/v1alpha1
kind: Hazelcast
metadata: {name: hazelcast}
spec: {addresses: [\"127.0.0.1:1\"]}
";

const JOB: &str = "\
apiVersion: hazelcast.com/v1alpha1
kind: JetJob
metadata: {name: orders}
spec:
  hazelcastResourceName: hazelcast
  jarOnMember: /opt/orders.jar
";

struct Scene {
    jobs: Scratch,
    state: Scratch,
}

impl Scene {
    fn new() -> Self {
        let (jobs, state) = (Scratch::new(), Scratch::new());
        jobs.write("hazelcast.yaml", CLUSTER);
        jobs.write("orders.yaml", JOB);
        Self { jobs, state }
    }

    fn state(&self) -> PathBuf {
        self.state.path().join("state")
    }

    fn args<'a>(&'a self, args: &[&'a str]) -> Vec<String> {
        let jobs = self.jobs.path().to_str().unwrap();
        let mut all: Vec<String> = args.iter().map(|arg| arg.replace("JOBS", jobs)).collect();
        all.extend(["--state".to_owned(), self.state().display().to_string()]);
        all
    }

    fn start(&self) -> Program {
        let program = Program::start(self.args(&["run", "JOBS"]));
        let socket = self.state().join("jetkeeper.sock");
        eventually(PATIENCE, "the daemon listens", || socket.exists());
        eventually(PATIENCE, "the daemon knows the job", || {
            self.run(&["get", "jobs", "-o", "name"]).stdout == "JetJob/orders\n"
        });
        program
    }

    fn run(&self, args: &[&str]) -> Output {
        Program::run(self.args(args))
    }
}

#[test]
fn a_daemon_tells_what_it_waits_for_and_ends_in_order() {
    let scene = Scene::new();
    let daemon = scene.start();

    eventually(PATIENCE, "the job's hold is told", || {
        let jobs = scene.run(&["get", "jobs"]).code(0).stdout;
        jobs.contains("can't be reached")
    });
    let described = scene.run(&["describe", "orders"]).code(0).stdout;
    assert!(
        described.contains("ClusterUnreachable (Waiting)"),
        "{described}"
    );
    let cluster = scene.run(&["get", "hazelcast", "hazelcast"]).code(0).stdout;
    assert!(cluster.contains("Connecting"), "{cluster}");

    let json = scene.run(&["get", "jobs", "-o", "json"]).code(0).stdout;
    let list: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&list["apiVersion"], &list["kind"]),
        (&"v1".into(), &"List".into())
    );
    assert_eq!(list["items"][0]["metadata"]["name"], "orders");
    let json = scene
        .run(&["get", "jobs/orders", "-o", "json"])
        .code(0)
        .stdout;
    let one: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(one["kind"], "JetJob");
    let yaml = scene
        .run(&["get", "jobs", "orders", "-o", "yaml"])
        .code(0)
        .stdout;
    assert!(
        yaml.starts_with("apiVersion: hazelcast.com/v1alpha1\n"),
        "{yaml}"
    );

    let unknown = scene.run(&["get", "jobs", "nobody"]).code(1).stderr;
    assert!(
        unknown.starts_with("error: there is no JetJob/nobody\n"),
        "{unknown}"
    );

    let ended = daemon.terminate().code(0);
    assert!(ended.stderr.contains("jetkeeper 0"), "{}", ended.stderr);
    assert!(
        ended.stderr.ends_with("stopped; nothing was left\n"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.stdout, "");
    assert!(!scene.state().join("jetkeeper.sock").exists());
}

#[test]
fn who_would_do_the_same_work_twice_is_refused() {
    let scene = Scene::new();
    let daemon = scene.start();

    let second = scene.run(&["run", "JOBS"]).code(1).stderr;
    assert!(second.contains("is in use by"), "{second}");
    for args in [
        &["apply", "JOBS"][..],
        &["state", "check"],
        &["state", "export"],
        &["state", "rebuild", "JOBS"],
    ] {
        let refused = scene.run(args).code(1).stderr;
        assert!(refused.contains("reconcile --wait"), "{args:?}: {refused}");
    }
    daemon.terminate().code(0);
}

#[test]
fn commands_that_are_printed_lead_to_the_daemon_that_was_asked() {
    let scene = Scene::new();
    let daemon = scene.start();
    scene
        .run(&["pause", "orders", "--reason", "the fair"])
        .code(0);
    let described = scene.run(&["describe", "orders"]).code(0).stdout;
    let release = format!(
        "jetkeeper unpause JetJob/orders --state {}",
        scene.state().display()
    );
    assert!(
        described.contains(&format!("to release: {release}\n")),
        "{described}"
    );
    // Under its own header, whatever stands behind it; and as it is for programs.
    let wide = scene.run(&["get", "holds", "-o", "wide"]).code(0).stdout;
    let (header, row) = wide.split_once('\n').unwrap();
    assert_eq!(header.find("RELEASE"), row.find(&release), "{wide}");
    let end = row.find(&release).map(|at| at + release.len() + "  ".len());
    assert_eq!(header.find("MESSAGE"), end, "{wide}");
    let json = scene.run(&["get", "holds", "-o", "json"]).code(0).stdout;
    assert!(!json.contains("--state"), "{json}");
    daemon.terminate().code(0);
}

#[test]
fn a_pause_and_its_end_are_seen_and_told() {
    let scene = Scene::new();
    let daemon = scene.start();

    scene
        .run(&["pause", "orders", "--reason", "the fair", "--for", "2h"])
        .code(0);
    let holds = scene.run(&["get", "holds"]).code(0).stdout;
    assert!(
        holds.contains("Paused") && holds.contains("the fair"),
        "{holds}"
    );
    let described = scene.run(&["describe", "orders"]).code(0).stdout;
    assert!(
        described.contains("to release: jetkeeper unpause JetJob/orders"),
        "{described}"
    );
    let plan = scene.run(&["plan", "JOBS"]).code(0).stdout;
    assert!(
        plan.contains("the fair"),
        "the daemon's records are planned with: {plan}"
    );
    let id = holds.lines().nth(1).unwrap().split(' ').next().unwrap();
    let refused = scene.run(&["confirm", id]).code(1).stderr;
    assert!(refused.contains("hint:"), "{refused}");

    let unpaused = scene.run(&["unpause", "orders"]).code(0).stderr;
    assert_eq!(unpaused, "JetJob/orders is no longer paused\n");
    let again = scene.run(&["unpause", "orders"]).code(1).stderr;
    assert!(
        again.starts_with("error: JetJob/orders is not paused\n"),
        "{again}"
    );
    let events = scene.run(&["events", "orders"]).code(0).stdout;
    let told = |kind: &str, words: &str| {
        let mut lines = events.lines();
        lines.any(|line| line.contains(kind) && line.contains(words))
    };
    assert!(told("Paused", ": the fair"), "{events}");
    assert!(
        told("Unpaused", "the pause of JetJob/orders ended by "),
        "{events}"
    );

    let cluster = scene
        .run(&["pause", "hazelcast/far", "--reason", "r"])
        .code(1)
        .stderr;
    assert!(cluster.contains("can't be paused"), "{cluster}");
    let lines = scene
        .run(&["pause", "--reason", "two\nlines"])
        .code(1)
        .stderr;
    assert!(lines.contains("one line"), "{lines}");
    scene.run(&["pause", "--reason", "the move"]).code(0);
    let holds = scene.run(&["get", "holds"]).code(0).stdout;
    assert!(
        holds.contains("everything is paused by ") && holds.contains(": the move"),
        "{holds}"
    );
    daemon.terminate().code(0);
}

#[test]
fn a_broken_document_is_logged_and_reconcile_says_so() {
    let scene = Scene::new();
    let daemon = scene.start();

    scene.jobs.replace(
        "broken.yaml",
        "apiVersion: hazelcast.com/v1alpha1\nkind: JetJb\n",
    );
    eventually(PATIENCE, "the fault is logged", || {
        daemon.stderr().contains("ERROR broken.yaml:2:")
    });
    let refused = scene
        .run(&["reconcile", "--wait", "--timeout", "1s"])
        .code(1)
        .stderr;
    assert!(refused.contains("not done after 1s: "), "{refused}");
    assert!(refused.contains("jetkeeper validate"), "{refused}");
    daemon.terminate().code(0);
}

#[test]
fn a_document_that_was_never_good_shows_what_is_wrong_with_it() {
    let scene = Scene::new();
    let daemon = scene.start();
    let broken = JOB
        .replace("orders", "returns")
        .replace("jarOnMember", "jarOnMembr");
    scene.jobs.replace("returns.yaml", broken);
    let faulty = "returns.yaml:6:3: unknown field `jarOnMembr` in `spec`";
    eventually(PATIENCE, "the job has a row", || {
        let jobs = scene.run(&["get", "jobs"]).code(0).stdout;
        let mut rows = jobs.lines();
        rows.any(|row| row.starts_with("returns  NotRunning") && row.contains(faulty))
    });
    let described = scene.run(&["describe", "returns"]).code(0).stdout;
    for part in [
        "Generation:   none: its document had faults from the start\n",
        "Phase:        NotRunning: there is no job of it on the cluster\n",
        "Lifecycle:    FAILED\n",
        "  Faulty (Blocked): returns.yaml:6:3: ",
    ] {
        assert!(described.contains(part), "{part} is missing: {described}");
    }
    let json = scene
        .run(&["get", "jobs/returns", "-o", "json"])
        .code(0)
        .stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json.get("spec"), None);
    assert_eq!(json["status"]["conditions"][0]["reason"], "Faulty");

    let events = scene.run(&["events", "returns"]).code(0).stdout;
    assert!(
        events.contains("Held") && events.contains(faulty),
        "{events}"
    );

    scene
        .jobs
        .replace("returns.yaml", JOB.replace("orders", "returns"));
    eventually(PATIENCE, "the mended document is taken", || {
        let row = scene
            .run(&["get", "jobs", "returns", "-o", "wide"])
            .code(0)
            .stdout;
        row.contains("0 of 1") && !row.contains("Faulty")
    });
    daemon.terminate().code(0);
}

#[test]
fn a_cluster_s_document_with_faults_shows_them() {
    let scene = Scene::new();
    let daemon = scene.start();
    let cluster = CLUSTER.replace("addresses", "adresses");
    scene.jobs.replace("hazelcast.yaml", &cluster);
    scene
        .jobs
        .replace("other.yaml", cluster.replace("hazelcast}", "other}"));
    eventually(PATIENCE, "the clusters tell their faults", || {
        let clusters = scene.run(&["get", "hazelcast"]).code(0).stdout;
        let told = |name: &str, place: &str| {
            let mut rows = clusters.lines();
            rows.any(|row| row.starts_with(name) && row.contains(place))
        };
        told("other", "other.yaml:4:") && told("hazelcast", "hazelcast.yaml:4:")
    });
    let described = scene.run(&["describe", "hazelcast/other"]).code(0).stdout;
    assert!(
        described.contains("Faulty (Blocked): other.yaml:4:"),
        "{described}"
    );
    daemon.terminate().code(0);
}

#[test]
fn an_export_that_waits_is_told_of_and_can_be_withdrawn() {
    let scene = Scene::new();
    let daemon = scene.start();
    let export = Program::start(scene.args(&["snapshot", "export", "orders", "--name", "friday"]));
    eventually(PATIENCE, "how to live without its end is told", || {
        let told = export.stderr();
        told.contains("Waiting: ") && told.contains("`jetkeeper snapshot delete friday --state ")
    });
    drop(export);
    // By its name alone, for no job and no cluster has it.
    let described = scene.run(&["describe", "friday"]).code(0).stdout;
    assert!(
        described.contains("Kind:         JetJobSnapshot"),
        "{described}"
    );

    let withdrawn = scene.run(&["snapshot", "delete", "friday"]).code(0).stderr;
    assert_eq!(withdrawn, "the export of snapshot friday is withdrawn\n");
    let none = scene.run(&["get", "snapshots"]).code(0);
    assert_eq!(none.stdout, "");
    let told = scene.run(&["events", "snapshots/friday"]).code(0).stdout;
    assert!(told.contains("it was withdrawn"), "{told}");
    daemon.terminate().code(0);
}

#[test]
fn a_reconcile_says_what_it_waits_for() {
    let scene = Scene::new();
    let daemon = scene.start();
    let waiting = scene
        .run(&["reconcile", "--wait", "--timeout", "2s"])
        .code(1)
        .stderr;
    assert!(
        waiting.starts_with("waiting for JetJob/orders: cluster hazelcast can't be reached"),
        "{waiting}"
    );
    daemon.terminate().code(0);
}

#[test]
fn what_happened_to_what_is_not_there_is_an_error_with_a_hint() {
    let scene = Scene::new();
    let daemon = scene.start();
    for command in ["events", "history"] {
        let unknown = scene.run(&[command, "nobody"]).code(1).stderr;
        assert!(
            unknown.starts_with("error: there is no JetJob/nobody\n"),
            "{unknown}"
        );
        assert!(
            unknown.contains(&format!(
                "`jetkeeper get jobs --state {}` shows the names",
                scene.state().display()
            )),
            "{unknown}"
        );
    }
    daemon.terminate().code(0);
}

#[test]
fn a_watch_follows_until_the_daemon_stops() {
    let scene = Scene::new();
    let daemon = scene.start();
    let watch = Program::start(scene.args(&["get", "jobs", "-w", "-o", "name"]));
    eventually(PATIENCE, "the job is listed", || {
        watch.stdout().starts_with("JetJob/orders\n")
    });

    scene
        .jobs
        .replace("returns.yaml", JOB.replace("orders", "returns"));
    eventually(PATIENCE, "the new job is listed", || {
        watch.stdout().contains("JetJob/returns\n")
    });

    daemon.terminate().code(0);
    let ended = watch.end_within(PATIENCE).code(1);
    assert_eq!(ended.stderr, "error: the daemon stopped\n");
    let timed = Scene::new();
    let daemon = timed.start();
    timed
        .run(&["get", "jobs", "-w", "--timeout", "200ms"])
        .code(0);
    daemon.terminate().code(0);
}

#[test]
fn without_a_daemon_the_last_records_answer_and_take_a_persons_word() {
    let scene = Scene::new();
    scene.start().terminate().code(0);

    let output = scene.run(&["get", "jobs"]).code(0);
    assert!(output.stdout.contains("orders"), "{}", output.stdout);
    assert!(
        output.stderr.contains("this is what was recorded last"),
        "{}",
        output.stderr
    );
    // Nothing is recorded of what is held, so nothing says that this is what was.
    let holds = scene.run(&["get", "holds"]).code(1).stderr;
    assert!(
        holds.starts_with("error: only a daemon knows what is held"),
        "{holds}"
    );

    let paused = scene
        .run(&["pause", "orders", "--reason", "the fair"])
        .code(0);
    assert!(
        paused.stderr.contains("the next run or apply acts on it"),
        "{}",
        paused.stderr
    );
    let unknown = scene
        .run(&["pause", "nobody", "--reason", "r"])
        .code(1)
        .stderr;
    assert!(
        unknown.contains("nothing is recorded of JetJob/nobody"),
        "{unknown}"
    );
    scene.run(&["confirm", "0123"]).code(2);
    let confirmed = scene.run(&["confirm", "0123456789ab"]).code(0).stderr;
    assert!(!confirmed.contains("confirmed: "), "{confirmed}");
    assert!(
        confirmed.contains("should the next run or apply find it")
            && confirmed.contains("jetkeeper plan PATH"),
        "nobody knows that hold: {confirmed}"
    );

    let daemon = scene.start();
    let holds = scene.run(&["get", "holds"]).code(0).stdout;
    assert!(holds.contains("the fair"), "{holds}");
    daemon.terminate().code(0);
    scene.run(&["state", "check"]).code(0);
}

#[test]
fn state_moves_by_export_and_import() {
    let scene = Scene::new();
    scene.start().terminate().code(0);
    let file = scene.state.path().join("export.jsonl");
    let file = file.to_str().unwrap();

    scene.run(&["state", "export", file]).code(0);
    let refused = scene.run(&["state", "import", file]).code(1).stderr;
    assert!(refused.contains("already"), "{refused}");
    let other = scene.state.path().join("other");
    let other = other.to_str().unwrap();
    Program::run(["state", "import", file, "--state", other]).code(0);
    let jobs = Program::run(["get", "jobs", "-o", "name", "--state", other]).code(0);
    assert_eq!(jobs.stdout, "JetJob/orders\n");
}

#[test]
fn a_plan_that_can_not_see_the_cluster_is_no_plan() {
    let scene = Scene::new();
    let output = scene.run(&["plan", "JOBS", "--timeout", "500ms"]).code(1);
    assert!(
        output.stderr.contains("the plan is not complete"),
        "{}",
        output.stderr
    );
    assert!(!scene.state().exists(), "a plan creates nothing");

    let output = scene.run(&["apply", "JOBS", "--timeout", "500ms"]).code(1);
    assert!(
        output.stderr.contains("not done after"),
        "{}",
        output.stderr
    );
}
