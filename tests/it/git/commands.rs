//! The commands that read Git sources by themselves, and a daemon whose sources change.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::remote::Remote;
use crate::support::documents::orders;
use crate::support::fixture;
use crate::support::member::Member;
use crate::support::program::{Output, Program};
use crate::support::scratch::Scratch;
use crate::support::unique;
use crate::support::wait::{PATIENCE, eventually};

/// A configuration of one source `jobs`, with these keys of `git`.
fn config(scratch: &Scratch, git: &str, owner: &str) -> PathBuf {
    let text = format!(
        "sources: [{{name: jobs, git: {{{git}}}}}]\nstate: {{directory: state}}\nowner: {owner}\n"
    );
    scratch.replace("jetkeeper.yaml", text)
}

fn run(config: &Path, args: &[&str]) -> Output {
    let config = config.to_str().unwrap();
    Program::run(args.iter().copied().chain(["--config", config]))
}

/// The directories of clones beside the state, each with when something in it was changed last.
fn clones(scratch: &Scratch) -> Vec<(PathBuf, std::time::SystemTime)> {
    let found = fs::read_dir(scratch.path().join("state/git")).unwrap();
    let mut found: Vec<_> = found
        .map(|entry| {
            let path = entry.unwrap().path();
            let changed = fs::metadata(path.join("lock")).unwrap().modified();
            (path, changed.unwrap())
        })
        .collect();
    found.sort();
    found
}

#[test]
fn validate_reads_the_repository_and_names_files_by_their_path_in_it() {
    let (remote, scratch) = (Remote::new(), Scratch::new());
    remote.write("production/job.yaml", "kind: JetJob\n");
    remote.write("elsewhere.yaml", "nonsense");
    remote.push();
    let git = format!("url: {}, path: production", remote.url());
    let config = config(&scratch, &git, "me");
    let faulty = run(&config, &["validate", "-o", "json"]).code(1).stdout;
    assert!(faulty.contains("\"production/job.yaml\""), "{faulty}");
    assert!(!faulty.contains("elsewhere"), "{faulty}");

    remote.write("production/job.yaml", "# no job yet\n");
    remote.push();
    let well = run(&config, &["validate"]).code(0).stderr;
    assert!(well.contains("ok: 0 resources in 1 file"), "{well}");

    let config = self::config(&scratch, "url: /nowhere/jobs.git", "me");
    let away = run(&config, &["validate"]).code(1).stdout;
    assert!(away.contains("/nowhere/jobs.git"), "{away}");
    assert!(!scratch.path().join("state").exists(), "it only reads");
}

#[test]
fn what_is_in_a_repository_is_planned_applied_and_found_again() {
    let (remote, scratch) = (Remote::new(), Scratch::new());
    let (name, owner) = (unique("git-apply"), unique("git-owner"));
    remote.write("orders.yaml", orders(Member::shared(), &name));
    remote.write("orders.jar", fs::read(fixture("orders.jar")).unwrap());
    remote.push();
    let config = config(&scratch, &format!("url: {}", remote.url()), &owner);
    let plan = run(&config, &["plan", "--detailed-exitcode"])
        .code(2)
        .stdout;
    assert!(plan.contains(&format!("+ JetJob/{name}")), "{plan}");
    assert!(
        !scratch.path().join("state/git").exists(),
        "a plan writes nothing"
    );
    run(&config, &["apply"]).code(0);
    let plan = run(&config, &["plan", "--detailed-exitcode"])
        .code(0)
        .stdout;
    assert_eq!(plan, "nothing to do\n");

    let away = remote.scratch.path().join("away.git");
    fs::rename(remote.bare(), &away).unwrap();
    let blind = run(&config, &["apply"]).code(1).stderr;
    assert!(blind.contains("source jobs can't be read"), "{blind}");
    fs::rename(&away, remote.bare()).unwrap();

    fs::remove_dir_all(scratch.path().join("state")).unwrap();
    let rebuilt = run(&config, &["state", "rebuild"]).code(0).stdout;
    assert!(
        rebuilt.starts_with(&format!("JetJob/{name}: found as job ")),
        "{rebuilt}"
    );
    // The state that was made anew takes the name over, and nothing else is to do.
    let planned = run(&config, &["plan", "--detailed-exitcode"])
        .code(2)
        .stdout;
    assert!(planned.contains("renew the claim"), "{planned}");
    assert!(planned.contains("\n1 to do\n"), "{planned}");
}

/// They are asked together, and none longer than the command may take.
#[test]
fn a_plan_waits_for_no_remote_longer_than_it_may_take() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let scratch = Scratch::new();
    let sources = (0..8)
        .map(|it| format!("  - {{name: s{it}, git: {{url: \"http://{address}/{it}.git\"}}}}\n"));
    let text = format!(
        "sources:\n{}state: {{directory: state}}\nowner: me\n",
        sources.collect::<String>()
    );
    let config = scratch.write("jetkeeper.yaml", text);
    let began = Instant::now();
    let plan = run(&config, &["plan", "--timeout", "4s"]).code(1);
    // Each alone would take as long.
    assert!(
        began.elapsed() < Duration::from_secs(4 * 8),
        "{:?}",
        began.elapsed()
    );
    assert!(plan.stdout.contains("has not ended yet"), "{}", plan.stdout);
}

#[test]
fn a_second_daemon_touches_no_clone_of_the_first() {
    let (remote, scratch) = (Remote::new(), Scratch::new());
    remote.write("README.md", "no job yet");
    let commit = remote.push();
    let first = config(
        &scratch,
        &format!("url: {}, interval: 1h", remote.url()),
        "me",
    );
    let daemon = Program::start(["run", "--config", first.to_str().unwrap()]);
    eventually(PATIENCE, "the first daemon has fetched", || {
        let history = run(&first, &["history", "-o", "json"]);
        history.code == Some(0) && history.stdout.contains(&commit)
    });
    let before = clones(&scratch);
    // Of the same repository, and of another.
    for git in [
        format!("url: {}", remote.url()),
        "url: /nowhere.git".to_owned(),
    ] {
        let second = config(&scratch, &git, "me");
        let refused = run(&second, &["run"]).code(1).stderr;
        assert!(refused.contains("by process"), "{refused}");
        assert_eq!(clones(&scratch), before);
    }
    daemon.terminate().code(0);
}

#[test]
fn a_reload_changes_what_is_taken_of_a_repository() {
    let (remote, scratch) = (Remote::new(), Scratch::new());
    remote.write("README.md", "main");
    let main = remote.push();
    remote.write("README.md", "other");
    remote.git(&["commit", "--quiet", "-am", "other"]);
    remote.git(&["push", "--quiet", &remote.url(), "HEAD:refs/heads/other"]);
    let other = remote.git(&["rev-parse", "HEAD"]);
    let url = remote.url();
    let config = config(
        &scratch,
        &format!("url: {url}, ref: {{branch: main}}"),
        "me",
    );
    let daemon = Program::start(["run", "--config", config.to_str().unwrap()]);
    let seen = |commit: &str| {
        let history = run(&config, &["history", "-o", "json"]);
        history.code == Some(0) && history.stdout.contains(commit)
    };
    eventually(PATIENCE, "the branch is shown", || seen(&main));
    let clone = clones(&scratch).remove(0).0;
    self::config(
        &scratch,
        &format!("url: {url}, ref: {{branch: other}}"),
        "me",
    );
    daemon.signal(Signal::HUP);
    eventually(PATIENCE, "the other branch is shown", || seen(&other));
    assert_eq!(
        clones(&scratch).remove(0).0,
        clone,
        "the same clone serves both"
    );

    // To a repository that is away: what was shown stays in force, and the reload comes to its end.
    self::config(&scratch, "url: /nowhere/jobs.git", "me");
    daemon.signal(Signal::HUP);
    eventually(PATIENCE, "the failure is told", || {
        run(&config, &["events"])
            .stdout
            .contains("/nowhere/jobs.git")
    });
    daemon.terminate().code(0);
}
