//! A world's trouble: users who edit, people who meddle, members that go, a network that loses calls,
//! a process that crashes.

use std::sync::Arc;
use std::time::Duration;

use jetkeeper::clock::Clock;
use jetkeeper::engine::Request;
use jetkeeper::plan::hold::{Hold, Reason, Release};
use jetkeeper::plan::job::{JobId, JobStatus};
use jetkeeper::plan::observed::ClusterState;
use jetkeeper::resources::ResourceId;
use jetkeeper::store::memory::FaultKind;
use rand::Rng;
use rand::seq::IndexedRandom;

use super::hazelcast::{Hazelcast, Weather};
use super::jobs::Stop;
use super::pipeline::Pipeline;
use super::source::JobDocument;
use super::world::{NAMES, PRECIOUS, World, submit_foreign};

/// How many things happen.
const HAPPENINGS: u32 = 40;

impl World {
    /// The troubled part. Panics at the first violation.
    pub(crate) async fn trouble(&mut self) {
        let stormy = self.rng.random_range(0..4) > 0;
        for hazelcast in self.around.clusters.values() {
            let mut state = hazelcast.state();
            state.weather = if stormy { storm() } else { Weather::default() };
        }
        for _ in 0..HAPPENINGS {
            self.happen().await;
            let millis = if self.roll(50) {
                self.rng.random_range(1..500)
            } else {
                self.rng.random_range(500..20_000)
            };
            self.pass_time(Duration::from_millis(millis)).await;
            self.check();
        }
    }

    async fn happen(&mut self) {
        match self.rng.random_range(0..100) {
            0..40 => self.edit(),
            40..60 => self.meddle(),
            60..75 => self.shake().await,
            75..88 => self.hit_process().await,
            _ => self.ask().await,
        }
    }

    // Users edit documents.

    fn edit(&mut self) {
        let name = self.pick_name();
        let precious = NAMES[..PRECIOUS].contains(&name.as_str());
        let resource = self.resource_of(&name);
        match resource {
            None => {
                let pipeline = Pipeline::random(&mut self.rng);
                let cluster = if self.roll(70) { "alpha" } else { "beta" };
                let mut document = JobDocument::new(&name, cluster, pipeline);
                if !precious {
                    self.loosen(&mut document);
                }
                self.note(&format!("EDIT add {name} {document:?}"));
                self.documents.insert(name, document);
            }
            Some(resource) if self.roll(12) => {
                self.note(&format!("EDIT delete {resource}"));
                let document = self.documents.remove(&resource).unwrap();
                // Of one with faults, an earlier one is in force.
                let outlives = if document.broken {
                    self.outliving.contains(&document.job_name)
                } else {
                    document.is_outlived()
                };
                if outlives {
                    for hazelcast in self.around.clusters.values() {
                        let mut state = hazelcast.state();
                        state.watchdog.left_behind.insert(document.job_name.clone());
                    }
                }
            }
            Some(resource) if self.roll(6) => {
                let renamed = if resource == name {
                    format!("{name}-renamed")
                } else {
                    name
                };
                let document = self.documents.remove(&resource).unwrap();
                self.note(&format!("EDIT rename {resource} to {renamed}"));
                self.documents.insert(renamed, document);
            }
            Some(resource) => {
                let mut document = self.documents[&resource].clone();
                self.change(&mut document, precious);
                self.note(&format!("EDIT {resource} {document:?}"));
                self.documents.insert(resource, document);
            }
        }
        let sound = self.documents.values().filter(|it| !it.broken);
        let outlived = sound.filter(|it| it.is_outlived());
        let names = outlived.map(|it| it.job_name.clone());
        self.outliving.extend(names);
        self.show();
    }

    fn pick_name(&mut self) -> String {
        (*NAMES.choose(&mut self.rng).unwrap()).to_owned()
    }

    fn resource_of(&self, job_name: &str) -> Option<String> {
        let found = self
            .documents
            .iter()
            .find(|(_, document)| document.job_name == job_name);
        found.map(|(resource, _)| resource.clone())
    }

    fn loosen(&mut self, document: &mut JobDocument) {
        document.upgrade = ["Stateless", "Stateless", "Stateful", "Forbid"]
            .choose(&mut self.rng)
            .unwrap();
        document.deletion = ["Cancel", "Cancel", "Snapshot", "Suspend", "Orphan"]
            .choose(&mut self.rng)
            .unwrap();
        document.on_state_loss = ["StartFresh", "Restore", "Hold"]
            .choose(&mut self.rng)
            .unwrap();
    }

    fn change(&mut self, document: &mut JobDocument, precious: bool) {
        match self.rng.random_range(0..11) {
            0..3 => {
                document.state = ["Running", "Running", "Suspended", "Restarted", "Canceled"]
                    .choose(&mut self.rng)
                    .unwrap();
            }
            3 => {
                let versions = [1, 2, 3, 1, 2, 3, 1, 2, 3, 4, 5, 6];
                document.version = *versions.choose(&mut self.rng).unwrap();
            }
            4 => document.parameters = vec![self.rng.random_range(0..3).to_string()],
            5 => document.drift = ["Warn", "Correct"].choose(&mut self.rng).unwrap(),
            6 => document.restarts = !document.restarts,
            7 => document.restart_nonce = Some(self.rng.random_range(0..5)),
            8 => document.snapshot_interval = Some(self.rng.random_range(1..20)),
            9 => document.broken = !document.broken,
            _ if precious && self.roll(50) => document.drift = "Correct",
            _ if precious => document.redeploy_nonce = Some(self.rng.random_range(0..5)),
            _ => {
                document.redeploy_nonce = Some(self.rng.random_range(0..5));
                self.loosen(document);
            }
        }
    }

    // People do things to jobs by hand, and jobs fail.

    fn meddle(&mut self) {
        let hazelcast = self.cluster();
        let mut state = hazelcast.state();
        let jobs: Vec<JobId> = state
            .jobs
            .iter()
            .filter(|(_, job)| !job.status.is_terminal())
            .map(|(id, _)| *id)
            .collect();
        let Some(id) = jobs.choose(&mut self.rng).copied() else {
            drop(state);
            self.submit_foreign(&hazelcast);
            return;
        };
        let what = self.rng.random_range(0..10);
        let now = hazelcast.clock.now();
        if let Some(job) = state.jobs.get_mut(&id) {
            job.touched_at = Some(now);
        }
        state.watchdog.note(&format!("PERSON does {what} to {id}"));
        let result = match what {
            0..3 => hazelcast.stop(&mut state, id, Stop::Suspend, false),
            3..5 => hazelcast.resume(&mut state, id),
            5 => hazelcast.stop(&mut state, id, Stop::Cancel, true),
            6 => hazelcast.stop(&mut state, id, Stop::Restart, false),
            7 if state.jobs[&id].status == JobStatus::Running => {
                hazelcast.fail(&mut state, id);
                Ok(())
            }
            _ => {
                drop(state);
                self.submit_foreign(&hazelcast);
                return;
            }
        };
        drop(result);
    }

    fn submit_foreign(&mut self, hazelcast: &Hazelcast) {
        let name = self.pick_name();
        submit_foreign(hazelcast, &name);
    }

    // The network and the members.

    async fn shake(&mut self) {
        let hazelcast = self.cluster();
        match self.rng.random_range(0..20) {
            0..8 => {
                self.note("LINK down");
                hazelcast.set_link(false);
                let time = Duration::from_millis(self.rng.random_range(10..40_000));
                self.pass_time(time).await;
                self.note("LINK up");
                hazelcast.set_link(true);
            }
            8..13 => {
                self.note("MASTER changes");
                hazelcast.change_master();
            }
            13..15 => {
                self.note("CLUSTER frozen");
                hazelcast.state().mode = ClusterState::Frozen;
                self.pass_time(Duration::from_secs(20)).await;
                hazelcast.state().mode = ClusterState::Active;
            }
            15..17 => {
                hazelcast.state().partitions_safe = false;
                self.pass_time(Duration::from_secs(15)).await;
                hazelcast.state().partitions_safe = true;
            }
            17 => {
                self.note("CLUSTER replaced");
                hazelcast.set_link(false);
                self.pass_time(Duration::from_secs(5)).await;
                hazelcast.replace();
                hazelcast.set_link(true);
            }
            _ => {
                let mut state = hazelcast.state();
                let calm = state.weather.answer_lost == 0;
                state.weather = if calm { storm() } else { Weather::default() };
            }
        }
    }

    // The process.

    async fn hit_process(&mut self) {
        match self.rng.random_range(0..10) {
            0..3 => {
                self.note("KILL");
                self.process = None;
            }
            3 => {
                if let Some(process) = self.process.take() {
                    self.note("STOP");
                    let grace = Duration::from_secs(self.rng.random_range(0..40));
                    if let Err(error) = process.stop(&self.around.disk, grace).await {
                        self.note(&format!("stopped with {error:?}"));
                    }
                }
            }
            _ => {
                let kind = if self.roll(85) {
                    FaultKind::Crash
                } else {
                    FaultKind::Error
                };
                let (after, durable) = (self.rng.random_range(1..6), self.roll(50));
                self.note(&format!(
                    "FAULT {kind:?} at commit +{after} durable {durable}"
                ));
                self.around.plan_fault(after, durable, kind);
            }
        }
    }

    // People ask for something.

    async fn ask(&mut self) {
        let Some(process) = &self.process else {
            return;
        };
        let shown = Arc::clone(&process.handle.published.borrow());
        let request = match self.rng.random_range(0..10) {
            0..2 => Request::Reconcile,
            2 => Request::Pause {
                resource: shown.jobs.keys().next().map(ResourceId::jet_job),
                reason: "a look".to_owned(),
                by: "somebody".to_owned(),
                until: None,
            },
            3 => {
                let paused = shown.pauses.first();
                Request::Unpause {
                    resource: paused.and_then(|(resource, _)| resource.clone()),
                    by: "somebody".to_owned(),
                }
            }
            _ => {
                let holds: Vec<&Hold> = shown
                    .holds
                    .iter()
                    .filter(|hold| may_release(hold))
                    .collect();
                let Some(hold) = holds.choose(&mut self.rng) else {
                    return;
                };
                self.release(hold)
            }
        };
        self.request(request).await;
    }
}

fn storm() -> Weather {
    Weather {
        not_sent: 3,
        request_lost: 3,
        answer_lost: 5,
        late: 3,
        snapshot_fails: 10,
        export_fails: 15,
    }
}

/// Nobody gives up the state of precious jobs, nor says that an upload made no job without
/// knowing it.
pub(super) fn may_release(hold: &Hold) -> bool {
    let precious = hold.subjects.iter().any(|id| {
        NAMES[..PRECIOUS]
            .iter()
            .any(|name| id.name.starts_with(name))
    });
    let unsure = hold.reason == Reason::OutcomeUnknown;
    match hold.release {
        Release::Confirm | Release::Adopt => !unsure,
        Release::DiscardState => !precious,
        Release::None | Release::Unpause | Release::UnpauseAll => false,
    }
}
