//! Whether a source may begin anything now, and the words for what waits.

use jiff::{SignedDuration, Timestamp};

use super::pass::PlanInput;
use super::transition::after;
use crate::resources::SourceName;
use crate::resources::sync_window::Closed;

/// How soon windows are looked at again that don't open as far as can be seen.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// Why the source may begin nothing now; none where it may.
pub(super) fn closed<'a>(input: &PlanInput<'a>, source: &SourceName) -> Option<Closed<'a>> {
    let windows = input.settings.sync_windows.get(source)?;
    windows.closed(input.now)
}

/// When to look again at windows that don't open as far as can be seen.
pub(super) fn look_again(now: Timestamp) -> Timestamp {
    after(now, LOOK_AGAIN)
}

/// Why something waits, until when, and what.
pub(super) fn waits(source: &SourceName, closed: &Closed<'_>, what: &str) -> String {
    let why = match closed.denied_by {
        Some(window) => format!("source {source} begins nothing now ({window})"),
        None => format!("source {source} begins things within its windows only"),
    };
    let until = match closed.opens {
        Some(opens) => format!("at {}", opens.strftime("%Y-%m-%dT%H:%M:%SZ")),
        None => "never, as far as a year ahead".to_owned(),
    };
    format!("{why}; it may {until}, or at once if you confirm. What waits: {what}")
}
