//! What a person's word about a hold of one job is about: this document, this job, this deed. A word
//! that was meant for something else releases nothing, because the hold's id is another one then.

use serde::Serialize;

use super::draft::Draft;
use super::hold::{Hold, HoldId, Reason};
use super::job::JobId;
use super::record::Deed;
use crate::resources::Digest;

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
