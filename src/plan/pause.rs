//! What a person wants left alone: in whose words, and how that ends.

use std::fmt;

use jiff::Timestamp;

use super::hold::{Hold, Reason, Release};
use super::record::{Pause, Recorded};
use crate::resources::ResourceId;

/// The hold of a resource that is paused, or of which everything is.
pub(super) fn hold(recorded: &Recorded, id: &ResourceId, now: Timestamp) -> Option<Hold> {
    let own = Some(id.clone());
    let all = recorded.pauses.get(&None);
    let all = all.map(|pause| (pause, Release::UnpauseAll, "everything is paused"));
    let own = recorded.pauses.get(&own);
    let own = own.map(|pause| (pause, Release::Unpause, "paused"));
    let mut pauses = [all, own].into_iter().flatten();
    let (pause, release, what) = pauses.find(|(pause, ..)| pause.goes_on(now))?;
    let mut hold = Hold::new(Reason::Paused, vec![id.clone()], format!("{what} {pause}"));
    hold = hold.released_by(release);
    hold.deadline = pause.until;
    Some(hold)
}

impl Pause {
    /// Whether it has not ended by itself.
    pub fn goes_on(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// By whom, since when, for how long and why: what follows on "paused".
impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            reason,
            by,
            since,
            until,
        } = self;
        let at = |time: &Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        write!(f, "by {by} since {}", at(since))?;
        if let Some(until) = until {
            write!(f, " until {}", at(until))?;
        }
        write!(f, ": {reason}")
    }
}
