//! A cluster that remembers another commit than this state does: state was lost or set back since, and
//! what is shown now may be older than what was in force.

use std::collections::BTreeMap;

use super::{edit, stranger};
use crate::plan::cluster::Obstacle;
use crate::plan::hold::{Hold, Reason, Release};
use crate::plan::observed::ClusterView;
use crate::plan::ownership::AnchorEntry;
use crate::plan::pass::{Plan, PlanInput};
use crate::plan::record::Anchored;
use crate::resources::lineage::short;
use crate::resources::{Lineage, ResourceId, SourceName};

/// The sources of which nothing may be done on a cluster, and why.
pub(in crate::plan) fn contradictions(
    input: &PlanInput<'_>,
    cluster: &str,
    view: &ClusterView,
    plan: &mut Plan,
) -> BTreeMap<SourceName, Obstacle> {
    let mut found = BTreeMap::new();
    for (source, shown) in &input.desired.sources {
        let Some(lineage) = shown.lineage.as_deref() else {
            continue;
        };
        if view.anchors.known().is_none() && view.cluster_id.is_some() {
            let message = format!(
                "cluster {cluster} is asked which commit of source {source} was in force last"
            );
            found.insert(source.clone(), unknown(message));
            continue;
        }
        let record = input.recorded.sources.get(source).map(|it| &**it);
        let owner = &input.settings.owner;
        let Some(entry) = stranger(source, record, cluster, (view, owner)) else {
            continue;
        };
        let obstacle = match lineage.goes_on_from(&entry.anchor) {
            Some(true) => None,
            None => {
                let message = format!(
                    "source {source} is asked whether {} goes on from {}, which was in force on {cluster}",
                    short(&lineage.commit),
                    short(&entry.anchor.commit)
                );
                Some(unknown(message))
            }
            Some(false) => ask(input, cluster, (source, lineage, entry), plan),
        };
        found.extend(obstacle.map(|obstacle| (source.clone(), obstacle)));
    }
    found
}

fn unknown(message: String) -> Obstacle {
    Obstacle {
        reason: Reason::ClusterUnknown,
        message,
        until: None,
    }
}

/// Asks a person; none where one has said that it is fine.
fn ask(
    input: &PlanInput<'_>,
    cluster: &str,
    (source, lineage, entry): (&SourceName, &Lineage, &AnchorEntry),
    plan: &mut Plan,
) -> Option<Obstacle> {
    let (now, before) = (&lineage.commit, &entry.anchor.commit);
    let message = format!(
        "cluster {cluster} says that {} of source {source} was in force last, which {} does not go on \
         from: the repository was set back, or this state is older than the cluster. Nothing of {source} \
         is done there; put the repository right, or confirm",
        short(before),
        short(now)
    );
    let hold = Hold::new(
        Reason::HistoryRewritten,
        vec![ResourceId::hazelcast(cluster)],
        message.clone(),
    )
    .about(&(source, before, now))
    .released_by(Release::Confirm);
    if input.recorded.confirmations.contains_key(&hold.id) {
        plan.spent_confirmations.insert(hold.id);
        let known = Anchored {
            commit: before.clone(),
            at: input.now,
        };
        if let Some(record) = edit(source, input, plan) {
            record.anchored.insert(cluster.to_owned(), known);
        }
        return None;
    }
    plan.holds.push(hold);
    Some(Obstacle {
        reason: Reason::HistoryRewritten,
        message,
        until: None,
    })
}
