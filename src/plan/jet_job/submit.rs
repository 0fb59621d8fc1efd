//! From a document to a job: claim the name, upload, find the job that it made.
//!
//! The claim comes first, so that two keepers never submit one name. The upload carries the
//! attempt's nonce; whatever it is answered with, the job is looked for by that nonce, and nothing
//! is uploaded again before it is proven that the last upload made no job.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::super::cluster::preflight;
use super::super::draft::Draft;
use super::super::event::EventKind;
use super::super::hold::{Reason, Release};
use super::super::job::JobId;
use super::super::observed::{ClusterView, GONE_AFTER};
use super::super::ownership::OwnershipEntry;
use super::super::record::{Attempt, UploadEnd, UploadOutcome};
use super::super::step::{Action, Expectation, Remember, Submit};
use super::super::transition::after;
use super::super::upload;
use super::change::checked_jar;
use super::{hold_for, trusted};

/// Begins to submit, or holds and says why not.
pub(super) fn start(draft: &mut Draft<'_>, after_failure: bool) {
    if let Some(other) = foreign_namesake(draft) {
        conflict(draft, other);
        return;
    }
    if !ready(draft) {
        return;
    }
    let Some(deployed) = checked_jar(draft) else {
        return;
    };
    let Some(Replaceable(replaces)) = replaceable_entry(draft) else {
        return;
    };
    let Some(cluster_id) = draft.view().and_then(|view| view.cluster_id) else {
        return;
    };
    let number = draft.record.attempts + 1;
    let nonce = upload::nonce(
        &draft.input.recorded.store_id,
        &draft.id.name,
        number,
        draft.now(),
    );
    let attempt = Attempt {
        nonce,
        cluster_id,
        known_ids: draft.namesakes().iter().map(|job| job.id).collect(),
        deployed,
        generation: draft.record.generation,
        started_at: draft.now(),
        claimed: false,
        uploading: false,
        ended: None,
    };
    let entry = entry_for(draft, &attempt.nonce, None, replaces.as_ref());
    let remember = Remember {
        failure_restart: after_failure,
        ..Remember::default()
    };
    let action = Action::Claim {
        entry,
        replaces,
        attempt: Some(Box::new(attempt)),
    };
    let expects = Expectation::cluster(cluster_id);
    draft.act(
        expects,
        action,
        remember,
        std::time::Duration::from_secs(30),
    );
}

/// Whether the cluster takes a job now and the document asks for nothing that can't be done.
fn ready(draft: &mut Draft<'_>) -> bool {
    let spec = &draft.record.spec;
    let snapshot =
        spec.initial_snapshot_name.is_some() || spec.initial_snapshot_resource_name.is_some();
    if snapshot {
        let message = "it is to start from a snapshot, which this version can't check yet; remove \
                       the field to start it without state";
        draft.hold(Reason::SnapshotRequired, message);
        return false;
    }
    let Some(view) = draft.view() else {
        return false;
    };
    let cluster = draft.record.spec.hazelcast_resource_name.clone();
    if let Err(obstacle) = preflight(&cluster, view) {
        hold_for(draft, obstacle);
        return false;
    }
    trusted(draft)
}

/// An active job of the name that isn't ours.
fn foreign_namesake(draft: &Draft<'_>) -> Option<JobId> {
    let own = draft.record.job.as_ref().map(|job| job.id);
    let active = |job: &&&std::sync::Arc<super::super::job::JobView>| {
        !job.status.is_terminal() && Some(job.id) != own
    };
    draft.namesakes().iter().find(active).map(|job| job.id)
}

/// Another job or owner has the name: adopts the job if a person wants that, else holds.
pub(super) fn conflict(draft: &mut Draft<'_>, other: JobId) {
    if draft.adoption_wanted() {
        adopt(draft, other);
        return;
    }
    let resource = draft.id.clone();
    let message = format!(
        "job {other} of the same name runs and was not submitted by this keeper; cancel it, or take \
         it over with `jetkeeper adopt {}`",
        resource.name
    );
    draft.hold_released_by(Reason::Conflict, Release::Adopt, message);
}

fn adopt(draft: &mut Draft<'_>, job: JobId) {
    let Some(view) = draft.view() else { return };
    let (Some(cluster_id), Some(ownership)) = (view.cluster_id, view.ownership.known()) else {
        return;
    };
    let replaces = ownership.get(draft.job_name()).cloned();
    let entry = entry_for(draft, "", Some(job), replaces.as_ref());
    let action = Action::Claim {
        entry,
        replaces,
        attempt: None,
    };
    let expects = Expectation::cluster(cluster_id);
    draft.spend_adoption();
    draft.act(
        expects,
        action,
        Remember::default(),
        std::time::Duration::from_secs(30),
    );
}

/// Writes our entry again, after the resource was renamed.
pub(super) fn renew_claim(draft: &mut Draft<'_>) {
    let Some(cluster_id) = draft.view().and_then(|view| view.cluster_id) else {
        return;
    };
    let Some(old) = draft.record.entry.clone() else {
        return;
    };
    let job = draft.record.job.as_ref().map(|job| job.id);
    let entry = entry_for(draft, &old.attempt, job, Some(&old));
    let action = Action::Claim {
        entry,
        replaces: Some(old),
        attempt: None,
    };
    let expects = Expectation::cluster(cluster_id);
    draft.act(
        expects,
        action,
        Remember::default(),
        std::time::Duration::from_secs(30),
    );
}

fn entry_for(
    draft: &Draft<'_>,
    attempt: &str,
    job_id: Option<JobId>,
    replaces: Option<&OwnershipEntry>,
) -> OwnershipEntry {
    OwnershipEntry {
        owner: draft.input.settings.owner.clone(),
        epoch: replaces.map_or(1, |old| old.epoch.saturating_add(1)),
        attempt: attempt.to_owned(),
        job_id,
        resource: draft.id.clone(),
        digest: draft.record.digest,
    }
}

/// What a claim finds in the ownership map.
struct Replaceable(Option<OwnershipEntry>);

/// The entry that a claim replaces, or a hold if it is another owner's.
fn replaceable_entry(draft: &mut Draft<'_>) -> Option<Replaceable> {
    if let Some(entry) = &draft.record.entry {
        return Some(Replaceable(Some(entry.clone())));
    }
    let ownership = draft.view().and_then(|view| view.ownership.known())?;
    let there = ownership.get(draft.job_name()).cloned();
    let (owner, resource) = match &there {
        None => return Some(Replaceable(None)),
        Some(entry) => (entry.owner.clone(), entry.resource.clone()),
    };
    let other_resource = resource != draft.id
        && draft.input.desired.jobs.contains_key(&resource.name)
        && draft.input.recorded.jobs.contains_key(&resource.name);
    if (owner == draft.input.settings.owner && !other_resource) || draft.adoption_wanted() {
        draft.spend_adoption();
        return Some(Replaceable(there));
    }
    let message = format!(
        "the name belongs to {resource} of owner {owner} (map jetkeeper.ownership); take it over \
         with `jetkeeper adopt {}`",
        draft.id.name
    );
    draft.hold_released_by(Reason::Conflict, Release::Adopt, message);
    None
}

/// Goes on with an attempt: claimed, uploaded, being looked for.
pub(super) fn go_on(draft: &mut Draft<'_>) {
    let (Some(attempt), Some(view)) = (draft.record.attempt.clone(), draft.view()) else {
        return;
    };
    if view.cluster_id != Some(attempt.cluster_id) {
        // That cluster is gone with whatever the upload made there.
        give_up(draft, "its cluster is another one now");
        return;
    }
    match (&attempt.ended, attempt.uploading) {
        (None, false) => upload(draft, &attempt),
        (None, true) => draft.hold(Reason::OutcomeUnknown, "the upload has no outcome yet"),
        (Some(end), _) => look_for_job(draft, &attempt, end, view),
    }
}

fn upload(draft: &mut Draft<'_>, attempt: &Attempt) {
    if !attempt.claimed && !claim_seen(draft, attempt) {
        // Nothing was uploaded: the attempt is dropped, and a new one reads the map again.
        draft.edit().attempt = None;
        draft.edit().entry = None;
        draft.wake_at(after(draft.now(), SignedDuration::from_millis(10)));
        draft.hold(
            Reason::OutcomeUnknown,
            "the claim on the name is being looked for",
        );
        return;
    }
    if let Some(other) = foreign_namesake(draft) {
        conflict(draft, other);
        return;
    }
    if !ready(draft) {
        return;
    }
    let Some(deployed) = checked_jar(draft) else {
        return;
    };
    let stale = deployed != attempt.deployed || attempt.generation != draft.record.generation;
    if stale {
        draft.edit().attempt = None;
        start(draft, false);
        return;
    }
    let submit = Submit {
        nonce: attempt.nonce.clone(),
        jar: deployed.jar,
        jar_on_member: deployed.jar_on_member,
        main_class: deployed.main_class,
        parameters: deployed.parameters,
        secret_parameters: deployed.secret_parameters,
    };
    let expects = Expectation {
        cluster_id: attempt.cluster_id,
        job: None,
        only_active: Some(BTreeSet::new()),
    };
    let timeout = draft.record.spec.timeouts.submit.unsigned_abs();
    draft.act(
        expects,
        Action::Submit(submit),
        Remember::default(),
        timeout,
    );
}

/// Whether the ownership map names the attempt although the claim had no outcome.
fn claim_seen(draft: &mut Draft<'_>, attempt: &Attempt) -> bool {
    let ownership = draft.view().and_then(|view| view.ownership.known());
    let entry = ownership
        .and_then(|entries| entries.get(draft.job_name()))
        .cloned();
    let seen = entry.filter(|entry| {
        entry.owner == draft.input.settings.owner && entry.attempt == attempt.nonce
    });
    let Some(entry) = seen else { return false };
    let record = draft.edit();
    record.entry = Some(entry);
    if let Some(attempt) = &mut record.attempt {
        attempt.claimed = true;
    }
    true
}

/// The upload ended and no job of it was found (`learn` binds it as soon as one is).
fn look_for_job(draft: &mut Draft<'_>, attempt: &Attempt, end: &UploadEnd, view: &ClusterView) {
    let newer_spec = attempt.generation != draft.record.generation
        || super::change::deployed_now(draft).is_some_and(|now| now != attempt.deployed);
    match end.outcome {
        UploadOutcome::NotRun => give_up(draft, "main was not run"),
        _ if !listed_since(draft, view, end, attempt) => {
            draft.hold(
                Reason::OutcomeUnknown,
                "looking for the job that the upload made",
            );
        }
        UploadOutcome::Accepted | UploadOutcome::Refused if newer_spec => {
            give_up(draft, "it made no job, and the document changed");
        }
        UploadOutcome::Accepted => {
            let message = format!(
                "main returned, but no job named {} was submitted; see the members' log, mend the \
                 pipeline, or confirm to run it again",
                draft.job_name()
            );
            if draft
                .ask(Reason::NoJobSubmitted, Release::Confirm, message)
                .is_some()
            {
                give_up(draft, "a person asked for another try");
            }
        }
        UploadOutcome::Refused => refused(draft, end),
        UploadOutcome::Unknown => unknown(draft, end, view),
    }
}

fn refused(draft: &mut Draft<'_>, end: &UploadEnd) {
    let reason = end.reason.unwrap_or(Reason::SubmitRefused);
    let message = format!("{}; mend it, or confirm to try again", end.message);
    if draft.ask(reason, Release::Confirm, message).is_some() {
        give_up(draft, "a person asked for another try");
    }
}

/// No answer: only a member that is gone, and two looks, prove that nothing comes any more.
fn unknown(draft: &mut Draft<'_>, end: &UploadEnd, view: &ClusterView) {
    let member_gone = end
        .member
        .is_some_and(|member| !view.members.contains(&member));
    let looked_twice = view
        .listed_at
        .is_some_and(|listed| listed.duration_since(end.at) >= GONE_AFTER);
    if member_gone && looked_twice {
        give_up(draft, "the member that ran main is gone and left no job");
        return;
    }
    let message = format!(
        "the upload had no answer ({}); main may still be running on the member. It is looked for; \
         confirm only if you know that no job will come",
        end.message
    );
    if draft
        .ask(Reason::OutcomeUnknown, Release::Confirm, message)
        .is_some()
    {
        give_up(draft, "a person said that no job will come");
    } else if member_gone {
        draft.wake_at(after(end.at, GONE_AFTER));
    }
}

/// Whether a list that was asked for after the upload ended is there, with everything known about
/// the jobs of the name that were not there before.
fn listed_since(draft: &Draft<'_>, view: &ClusterView, end: &UploadEnd, attempt: &Attempt) -> bool {
    let listed = view.listed_at.is_some_and(|listed| listed > end.at);
    let all_read = draft
        .namesakes()
        .iter()
        .all(|job| attempt.known_ids.contains(&job.id) || job.config.is_some());
    listed && all_read
}

/// The attempt made no job; the next pass may begin another one.
fn give_up(draft: &mut Draft<'_>, why: &str) {
    let text = draft
        .record
        .attempt
        .as_ref()
        .and_then(|attempt| attempt.ended.as_ref());
    let said = text
        .map(|end| end.message.clone())
        .filter(|text| !text.is_empty());
    let said = said.map(|text| format!(": {text}")).unwrap_or_default();
    draft.tell(
        EventKind::StepFailed,
        format!("the submit made no job ({why}){said}"),
    );
    draft.edit().attempt = None;
    draft.wake_at(after(draft.now(), SignedDuration::from_millis(10)));
    draft.hold(Reason::BackingOff, "submitting again");
}
