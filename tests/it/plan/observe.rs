//! Jobs on the cluster of a scene, and what makes them look as they do.

use std::collections::BTreeMap;
use std::sync::Arc;

use jetkeeper::plan::job::{Guarantee, JobConfigView, JobId, JobSettings, JobStatus, JobView};
use jetkeeper::plan::observed::{Missing, Seen};
use jetkeeper::plan::ownership::OwnershipEntry;
use jetkeeper::resources::{Digest, ResourceId};
use jiff::SignedDuration;

use super::scene::{OWNER, Scene, member, seconds};

/// The settings of a job as pipelines submit it.
pub(crate) fn settings() -> JobSettings {
    JobSettings {
        snapshot_interval: seconds(10),
        suspend_on_failure: false,
        auto_scaling: true,
        split_brain_protection: false,
        metrics_enabled: true,
        store_metrics_after_job_completion: false,
        max_processor_accumulated_records: -1,
        timeout: SignedDuration::ZERO,
    }
}

/// What a job was submitted with: stateful, under this jar's name.
pub(crate) fn config(resource_id: &str) -> JobConfigView {
    JobConfigView {
        nonce: jetkeeper::plan::upload::nonce_of(resource_id).map(str::to_owned),
        resource_ids: vec![resource_id.to_owned()],
        guarantee: Guarantee::ExactlyOnce,
        suspendable: true,
        initial_snapshot: Seen::Known(None),
        settings: settings(),
    }
}

impl Scene {
    /// Puts a job on the cluster.
    pub(crate) fn add_job(
        &mut self,
        name: &str,
        status: JobStatus,
        config: JobConfigView,
    ) -> JobId {
        let id = JobId(self.next_job);
        self.next_job += 1;
        let job = JobView {
            id,
            name: name.to_owned(),
            status,
            execution_id: id.0 * 100,
            submitted_at: self.now,
            completed_at: None,
            user_cancelled: false,
            user_requested: None,
            restarted: None,
            failure: None,
            suspension_failure: None,
            config: Some(Arc::new(config)),
        };
        self.jobs().insert(id, Arc::new(job));
        id
    }

    /// Somebody else's job of this name.
    pub(crate) fn foreign_job(&mut self, name: &str, status: JobStatus) -> JobId {
        self.add_job(name, status, config("theirs.jar"))
    }

    /// The jobs of the list, to be changed.
    pub(crate) fn jobs(&mut self) -> &mut BTreeMap<JobId, Arc<JobView>> {
        match &mut self.view().jobs {
            Seen::Known(jobs) => jobs,
            Seen::Unknown => panic!("the list is not known in this scene"),
        }
    }

    /// Changes how a job looks.
    pub(crate) fn job(&mut self, id: JobId, change: impl FnOnce(&mut JobView)) {
        change(Arc::make_mut(self.jobs().get_mut(&id).unwrap()));
    }

    /// Changes what is told of what a job was submitted with.
    pub(crate) fn job_config(&mut self, id: JobId, change: impl FnOnce(&mut JobConfigView)) {
        self.job(id, |job| {
            change(Arc::make_mut(job.config.as_mut().unwrap()));
        });
    }

    /// A job of no guarantee.
    pub(crate) fn stateless(&mut self, id: JobId) {
        self.job_config(id, |config| config.guarantee = Guarantee::None);
        self.record("orders", |record| {
            record.job.as_mut().unwrap().guarantee = Some(Guarantee::None);
        });
    }

    /// A job that says that it can't be suspended, so that its state can't be secured.
    pub(crate) fn unsuspendable(&mut self, id: JobId) {
        self.job_config(id, |config| config.suspendable = false);
    }

    /// A person suspends a job.
    pub(crate) fn suspend_by_hand(&mut self, id: JobId) {
        self.job(id, |job| {
            job.status = JobStatus::Suspended;
            job.user_requested = Some(true);
        });
    }

    /// A person cancels a job.
    pub(crate) fn cancel_by_hand(&mut self, id: JobId) {
        let now = self.now;
        self.job(id, |job| {
            job.status = JobStatus::Failed;
            job.user_cancelled = true;
            job.user_requested = Some(true);
            job.completed_at = Some(now);
        });
    }

    /// A job fails.
    pub(crate) fn fail(&mut self, id: JobId) {
        let now = self.now;
        self.job(id, |job| {
            job.status = JobStatus::Failed;
            job.failure = Some("java.lang.ArithmeticException: / by zero".into());
            job.completed_at = Some(now);
        });
    }

    /// A job is suspended by its failure.
    pub(crate) fn suspend_by_failure(&mut self, id: JobId) {
        self.job(id, |job| {
            job.status = JobStatus::Suspended;
            job.suspension_failure = Some("java.io.IOException: no".into());
        });
    }

    /// The cluster knows a job no longer: it was asked for twice.
    pub(crate) fn lose(&mut self, id: JobId) {
        let now = self.now;
        let view = self.view();
        if let Seen::Known(jobs) = &mut view.jobs {
            jobs.remove(&id);
        }
        let missing = Missing {
            first_at: now - seconds(10),
            last_at: now,
            master: member(1),
        };
        view.missing.insert(id, missing);
    }

    /// The ownership map, to be changed.
    pub(crate) fn entries(&mut self) -> &mut BTreeMap<String, OwnershipEntry> {
        match &mut self.view().ownership {
            Seen::Known(entries) => entries,
            Seen::Unknown => panic!("the ownership map is not known in this scene"),
        }
    }

    /// An entry in the ownership map.
    pub(crate) fn add_entry(&mut self, job_name: &str, owner: &str, resource: &str) {
        let entry = OwnershipEntry {
            owner: owner.to_owned(),
            keeper: String::new(),
            epoch: 9,
            attempt: String::new(),
            job_id: None,
            resource: ResourceId::jet_job(resource),
            digest: Digest::default(),
        };
        self.entries().insert(job_name.to_owned(), entry);
    }
}

/// A scene in which `orders` runs as this spec declares it, and nothing is left to do.
pub(crate) fn running(spec: serde_json::Value) -> (Scene, JobId) {
    let mut scene = Scene::with(spec);
    scene.settle();
    let job = scene.bound("orders").unwrap();
    assert!(scene.owner_is(OWNER));
    (scene, job)
}

impl Scene {
    fn owner_is(&mut self, owner: &str) -> bool {
        self.entries()
            .get("orders")
            .is_some_and(|entry| entry.owner == owner)
    }
}
