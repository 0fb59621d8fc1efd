//! What one user has: a source, a state, an owner's name, a daemon. What is waited for is in `waits`.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use jetkeeper::api::Client;
use jetkeeper::api::wire::List;
use jetkeeper::engine::JobResource;
use jetkeeper::engine::published::SnapshotResource;
use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::hold::Hold;
use jetkeeper::store::EventEntry;
use rustix::process::Signal;
use serde::de::DeserializeOwned;

use super::person::{Person, RUNTIME};
use crate::support::cluster::Cluster;
use crate::support::member::Member;
use crate::support::program::{Output, Program};
use crate::support::scratch::Scratch;
use crate::support::unique;
use crate::support::wait::PATIENCE;

pub(super) struct Stage {
    /// Somebody else with a client of the cluster.
    pub(super) person: Person,
    owner: String,
    scratch: Scratch,
    daemon: Option<Program>,
    /// What earlier daemons logged.
    past: String,
    names: RefCell<Vec<String>>,
}

impl Stage {
    /// A stage on one member.
    pub(super) fn on(member: &Member) -> Self {
        Self::at(&[member.address()], member.cluster_name())
    }

    /// A stage on the member that all share.
    pub(super) fn shared() -> Self {
        Self::on(Member::shared())
    }

    /// A stage on several members.
    pub(super) fn on_all(cluster: &Cluster) -> Self {
        let addresses: Vec<String> = cluster.members.iter().map(Member::address).collect();
        Self::at(&addresses, cluster.members[0].cluster_name())
    }

    fn at(addresses: &[String], cluster_name: &str) -> Self {
        let stage = Self {
            person: Person::at(addresses, cluster_name),
            owner: unique("owner"),
            scratch: Scratch::new(),
            daemon: None,
            past: String::new(),
            names: RefCell::default(),
        };
        stage
            .scratch
            .jar("source/jars/pipelines.jar", "pipelines.jar");
        stage.declare_cluster(addresses, cluster_name);
        stage
    }

    /// From now on this user has the owner's name of another one.
    pub(super) fn have_owner_of(&mut self, other: &Self) {
        self.owner.clone_from(&other.owner);
    }

    /// Writes the Hazelcast resource that all jobs refer to.
    pub(super) fn declare_cluster(&self, addresses: &[String], cluster_name: &str) {
        let text = format!(
            "apiVersion: hazelcast.com/v1alpha1\nkind: Hazelcast\nmetadata:\n  name: hazelcast\nspec:\n  \
             clusterName: {cluster_name:?}\n  addresses: {addresses:?}\n"
        );
        self.write("hazelcast.yaml", &text);
    }

    /// A job's name that no other test has.
    pub(super) fn name(&self, stem: &str) -> String {
        let name = unique(stem);
        self.names.borrow_mut().push(name.clone());
        name
    }

    pub(super) fn source(&self) -> PathBuf {
        self.scratch.path().join("source")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.scratch.path().join("state")
    }

    /// Renames a file with this content into the source.
    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        self.scratch.replace(&format!("source/{name}"), content);
    }

    pub(super) fn remove(&self, name: &str) {
        self.scratch.remove(&format!("source/{name}"));
    }

    /// Writes a job of this name with the main class and these lines of its spec, to NAME.yaml.
    pub(super) fn declare(&self, name: &str, main: &str, spec: &[&str]) {
        let main = format!("mainClass: jetkeeper.pipelines.{main}");
        let mut lines = vec!["jarName: pipelines.jar", &main];
        lines.extend(spec);
        self.declare_as(name, &lines);
    }

    /// Writes a job whose `main` waits until [`Member::let_main_go`] is called with the job's name.
    pub(super) fn declare_slow(&self, name: &str, spec: &[&str]) {
        let word = format!("parameters: [{name}]");
        let mut lines = vec![&*word];
        lines.extend(spec);
        self.declare(name, "SlowMain", &lines);
    }

    /// Writes a job of this name with nothing in its spec but these lines.
    pub(super) fn declare_as(&self, name: &str, spec: &[&str]) {
        let mut text = format!(
            "apiVersion: hazelcast.com/v1alpha1\nkind: JetJob\nmetadata:\n  name: {name}\nspec:\n  \
             hazelcastResourceName: hazelcast\n"
        );
        for line in spec {
            text.push_str("  ");
            text.push_str(line);
            text.push('\n');
        }
        self.write(&format!("{name}.yaml"), text);
    }

    /// The flags of a command that keeps jobs.
    pub(super) fn keeping(&self, command: &[&str], flags: &[&str]) -> Vec<String> {
        let mut args: Vec<String> = command.iter().map(ToString::to_string).collect();
        args.push(self.source().display().to_string());
        args.extend(["--owner".to_owned(), self.owner.clone()]);
        args.extend(flags.iter().map(ToString::to_string));
        self.with_state(args)
    }

    fn with_state(&self, mut args: Vec<String>) -> Vec<String> {
        let state = self.state().display().to_string();
        args.extend(["--state".to_owned(), state, "--no-color".to_owned()]);
        args
    }

    /// Starts the daemon.
    pub(super) fn start(&mut self) {
        self.start_with(&[]);
    }

    pub(super) fn start_with(&mut self, flags: &[&str]) {
        assert!(self.daemon.is_none(), "one daemon at a time");
        self.daemon = Some(Program::start(self.keeping(&["run"], flags)));
    }

    /// Starts the daemon with this configuration, which names the sources.
    pub(super) fn start_configured(&mut self, config: &str) {
        assert!(self.daemon.is_none(), "one daemon at a time");
        let config = self.scratch.write("jetkeeper.yaml", config);
        let config = config.to_str().unwrap();
        let args = ["run", "--config", config, "--owner", &self.owner];
        let args = args.map(str::to_owned).to_vec();
        self.daemon = Some(Program::start(self.with_state(args)));
    }

    /// Writes a secret where a configuration beside finds it.
    pub(super) fn secret(&self, name: &str, key: &str, value: &str) {
        self.scratch.write(&format!("secrets/{name}/{key}"), value);
    }

    /// Runs the daemon until it ends by itself.
    pub(super) fn run_to_its_end(&self) -> Output {
        Program::run(self.keeping(&["run"], &[]))
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        self.past = self.log();
        self.daemon = None;
    }

    pub(super) fn signal(&self, signal: Signal) {
        self.daemon
            .as_ref()
            .expect("the daemon runs")
            .signal(signal);
    }

    /// Waits for the daemon's end.
    pub(super) fn ended(&mut self) -> Output {
        let daemon = self.daemon.take().expect("the daemon runs");
        let output = daemon.end_within(PATIENCE);
        self.past.push_str(&output.stderr);
        output
    }

    /// SIGTERM, and waits for the daemon's end.
    pub(super) fn terminate(&mut self) -> Output {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// Everything that the daemons logged.
    pub(super) fn log(&self) -> String {
        let now = self.daemon.as_ref().map(Program::stderr);
        self.past.clone() + &now.unwrap_or_default()
    }

    /// How often the daemons began a step that reads like this: `suspend job`.
    pub(super) fn steps(&self, words: &str) -> usize {
        let log = self.log();
        let told = log
            .lines()
            .filter_map(|line| line.split_once("INFO JetJob/"));
        let steps = told.filter_map(|(_, told)| Some(told.split_once(": ")?.1));
        steps.filter(|step| step.starts_with(words)).count()
    }

    /// The same of snapshots.
    pub(super) fn steps_of_snapshots(&self, words: &str) -> usize {
        let log = self.log();
        let told = log
            .lines()
            .filter_map(|line| line.split_once("INFO JetJobSnapshot/"));
        let steps = told.filter_map(|(_, told)| Some(told.split_once(": ")?.1));
        steps.filter(|step| step.starts_with(words)).count()
    }

    /// The same of both.
    pub(super) fn all_steps(&self, words: &str) -> usize {
        self.steps(words) + self.steps_of_snapshots(words)
    }

    /// How often the daemons began to submit a job of this name.
    pub(super) fn submits(&self, name: &str) -> usize {
        self.steps(&format!("submit job {name} to"))
    }

    /// Runs a command that asks the daemon, or reads the state.
    pub(super) fn cli(&self, args: &[&str]) -> Output {
        Program::run(self.with_state(args.iter().map(ToString::to_string).collect()))
    }

    /// Has the daemon look at everything, and waits until it has decided what to do.
    pub(super) fn reconcile(&self) {
        self.cli(&["reconcile"]).code(0);
    }

    pub(super) fn ask<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        RUNTIME.block_on(async {
            let client = Client::connect(&self.state()).await.ok()??;
            client.get(path).await.ok()
        })
    }

    pub(super) fn job(&self, name: &str) -> Option<JobResource> {
        self.ask(&format!("/v1/jobs/{name}"))
    }

    pub(super) fn snapshot(&self, name: &str) -> Option<SnapshotResource> {
        self.ask(&format!("/v1/snapshots/{name}"))
    }

    /// Declares a snapshot of a job, with these lines of its spec, in NAME.yaml.
    pub(super) fn declare_snapshot(&self, name: &str, job: &str, spec: &[&str]) {
        let mut text = format!(
            "apiVersion: hazelcast.com/v1alpha1\nkind: JetJobSnapshot\nmetadata:\n  name: {name}\nspec:\n  \
             jetJobResourceName: {job}\n"
        );
        for line in spec {
            text.push_str("  ");
            text.push_str(line);
            text.push('\n');
        }
        self.write(&format!("{name}.yaml"), text);
    }

    pub(super) fn events(&self, name: &str) -> Vec<EventEntry> {
        let list: Option<List<EventEntry>> = self.ask("/v1/events?limit=1000");
        let mut events = list.map(|list| list.items).unwrap_or_default();
        let ours = |entry: &EventEntry| {
            let resource = entry.event.resource.as_ref();
            resource.is_some_and(|resource| resource.name == name)
        };
        events.retain(ours);
        events
    }

    /// How many events of this kind a job has.
    pub(super) fn count(&self, name: &str, kind: EventKind) -> usize {
        let events = self.events(name);
        events
            .iter()
            .filter(|entry| entry.event.kind == kind)
            .count()
    }

    /// What `describe` says to a person.
    pub(super) fn described(&self, name: &str) -> String {
        self.cli(&["describe", name]).code(0).stdout
    }

    /// Releases a hold, as a person does.
    pub(super) fn confirm(&self, hold: &Hold, flags: &[&str]) {
        let mut args = vec!["confirm", &hold.id.0];
        args.extend(flags);
        self.cli(&args).code(0);
    }

    /// The file in which the store keeps its rows.
    pub(super) fn store_file(&self) -> PathBuf {
        self.state().join("data/db")
    }

    /// The files below the state that hold these bytes.
    pub(super) fn state_files_with(&self, bytes: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        visit(&self.state(), &mut |path| {
            let content = fs::read(path).unwrap_or_default();
            let mut windows = content.windows(bytes.len());
            if windows.any(|window| window == bytes.as_bytes()) {
                found.push(path.to_owned());
            }
        });
        found
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.daemon = None;
        self.person.tidy(&self.names.borrow());
    }
}

/// Visits all files below a directory.
fn visit(directory: &Path, see: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, see);
        } else {
            see(&path);
        }
    }
}
