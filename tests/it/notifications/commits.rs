//! How far commits are, as their host is told it: a real repository, a host on loopback.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::receiver::Receiver;
use crate::support::program::Program;
use crate::support::scratch::Scratch;
use crate::support::wait::{PATIENCE, eventually};

fn git(directory: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .current_dir(directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs([
            ("GIT_AUTHOR_NAME", "A. Author"),
            ("GIT_AUTHOR_EMAIL", "author@example.com"),
            ("GIT_COMMITTER_NAME", "A. Author"),
            ("GIT_COMMITTER_EMAIL", "author@example.com"),
        ])
        .output()
        .expect("`git` can't be started; scripts/tools installs it");
    assert!(output.status.success(), "git {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Commits what is there.
fn commit(tree: &Path) -> String {
    git(tree, &["add", "--all"]);
    git(
        tree,
        &["commit", "--quiet", "--allow-empty", "-m", "change"],
    );
    git(tree, &["rev-parse", "HEAD"])
}

const JOB: &str = "apiVersion: hazelcast.com/v1alpha1\nkind: JetJob\nmetadata: {name: orders}\n\
                   spec: {hazelcastResourceName: far, jarOnMember: /opt/orders.jar}\n";

/// What a host is told of commits.
struct Host(Receiver);

impl Host {
    /// The configuration of a daemon that tells it, for a repository.
    fn configuration(&self, tree: &Path) -> String {
        let (tree, api) = (tree.display(), self.0.url("/api/v1"));
        format!(
            "sources: [{{name: jobs, git: {{url: {tree}, interval: 5s}}}}]\n\
             clusters: {{far: {{addresses: [\"127.0.0.1:1\"]}}}}\n\
             state: {{directory: state}}\nsecrets: {{directory: secrets}}\n\
             notifications:\n  settle: 0s\n  receivers:\n    - name: commits\n      commitStatus:\n        \
             {{forge: gitea, source: jobs, secretName: forge, apiUrl: '{api}', repository: team/jobs}}\n"
        )
    }

    /// Commit, state and description of what it was told last.
    fn told(&self) -> Option<[String; 3]> {
        let got = self.0.got();
        let last = got.last()?;
        assert_eq!(last.header("authorization"), Some("token s3cret"));
        let place = "/api/v1/repos/team/jobs/statuses/";
        let commit = last.path.strip_prefix(place).unwrap().to_owned();
        let body = last.json();
        assert_eq!(body["context"], "jetkeeper");
        let text = |key: &str| body[key].as_str().unwrap().to_owned();
        Some([commit, text("state"), text("description")])
    }

    /// Waits until it is told that, and returns why.
    fn comes(&self, commit: &str, state: &str) -> String {
        eventually(PATIENCE, state, || {
            self.told()
                .is_some_and(|told| told[0] == commit && told[1] == state)
        });
        self.told().unwrap()[2].clone()
    }
}

#[test]
fn a_commit_is_pending_while_its_cluster_is_away_fails_by_a_fault_and_succeeds_in_the_end() {
    let host = Host(Receiver::start("201 Created\r\n\r\n{}", Duration::ZERO));
    let scratch = Scratch::new();
    scratch.write("tree/orders.yaml", JOB);
    let tree = scratch.path().join("tree");
    git(&tree, &["init", "--quiet", "--initial-branch=main"]);
    let pending = commit(&tree);
    scratch.write("secrets/forge/token", "s3cret");
    let config = scratch.write("jetkeeper.yaml", host.configuration(&tree));
    let daemon = Program::start(["--config", config.to_str().unwrap(), "run"]);
    let why = host.comes(&pending, "pending");
    assert!(why.starts_with("0 of 1 done"), "{why}");

    let broken = JOB.replace("jarOnMember", "jarOnMembers");
    scratch.write("tree/orders.yaml", broken);
    let why = host.comes(&commit(&tree), "failure");
    assert!(why.contains("orders.yaml:4:"), "{why}");

    // Its cluster never had the job, so nothing is left to be done for it; a source without any document
    // would be held as a mistake.
    scratch.remove("tree/orders.yaml");
    let cluster = "apiVersion: hazelcast.com/v1alpha1\nkind: Hazelcast\nmetadata: {name: near}\n";
    scratch.write("tree/near.yaml", cluster);
    host.comes(&commit(&tree), "success");
    let log = daemon.terminate().code(0).stderr;
    assert!(!log.contains("s3cret"), "{log}");
}
