//! From a document to an upload: check, claim the name, upload.
//!
//! The claim comes first, so that two keepers never submit one name. The upload carries the
//! attempt's nonce, by which `learn` finds its job again whatever the upload was answered with.

use super::super::cluster::{keeps_entries, preflight};
use super::super::draft::Draft;
use super::super::record::{Attempt, BoundJob, Deployed, OperationKind, StartSnapshot};
use super::super::step::{Action, ExpectedSnapshot, Remember, Submit};
use super::super::upload;
use super::change::redeploy_wanted;
use super::claim::{self, Name};
use super::jar::checked_jar;
use super::restore::{self, Start};
use super::{by_status, gate, hold_for, upgrade};
use crate::resources::jet_job::DesiredState;

/// Begins to submit a job for the first time, or as for the first time: from its initial snapshot, if
/// it names one.
pub(super) fn start_first(draft: &mut Draft<'_>) {
    match restore::initial(draft) {
        Start::Fresh => start(draft, false, None),
        Start::From(snapshot) => start(draft, false, Some(snapshot)),
        Start::Held => {}
    }
}

/// Begins to submit what the document asks for, or holds and says why not.
pub(super) fn start(draft: &mut Draft<'_>, after_failure: bool, snapshot: Option<StartSnapshot>) {
    if claim::conflict(draft) || !ready(draft) || upgrade::rejected(draft) {
        return;
    }
    if let Some(deployed) = checked_jar(draft) {
        begin(draft, deployed, after_failure, snapshot);
    }
}

/// Begins to submit a version that ran before, whatever the document asks for.
pub(super) fn start_version(
    draft: &mut Draft<'_>,
    deployed: Deployed,
    snapshot: Option<StartSnapshot>,
) {
    if !claim::conflict(draft) && ready(draft) {
        begin(draft, deployed, false, snapshot);
    }
}

fn begin(
    draft: &mut Draft<'_>,
    deployed: Deployed,
    after_failure: bool,
    snapshot: Option<StartSnapshot>,
) {
    let Name::Free(replaces) = claim::name(draft) else {
        return;
    };
    // What keeps an upload from being begun is no reason to write the claim again and again.
    if gate::waits(draft, "submit") {
        return;
    }
    let Some(mut attempt) = attempt(draft, deployed, after_failure, snapshot) else {
        return;
    };
    match claim::unsent(draft, replaces.as_ref()) {
        Some(nonce) => {
            attempt.nonce = nonce;
            attempt.claimed = true;
            draft.edit().attempt = Some(attempt.clone());
            send(draft, &attempt);
        }
        None => claim::claim(draft, attempt, replaces),
    }
}

fn attempt(
    draft: &Draft<'_>,
    deployed: Deployed,
    failure_restart: bool,
    snapshot: Option<StartSnapshot>,
) -> Option<Attempt> {
    let (record, now) = (&draft.record, draft.now());
    let number = record.attempts + 1;
    let store = &draft.input.recorded.store_id;
    Some(Attempt {
        nonce: upload::nonce(store, &draft.id.name, number, now),
        cluster_id: draft.cluster_id()?,
        known_ids: draft.namesakes().iter().map(|job| job.id).collect(),
        deployed,
        snapshot,
        generation: record.generation,
        started_at: now,
        claimed: false,
        uploading: false,
        ended: None,
        fulfils: Remember {
            operation: None,
            restart_nonce: record.spec.restart_nonce.clone(),
            redeploy_nonce: record.spec.redeploy_nonce.clone(),
            restarted: record.spec.state == DesiredState::Restarted,
            failure_restart,
        },
    })
}

/// Whether nothing that can be known before keeps a job from being submitted in place of one that is to be
/// stopped for it; holds if something does.
pub(super) fn may_follow(draft: &mut Draft<'_>) -> bool {
    if !ready(draft) {
        return false;
    }
    let cluster = &draft.record.spec.hazelcast_resource_name;
    let claims = draft.view().map(|view| keeps_entries(cluster, view));
    if let Some(Err(obstacle)) = claims {
        hold_for(draft, obstacle);
        return false;
    }
    !redeploy_wanted(draft) || !matches!(restore::initial(draft), Start::Held)
}

/// Whether the cluster takes a job now.
fn ready(draft: &mut Draft<'_>) -> bool {
    let spec = &draft.record.spec;
    let Some(view) = draft.view() else {
        return false;
    };
    match preflight(&spec.hazelcast_resource_name, view) {
        Ok(()) => true,
        Err(obstacle) => {
            hold_for(draft, obstacle);
            false
        }
    }
}

/// Whether an attempt whose upload was not begun is still what is wanted.
pub(super) fn still_wanted(draft: &Draft<'_>, attempt: &Attempt) -> bool {
    let record = &draft.record;
    let running_wanted = record.spec.state.runs();
    let came_back = record.job.as_ref().is_some_and(BoundJob::is_active);
    let to_adopt = draft.adoption_wanted() && claim::namesake(draft).is_some();
    running_wanted
        && !came_back
        && !to_adopt
        && attempt.generation == record.generation
        && (attempt.claimed || claim_seen(draft, attempt))
}

/// Whether the ownership map names the attempt although its claim had no outcome.
fn claim_seen(draft: &Draft<'_>, attempt: &Attempt) -> bool {
    let entry = draft.entry().filter(|_| draft.keeper().is_us());
    entry.is_some_and(|entry| entry.attempt == attempt.nonce)
}

/// Uploads the jar of an attempt whose name is claimed.
pub(super) fn upload(draft: &mut Draft<'_>, attempt: &Attempt) {
    if claim::conflict(draft) || !ready(draft) {
        return;
    }
    if !rolls_back(draft) {
        let Some(deployed) = checked_jar(draft) else {
            return;
        };
        if deployed != attempt.deployed {
            draft.edit().attempt = None;
            by_status(draft);
            return;
        }
    }
    remember_namesakes(draft, attempt);
    send(draft, attempt);
}

/// Plans the upload itself.
fn send(draft: &mut Draft<'_>, attempt: &Attempt) {
    let deployed = attempt.deployed.clone();
    let submit = Submit {
        nonce: attempt.nonce.clone(),
        jar: deployed.jar,
        jar_on_member: deployed.jar_on_member,
        main_class: deployed.main_class,
        parameters: deployed.parameters,
        secret_parameters: deployed.secret_parameters,
    };
    let timeout = draft.record.spec.timeouts.submit.unsigned_abs();
    draft.act_alone(Action::Submit(submit), timeout);
    if let (Some(step), Some(snapshot)) = (&mut draft.step, &attempt.snapshot) {
        step.expects.snapshot = Some(ExpectedSnapshot {
            name: snapshot.name.clone(),
            facts: snapshot.facts.clone(),
            last_of: None,
            fork_allowed: snapshot.fork_allowed,
        });
    }
}

/// Whether the old version is being submitted again, which the document does not ask for.
pub(super) fn rolls_back(draft: &Draft<'_>) -> bool {
    let operation = draft.record.operation.as_ref();
    operation.is_some_and(|operation| operation.kind == OperationKind::Rollback)
}

/// Whatever has the name before the upload was not made by it.
fn remember_namesakes(draft: &mut Draft<'_>, attempt: &Attempt) {
    let there = draft.namesakes();
    let known = there.iter().all(|job| attempt.known_ids.contains(&job.id));
    if known && attempt.claimed {
        return;
    }
    if let Some(attempt) = &mut draft.edit().attempt {
        attempt.claimed = true;
        attempt.known_ids.extend(there.iter().map(|job| job.id));
    }
}
