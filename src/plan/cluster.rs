//! Is this the cluster that was recorded, and can it be trusted now?

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::hold::Reason;
use super::job::JobView;
use super::observed::{ClusterState, ClusterView, Link, Seen};
use super::pass::{Plan, PlanInput};
use super::record::ClusterRecord;
use super::transition::after;
use crate::resources::HazelcastSpec;

/// How long a new master must have been seen before anything is stopped or started.
const MASTER_SETTLES: SignedDuration = SignedDuration::from_secs(10);

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
    fn new(reason: Reason, message: impl Into<String>) -> Self {
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
    by_name: BTreeMap<&'a str, Vec<&'a Arc<JobView>>>,
}

impl<'a> ClusterSight<'a> {
    /// The jobs of a name, newest first.
    pub(super) fn named(&'a self, name: &str) -> &'a [&'a Arc<JobView>] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }
}

/// Looks at every cluster once: is it known, and is it the one that was recorded?
pub(super) fn look<'a>(
    input: &PlanInput<'a>,
    plan: &mut Plan,
) -> BTreeMap<&'a str, ClusterSight<'a>> {
    let mut sights = BTreeMap::new();
    for (name, view) in &input.observed.clusters {
        let obstacle = recognise(input, name, view, plan);
        let by_name = if obstacle.is_none() {
            index(view)
        } else {
            BTreeMap::new()
        };
        sights.insert(
            name.as_str(),
            ClusterSight {
                view,
                obstacle,
                by_name,
            },
        );
    }
    sights
}

fn index(view: &ClusterView) -> BTreeMap<&str, Vec<&Arc<JobView>>> {
    let mut by_name: BTreeMap<&str, Vec<&Arc<JobView>>> = BTreeMap::new();
    for job in view.jobs.known().into_iter().flat_map(BTreeMap::values) {
        by_name.entry(job.name.as_str()).or_default().push(job);
    }
    for jobs in by_name.values_mut() {
        jobs.sort_by_key(|job| std::cmp::Reverse((job.submitted_at, job.id)));
    }
    by_name
}

fn recognise(
    input: &PlanInput<'_>,
    name: &str,
    view: &ClusterView,
    plan: &mut Plan,
) -> Option<Obstacle> {
    if let Link::Down { error, .. } = &view.link {
        let why = error.as_deref().unwrap_or("connecting");
        let message = format!("cluster {name} can't be reached: {why}");
        return Some(Obstacle::new(Reason::ClusterUnreachable, message));
    }
    let (Some(id), Seen::Known(jobs), Seen::Known(ownership)) =
        (view.cluster_id, &view.jobs, &view.ownership)
    else {
        let message = format!("cluster {name} is connected; its jobs are being listed");
        return Some(Obstacle::new(Reason::ClusterUnknown, message));
    };
    let record = ClusterRecord {
        cluster_id: id,
        since: input.now,
    };
    match input.recorded.clusters.get(name) {
        Some(known) if known.cluster_id == id => None,
        Some(known) => {
            if view.foreign_cluster_id == Some(known.cluster_id) || !jobs.is_empty() {
                return Some(Obstacle::new(
                    Reason::ClusterChanged,
                    format!(
                        "cluster {name} answers with id {id}, recorded is {}; it isn't empty, or \
                         another address still answers with the old id. Mend the addresses, or run \
                         `jetkeeper state rebuild` if this is the right cluster",
                        known.cluster_id
                    ),
                ));
            }
            plan.clusters.insert(name.to_owned(), Arc::new(record));
            None
        }
        None => {
            let ours = ownership.iter().find(|(_, entry)| {
                entry.owner == input.settings.owner
                    && input
                        .recorded
                        .jobs
                        .get(&entry.resource.name)
                        .is_none_or(|job| {
                            job.job.is_none() && job.attempt.is_none() && job.entry.is_none()
                        })
            });
            if let (Some((job, _)), false) = (ours, input.settings.rebuilding) {
                plan.fatal = Some(format!(
                    "cluster {name} holds jobs of owner {} ({job} is one), but this state knows \
                     nothing of them. Nothing was done. If the state was lost, run `jetkeeper state \
                     rebuild`; if another jetkeeper keeps them, give this one another `owner`",
                    input.settings.owner
                ));
            }
            plan.clusters.insert(name.to_owned(), Arc::new(record));
            None
        }
    }
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
            "cluster {name} has {members} members, minMembers is {}",
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
    match (
        &view.jet_enabled,
        &view.upload_enabled,
        &view.ownership_map_fault,
    ) {
        (Seen::Known(false), _, _) => Err(Obstacle::new(
            Reason::JetDisabled,
            format!(
                "Jet is disabled on cluster {name}: set `jet.enabled: true` in the members' \
                 configuration (HZ_JET_ENABLED=true) and restart them"
            ),
        )),
        (_, Seen::Known(false), _) => Err(Obstacle::new(
            Reason::ResourceUploadDisabled,
            format!(
                "cluster {name} takes no jars: set `jet.resource-upload-enabled: true` in the \
                 members' configuration (HZ_JET_RESOURCEUPLOADENABLED=true) and restart them"
            ),
        )),
        (_, _, Seen::Known(Some(fault))) => Err(Obstacle::new(
            Reason::OwnershipMapUnsafe,
            format!("map jetkeeper.ownership of cluster {name} could lose entries: {fault}"),
        )),
        (Seen::Known(true), Seen::Known(true), Seen::Known(None)) => Ok(()),
        _ => Err(Obstacle::new(
            Reason::ClusterUnknown,
            format!("the settings of cluster {name} are being asked for"),
        )),
    }
}
