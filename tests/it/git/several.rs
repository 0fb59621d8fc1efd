//! A repository and a directory in one daemon.

use std::fs;
use std::path::PathBuf;

use super::remote::Remote;
use crate::support::documents::orders;
use crate::support::fixture;
use crate::support::member::Member;
use crate::support::program::{Output, Program};
use crate::support::scratch::Scratch;
use crate::support::unique;
use crate::support::wait::{PATIENCE, eventually};

struct Daemon {
    program: Program,
    scratch: Scratch,
    config: PathBuf,
}

impl Daemon {
    /// Keeps this repository and the directory `jobs`, which has this in it.
    fn start(url: &str, files: &[(&str, Vec<u8>)]) -> Self {
        let scratch = Scratch::new();
        for (name, content) in files {
            scratch.write(&format!("jobs/{name}"), content);
        }
        let config = scratch.write(
            "jetkeeper.yaml",
            format!(
                "sources:\n  - {{name: shared, git: {{url: \"{url}\", interval: 5s}}}}\n  \
                 - {{name: local, directory: {{path: jobs}}}}\n\
                 state: {{directory: state}}\nowner: {}\n",
                unique("several-owner"),
            ),
        );
        let program = Program::start(["run", "--config", config.to_str().unwrap()]);
        Self {
            program,
            scratch,
            config,
        }
    }

    fn run(&self, args: &[&str]) -> Output {
        let config = self.config.to_str().unwrap();
        Program::run(args.iter().copied().chain(["--config", config]))
    }

    fn shows(&self, args: &[&str], words: &[&str]) -> bool {
        let shown = self.run(args).stdout;
        words.iter().all(|word| shown.contains(word))
    }
}

fn job(name: &str) -> String {
    format!(
        "apiVersion: hazelcast.com/v1alpha1\nkind: JetJob\nmetadata: {{name: {name}}}\n\
         spec: {{hazelcastResourceName: far, jarOnMember: /opt/{name}.jar}}\n"
    )
}

#[test]
fn what_two_sources_declare_is_held_with_both_places_until_one_gives_way() {
    let remote = Remote::new();
    remote.write("both.yaml", job("both"));
    remote.write("one.yaml", job("one"));
    remote.push();
    let cluster = "apiVersion: hazelcast.com/v1alpha1\nkind: Hazelcast\nmetadata: {name: far}\n\
                   spec: {addresses: [\"127.0.0.1:1\"]}\n";
    let files = [
        ("both-too.yaml", job("both").into_bytes()),
        ("other.yaml", job("other").into_bytes()),
        ("cluster.yaml", cluster.as_bytes().to_vec()),
    ];
    let daemon = Daemon::start(&remote.url(), &files);
    let both = [
        "JetJob/both is declared more than once",
        "both.yaml:3:18",
        "both-too.yaml:3:18",
    ];
    eventually(PATIENCE, "the conflict is held", || {
        daemon.shows(&["get", "holds", "-o", "json"], &both)
    });
    assert!(daemon.shows(&["describe", "both"], &both));
    let log = daemon.program.stderr();
    for place in ["of the source `shared`", "of the source `local`"] {
        assert!(log.contains(place), "{log}");
    }
    // Nothing else is held for it: these wait for their cluster.
    for name in ["one", "other"] {
        let described = daemon.run(&["describe", name]).code(0).stdout;
        assert!(described.contains("ClusterUnreachable"), "{described}");
        assert!(!described.contains("Faulty"), "{described}");
    }
    daemon.scratch.remove("jobs/both-too.yaml");
    eventually(PATIENCE, "the other one is kept", || {
        daemon.shows(
            &["describe", "both"],
            &["ClusterUnreachable", "of the source shared"],
        )
    });
    daemon.program.terminate().code(0);
}

#[test]
fn a_source_that_is_broken_stops_no_other() {
    let remote = Remote::new();
    remote.write("README.md", "no job");
    remote.push();
    let nowhere = remote.scratch.path().join("nowhere.git");
    let name = unique("several");
    let document = orders(Member::shared(), &name);
    let jar = fs::read(fixture("orders.jar")).unwrap();
    let files = [
        ("orders.yaml", document.clone().into_bytes()),
        ("orders.jar", jar),
    ];
    let daemon = Daemon::start(nowhere.to_str().unwrap(), &files);
    eventually(PATIENCE, "the job of the other source runs", || {
        daemon.shows(&["get", "jobs"], &[&name, " Running "])
    });
    assert!(daemon.shows(
        &["events"],
        &["SourceFailed", "source shared can't be read"]
    ));
    let canceled = document.replace("  jarName", "  state: Canceled\n  jarName");
    daemon.scratch.replace("jobs/orders.yaml", canceled);
    eventually(PATIENCE, "what changes in it is done", || {
        daemon.shows(&["get", "jobs"], &[&name, " Canceled "])
    });
    // The broken one comes, without a hand.
    fs::rename(remote.bare(), &nowhere).unwrap();
    eventually(PATIENCE, "the source is read", || {
        daemon.shows(&["events"], &["source shared can be read again"])
    });
    daemon.program.terminate().code(0);
}
