//! The real program with a Git source and a real member: what is pushed runs.

use std::fs;
use std::path::Path;

use super::remote::Remote;
use crate::support::documents::orders;
use crate::support::fixture;
use crate::support::member::Member;
use crate::support::program::{Output, Program};
use crate::support::scratch::Scratch;
use crate::support::unique;
use crate::support::wait::{PATIENCE, eventually};

fn run(config: &Path, args: &[&str]) -> Output {
    let config = config.to_str().unwrap();
    Program::run(args.iter().copied().chain(["--config", config]))
}

#[test]
fn what_is_pushed_runs_and_history_names_the_commit() {
    let (remote, scratch) = (Remote::new(), Scratch::new());
    remote.write("README.md", "no job yet");
    let empty = remote.push();
    let config = scratch.write(
        "jetkeeper.yaml",
        format!(
            "sources: [{{name: jobs, git: {{url: \"{}\", ref: {{branch: main}}, interval: 5s}}}}]\n\
             state: {{directory: state}}\nowner: {}\n",
            remote.url(),
            unique("git-owner"),
        ),
    );
    run(&config, &["config", "check"]).code(0);
    let daemon = Program::start(["run", "--config", config.to_str().unwrap()]);
    let history = || run(&config, &["history", "-o", "json"]);
    eventually(PATIENCE, "the first commit is planned with", || {
        let history = history();
        history.code == Some(0) && history.stdout.contains(&empty)
    });

    let name = unique("git");
    remote.write("orders.yaml", orders(Member::shared(), &name));
    remote.write("orders.jar", fs::read(fixture("orders.jar")).unwrap());
    let commit = remote.push();
    eventually(PATIENCE, "the job runs", || {
        let jobs = run(&config, &["get", "jobs"]).stdout;
        jobs.contains(&name) && jobs.contains(" Running ")
    });
    let history = history().code(0).stdout;
    assert!(history.contains(&commit), "{history}");
    assert!(history.contains(&name), "{history}");

    // A remote that is away is told, and nothing else happens.
    let away = remote.scratch.path().join("away.git");
    fs::rename(remote.bare(), &away).unwrap();
    run(&config, &["reconcile"]).code(0);
    eventually(PATIENCE, "the source's failure is told", || {
        let events = run(&config, &["events"]).stdout;
        events.contains("can't be fetched from")
    });
    let unread = run(&config, &["reconcile", "--wait"]).code(1).stderr;
    assert!(
        unread.contains("not all is as declared: source jobs can't be read"),
        "{unread}"
    );
    eventually(PATIENCE, "the job goes on", || {
        run(&config, &["get", "jobs"]).stdout.contains(" Running ")
    });
    fs::rename(&away, remote.bare()).unwrap();

    let canceled =
        orders(Member::shared(), &name).replace("  jarName", "  state: Canceled\n  jarName");
    remote.write("orders.yaml", canceled);
    remote.push();
    eventually(PATIENCE, "the job is canceled", || {
        run(&config, &["get", "jobs"]).stdout.contains("Canceled")
    });
    let events = run(&config, &["events"]).stdout;
    assert!(events.contains("can be read again"), "{events}");
    daemon.terminate().code(0);
}
