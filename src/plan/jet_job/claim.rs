//! Our entry in the ownership map: who may submit under a name, and whose job it is.

use std::sync::Arc;

use super::super::draft::Draft;
use super::super::hold::{Reason, Release};
use super::super::job::{JobId, JobView};
use super::super::keeper::Keeper;
use super::super::ownership::{OWNERSHIP_MAP, OwnershipEntry};
use super::super::record::{Attempt, BoundJob};
use super::super::step::Action;
use crate::resources::ResourceId;

/// What a claim finds in the ownership map.
pub(super) enum Name {
    /// Nothing, or an entry that may be replaced.
    Free(Option<OwnershipEntry>),
    /// Another's entry; that is held.
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
    let is_ours = draft.keeper().is_us();
    let stands = |entry: &OwnershipEntry| {
        is_ours
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
    let (owner, resource) = (&there.owner, &there.resource);
    // Whether it is may change with the record or document of another resource.
    draft.fleeting |= *resource != draft.id;
    let whose = match draft.keeper() {
        Keeper::Nobody | Keeper::Us | Keeper::Before(_) => {
            if let Some(other) = holder(draft, there) {
                let message = format!(
                    "the name belongs to {other} of this keeper; delete that resource or give this one \
                     another spec.name"
                );
                draft.hold(Reason::Conflict, message);
                return Name::Taken;
            }
            return Name::Free(entry);
        }
        Keeper::Stranger(_) => {
            format!("the name belongs to {resource} of owner {owner} (map {OWNERSHIP_MAP});")
        }
        Keeper::Another(other) => {
            format!("the name belongs to {resource} of {}", same_owner(other))
        }
    };
    if may_take_over(draft) {
        draft.adoption_open = true;
        return Name::Free(entry);
    }
    let message = format!(
        "{whose} take it over with `jetkeeper adopt {}`",
        draft.id.name
    );
    hold_for_adoption(draft, message);
    Name::Taken
}

/// Another keeper with our owner, and what to do about there being two.
fn same_owner(entry: &OwnershipEntry) -> String {
    format!(
        "another jetkeeper with the same owner, {} (map {OWNERSHIP_MAP}, state {}): stop one of the two, or give \
         them different owners;",
        entry.owner, entry.keeper
    )
}

/// Another resource of ours that the entry names and that still stands for this name.
fn holder(draft: &Draft<'_>, entry: &OwnershipEntry) -> Option<ResourceId> {
    if entry.resource == draft.id {
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

/// Whether a job of ours has to be left alone, or first to be claimed anew: another owner keeps it now, or another
/// keeper with our owner, and no person gave it back to us; or our entry doesn't name us yet.
pub(super) fn elsewhere(draft: &mut Draft<'_>) -> bool {
    let record = &draft.record;
    let goes_on = record.attempt.is_some() || record.job.as_ref().is_some_and(BoundJob::is_active);
    let is_known = goes_on || record.job.is_some() || record.entry.is_some();
    let (entry, why) = match draft.keeper() {
        Keeper::Before(entry) => {
            let entry = entry.clone();
            sign(draft, entry);
            return true;
        }
        Keeper::Stranger(entry) if goes_on => {
            let owner = &entry.owner;
            let why = format!("the job was taken over by owner {owner} (map {OWNERSHIP_MAP});");
            (entry.clone(), why)
        }
        // Whatever became of it there, the record here tells no more of it.
        Keeper::Another(entry) if is_known => {
            let why = format!("the job is kept now by {}", same_owner(entry));
            (entry.clone(), why)
        }
        // What isn't ours yet is judged when its name is claimed.
        Keeper::Nobody | Keeper::Us | Keeper::Stranger(_) | Keeper::Another(_) => return false,
    };
    if may_take_over(draft) {
        // Where another job of the name runs, it is that one that is adopted.
        return (goes_on || namesake(draft).is_none()) && taken_back(draft, entry);
    }
    let message = format!(
        "{why} take it back with `jetkeeper adopt {}`, or remove its document",
        draft.id.name
    );
    hold_for_adoption(draft, message);
    true
}

/// Writes our entry in the place of the one that a person took from its keeper.
fn taken_back(draft: &mut Draft<'_>, entry: OwnershipEntry) -> bool {
    draft.adoption_open = true;
    let record = &draft.record;
    let job = record.job.as_ref().filter(|job| job.is_active());
    let trying = record.attempt.as_ref().map(|attempt| &attempt.nonce);
    let nonce = trying.or(record.job.as_ref().map(|job| &job.nonce));
    let (nonce, job) = (nonce.cloned().unwrap_or_default(), job.map(|job| job.id));
    rewrite(draft, &nonce, job, Some(entry));
    true
}

/// Writes an entry of ours anew so that it names us; what it says of the job stays.
fn sign(draft: &mut Draft<'_>, before: OwnershipEntry) {
    let job = draft.record.job.as_ref().filter(|job| job.is_active());
    let entry = OwnershipEntry {
        keeper: draft.input.recorded.store_id.clone(),
        epoch: before.epoch.saturating_add(1),
        job_id: before.job_id.or(job.map(|job| job.id)),
        resource: draft.id.clone(),
        ..before.clone()
    };
    draft.act_on_entry(Action::Claim {
        entry,
        replaces: Some(before),
        attempt: None,
    });
}

/// Whether a person wants the name to be taken from its present keeper. An annotation says so of a
/// name that was never ours; one that was taken from us needs a command, or two keepers whose
/// documents both say `adopt` would take it from each other for ever.
fn may_take_over(draft: &Draft<'_>) -> bool {
    let record = &draft.record;
    let never_ours = record.entry.is_none() && record.job.is_none() && record.attempts == 0;
    draft.adoption_commanded() || (record.annotations.adopt && never_ours)
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
    let whose = match draft.keeper() {
        Keeper::Stranger(entry) => format!(
            "the name belongs to {} of owner {}; cancel it, or",
            entry.resource, entry.owner
        ),
        Keeper::Another(entry) => {
            format!(
                "the name belongs to {} of {}",
                entry.resource,
                same_owner(entry)
            )
        }
        Keeper::Nobody | Keeper::Us | Keeper::Before(_) => {
            "was not submitted by this keeper; cancel it, or".to_owned()
        }
    };
    let message = format!(
        "job {} of the same name runs and {whose} take it over with `jetkeeper adopt {}`",
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
    let entry = draft.entry().filter(|_| draft.keeper().is_us());
    let renamed = entry.filter(|entry| entry.resource != draft.id).cloned();
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
        keeper: draft.input.recorded.store_id.clone(),
        epoch: replaces.map_or(1, |old| old.epoch.saturating_add(1)),
        attempt: nonce.to_owned(),
        job_id,
        resource: draft.id.clone(),
        digest: draft.record.digest,
    }
}
