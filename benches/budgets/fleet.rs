//! A cluster on which all declared jobs run, and the records of whoever submitted them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jetkeeper::plan::jar::{JarFacts, JarView, MainClass};
use jetkeeper::plan::job::{Guarantee, JobConfigView, JobId, JobSettings, JobStatus, JobView};
use jetkeeper::plan::observed::{ClusterState, ClusterView, Link, Lists, Observed, Seen};
use jetkeeper::plan::ownership::OwnershipEntry;
use jetkeeper::plan::record::{BoundJob, ClusterRecord, Deployed, JobRecord, Recorded};
use jetkeeper::plan::{Plan, PlanInput, Planner, Settings, wanted_jars};
use jetkeeper::resources::{Desired, Digest, ResourceId};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::keeper::CLUSTER;

/// The cluster's id.
pub(crate) const CLUSTER_ID: Uuid = Uuid::from_u128(7);
const OWNER: &str = "jetkeeper";

/// What a keeper knows and sees when it has nothing to do.
pub(crate) struct Fleet {
    pub(crate) recorded: Recorded,
    pub(crate) observed: Observed,
    settings: Settings,
}

impl Fleet {
    /// All these jobs run, as they are declared.
    pub(crate) fn at_rest(desired: &Desired) -> Self {
        let now = Timestamp::UNIX_EPOCH;
        let mut fleet = Self {
            recorded: Recorded::default(),
            observed: Observed::default(),
            settings: Settings {
                owner: OWNER.to_owned(),
                ..Settings::default()
            },
        };
        fleet.settle(desired);
        let (mut jobs, mut entries) = (BTreeMap::new(), BTreeMap::new());
        for (number, (name, record)) in fleet.recorded.jobs.iter_mut().enumerate() {
            let bound = bound(name, record, i64::try_from(number).unwrap() + 1);
            if let (Some(job), Some(entry)) = (&bound.job, &bound.entry) {
                jobs.insert(job.id, Arc::new(seen(name, job)));
                entries.insert(name.clone(), entry.clone());
            }
            *record = Arc::new(bound);
        }
        let cluster = ClusterRecord::new(CLUSTER_ID, now);
        let clusters = &mut fleet.recorded.clusters;
        clusters.insert(CLUSTER.to_owned(), Arc::new(cluster));
        let view = ClusterView {
            link: Link::Up,
            cluster_id: Some(CLUSTER_ID),
            members: BTreeSet::from([Uuid::from_u128(1)]),
            master: Some(Uuid::from_u128(1)),
            state: Seen::Known(ClusterState::Active),
            partitions_safe: Seen::Known(true),
            jet_enabled: Seen::Known(true),
            upload_enabled: Seen::Known(true),
            ownership_map_fault: Seen::Known(None),
            jobs: Seen::Known(jobs),
            listed_at: Some(now),
            lists: Some(Lists {
                watch: Uuid::nil(),
                count: 0,
            }),
            ownership: Seen::Known(entries),
            standings: BTreeMap::new(),
            ..ClusterView::unknown(now)
        };
        fleet.observed = Observed {
            clusters: BTreeMap::from([(CLUSTER.to_owned(), Arc::new(view))]),
            jars: Arc::new(jars(desired)),
        };
        fleet.settle(desired);
        fleet
    }

    /// Plans with a planner that may have planned before.
    pub(crate) fn plan(&self, desired: &Desired, planner: &mut Planner) -> Plan {
        planner.plan(&PlanInput {
            desired,
            recorded: &self.recorded,
            observed: &self.observed,
            settings: &self.settings,
            now: Timestamp::UNIX_EPOCH,
        })
    }

    /// Plans until nothing more is learnt.
    fn settle(&mut self, desired: &Desired) {
        loop {
            let plan = self.plan(desired, &mut Planner::default());
            assert_eq!(plan.steps, [], "at rest there is nothing to do");
            if plan.jobs.is_empty() {
                break;
            }
            for (name, record) in plan.jobs {
                self.recorded.jobs.insert(name, record.unwrap());
            }
        }
    }
}

/// The record of a job that was submitted and runs.
pub(crate) fn bound(name: &str, record: &JobRecord, id: i64) -> JobRecord {
    let nonce = format!("{id:016x}");
    let now = Timestamp::UNIX_EPOCH;
    JobRecord {
        attempts: 1,
        entry: Some(OwnershipEntry {
            owner: OWNER.to_owned(),
            // That of records whose store has no id.
            keeper: String::new(),
            epoch: 1,
            attempt: nonce.clone(),
            job_id: Some(JobId(id)),
            resource: ResourceId::jet_job(name),
            digest: record.digest,
        }),
        job: Some(BoundJob {
            cluster_id: CLUSTER_ID,
            id: JobId(id),
            nonce,
            deployed: Some(Deployed {
                jar: Some(jar()),
                jar_on_member: None,
                main_class: record.spec.main_class.clone(),
                parameters: record.spec.parameters.clone(),
                secret_parameters: Vec::new(),
            }),
            submitted_at: now,
            guarantee: Some(Guarantee::ExactlyOnce),
            status: JobStatus::Running,
            status_since: now,
            completed_at: None,
            failure: None,
            stopped_by: None,
            suspend_asked: None,
            gone: false,
            configured: None,
            ran: true,
            cancel: None,
            started_from: None,
            start_unknown: false,
            own_snapshot: false,
            ended_uncommitted: false,
            restart_asked: false,
            restarted: None,
        }),
        ..record.clone()
    }
}

/// The digest of the jar that all jobs run.
pub(crate) fn jar() -> Digest {
    Digest::of(b"jar")
}

fn seen(name: &str, job: &BoundJob) -> JobView {
    JobView {
        id: job.id,
        name: name.to_owned(),
        status: job.status,
        execution_id: job.id.0,
        submitted_at: job.submitted_at,
        completed_at: None,
        user_cancelled: false,
        user_requested: None,
        restarted: None,
        failure: None,
        suspension_failure: None,
        config: Some(Arc::new(JobConfigView {
            nonce: Some(job.nonce.clone()),
            resource_ids: vec![format!("jetkeeper-{}-{}-1.jar", job.nonce, jar().short())],
            guarantee: Guarantee::ExactlyOnce,
            suspendable: true,
            initial_snapshot: Seen::Known(None),
            settings: JobSettings {
                snapshot_interval: SignedDuration::from_secs(10),
                suspend_on_failure: false,
                auto_scaling: true,
                split_brain_protection: false,
                metrics_enabled: true,
                store_metrics_after_job_completion: false,
                max_processor_accumulated_records: -1,
                timeout: SignedDuration::ZERO,
            },
        })),
    }
}

fn jars(desired: &Desired) -> BTreeMap<jetkeeper::plan::jar::JarRequest, JarView> {
    let requests = wanted_jars(desired).into_iter();
    let ready = requests.map(|request| {
        let main_class = request.main_class.clone();
        let facts = JarFacts {
            digest: jar(),
            size: 1,
            main_class: main_class.map_or(MainClass::Unspecified, MainClass::Found),
        };
        (request, JarView::Ready(facts))
    });
    ready.collect()
}
