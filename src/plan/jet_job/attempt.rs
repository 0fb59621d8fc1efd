//! An upload that was begun: its job is looked for, and nothing is uploaded again before it is known
//! that there is none.

use jiff::SignedDuration;

use super::super::draft::Draft;
use super::super::event::EventKind;
use super::super::hold::{Reason, Release};
use super::super::observed::GONE_AFTER;
use super::super::record::{Attempt, Deed, UploadEnd, UploadOutcome};
use super::super::transition::after;
use super::jar::deployed_now;
use super::submit::rolls_back;
use super::upgrade;

/// No job of the upload was found (`learn` binds it as soon as one is): what that proves depends on
/// how the upload ended.
pub(super) fn look_for_job(draft: &mut Draft<'_>, attempt: &Attempt) {
    let Some(end) = &attempt.ended else {
        draft.hold(Reason::OutcomeUnknown, "the upload has no outcome yet");
        return;
    };
    if !listed_since(draft, attempt, end) {
        let message = "looking for the job that the upload made";
        draft.hold(Reason::OutcomeUnknown, message);
        return;
    }
    match end.outcome {
        UploadOutcome::NotRun => give_up(draft, "main was not run"),
        UploadOutcome::Unknown => unknown(draft, end),
        UploadOutcome::Accepted | UploadOutcome::Refused if !wanted(draft, attempt) => {
            give_up(draft, "it is not wanted any more");
        }
        UploadOutcome::Accepted | UploadOutcome::Refused
            if !end.is_transient() && upgrade::taken_back(draft, attempt, end) =>
        {
            give_up(draft, "it was not submitted in time");
        }
        UploadOutcome::Accepted => {
            let message = format!(
                "main returned, but no job named {} was submitted; see the members' log, mend the \
                 pipeline, or confirm to run it again",
                draft.job_name()
            );
            ask_to_try_again(draft, Reason::NoJobSubmitted, end, message);
        }
        UploadOutcome::Refused if end.is_transient() => {
            give_up(draft, "the cluster could not take it then");
        }
        UploadOutcome::Refused => {
            let reason = end.reason.filter(|reason| reason.is_confirmable());
            let message = format!("{}; mend it, or confirm to try again", end.message);
            ask_to_try_again(draft, reason.unwrap_or(Reason::SubmitRefused), end, message);
        }
    }
}

/// Whether what was uploaded is what the document asks for.
fn wanted(draft: &Draft<'_>, attempt: &Attempt) -> bool {
    let record = &draft.record;
    let running_wanted = record.spec.state.runs();
    running_wanted
        && record.deletion.is_none()
        && attempt.generation == record.generation
        && (rolls_back(draft) || deployed_now(draft).is_none_or(|now| now == attempt.deployed))
}

fn ask_to_try_again(draft: &mut Draft<'_>, reason: Reason, end: &UploadEnd, message: String) {
    let message = match upgrade::old_version_due(draft, end.at) {
        Some(due) => format!(
            "{message}. The version before is stopped, and is started again at {} unless this one runs by then",
            due.strftime("%H:%M:%S")
        ),
        None => message,
    };
    if draft.ask(reason, Deed::Start, Release::Confirm, message) {
        give_up(draft, "a person asked for another try");
    }
}

/// No answer: only a member that is gone, and two looks, prove that nothing comes any more. After a
/// crash nobody knows whether the upload was sent, nor to which member, so only its job or a person
/// ends the search: `main` may submit as late as it likes.
fn unknown(draft: &mut Draft<'_>, end: &UploadEnd) {
    let Some(view) = draft.view() else { return };
    let member_gone = end
        .member
        .is_some_and(|member| !view.members.contains(&member));
    let looked_twice = draft
        .listed_at()
        .is_some_and(|listed| listed.duration_since(end.at) >= GONE_AFTER);
    if member_gone && looked_twice {
        give_up(draft, "the member that ran main is gone and left no job");
        return;
    }
    if member_gone {
        draft.wake_at(after(end.at, GONE_AFTER));
        let message = format!(
            "the upload had no answer ({}); the member that ran main is gone, so its job is looked for \
             once more",
            end.message
        );
        draft.hold(Reason::OutcomeUnknown, message);
        return;
    }
    let message = format!(
        "the upload had no answer ({}); main may still be running on the member. Its job is looked \
         for; confirm only if you know that none will come",
        end.message
    );
    if draft.ask(
        Reason::OutcomeUnknown,
        Deed::Start,
        Release::Confirm,
        message,
    ) {
        give_up(draft, "a person said that no job will come");
    }
}

/// Whether a list that was asked for after the upload ended is there, with everything known about
/// the jobs of the name that were not there before.
fn listed_since(draft: &mut Draft<'_>, attempt: &Attempt, end: &UploadEnd) -> bool {
    let lists = draft.lists();
    let mut namesakes = draft.namesakes().iter();
    lists.is_some_and(|lists| lists.answer(end.lists))
        && namesakes.all(|job| attempt.known_ids.contains(&job.id) || job.config.is_some())
}

/// The attempt made no job; the next pass may begin another one.
pub(super) fn give_up(draft: &mut Draft<'_>, why: &str) {
    let ended = draft
        .record
        .attempt
        .as_ref()
        .and_then(|attempt| attempt.ended.as_ref());
    let said = ended
        .map(|end| end.message.as_str())
        .filter(|text| !text.is_empty());
    let said = said.map(|text| format!(": {text}")).unwrap_or_default();
    let message = format!("the submit made no job ({why}){said}");
    draft.tell(EventKind::StepFailed, message);
    draft.edit().attempt = None;
    draft.wake_at(after(draft.now(), SignedDuration::from_millis(10)));
    draft.hold(Reason::BackingOff, "the next try follows");
}
