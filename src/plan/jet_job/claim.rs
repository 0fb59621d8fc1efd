//! Our entry in the ownership map: who may submit under a name, and whose job it is.

use std::sync::Arc;

use super::super::draft::Draft;
use super::super::hold::{Reason, Release};
use super::super::job::{JobId, JobView};
use super::super::ownership::OwnershipEntry;
use super::super::record::{Attempt, BoundJob};
use super::super::step::Action;
use crate::resources::ResourceId;

/// What a claim finds in the ownership map.
pub(super) enum Name {
    /// Nothing, or an entry that may be replaced.
    Free(Option<OwnershipEntry>),
    /// Somebody else's entry; that is held.
    Taken,
}

/// Plans the claim that precedes an upload.
pub(super) fn claim(draft: &mut Draft<'_>, attempt: Attempt, replaces: Option<OwnershipEntry>) {
    let entry = entry_for(draft, &attempt.nonce, None, replaces.as_ref());
    draft.act_on_entry(Action::Claim {
        entry,
        replaces,
        attempt: Some(Box::new(attempt)),
    });
}

/// The nonce of a claim of ours that stands in the map and whose upload was never sent, so that the
/// next try may go by it.
pub(super) fn unsent(draft: &Draft<'_>, there: Option<&OwnershipEntry>) -> Option<String> {
    let nonce = draft.record.unsent.as_ref()?;
    let stands = |entry: &OwnershipEntry| {
        !foreign(draft, entry)
            && entry.resource == draft.id
            && entry.attempt == *nonce
            && entry.job_id.is_none()
            && entry.digest == draft.record.digest
    };
    there.is_some_and(stands).then(|| nonce.clone())
}

/// Whether the name is free for an attempt of ours; holds if not.
pub(super) fn name(draft: &mut Draft<'_>) -> Name {
    let entry = draft.entry().cloned();
    let Some(there) = &entry else {
        return Name::Free(None);
    };
    let ours = there.owner == draft.input.settings.owner;
    // Whether it is may change with the record or document of another resource.
    draft.fleeting |= there.resource != draft.id;
    if let Some(other) = holder(draft, there) {
        let message = format!(
            "the name belongs to {other} of this keeper; delete that resource or give this one \
             another spec.name"
        );
        draft.hold(Reason::Conflict, message);
        return Name::Taken;
    }
    if ours || may_take_over(draft) {
        draft.adoption_open = !ours;
        return Name::Free(entry);
    }
    let message = format!(
        "the name belongs to {} of owner {} (map jetkeeper.ownership); take it over with \
         `jetkeeper adopt {}`",
        there.resource, there.owner, draft.id.name
    );
    hold_for_adoption(draft, message);
    Name::Taken
}

/// Another resource of ours that the entry names and that still stands for this name.
fn holder(draft: &Draft<'_>, entry: &OwnershipEntry) -> Option<ResourceId> {
    if entry.owner != draft.input.settings.owner || entry.resource == draft.id {
        return None;
    }
    let other = draft.input.recorded.jobs.get(&entry.resource.name)?;
    let (ours, theirs) = (&draft.record.spec, &other.spec);
    let same = theirs.hazelcast_resource_name == ours.hazelcast_resource_name
        && theirs.job_name(&entry.resource.name) == draft.job_name();
    // Under its new name a renamed resource is this one.
    let renamed = !draft.input.desired.jobs.contains_key(&entry.resource.name)
        && draft.record.entry.as_ref() == Some(entry);
    (same && !renamed).then(|| entry.resource.clone())
}

/// Whether a job of ours belongs to another owner now: then nothing is done with it, unless a person
/// gave it back to us.
pub(super) fn taken_over(draft: &mut Draft<'_>) -> bool {
    let active = draft.record.job.as_ref().filter(|job| job.is_active());
    let job = active.map(|job| job.id);
    if job.is_none() && draft.record.attempt.is_none() {
        return false;
    }
    let Some(entry) = draft.entry().cloned().filter(|entry| foreign(draft, entry)) else {
        return false;
    };
    if may_take_over(draft) {
        draft.adoption_open = true;
        let record = &draft.record;
        let trying = record.attempt.as_ref().map(|attempt| &attempt.nonce);
        let nonce = trying.or(record.job.as_ref().map(|job| &job.nonce));
        let nonce = nonce.cloned().unwrap_or_default();
        rewrite(draft, &nonce, job, Some(entry));
        return true;
    }
    let message = format!(
        "the job was taken over by owner {} (map jetkeeper.ownership); take it back with \
         `jetkeeper adopt {}`, or remove its document",
        entry.owner, draft.id.name
    );
    hold_for_adoption(draft, message);
    true
}

/// Whether a person wants the name to be taken from its present owner. An annotation says so of a
/// name that was never ours; one that was taken from us needs a command, or two keepers whose
/// documents both say `adopt` would take it from each other for ever.
fn may_take_over(draft: &Draft<'_>) -> bool {
    draft.adoption_commanded() || (draft.record.annotations.adopt && draft.record.entry.is_none())
}

/// Whether an entry is another owner's.
pub(super) fn foreign(draft: &Draft<'_>, entry: &OwnershipEntry) -> bool {
    entry.owner != draft.input.settings.owner
}

/// An active job of the name that isn't ours.
pub(super) fn namesake(draft: &Draft<'_>) -> Option<Arc<JobView>> {
    let own = draft.record.job.as_ref().map(|job| job.id);
    let active = |job: &&&Arc<JobView>| !job.status.is_terminal() && Some(job.id) != own;
    draft
        .namesakes()
        .iter()
        .find(active)
        .map(|job| Arc::clone(job))
}

/// Whether an active job of the name that isn't ours keeps us from submitting; holds if so.
pub(super) fn conflict(draft: &mut Draft<'_>) -> bool {
    let Some(other) = namesake(draft) else {
        return false;
    };
    if other.config.is_none() {
        let message = format!(
            "job {} of the same name runs; what it was submitted with is being asked for",
            other.id
        );
        draft.hold(Reason::ClusterUnknown, message);
        return true;
    }
    let entry = draft.entry().filter(|entry| foreign(draft, entry));
    let whose = entry.map_or("was not submitted by this keeper".to_owned(), |entry| {
        format!(
            "the name belongs to {} of owner {}",
            entry.resource, entry.owner
        )
    });
    let message = format!(
        "job {} of the same name runs and {whose}; cancel it, or take it over with `jetkeeper adopt \
         {}`",
        other.id, draft.id.name
    );
    hold_for_adoption(draft, message);
    true
}

fn hold_for_adoption(draft: &mut Draft<'_>, message: String) {
    draft.adoption_open = true;
    draft.hold_released_by(Reason::Conflict, Release::Adopt, None, message);
}

/// Takes over a job of the name that runs, where a person wants that; whether that is under way.
pub(super) fn adopted(draft: &mut Draft<'_>) -> bool {
    if !draft.adoption_wanted() || draft.record.job.as_ref().is_some_and(BoundJob::is_active) {
        return false;
    }
    let Some(other) = namesake(draft) else {
        return false;
    };
    let Name::Free(replaces) = name(draft) else {
        return true;
    };
    draft.adoption_open = true;
    rewrite(draft, "", Some(other.id), replaces);
    true
}

/// Writes our entry again where it names the resource by the name it had before; whether that is
/// under way.
pub(super) fn renewed(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    let renamed = draft
        .entry()
        .filter(|entry| !foreign(draft, entry) && entry.resource != draft.id)
        .cloned();
    let Some(entry) = renamed else { return false };
    rewrite(draft, &entry.attempt.clone(), Some(job.id), Some(entry));
    true
}

/// Writes our entry again where it is gone although the job goes on; whether that is under way. It is
/// written only where no entry is.
pub(super) fn restored(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    let known = draft
        .view()
        .is_some_and(|view| view.ownership.known().is_some());
    if !known || !job.is_active() || draft.seen(job.id).is_none() || draft.entry().is_some() {
        return false;
    }
    rewrite(draft, &job.nonce, Some(job.id), None);
    true
}

fn rewrite(
    draft: &mut Draft<'_>,
    nonce: &str,
    job: Option<JobId>,
    replaces: Option<OwnershipEntry>,
) {
    let entry = entry_for(draft, nonce, job, replaces.as_ref());
    draft.act_on_entry(Action::Claim {
        entry,
        replaces,
        attempt: None,
    });
}

fn entry_for(
    draft: &Draft<'_>,
    nonce: &str,
    job_id: Option<JobId>,
    replaces: Option<&OwnershipEntry>,
) -> OwnershipEntry {
    OwnershipEntry {
        owner: draft.input.settings.owner.clone(),
        epoch: replaces.map_or(1, |old| old.epoch.saturating_add(1)),
        attempt: nonce.to_owned(),
        job_id,
        resource: draft.id.clone(),
        digest: draft.record.digest,
    }
}
