//! Everything that a plan follows from, built step by step.

use std::collections::BTreeMap;
use std::sync::Arc;

use jetkeeper::plan::hold::{Hold, Reason};
use jetkeeper::plan::jar::{JarFacts, JarRequest, JarView, MainClass};
use jetkeeper::plan::job::JobId;
use jetkeeper::plan::observed::{ClusterState, ClusterView, Link, Lists, Observed, Seen};
use jetkeeper::plan::record::{ClusterRecord, Confirmation, JobRecord, Recorded};
use jetkeeper::plan::snapshot::SnapshotFacts;
use jetkeeper::plan::status::JobStatusReport;
use jetkeeper::plan::{Plan, PlanInput, Planner, Settings};
use jetkeeper::resources::desired::Annotations;
use jetkeeper::resources::jet_job_snapshot::JetJobSnapshotSpec;
use jetkeeper::resources::{
    Declared, Desired, Digest, HazelcastSpec, JarFile, JarOrigin, JetJobSpec, Place, ResourceId,
    SourceName, SourceView,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

/// The cluster of every scene.
pub(crate) const CLUSTER: &str = "dev";
/// The source of every document, unless a test says otherwise.
pub(crate) const SOURCE: &str = "jobs";
/// The document that `delete` leaves in the source.
const BYSTANDER: &str = "zz-bystander";
/// The owner that the scene plans for.
pub(crate) const OWNER: &str = "keeper-1";

/// Everything that a plan follows from.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) desired: Desired,
    pub(crate) recorded: Recorded,
    pub(crate) views: BTreeMap<String, ClusterView>,
    pub(crate) jars: BTreeMap<JarRequest, JarView>,
    pub(crate) settings: Settings,
    pub(crate) now: Timestamp,
    pub(crate) next_job: i64,
    /// The exported snapshots, by name.
    pub(crate) snapshots: BTreeMap<String, SnapshotFacts>,
}

pub(crate) fn cluster_id() -> Uuid {
    Uuid::from_u128(0xc1)
}

pub(crate) fn member(number: u128) -> Uuid {
    Uuid::from_u128(0x1000 + number)
}

pub(crate) fn seconds(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}

/// A cluster that is well, and empty.
pub(crate) fn healthy(now: Timestamp) -> ClusterView {
    ClusterView {
        link: Link::Up,
        cluster_id: Some(cluster_id()),
        members: [member(1)].into(),
        master: Some(member(1)),
        version: Some("5.7.0".to_owned()),
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
        ..ClusterView::unknown(now)
    }
}

impl Scene {
    /// What is known of a snapshot that another job made.
    pub(crate) fn foreign_facts(&self) -> SnapshotFacts {
        SnapshotFacts {
            snapshot_id: 3,
            job: JobId(77),
            job_name: "another".to_owned(),
            created_at: self.now,
            chunks: 1,
            bytes: 1,
            stateful: ["counter".to_owned()].into(),
        }
    }

    /// A known cluster that is well, an empty source, nothing recorded.
    pub(crate) fn new() -> Self {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let known = ClusterRecord::new(cluster_id(), now);
        let mut scene = Self {
            desired: Desired::default(),
            recorded: Recorded {
                store_id: "store".to_owned(),
                clusters: [(CLUSTER.to_owned(), Arc::new(known))].into(),
                ..Recorded::default()
            },
            views: [(CLUSTER.to_owned(), healthy(now))].into(),
            jars: BTreeMap::new(),
            settings: Settings {
                owner: OWNER.to_owned(),
                ..Settings::default()
            },
            now,
            next_job: 1,
            snapshots: BTreeMap::new(),
        };
        scene.source(SOURCE);
        scene
    }

    /// A scene in which `orders` is declared with this spec.
    pub(crate) fn with(spec: Value) -> Self {
        let mut scene = Self::new();
        scene.declare("orders", spec);
        scene
    }

    /// This run reads a source of this name, and all is well with it.
    pub(crate) fn source(&mut self, name: &str) -> &mut SourceView {
        let view = SourceView {
            revision: "r1".to_owned(),
            present: true,
            identified: true,
            ..SourceView::default()
        };
        let name = SourceName(name.to_owned());
        self.desired.sources.entry(name).or_insert(view)
    }

    /// Declares a job; what the spec leaves out is a jar beside the file and the scene's cluster.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers write json! in place"
    )]
    pub(crate) fn declare(&mut self, name: &str, spec: Value) {
        let mut whole = json!({"hazelcastResourceName": CLUSTER});
        whole
            .as_object_mut()
            .unwrap()
            .extend(spec.as_object().unwrap().clone());
        let spec: JetJobSpec = serde_json::from_value(whole).unwrap();
        let annotations = match self.desired.jobs.get(name) {
            Some(before) => before.annotations.clone(),
            None => Annotations::default(),
        };
        let declared = Declared {
            place: place(SOURCE, name),
            digest: Digest::of_json(&(&spec, &annotations)),
            spec: Arc::new(spec),
            annotations,
        };
        let origin = match (&declared.spec.jar_on_member, &declared.spec.remote_url) {
            (Some(path), _) => JarOrigin::Member { path: path.clone() },
            (_, Some(url)) => JarOrigin::Remote {
                url: url.clone(),
                secret_name: declared.spec.remote_secret_name.clone(),
            },
            _ => JarOrigin::Source {
                candidates: vec![format!("{name}.jar")],
                found: Some(jar_file(name, "1")),
            },
        };
        let is_new = !self.desired.jars.contains_key(name);
        self.desired
            .jobs
            .insert(name.to_owned(), Arc::new(declared));
        if is_new || !matches!(origin, JarOrigin::Source { .. }) {
            self.desired.jars.insert(name.to_owned(), origin);
        }
        self.know_jar(name);
    }

    /// Changes the annotations of a declared job.
    pub(crate) fn annotate(&mut self, name: &str, annotations: Annotations) {
        let declared = Arc::make_mut(self.desired.jobs.get_mut(name).unwrap());
        declared.digest = Digest::of_json(&(&declared.spec, &annotations));
        declared.annotations = annotations;
    }

    /// Removes a document.
    pub(crate) fn remove(&mut self, name: &str) {
        self.desired.jobs.remove(name);
        self.desired.jars.remove(name);
    }

    /// The document has another name now, and the same jar.
    pub(crate) fn rename(&mut self, old: &str, new: &str, spec: Value) {
        let origin = self.desired.jars[old].clone();
        self.remove(old);
        self.desired.jars.insert(new.to_owned(), origin);
        self.declare(new, spec);
    }

    /// Removes a document that isn't the last one of its source: another one stays, of a job that is
    /// not to run.
    pub(crate) fn delete(&mut self, name: &str) {
        self.remove(name);
        self.declare(BYSTANDER, json!({"state": "Suspended"}));
    }

    /// Whether nothing but the job that `delete` left is recorded.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.recorded.jobs.keys().all(|name| name == BYSTANDER)
    }

    /// A document that is there but can't be used.
    pub(crate) fn break_document(&mut self, name: &str) {
        self.remove(name);
        let id = ResourceId::jet_job(name);
        self.desired.faulty.insert(id, place(SOURCE, name));
    }

    /// The jar beside the document has other bytes now.
    pub(crate) fn new_jar(&mut self, name: &str, version: &str) {
        let origin = JarOrigin::Source {
            candidates: vec![format!("{name}.jar")],
            found: Some(jar_file(name, version)),
        };
        self.desired.jars.insert(name.to_owned(), origin);
        self.know_jar(name);
    }

    fn know_jar(&mut self, name: &str) {
        let request = self.jar_request(name);
        let view = match &request.origin {
            JarOrigin::Member { .. } => JarView::OnMember,
            _ => ready(&Digest::of_json(&request.origin)),
        };
        self.jars.entry(request).or_insert(view);
    }

    pub(crate) fn jar_request(&self, name: &str) -> JarRequest {
        JarRequest {
            origin: self.desired.jars[name].clone(),
            main_class: self.desired.jobs[name].spec.main_class.clone(),
        }
    }

    /// What is known of a job's jar is this.
    pub(crate) fn set_jar(&mut self, name: &str, view: JarView) {
        let request = self.jar_request(name);
        self.jars.insert(request, view);
    }

    /// Declares the cluster with this spec.
    pub(crate) fn hazelcast(&mut self, spec: Value) {
        let spec: HazelcastSpec = serde_json::from_value(spec).unwrap();
        let declared = Declared {
            place: place(SOURCE, CLUSTER),
            digest: Digest::of_json(&spec),
            spec: Arc::new(spec),
            annotations: Annotations::default(),
        };
        self.desired
            .hazelcasts
            .insert(CLUSTER.to_owned(), Arc::new(declared));
    }

    /// The view of the cluster, to be changed.
    pub(crate) fn view(&mut self) -> &mut ClusterView {
        self.views.get_mut(CLUSTER).unwrap()
    }

    /// Changes a record.
    pub(crate) fn record(&mut self, name: &str, change: impl FnOnce(&mut JobRecord)) {
        let record = self.recorded.jobs.get_mut(name).unwrap();
        change(Arc::make_mut(record));
    }

    /// Time goes by; the cluster is listed again.
    pub(crate) fn pass_time(&mut self, time: SignedDuration) {
        self.now += time;
        let now = self.now;
        for view in self.views.values_mut() {
            if view.listed_at.is_some() {
                view.listed_at = Some(now);
            }
            if let Some(lists) = &mut view.lists {
                lists.count += 1;
            }
        }
    }

    /// A person releases a hold.
    pub(crate) fn confirm(&mut self, hold: &Hold, discard_state: bool) {
        let confirmation = Confirmation {
            at: self.now,
            discard_state,
        };
        self.recorded
            .confirmations
            .insert(hold.id.clone(), confirmation);
    }

    /// The plan, without any consequence.
    pub(crate) fn plan(&self) -> Plan {
        self.plan_with(&mut Planner::default())
    }

    /// The plan of a planner that may have planned before.
    pub(crate) fn plan_with(&self, planner: &mut Planner) -> Plan {
        let views = self.views.iter();
        let observed = Observed {
            clusters: views
                .map(|(name, view)| (name.clone(), Arc::new(self.looked_at(view))))
                .collect(),
            jars: Arc::new(self.jars.clone()),
        };
        planner.plan(&PlanInput {
            desired: &self.desired,
            recorded: &self.recorded,
            observed: &observed,
            settings: &self.settings,
            now: self.now,
        })
    }

    /// The view, with what a look at the snapshots shows that jobs are to start from.
    fn looked_at(&self, view: &ClusterView) -> ClusterView {
        let mut view = view.clone();
        let jobs = self.desired.jobs.into_iter();
        for name in jobs.filter_map(|(_, job)| job.spec.initial_snapshot_name.as_ref()) {
            let there = self.snapshots.get(name).cloned();
            view.snapshots.entry(name.clone()).or_insert(there);
        }
        view
    }

    /// The plan, with what it learnt put into the records. Steps are not begun.
    pub(crate) fn learn(&mut self) -> Plan {
        let plan = self.plan();
        self.remember(&plan);
        plan
    }

    /// Declares a snapshot of `orders`.
    pub(crate) fn declare_snapshot(&mut self, name: &str, spec: &Value) {
        let mut whole = json!({"jetJobResourceName": "orders"});
        let fields = spec.as_object().unwrap().clone();
        whole.as_object_mut().unwrap().extend(fields);
        let spec: JetJobSnapshotSpec = serde_json::from_value(whole).unwrap();
        let declared = Declared {
            place: place(SOURCE, name),
            digest: Digest::of_json(&spec),
            spec: Arc::new(spec),
            annotations: Annotations::default(),
        };
        let snapshots = &mut self.desired.snapshots;
        snapshots.insert(name.to_owned(), Arc::new(declared));
    }

    pub(crate) fn remember(&mut self, plan: &Plan) {
        for (name, record) in &plan.snapshots {
            let snapshots = &mut self.recorded.snapshots;
            match record {
                Some(record) => drop(snapshots.insert(name.clone(), Arc::clone(record))),
                None => drop(snapshots.remove(name)),
            }
        }
        for (name, record) in &plan.jobs {
            match record {
                Some(record) => drop(self.recorded.jobs.insert(name.clone(), Arc::clone(record))),
                None => drop(self.recorded.jobs.remove(name)),
            }
        }
        let clusters = plan.clusters.iter();
        self.recorded
            .clusters
            .extend(clusters.map(|(name, record)| (name.clone(), Arc::clone(record))));
        let sources = plan.sources.iter();
        self.recorded
            .sources
            .extend(sources.map(|(name, record)| (name.clone(), Arc::clone(record))));
        for id in &plan.spent_confirmations {
            self.recorded.confirmations.remove(id);
        }
        for id in &plan.spent_adoptions {
            self.recorded.adoptions.remove(id);
        }
    }

    /// The status of a job.
    pub(crate) fn status(&self, name: &str) -> JobStatusReport {
        (*self.plan().statuses[name]).clone()
    }

    /// The id of the job that a record is bound to.
    pub(crate) fn bound(&self, name: &str) -> Option<JobId> {
        Some(self.recorded.jobs.get(name)?.job.as_ref()?.id)
    }
}

/// Where a document stands.
pub(crate) fn place(source: &str, name: &str) -> Place {
    Place {
        source: SourceName(source.to_owned()),
        path: format!("{name}.yaml"),
        line: 1,
        column: 1,
    }
}

fn jar_file(name: &str, version: &str) -> JarFile {
    JarFile {
        location: format!("/{name}.jar").into(),
        size: 1,
        stamp: version.to_owned(),
    }
}

/// A jar in the cache.
pub(crate) fn ready(digest: &Digest) -> JarView {
    JarView::Ready(JarFacts {
        digest: *digest,
        size: 1,
        main_class: MainClass::Found("Main".to_owned()),
    })
}

/// What a plan does and holds, in words that tests compare: verbs, then reasons.
pub(crate) fn words(plan: &Plan) -> String {
    let steps = plan.steps.iter().map(|step| step.verb().to_owned());
    let holds = plan.holds.iter().map(|hold| hold.reason.as_str());
    let words: Vec<String> = steps.chain(holds).collect();
    if words.is_empty() {
        "-".to_owned()
    } else {
        words.join(" ")
    }
}

/// The one hold for this reason.
pub(crate) fn hold(plan: &Plan, reason: Reason) -> Hold {
    let mut holds = plan.holds.iter().filter(|hold| hold.reason == reason);
    let found = holds.next();
    found
        .unwrap_or_else(|| panic!("no {reason} among {:#?}", plan.holds))
        .clone()
}
