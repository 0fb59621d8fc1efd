//! The real program and a real member: who signs decides what runs, also after our own state was deleted.

use std::fs;
use std::path::{Path, PathBuf};

use super::remote::Remote;
use super::signers::{Keyring, Signer};
use crate::support::documents::orders;
use crate::support::fixture;
use crate::support::member::Member;
use crate::support::program::{Output, Program};
use crate::support::unique;
use crate::support::wait::{PATIENCE, eventually, within};

/// A repository, who may sign, and a configuration that verifies.
struct Scene {
    remote: Remote,
    keyring: Keyring,
    signer: Signer,
    config: PathBuf,
    name: String,
}

impl Scene {
    fn new() -> Self {
        let (remote, keyring) = (Remote::new(), Keyring::new());
        let (signer, line) = keyring.ssh("alice", "ed25519", "");
        let scratch = &keyring.scratch;
        scratch.write("allowed_signers", line);
        let config = scratch.write(
            "jetkeeper.yaml",
            format!(
                "sources:\n- name: jobs\n  git:\n    url: \"{}\"\n    ref: {{branch: main}}\n    interval: 5s\n\
                 \x20   verify: {{allowedSigners: allowed_signers}}\n\
                 state: {{directory: state}}\nowner: {}\n",
                remote.url(),
                unique("trust-owner"),
            ),
        );
        let name = unique("trust");
        remote.write("orders.jar", fs::read(fixture("orders.jar")).unwrap());
        Self {
            remote,
            keyring,
            signer,
            config,
            name,
        }
    }

    /// Writes the job's document, with a comment that makes it another commit.
    fn write(&self, generation: u32) {
        let document = orders(Member::shared(), &self.name);
        self.remote
            .write("orders.yaml", format!("{document}# {generation}\n"));
    }

    fn run(&self, args: &[&str]) -> Output {
        run(&self.config, args)
    }

    fn start(&self) -> Program {
        let daemon = Program::start(["run", "--config", self.config.to_str().unwrap()]);
        eventually(PATIENCE, "the job runs", || {
            // Without a daemon, it is the state that is read.
            let is_up = self.run(&["reconcile"]).code == Some(0);
            let jobs = self.run(&["get", "jobs"]).stdout;
            is_up && jobs.contains(&self.name) && jobs.contains(" Running ")
        });
        daemon
    }

    fn applied(&self, commit: &str) {
        eventually(PATIENCE, "the commit is in force", || {
            self.run(&["reconcile"]);
            let history = self.run(&["history", "-o", "json"]).stdout;
            history.contains(commit)
        });
    }

    fn told(&self, what: &str) {
        let told = || {
            self.run(&["reconcile"]);
            self.run(&["events"]).stdout.contains(what)
        };
        let shown = || self.run(&["events"]).stdout + &self.run(&["history", "-o", "json"]).stdout;
        assert!(within(PATIENCE, told), "not told: {what}\n{}", shown());
    }

    /// The steps that the state's journal has.
    fn journal(&self) -> String {
        self.run(&["state", "export"]).stdout
    }
}

fn run(config: &Path, args: &[&str]) -> Output {
    let config = config.to_str().unwrap();
    Program::run(args.iter().copied().chain(["--config", config]))
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story, from its start to its end"
)]
fn what_was_signed_once_does_not_come_back_when_our_state_is_deleted() {
    let scene = Scene::new();
    scene.write(1);
    let old = scene.remote.push_signed(&scene.signer);
    let daemon = scene.start();
    scene.write(2);
    let new = scene.remote.push_signed(&scene.signer);
    scene.applied(&new);
    let history = scene.run(&["history"]).stdout;
    assert!(
        history.contains("alice@example.com (SSH key SHA256:"),
        "{history}"
    );
    scene.told(&format!("(commit {})", &old[..12]));

    // An unsigned commit is refused with the reason, and the signed one after it is taken.
    scene.write(3);
    let unsigned = scene.remote.push();
    scene.told(&format!("commit {unsigned} is not signed"));
    let history = scene.run(&["history"]).stdout;
    let refused = history.lines().find(|line| line.contains(&unsigned[..12]));
    let refused = refused.unwrap_or_else(|| panic!("{history}"));
    assert!(
        refused.contains(" refused ") && refused.contains("is not signed"),
        "{history}"
    );
    scene.remote.git(&["reset", "--quiet", "--hard", &new]);
    scene.remote.push_as_it_is();
    scene.told("can be read again");

    // A history that is set back waits for a person.
    scene.remote.git(&["reset", "--quiet", "--hard", &old]);
    scene.remote.push_as_it_is();
    scene.told("was rewritten");
    let holds = scene.run(&["confirm"]).code(0).stdout;
    assert!(
        holds.contains("HistoryRewritten") && holds.contains(&old[..12]),
        "{holds}"
    );
    assert!(holds.contains(&new[..12]), "{holds}");
    daemon.terminate().code(0);
    let journal = scene.journal();
    assert!(
        journal.contains("\"anchor\"") && journal.contains(&new),
        "{journal}"
    );

    // Whoever deletes our state and shows the old commit gets nothing done by that.
    fs::remove_dir_all(scene.keyring.scratch.path().join("state")).unwrap();
    let rebuilt = scene.run(&["state", "rebuild"]).code(1);
    assert!(rebuilt.stderr.contains(&old[..12]), "{}", rebuilt.stderr);
    assert!(rebuilt.stderr.contains(&new[..12]), "{}", rebuilt.stderr);
    let daemon = run(&scene.config, &["run"]);
    assert_eq!(daemon.code, Some(1), "{}", daemon.stderr);
    assert!(daemon.stderr.contains("state rebuild"), "{}", daemon.stderr);

    // The repository is put right.
    scene.remote.git(&["reset", "--quiet", "--hard", &new]);
    scene.remote.push_as_it_is();
    fs::remove_dir_all(scene.keyring.scratch.path().join("state")).ok();
    let rebuilt = scene.run(&["state", "rebuild"]).code(0);
    assert!(
        rebuilt.stdout.contains("found as job"),
        "{}",
        rebuilt.stdout
    );
    let daemon = scene.start();

    // And set back on purpose: a word lets it in.
    scene.remote.git(&["reset", "--quiet", "--hard", &old]);
    scene.remote.push_as_it_is();
    scene.told("was rewritten");
    let holds = scene.run(&["confirm"]).code(0).stdout;
    let id = holds
        .lines()
        .find(|line| line.contains("HistoryRewritten"))
        .unwrap();
    let id = id.split_whitespace().next().unwrap();
    scene.run(&["confirm", id]).code(0);
    scene.applied(&old);
    daemon.terminate().code(0);
}

#[test]
fn a_plan_goes_on_from_what_is_in_force_while_a_commit_is_not_trusted() {
    let scene = Scene::new();
    scene.write(1);
    scene.remote.push_signed(&scene.signer);
    scene.run(&["apply"]).code(0);
    let document = orders(Member::shared(), &scene.name);
    let suspended = format!("{document}  state: Suspended\n");
    scene.remote.write("orders.yaml", suspended);
    let unsigned = scene.remote.push();
    let refused = format!("commit {unsigned} is not signed");
    let plan = scene.run(&["plan"]).code(1);
    assert_eq!(plan.stdout, "nothing to do, 1 source can't be read\n");
    assert!(plan.stderr.contains("planned with what is in force"));
    assert!(plan.stderr.contains(&refused), "{}", plan.stderr);

    // Nobody knows what is in force: nothing is planned, and no hold shown that nobody has.
    fs::rename(
        scene.keyring.scratch.path().join("state"),
        scene.keyring.scratch.path().join("away"),
    )
    .unwrap();
    let plan = scene.run(&["plan"]).code(1);
    assert!(plan.stderr.contains(&refused), "{}", plan.stderr);
    assert!(
        plan.stderr.contains("nothing of it is planned"),
        "{}",
        plan.stderr
    );
    let held = plan.stdout.contains("release") || plan.stdout.contains(" held");
    assert!(!held, "{}", plan.stdout);
}
