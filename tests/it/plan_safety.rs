//! What a plan must not do, whatever comes together: cases in which a safeguard could be walked round.

use std::collections::BTreeMap;
use std::sync::Arc;

use jetkeeper::plan::hold::{Hold, HoldId, Reason};
use jetkeeper::plan::jar::{JarFacts, JarRequest, JarView, MainClass};
use jetkeeper::plan::job::{Guarantee, JobConfigView, JobId, JobSettings, JobStatus, JobView};
use jetkeeper::plan::observed::{ClusterState, ClusterView, Link, Lists, Observed, Seen};
use jetkeeper::plan::ownership::OwnershipEntry;
use jetkeeper::plan::record::{
    BoundJob, ClusterRecord, Confirmation, Deed, Deletion, Deployed, JobRecord, Recorded,
};
use jetkeeper::plan::step::Action;
use jetkeeper::plan::{Plan, PlanInput, Settings, plan};
use jetkeeper::resources::desired::Annotations;
use jetkeeper::resources::{
    Declared, Desired, Digest, JarFile, JarOrigin, JetJobSpec, Place, ResourceId, SourceName,
    SourceView,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

const CLUSTER: &str = "dev";
const OWNER: &str = "keeper-1";
const CLUSTER_ID: Uuid = Uuid::from_u128(0xc1);
const MASTER: Uuid = Uuid::from_u128(0x11);

/// Some jobs that run as declared, on a cluster that is well.
struct World {
    desired: Desired,
    recorded: Recorded,
    view: ClusterView,
    jars: BTreeMap<JarRequest, JarView>,
    now: Timestamp,
}

impl World {
    fn running(names: &[&str], spec: &Value) -> Self {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let known = ClusterRecord::new(CLUSTER_ID, now);
        let source = SourceView {
            revision: "r1".to_owned(),
            present: true,
            identified: true,
            ..SourceView::default()
        };
        let mut world = Self {
            desired: Desired {
                sources: [(SourceName("jobs".to_owned()), source)].into(),
                ..Desired::default()
            },
            recorded: Recorded {
                store_id: "store".to_owned(),
                clusters: [(CLUSTER.to_owned(), Arc::new(known))].into(),
                ..Recorded::default()
            },
            view: healthy(now),
            jars: BTreeMap::new(),
            now,
        };
        for (name, number) in names.iter().zip(1..) {
            world.declare(name, spec);
            world.run(name, JobId(number));
        }
        world
    }

    fn declare(&mut self, name: &str, spec: &Value) {
        let mut whole = json!({"hazelcastResourceName": CLUSTER});
        let fields = spec.as_object().unwrap().clone();
        whole.as_object_mut().unwrap().extend(fields);
        let spec: JetJobSpec = serde_json::from_value(whole).unwrap();
        let declared = Declared {
            place: place(name),
            digest: Digest::of_json(&spec),
            spec: Arc::new(spec),
            annotations: Annotations::default(),
        };
        let origin = JarOrigin::Source {
            candidates: vec![format!("{name}.jar")],
            found: Some(JarFile {
                location: format!("/{name}.jar").into(),
                size: 1,
                stamp: "1".to_owned(),
            }),
        };
        let request = JarRequest {
            origin: origin.clone(),
            main_class: None,
        };
        let facts = JarFacts {
            digest: jar(name),
            size: 1,
            main_class: MainClass::Found("Main".to_owned()),
        };
        self.jars.insert(request, JarView::Ready(facts));
        self.desired
            .jobs
            .insert(name.to_owned(), Arc::new(declared));
        self.desired.jars.insert(name.to_owned(), origin);
    }

    /// The job of a document runs, and is recorded.
    fn run(&mut self, name: &str, id: JobId) {
        let declared = &self.desired.jobs[name];
        let mut record = JobRecord::new(
            declared.place.clone(),
            declared.digest,
            Arc::clone(&declared.spec),
            declared.annotations.clone(),
        );
        record.attempts = 1;
        record.entry = Some(entry(name, OWNER, declared.digest));
        record.job = Some(bound(name, id, self.now));
        self.recorded.jobs.insert(name.to_owned(), Arc::new(record));
        let job = Arc::new(job_view(name, id, self.now));
        known(&mut self.view.jobs).insert(id, job);
        let entry = entry(name, OWNER, self.desired.jobs[name].digest);
        known(&mut self.view.ownership).insert(name.to_owned(), entry);
    }

    fn remove(&mut self, name: &str) {
        self.desired.jobs.remove(name);
        self.desired.jars.remove(name);
    }

    fn record(&mut self, name: &str) -> &mut JobRecord {
        Arc::make_mut(self.recorded.jobs.get_mut(name).unwrap())
    }

    /// A job says that it can't be suspended, so that its state can't be secured.
    fn unsuspendable(&mut self, id: JobId) {
        let job = Arc::make_mut(known(&mut self.view.jobs).get_mut(&id).unwrap());
        Arc::make_mut(job.config.as_mut().unwrap()).suspendable = false;
    }

    /// A plan, with what it learnt put into the records.
    fn pass(&mut self) -> Plan {
        let observed = Observed {
            clusters: [(CLUSTER.to_owned(), Arc::new(self.view.clone()))].into(),
            jars: Arc::new(self.jars.clone()),
        };
        let settings = Settings {
            owner: OWNER.to_owned(),
            ..Settings::default()
        };
        let plan = plan(&PlanInput {
            desired: &self.desired,
            recorded: &self.recorded,
            observed: &observed,
            settings: &settings,
            now: self.now,
        });
        for (name, record) in &plan.jobs {
            match record {
                Some(record) => drop(self.recorded.jobs.insert(name.clone(), Arc::clone(record))),
                None => drop(self.recorded.jobs.remove(name)),
            }
        }
        let clusters = plan.clusters.iter();
        let clusters = clusters.map(|(name, record)| (name.clone(), Arc::clone(record)));
        self.recorded.clusters.extend(clusters);
        let sources = plan.sources.iter();
        let sources = sources.map(|(name, record)| (name.clone(), Arc::clone(record)));
        self.recorded.sources.extend(sources);
        let spent = |id: &HoldId| plan.spent_confirmations.contains(id);
        self.recorded.confirmations.retain(|id, _| !spent(id));
        plan
    }

    fn confirm(&mut self, hold: &Hold) {
        let given = Confirmation {
            at: self.now,
            discard_state: true,
        };
        self.recorded.confirmations.insert(hold.id.clone(), given);
    }
}

fn known<T>(seen: &mut Seen<T>) -> &mut T {
    match seen {
        Seen::Known(value) => value,
        Seen::Unknown => panic!("it is known in these cases"),
    }
}

fn healthy(now: Timestamp) -> ClusterView {
    ClusterView {
        link: Link::Up,
        cluster_id: Some(CLUSTER_ID),
        members: [MASTER].into(),
        master: Some(MASTER),
        state: Seen::Known(ClusterState::Active),
        partitions_safe: Seen::Known(true),
        jet_enabled: Seen::Known(true),
        upload_enabled: Seen::Known(true),
        ownership_map_fault: Seen::Known(None),
        jobs: Seen::Known(BTreeMap::new()),
        listed_at: Some(now),
        lists: Some(Lists {
            watch: Uuid::nil(),
            count: 0,
        }),
        ownership: Seen::Known(BTreeMap::new()),
        anchors: Seen::Unknown,
        standings: BTreeMap::new(),
        ..ClusterView::unknown(now)
    }
}

fn place(name: &str) -> Place {
    Place {
        source: SourceName("jobs".to_owned()),
        path: format!("{name}.yaml"),
        line: 1,
        column: 1,
    }
}

fn jar(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

fn entry(name: &str, owner: &str, digest: Digest) -> OwnershipEntry {
    OwnershipEntry {
        owner: owner.to_owned(),
        keeper: "store".to_owned(),
        epoch: 1,
        attempt: "0123456789abcdef".to_owned(),
        job_id: None,
        resource: ResourceId::jet_job(name),
        digest,
    }
}

fn bound(name: &str, id: JobId, now: Timestamp) -> BoundJob {
    BoundJob {
        cluster_id: CLUSTER_ID,
        id,
        nonce: "0123456789abcdef".to_owned(),
        deployed: Some(Deployed {
            jar: Some(jar(name)),
            jar_on_member: None,
            main_class: None,
            parameters: Vec::new(),
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
    }
}

fn job_view(name: &str, id: JobId, now: Timestamp) -> JobView {
    JobView {
        id,
        name: name.to_owned(),
        status: JobStatus::Running,
        execution_id: 1,
        submitted_at: now,
        completed_at: None,
        user_cancelled: false,
        user_requested: None,
        restarted: None,
        failure: None,
        suspension_failure: None,
        config: Some(Arc::new(JobConfigView {
            nonce: Some("0123456789abcdef".to_owned()),
            resource_ids: Vec::new(),
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

fn reasons(plan: &Plan) -> Vec<Reason> {
    plan.holds.iter().map(|hold| hold.reason).collect()
}

fn hold(plan: &Plan, reason: Reason) -> Hold {
    let mut holds = plan.holds.iter();
    holds
        .find(|hold| hold.reason == reason)
        .unwrap_or_else(|| panic!("no hold {reason}: {:#?}", plan.holds))
        .clone()
}

#[test]
fn a_renamed_document_with_a_fault_deletes_nothing() {
    let mut world = World::running(&["orders"], &json!({"deletionPolicy": "Cancel"}));
    world.remove("orders");
    let renamed = ResourceId::jet_job("orders-eu");
    world.desired.faulty.insert(renamed, place("orders-eu"));
    let plan = world.pass();
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert_eq!(reasons(&plan), [Reason::Faulty, Reason::SourceUnidentified]);
    assert!(world.recorded.jobs["orders"].deletion.is_none());
}

#[test]
fn documents_that_vanish_one_by_one_are_a_mass_deletion_too() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut world = World::running(&names, &json!({}));
    for name in names {
        world.remove(name);
        world.pass();
    }
    let jobs = world.recorded.jobs.values();
    let begun = jobs.filter(|job| job.deletion.is_some()).count();
    assert_eq!(
        begun, 3,
        "up to three need no confirmation, whatever the share"
    );
}

#[test]
fn a_cluster_whose_document_is_broken_is_left_alone() {
    let mut world = World::running(&["orders"], &json!({"deletionPolicy": "Cancel"}));
    let cluster = ResourceId::hazelcast(CLUSTER);
    world.desired.faulty.insert(cluster, place(CLUSTER));
    world.declare(
        "orders",
        &json!({"deletionPolicy": "Cancel", "state": "Canceled"}),
    );
    let plan = world.pass();
    assert!(plan.steps.is_empty(), "minMembers isn't known: {plan:#?}");
    assert_eq!(reasons(&plan), [Reason::Faulty, Reason::ClusterUnsafe]);
}

#[test]
fn another_cluster_is_not_taken_for_ours_before_all_addresses_were_asked() {
    let mut world = World::running(&["orders"], &json!({"onStateLoss": {"mode": "StartFresh"}}));
    world.view.cluster_id = Some(Uuid::from_u128(0xc2));
    world.view.connected_at = Some(world.now);
    known(&mut world.view.jobs).clear();
    known(&mut world.view.ownership).clear();
    let plan = world.pass();
    assert!(
        plan.clusters.is_empty() && plan.steps.is_empty(),
        "{plan:#?}"
    );
    let settled = world.now + SignedDuration::from_secs(10);
    assert_eq!(hold(&plan, Reason::ClusterUnsafe).deadline, Some(settled));
    world.now = settled;
    let plan = world.pass();
    assert_eq!(plan.clusters.len(), 1, "{plan:#?}");
}

#[test]
fn a_name_that_was_taken_from_us_is_not_taken_back_by_the_annotation() {
    let mut world = World::running(&["orders"], &json!({}));
    world.record("orders").annotations.adopt = true;
    let digest = world.desired.jobs["orders"].digest;
    let mut theirs = entry("orders", "keeper-2", digest);
    theirs.epoch = 2;
    known(&mut world.view.ownership).insert("orders".to_owned(), theirs);
    let plan = world.pass();
    assert!(
        plan.steps.is_empty(),
        "two keepers would go on for ever: {plan:#?}"
    );
    assert_eq!(reasons(&plan), [Reason::Conflict]);
    world
        .recorded
        .adoptions
        .insert(ResourceId::jet_job("orders"));
    let plan = world.pass();
    assert!(
        matches!(plan.steps[0].action, Action::Claim { .. }),
        "{plan:#?}"
    );
}

#[test]
fn a_word_about_the_state_is_void_once_the_document_is_back() {
    let mut world = World::running(&["orders"], &json!({}));
    let since = world.now;
    let record = world.record("orders");
    record.discard_for = Some(Deed::Start);
    record.deletion = Some(Deletion {
        since,
        confirmed: false,
    });
    known(&mut world.view.jobs).clear();
    world.pass();
    assert_eq!(world.recorded.jobs["orders"].discard_for, None);
}

#[test]
fn a_confirmation_is_void_for_another_document_than_it_was_given_for() {
    let mut world = World::running(&["orders"], &json!({}));
    world.unsuspendable(JobId(1));
    world.declare("orders", &json!({"parameters": ["1"]}));
    let plan = world.pass();
    let asked = hold(&plan, Reason::SnapshotRequired);
    world.confirm(&asked);
    // While the cluster can't be seen the word waits, but not for whatever comes to be asked.
    let down = ClusterView::unknown(world.now);
    let up = std::mem::replace(&mut world.view, down);
    world.pass();
    assert_eq!(world.recorded.confirmations.len(), 1);
    world.declare("orders", &json!({"parameters": ["1"], "state": "Canceled"}));
    world.pass();
    assert!(world.recorded.confirmations.is_empty());
    world.view = up;
    let plan = world.pass();
    assert!(plan.steps.is_empty(), "{plan:#?}");
    assert_eq!(reasons(&plan), [Reason::SnapshotRequired]);
}

#[test]
fn a_confirmation_and_another_document_in_one_pass_do_nothing_together() {
    let mut world = World::running(&["orders"], &json!({}));
    world.unsuspendable(JobId(1));
    world.declare("orders", &json!({"parameters": ["1"]}));
    let plan = world.pass();
    world.confirm(&hold(&plan, Reason::SnapshotRequired));
    world.declare("orders", &json!({"state": "Canceled"}));
    let plan = world.pass();
    assert!(plan.steps.is_empty(), "{plan:#?}");
    assert!(world.recorded.confirmations.is_empty());
}
