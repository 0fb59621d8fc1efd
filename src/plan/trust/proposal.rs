//! What a repository has that does not go on from what is in force: held until a person lets it in.

use super::edit;
use crate::plan::hold::{Hold, Reason, Release};
use crate::plan::pass::{Plan, PlanInput};
use crate::resources::lineage::short;
use crate::resources::{Proposal, SourceName};

/// Holds what sources propose; what a person confirmed is let in.
pub(in crate::plan) fn hold_all(input: &PlanInput<'_>, plan: &mut Plan) {
    for (source, view) in &input.desired.sources {
        let Some(proposal) = &view.proposal else {
            continue;
        };
        let record = input.recorded.sources.get(source);
        let commit = &proposal.lineage.commit;
        if record.is_some_and(|it| it.released.as_ref() == Some(commit)) {
            // It is let in already, and is shown in a moment.
            continue;
        }
        let hold = hold(source, proposal);
        if !input.recorded.confirmations.contains_key(&hold.id) {
            plan.holds.push(hold);
            continue;
        }
        plan.spent_confirmations.insert(hold.id);
        if let Some(record) = edit(source, input, plan) {
            record.released = Some(commit.clone());
        }
    }
}

fn hold(source: &SourceName, proposal: &Proposal) -> Hold {
    let Proposal { lineage, anchor } = proposal;
    let message = format!(
        "source {source}: {} was rewritten; {} does not go on from {}, which stays in force. Put it back, \
         or confirm that the other is to be in force",
        lineage.reference,
        short(&lineage.commit),
        short(&anchor.commit),
    );
    Hold::new(Reason::HistoryRewritten, Vec::new(), message)
        .about(&(source, &anchor.commit, &lineage.commit))
        .released_by(Release::Confirm)
}
