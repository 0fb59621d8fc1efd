//! The real program as a daemon, and what it tells on its socket.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jetkeeper::api::Client;
use jetkeeper::api::client::Watch;
use jetkeeper::api::wire::{Change, ChangeKind, PlanView};
use jetkeeper::engine::JobResource;
use jetkeeper::plan::status::{JobStatusReport, Phase};
use tokio::time::{sleep, timeout};

use crate::keeper::{Places, monotonic};
use crate::support::program::Program;
use crate::support::wait::PATIENCE;
use crate::trace::TRACED;

/// The time between two questions that nobody measures.
const POLL: Duration = Duration::from_millis(20);

/// A running `jetkeeper run`, killed on drop.
pub(crate) struct Daemon {
    program: Program,
    client: Client,
    changes: Watch<Change<JobResource>>,
    jobs: BTreeMap<String, Arc<JobStatusReport>>,
}

impl Daemon {
    /// Starts it, and listens to what it tells of jobs.
    pub(crate) async fn start(places: &Places) -> Self {
        Self::listened_to(run(places), &places.state).await
    }

    /// The same, and logs each call and each commit, for [`crate::trace`].
    pub(crate) async fn traced(places: &Places) -> Self {
        let program = Program::start_with(run_arguments(places), &TRACED);
        Self::listened_to(program, &places.state).await
    }

    /// The same by a configuration that keeps state there.
    pub(crate) async fn configured(config: &Path, state: &Path) -> Self {
        let program = Program::start(["run".as_ref(), "--config".as_ref(), config.as_os_str()]);
        Self::listened_to(program, state).await
    }

    async fn listened_to(program: Program, state: &Path) -> Self {
        let client = loop {
            match Client::connect(state).await.unwrap() {
                Some(client) => break client,
                None => sleep(POLL).await,
            }
        };
        let changes = client.watch("/v1/jobs?watch=1").await.unwrap();
        Self {
            program,
            client,
            changes,
            jobs: BTreeMap::new(),
        }
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        self.program.stderr()
    }

    /// A job's status as it was told last.
    pub(crate) fn status(&self, name: &str) -> Option<&JobStatusReport> {
        self.jobs.get(name).map(|status| &**status)
    }

    /// Waits until a job is told to be in this phase, or gone; gives the time at which that was told.
    pub(crate) async fn tells(&mut self, name: &str, phase: Option<Phase>) -> u64 {
        self.until(name, |told| told.map(|told| told.phase) == phase)
            .await
    }

    /// Waits until a job is told to be so, or gone; gives the time at which that was told.
    pub(crate) async fn until(
        &mut self,
        name: &str,
        fits: impl Fn(Option<&JobStatusReport>) -> bool,
    ) -> u64 {
        while !fits(self.status(name)) {
            let Ok(change) = timeout(PATIENCE, self.changes.next()).await else {
                let told = self.status(name);
                panic!("{name} stays {told:?}:\n{}", self.program.stderr());
            };
            let change = change.unwrap().expect("the daemon goes on");
            let (name, status) = (change.object.metadata.name, change.object.status);
            match change.kind {
                ChangeKind::Deleted => self.jobs.remove(&name),
                ChangeKind::Added | ChangeKind::Modified => self.jobs.insert(name, status),
            };
        }
        monotonic()
    }

    /// Waits until it has nothing left to do.
    pub(crate) async fn settles(&self) {
        let settled = async {
            while !self
                .client
                .get::<PlanView>("/v1/plan")
                .await
                .unwrap()
                .settled
            {
                sleep(POLL).await;
            }
        };
        let settled = timeout(PATIENCE, settled).await;
        assert!(settled.is_ok(), "not settled:\n{}", self.program.stderr());
    }
}

/// Starts the program.
pub(crate) fn run(places: &Places) -> Program {
    Program::start(run_arguments(places))
}

/// The same with the environment of the systemd unit.
pub(crate) fn run_as_service(places: &Places) -> Program {
    let lines = include_str!("../../systemd/jetkeeper.service").lines();
    let lines = lines.filter_map(|line| line.strip_prefix("Environment="));
    let environment: Vec<_> = lines.filter_map(|it| it.split_once('=')).collect();
    Program::start_with(run_arguments(places), &environment)
}

fn run_arguments(places: &Places) -> [&OsStr; 6] {
    [
        "run".as_ref(),
        places.source.as_os_str(),
        "--state".as_ref(),
        places.state.as_os_str(),
        // What is measured removes its documents itself.
        "--max-deletions=1000".as_ref(),
        "--max-deletions-percent=100".as_ref(),
    ]
}
