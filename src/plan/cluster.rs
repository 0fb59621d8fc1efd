//! Is this the cluster that was recorded, and can it be trusted now?

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::hold::Reason;
use super::job::{JobId, JobView};
use super::observed::{ClusterState, ClusterView, Link, Seen};
use super::ownership::{OWNERSHIP_MAP, OwnershipEntry};
use super::pass::{Plan, PlanInput};
use super::plural::counted;
use super::record::ClusterRecord;
use super::settling;
use super::snapshot::SnapshotFacts;
use super::transition::after;
use super::trust::contradictions;
use crate::resources::{HazelcastSpec, ResourceId, SourceName};

/// How long a new master must have been seen before anything is stopped or started.
pub(super) const MASTER_SETTLES: SignedDuration = SignedDuration::from_secs(10);

/// How long a cluster has not answered before a person is asked whether it ever will.
const GONE_FOR_GOOD: SignedDuration = SignedDuration::from_hours(1);

/// From when on a person is asked whether a cluster that doesn't answer ever will: at once where nobody says
/// any more where it is; none where it answers.
pub(super) fn asked_about_at(view: Option<&ClusterView>) -> Option<Timestamp> {
    match view.map(|view| &view.link) {
        Some(Link::Down { since, .. }) => Some(after(*since, GONE_FOR_GOOD)),
        Some(Link::Up) => None,
        None => Some(Timestamp::MIN),
    }
}

/// Why something can't be done on a cluster now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Obstacle {
    /// In one word.
    pub(super) reason: Reason,
    /// In words, and what to do.
    pub(super) message: String,
    /// When it passes by itself, where that is known.
    pub(super) until: Option<Timestamp>,
}

impl Obstacle {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            until: None,
        }
    }
}

/// A cluster as a pass sees it.
pub(super) struct ClusterSight<'a> {
    /// The view.
    pub(super) view: &'a ClusterView,
    /// Why nothing can be learnt or done, if so.
    pub(super) obstacle: Option<Obstacle>,
    /// Of which sources nothing may be done, and why.
    pub(super) mistrusted: BTreeMap<SourceName, Obstacle>,
    /// Why its list of jobs can't be trusted yet, if so.
    pub(super) unsettled: Option<Obstacle>,
    /// Of which names jobs may be asked for.
    sought: HashSet<String>,
    by_name: OnceCell<HashMap<&'a str, Vec<&'a Arc<JobView>>>>,
    /// The newest snapshot that was exported of each job, and its name.
    exported: HashMap<JobId, (&'a str, &'a SnapshotFacts)>,
}

impl<'a> ClusterSight<'a> {
    /// The jobs of a name, newest first; only of names that were sought by.
    pub(super) fn named(&'a self, name: &str) -> &'a [&'a Arc<JobView>] {
        let by_name = self.by_name.get_or_init(|| self.index());
        by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// The newest snapshot that was exported of a job and is there, and its name.
    pub(super) fn exported(&self, job: JobId) -> Option<(&'a str, &'a SnapshotFacts)> {
        self.exported.get(&job).copied()
    }

    /// Why nothing of this source can be done, if so.
    pub(super) fn obstacle_for(&self, source: &SourceName) -> Option<&Obstacle> {
        let obstacle = self.obstacle.as_ref();
        obstacle.or_else(|| self.mistrusted.get(source))
    }

    /// Jobs of this name may be asked for.
    pub(super) fn seek(&mut self, name: &str) {
        if self.obstacle.is_none() && !self.sought.contains(name) {
            self.sought.insert(name.to_owned());
        }
    }

    /// One walk over all jobs, however many names are sought; none where nobody asks.
    fn index(&self) -> HashMap<&'a str, Vec<&'a Arc<JobView>>> {
        let mut by_name: HashMap<&str, Vec<&Arc<JobView>>> = HashMap::new();
        for job in self
            .view
            .jobs
            .known()
            .into_iter()
            .flat_map(BTreeMap::values)
        {
            if self.sought.contains(&job.name) {
                by_name.entry(job.name.as_str()).or_default().push(job);
            }
        }
        for jobs in by_name.values_mut() {
            jobs.sort_by_key(|job| std::cmp::Reverse((job.submitted_at, job.id)));
        }
        by_name
    }
}

/// Looks at every cluster once: is it known, and is it the one that was recorded?
pub(super) fn look<'a>(
    input: &PlanInput<'a>,
    plan: &mut Plan,
) -> BTreeMap<&'a str, ClusterSight<'a>> {
    let mut sights = BTreeMap::new();
    for (name, view) in &input.observed.clusters {
        let sight = ClusterSight {
            view,
            obstacle: recognise(input, name, view, plan),
            mistrusted: contradictions(input, name, view, plan),
            unsettled: settling::unsettled(input, name, view),
            sought: HashSet::new(),
            by_name: OnceCell::new(),
            exported: HashMap::new(),
        };
        sights.insert(name.as_str(), sight);
    }
    see_exported(input, &mut sights);
    sights
}

/// Sorts what was exported by cluster and job.
fn see_exported<'a>(input: &PlanInput<'a>, sights: &mut BTreeMap<&'a str, ClusterSight<'a>>) {
    for (resource, record) in &input.recorded.snapshots {
        let (Some(exported), Some(cluster)) = (&record.exported, &record.cluster) else {
            continue;
        };
        let Some(sight) = sights.get_mut(cluster.as_str()) else {
            continue;
        };
        if record.missing || record.cluster_id != sight.view.cluster_id {
            continue;
        }
        let (name, facts) = (record.spec.snapshot_name(resource), &exported.facts);
        let newest = sight.exported.entry(facts.job).or_insert((name, facts));
        if newest.1.created_at < facts.created_at {
            *newest = (name, facts);
        }
    }
}

fn recognise(
    input: &PlanInput<'_>,
    name: &str,
    view: &ClusterView,
    plan: &mut Plan,
) -> Option<Obstacle> {
    if let Link::Down { error, .. } = &view.link {
        let why = error.as_deref().unwrap_or("connecting");
        if view.refused {
            let message = format!("cluster {name} can't be used: {why}");
            return Some(Obstacle::new(Reason::ClusterMismatch, message));
        }
        let message = format!("cluster {name} can't be reached: {why}");
        return Some(Obstacle::new(Reason::ClusterUnreachable, message));
    }
    let (Some(id), Seen::Known(jobs), Seen::Known(ownership)) =
        (view.cluster_id, &view.jobs, &view.ownership)
    else {
        if view.jet_enabled == Seen::Known(false) {
            // Members without Jet list no jobs, ever.
            return preflight(name, view).err();
        }
        let message = format!("cluster {name} is connected; its jobs are being listed");
        return Some(Obstacle::new(Reason::ClusterUnknown, message));
    };
    let obstacle = match input.recorded.clusters.get(name) {
        Some(known) if known.cluster_id == id => return None,
        Some(known) => another_cluster(input, name, known.cluster_id, (view, id, jobs.is_empty())),
        None => unknown_entry_of_ours(input, ownership)
            .map(|job| first_sight_of_ours(input, name, job, plan)),
    };
    if obstacle.is_none() {
        let known = input.recorded.clusters.get(name);
        let record = ClusterRecord {
            document: known.and_then(|known| known.document.clone()),
            ..ClusterRecord::new(id, input.now)
        };
        plan.clusters.insert(name.to_owned(), Arc::new(record));
    }
    obstacle
}

/// The cluster has another id than before: whether it really is its successor, without our jobs.
fn another_cluster(
    input: &PlanInput<'_>,
    name: &str,
    known: Uuid,
    (view, id, empty): (&ClusterView, Uuid, bool),
) -> Option<Obstacle> {
    if view.foreign_cluster_id == Some(known) || !empty {
        let message = format!(
            "cluster {name} answers with id {id}, recorded is {known}; it isn't empty, or another \
             address still answers with the old id. Mend the addresses, or run `{} --force` if this is \
             the right cluster",
            input.settings.rebuild
        );
        return Some(Obstacle::new(Reason::ClusterChanged, message));
    }
    // A member that starts alone shows an id of its own until it has found the others, and the other
    // addresses have to be asked which cluster they lead to.
    if let Some(settled) = view.connected_at.map(|at| after(at, MASTER_SETTLES))
        && input.now < settled
    {
        let message = format!(
            "cluster {name} answers with id {id}, recorded is {known}; waiting until its other \
             addresses were asked"
        );
        return Some(Obstacle {
            until: Some(settled),
            ..Obstacle::new(Reason::ClusterUnsafe, message)
        });
    }
    let guarded = spec(input, name).and_then(|spec| guard(name, view, &spec, input.now));
    guarded.err()
}

/// The spec by which a cluster is judged: its document, or the last good one. The defaults where no
/// document ever declared it, none where the one that does was never good, because it may ask for more
/// than they do.
pub(super) fn spec(input: &PlanInput<'_>, name: &str) -> Result<HazelcastSpec, Obstacle> {
    let desired = input.desired;
    if let Some(declared) = desired.hazelcasts.get(name) {
        return Ok((*declared.spec).clone());
    }
    let recorded = input.recorded.clusters.get(name);
    if let Some(document) = recorded.and_then(|record| record.document.as_ref()) {
        return Ok((*document.spec).clone());
    }
    if let Some(place) = desired.faulty.get(&ResourceId::hazelcast(name)) {
        let message = format!(
            "the document of cluster {name} ({place}) has faults, so it can't be told whether the \
             cluster is as it asks (minMembers, say); mend it (`jetkeeper validate PATH` shows them)"
        );
        return Err(Obstacle::new(Reason::ClusterUnsafe, message));
    }
    Ok(HazelcastSpec::default())
}

/// The name of a job that the ownership map says is ours, of which nothing is recorded.
fn unknown_entry_of_ours<'a>(
    input: &PlanInput<'_>,
    ownership: &'a BTreeMap<String, OwnershipEntry>,
) -> Option<&'a str> {
    let known = |entry: &OwnershipEntry| {
        let record = input.recorded.jobs.get(&entry.resource.name);
        record.is_some_and(|job| job.job.is_some() || job.attempt.is_some() || job.entry.is_some())
    };
    let mut entries = ownership.iter();
    let ours = entries.find(|(_, entry)| entry.owner == input.settings.owner && !known(entry));
    ours.filter(|_| !input.settings.rebuilding)
        .map(|(job, _)| job.as_str())
}

/// A cluster that was never seen before has jobs of ours: an empty state must not go on; one that
/// keeps jobs on other clusters goes on with these.
fn first_sight_of_ours(input: &PlanInput<'_>, name: &str, job: &str, plan: &mut Plan) -> Obstacle {
    let settings = input.settings;
    let (owner, rebuild) = (&settings.owner, &settings.rebuild);
    // What is recorded of other clusters would be forgotten too.
    let force = if input.recorded.clusters.is_empty() {
        ""
    } else {
        " --force"
    };
    let message = format!(
        "cluster {name} holds jobs of owner {owner} ({job} is one), but this state knows nothing of them. \
         Nothing was done. If another jetkeeper runs with this owner, they are its jobs: leave them to it, and give \
         this one an owner of its own (`--owner NAME`, or `owner: NAME` in the configuration). If none does and \
         its state was lost, make the records anew: `{rebuild}{force}`"
    );
    if input.recorded.clusters.is_empty() {
        plan.fatal = Some(message.clone());
    }
    Obstacle::new(Reason::ClusterMismatch, message)
}

/// Whether a job may be stopped or started now.
pub(super) fn guard(
    name: &str,
    view: &ClusterView,
    spec: &HazelcastSpec,
    now: Timestamp,
) -> Result<(), Obstacle> {
    let unsafe_now = |message: String| Err(Obstacle::new(Reason::ClusterUnsafe, message));
    let members = view.members.len();
    if members < usize::try_from(spec.min_members).unwrap_or(usize::MAX) {
        return unsafe_now(format!(
            "cluster {name} has {}, minMembers is {}",
            counted(members, "member", "members"),
            spec.min_members
        ));
    }
    if let Some(foreign) = view.foreign_cluster_id {
        return unsafe_now(format!(
            "an address of cluster {name} answers with another cluster id ({foreign}): it may be \
             split; see to its members"
        ));
    }
    if let Some(changed) = view.master_changed_at {
        let settled = after(changed, MASTER_SETTLES);
        if now < settled {
            let message = format!("cluster {name} has a new master; waiting until it has settled");
            return Err(Obstacle {
                until: Some(settled),
                ..Obstacle::new(Reason::ClusterUnsafe, message)
            });
        }
    }
    match (&view.state, &view.partitions_safe) {
        (Seen::Known(ClusterState::Active), Seen::Known(true)) => Ok(()),
        (Seen::Known(ClusterState::Active), Seen::Known(false)) => {
            unsafe_now(format!("cluster {name} is moving partitions"))
        }
        (Seen::Known(state), _) if *state != ClusterState::Active => unsafe_now(format!(
            "cluster {name} is {state:?}; jobs need it to be ACTIVE"
        )),
        _ => Err(Obstacle::new(
            Reason::ClusterUnknown,
            format!("the state of cluster {name} is being asked for"),
        )),
    }
}

/// Whether the cluster takes jars at all.
pub(super) fn preflight(name: &str, view: &ClusterView) -> Result<(), Obstacle> {
    match (&view.jet_enabled, &view.upload_enabled) {
        (Seen::Known(false), _) => Err(Obstacle::new(
            Reason::JetDisabled,
            format!(
                "Jet is disabled on cluster {name}: set `jet.enabled: true` in the members' \
                 configuration (HZ_JET_ENABLED=true) and restart them"
            ),
        )),
        (_, Seen::Known(false)) => Err(Obstacle::new(
            Reason::ResourceUploadDisabled,
            format!(
                "cluster {name} takes no jars: set `jet.resource-upload-enabled: true` in the \
                 members' configuration (HZ_JET_RESOURCEUPLOADENABLED=true) and restart them"
            ),
        )),
        (Seen::Known(true), Seen::Known(true)) => Ok(()),
        _ => Err(settings_unknown(name)),
    }
}

/// Whether the ownership map keeps what is written into it.
pub(super) fn keeps_entries(name: &str, view: &ClusterView) -> Result<(), Obstacle> {
    match &view.ownership_map_fault {
        Seen::Known(None) => Ok(()),
        Seen::Known(Some(fault)) => Err(Obstacle::new(
            Reason::OwnershipMapUnsafe,
            format!("map {OWNERSHIP_MAP} of cluster {name} could lose entries: {fault}"),
        )),
        Seen::Unknown => Err(settings_unknown(name)),
    }
}

fn settings_unknown(name: &str) -> Obstacle {
    let message = format!("the settings of cluster {name} are being asked for");
    Obstacle::new(Reason::ClusterUnknown, message)
}
