//! Answers in words that can be compared: without ids, names, times and texts.

use jetkeeper::cluster::CallError;
use jetkeeper::plan::job::{JobStatus, JobView};

use super::call::Kind;

/// Whether a job of this kind is where it stays by itself.
pub(super) fn rests(kind: Kind, view: &JobView) -> bool {
    match view.status {
        JobStatus::Running => !matches!(kind, Kind::Batch | Kind::Fails | Kind::Suspends),
        JobStatus::Suspended => true,
        JobStatus::Failed | JobStatus::Completed => view.completed_at.is_some(),
        _ => false,
    }
}

/// How a job is.
pub(super) fn in_words(view: &JobView) -> String {
    format!(
        "{}, cancelled: {}, ended: {}, failure: {}, suspended by failure: {}",
        view.status,
        view.user_cancelled,
        view.completed_at.is_some(),
        view.failure.is_some(),
        view.suspension_failure.is_some()
    )
}

/// An answer, or why there is none.
pub(super) fn said<T>(answer: Result<T, CallError>, words: impl FnOnce(T) -> String) -> String {
    match answer {
        Ok(answer) => words(answer),
        Err(error) => told_error(&error),
    }
}

/// What a caller acts on; the text is for people.
pub(super) fn told_error(error: &CallError) -> String {
    match error {
        CallError::Refused {
            transient, reason, ..
        } => format!("refused, transient: {transient}, {reason:?}"),
        other => format!("{other:?}"),
    }
}
