//! What a person's word about a hold of one job is about: this document, this job, this deed. A word
//! that was meant for something else releases nothing, because the hold's id is another one then.

use serde::Serialize;

use super::draft::Draft;
use super::hold::{Hold, HoldId, Reason};
use super::job::JobId;
use crate::resources::Digest;

/// What is done once a person confirms it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Deed {
    /// Submit, or start again.
    Start,
    /// Ask for a restart again whose request had no answer.
    Restart,
    /// Cancel for good.
    Cancel,
    /// Forget it, whatever is left of it on a cluster that is gone.
    Forget,
    /// Replace by a version with this jar.
    Replace(Option<Digest>),
    /// Start the version before again from the snapshot of the upgrade.
    RollBack,
    /// Resume what a person suspended by hand.
    Undo,
    /// Suspend and set the settings again.
    Configure,
    /// Leave state behind that the new version has no place for.
    LeaveState,
    /// Begin what the document asks for, outside of the windows of its source.
    Begin,
    /// Use these bytes, which are not those that were fetched first.
    TakeJar(Option<Digest>),
}

impl Deed {
    /// All that could be asked with a jar of these bytes.
    fn all(jar: Option<Digest>) -> [Self; 11] {
        [
            Self::Start,
            Self::Restart,
            Self::Cancel,
            Self::Forget,
            Self::Replace(jar),
            Self::RollBack,
            Self::Undo,
            Self::Configure,
            Self::LeaveState,
            Self::Begin,
            Self::TakeJar(jar),
        ]
    }
}

/// What a hold's id stands for, besides reason and subject.
#[derive(Serialize)]
struct About<'a> {
    generation: u64,
    document: Digest,
    deleting: bool,
    job: Option<JobId>,
    attempt: Option<&'a str>,
    deed: Deed,
}

/// The hold that asks a person whether this may be done.
pub(super) fn question(
    draft: &Draft<'_>,
    reason: Reason,
    deed: Deed,
    message: impl Into<String>,
) -> Hold {
    let record = &draft.record;
    let attempt = record.attempt.as_ref();
    Hold::new(reason, vec![draft.id.clone()], message).about(&About {
        generation: record.generation,
        document: record.digest,
        deleting: record.deletion.is_some(),
        job: record.job.as_ref().map(|job| job.id),
        attempt: attempt.map(|attempt| attempt.nonce.as_str()),
        deed,
    })
}

/// The ids of all questions that could be asked about the job as it is known; none where its jar is
/// not known yet, because then they can't be told.
pub(super) fn possible(draft: &Draft<'_>) -> Option<Vec<HoldId>> {
    let jar = if draft.in_force() {
        let view = draft.jar().map(|(_, view)| *view);
        view.filter(|view| !view.is_fetching())?.digest()
    } else {
        None
    };
    let reasons = Reason::CONFIRMABLE.iter();
    let ids = reasons.flat_map(|reason| {
        let ask = |deed| question(draft, *reason, deed, "").id;
        Deed::all(jar).map(ask)
    });
    Some(ids.collect())
}
