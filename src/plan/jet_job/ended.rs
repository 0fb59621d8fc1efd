//! A job that failed, was cancelled, completed, or is gone.

use std::borrow::Cow;

use jiff::SignedDuration;

use super::super::draft::Draft;
use super::super::failure::headline;
use super::super::hold::{Reason, Release};
use super::super::record::{BoundJob, Deed, Restarts, StartSnapshot, StoppedBy};
use super::super::transition::{after, backoff};
use super::change::{redeploy_wanted, replacement_wanted, restart_nonce_wanted, start_wanted};
use super::restore::{self, Start};
use super::{keeps_state, stop, submit, suspended, upgrade};
use crate::resources::jet_job::{DesiredState, RestartKind, StateLossMode};

const LONGEST_BACKOFF: SignedDuration = SignedDuration::from_hours(1);

/// A FAILED job that should run.
pub(super) fn failed(draft: &mut Draft<'_>, job: &BoundJob) {
    if job.stopped_by == Some(StoppedBy::Us) {
        // We cancelled it: to replace it, or because the YAML said Canceled then.
        resubmit(draft, job);
        return;
    }
    let replaced = replacement_wanted(draft, job);
    let asked = start_wanted(draft, job);
    let by_person = job.stopped_by == Some(StoppedBy::Person);
    if by_person {
        let drift = draft.record.drift.as_ref();
        let answered = asked && !drift.is_some_and(|drift| drift.asked_before);
        let how = "submit it again by a changed nonce";
        let then = restore::in_words(draft, job);
        if !answered && !suspended::drift_may_be_undone(draft, Deed::Start, how, &then) {
            return;
        }
    } else if !asked && !failure_restart_due(draft, job) {
        return;
    }
    let start = start_point(draft, job, replaced);
    submit_from(draft, start, !by_person && !asked);
}

/// Submits a job anew that we cancelled: from the snapshot that was made of it then, unless its state
/// was to go, or the document asks for another start.
fn resubmit(draft: &mut Draft<'_>, job: &BoundJob) {
    if upgrade::not_sent(draft, job) {
        return;
    }
    if redeploy_wanted(draft) {
        match restore::initial(draft) {
            Start::Held => return,
            Start::From(snapshot) => {
                submit::start(draft, false, Some(snapshot));
                return;
            }
            Start::Fresh => {}
        }
    }
    // A snapshot that is older than the job's end is one to go on from only by `onStateLoss`.
    let secured = job.cancel.is_some_and(|cancel| cancel.secured);
    let kept = secured.then(|| restore::kept_of(draft, job.id)).flatten();
    let start = if job.cancel.is_some_and(|cancel| !cancel.secured) {
        Start::Fresh
    } else if let Some(snapshot) = kept {
        if let_go(draft, &snapshot) {
            Start::Fresh
        } else {
            Start::From(snapshot)
        }
    } else if stop::state_may_go(draft, job) || was_let_go(draft) {
        Start::Fresh
    } else {
        // It ended before its state was secured, and not by us.
        let replaced = replacement_wanted(draft, job);
        start_point(draft, job, replaced)
    };
    submit_from(draft, start, false);
}

/// Whether a person said that the ended job may start without its state, or be replaced without it by the
/// version that would start now.
fn was_let_go(draft: &Draft<'_>) -> bool {
    let deeds = [Deed::Start, stop::deed_of_upgrade(draft)];
    deeds.into_iter().any(|deed| stop::is_let_go(draft, deed))
}

/// Whether a person says that the job may start without the snapshot that it is to go on from; asks where
/// that was not to be found. It is looked for all the same.
fn let_go(draft: &mut Draft<'_>, snapshot: &StartSnapshot) -> bool {
    let retry = draft.record.retry.as_ref();
    let lost = retry.is_some_and(|it| it.verb == "submit" && it.reason == Reason::SnapshotMissing);
    if !lost || stop::is_let_go(draft, Deed::Start) {
        return lost;
    }
    let message = format!(
        "snapshot {}, which has its state, is not on the cluster, or is another one now. Name another one \
         (initialSnapshotName and another redeployNonce), or confirm with --discard-state that it may start \
         without state",
        snapshot.name
    );
    let release = Release::DiscardState;
    if draft.ask(Reason::StateLost, Deed::Start, release, message) {
        let record = draft.edit();
        record.discard_for = Some(Deed::Start);
        record.retry = None;
        return true;
    }
    false
}

fn submit_from(draft: &mut Draft<'_>, start: Start, after_failure: bool) {
    match start {
        Start::Fresh => submit::start(draft, after_failure, None),
        Start::From(snapshot) => submit::start(draft, after_failure, Some(snapshot)),
        Start::Held => {}
    }
}

/// A COMPLETED job that should run: never again on its own.
pub(super) fn completed(draft: &mut Draft<'_>) {
    if redeploy_wanted(draft) {
        submit::start_first(draft);
    } else if restart_nonce_wanted(draft) {
        submit::start(draft, false, None);
    }
}

/// A job that its cluster lost.
pub(super) fn gone(draft: &mut Draft<'_>, job: &BoundJob) {
    if draft.record.spec.state == DesiredState::Suspended {
        let message = "the cluster lost the job; there is nothing to suspend";
        draft.hold(Reason::StateLost, message);
        return;
    }
    // A job that we were ending without its state had none to lose.
    if job.cancel.is_some_and(|cancel| !cancel.secured) {
        submit::start(draft, false, None);
        return;
    }
    let replaced = replacement_wanted(draft, job);
    let start = start_point(draft, job, replaced);
    submit_from(draft, start, false);
}

/// What a job starts from whose state is lost with it: its newest snapshot, or nothing where that may
/// be; holds if not.
fn start_point(draft: &mut Draft<'_>, job: &BoundJob, upgrade: bool) -> Start {
    let on_loss = draft.record.spec.on_state_loss.mode;
    if stop::is_let_go(draft, Deed::Start)
        || (upgrade && stop::state_may_go_in_upgrade(draft, job))
        || on_loss == StateLossMode::StartFresh
    {
        return Start::Fresh;
    }
    let keeps_state = keeps_state(draft, job);
    if keeps_state.is_none() && draft.seen(job.id).is_some() {
        return Start::Held;
    }
    if keeps_state == Some(false) && on_loss != StateLossMode::Hold {
        return Start::Fresh;
    }
    let newest = restore::newest(draft, job);
    let why = match newest {
        _ if on_loss == StateLossMode::Hold => "onStateLoss.mode is Hold".to_owned(),
        Some((name, facts)) if restore::young(draft, facts) => {
            return Start::From(StartSnapshot::known(name, facts));
        }
        Some((name, facts)) => format!(
            "its newest snapshot {name} is of {}, older than onStateLoss.maxSnapshotAge allows; raise \
             that to start from it",
            facts.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        ),
        None => match &draft.record.kept {
            Some(kept) if job.start_unknown => format!(
                "whether it started from snapshot {} can't be read from its configuration; to start from \
                 that, name it (initialSnapshotName and another redeployNonce)",
                kept.name
            ),
            _ => "no snapshot of it is on the cluster".to_owned(),
        },
    };
    let message = format!(
        "its state is lost with it: {why}; set onStateLoss.mode: StartFresh, or confirm with \
         --discard-state that it may start without state"
    );
    let confirmed = draft.ask(
        Reason::StateLost,
        Deed::Start,
        Release::DiscardState,
        message,
    );
    if confirmed {
        draft.edit().discard_for = Some(Deed::Start);
        return Start::Fresh;
    }
    Start::Held
}

/// Whether the job is restarted after its failure now: by `restartPolicy`, or by a person's word;
/// holds if not.
pub(super) fn failure_restart_due(draft: &mut Draft<'_>, job: &BoundJob) -> bool {
    if draft.record.restarts.confirmed {
        return true;
    }
    let policy = draft.record.spec.restart_policy.clone();
    let failure = job.failure.as_deref().and_then(headline);
    let failure = failure.unwrap_or(Cow::Borrowed(
        "the members told no reason (a member left, perhaps, and autoScaling is off)",
    ));
    if policy.kind == RestartKind::Never {
        let message = format!(
            "{failure}; mend the pipeline and change its jar, set restartPolicy.type: OnFailure, or \
             confirm that it be started again"
        );
        return restart_confirmed(draft, message);
    }
    let count = restarts_in_a_row(draft, job, policy.backoff);
    if count >= policy.max_restarts {
        let message = format!(
            "{failure}; restarted {} (restartPolicy.maxRestarts); confirm that it be started again",
            in_a_row(count)
        );
        return restart_confirmed(draft, message);
    }
    let pause = backoff(policy.backoff, count, LONGEST_BACKOFF);
    let due = after(job.status_since, pause);
    if draft.now() < due {
        let message = format!("{failure}; restarted at {}", due.strftime("%H:%M:%S"));
        draft.hold_until(Reason::BackingOff, due, message);
        return false;
    }
    true
}

fn in_a_row(count: u32) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        count => format!("{count} times in a row"),
    }
}

/// How often the job was restarted without running for long in between.
fn restarts_in_a_row(draft: &mut Draft<'_>, job: &BoundJob, pause: SignedDuration) -> u32 {
    let calm = pause.saturating_mul(10);
    let Restarts { count, last_at, .. } = draft.record.restarts;
    if last_at.is_none_or(|last| job.status_since.duration_since(last) > calm) {
        if count > 0 {
            draft.edit().restarts.count = 0;
        }
        return 0;
    }
    count
}

fn restart_confirmed(draft: &mut Draft<'_>, message: String) -> bool {
    let confirmed = draft.ask(Reason::JobFailed, Deed::Start, Release::Confirm, message);
    if confirmed {
        draft.edit().restarts.confirmed = true;
    }
    confirmed
}
