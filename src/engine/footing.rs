//! Tells sources from where they may go on, and plans with no revision that doesn't.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::clock::Clock;
use crate::plan::PlanInput;
use crate::plan::observed::Observed;
use crate::plan::record::Recorded;
use crate::plan::{Settings, trust};
use crate::resources::{Desired, Revision};
use crate::source::Source;

/// How long a start waits for sources that have nothing to show yet that may be planned with.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells each source.
pub(super) fn tell(sources: &[Arc<dyn Source>], input: &PlanInput<'_>) {
    for source in sources {
        source.stand_on(trust::footing(source.name(), input));
    }
}

/// Tells each source what an earlier run left, and waits a little for what they show then.
pub(super) async fn tell_first(
    sources: &[Arc<dyn Source>],
    recorded: &Recorded,
    settings: &Settings,
    clock: &dyn Clock,
) {
    let (desired, observed) = (Desired::default(), Observed::default());
    let input = PlanInput {
        desired: &desired,
        recorded,
        observed: &observed,
        settings,
        now: clock.now(),
    };
    tell(sources, &input);
    let waiting = sources.iter().filter(|source| {
        let shown = Arc::clone(&source.revisions().borrow());
        !(shown.present && may_be_planned_with(&shown, recorded))
    });
    let stood = join_all(waiting.map(|source| source.stood()));
    // Whatever comes later is a revision like any other.
    drop(tokio::time::timeout(PATIENCE, stood).await);
}

/// The revision to plan with: the latest, or the one before until it is known that the latest goes on
/// from what is in force.
pub(super) fn admitted(
    latest: Arc<Revision>,
    before: Option<&Arc<Revision>>,
    recorded: &Recorded,
) -> Arc<Revision> {
    if may_be_planned_with(&latest, recorded) {
        return latest;
    }
    match before {
        Some(before) => Arc::clone(before),
        None => Arc::new(
            latest.withheld("it is not known yet whether it goes on from what is in force"),
        ),
    }
}

fn may_be_planned_with(revision: &Revision, recorded: &Recorded) -> bool {
    let record = recorded.sources.get(&revision.source).map(|it| &**it);
    let lineage = revision.lineage.as_deref();
    lineage.is_none_or(|lineage| trust::admits(record, lineage))
}
