//! Who wants to be told what.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::plan::record::{News, Urgency};
use crate::resources::SourceName;

/// What the configuration says about telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// How long something has to stand before it is told, and to be gone before its end is.
    pub settle: SignedDuration,
    /// The receivers, by name. Where there is none, nothing is told and nothing remembered.
    pub receivers: BTreeMap<String, Wants>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            settle: SignedDuration::from_mins(1),
            receivers: BTreeMap::new(),
        }
    }
}

impl Rules {
    /// Whether any receiver wants it.
    pub(super) fn anybody_wants(&self, news: &News) -> bool {
        self.receivers.values().any(|wants| wants.include(news))
    }

    /// The sources of whose commits the state is told.
    pub(super) fn committed(&self) -> impl Iterator<Item = &SourceName> {
        self.receivers
            .values()
            .filter_map(|wants| match &wants.what {
                What::Commits(source) => Some(source),
                What::Everything | What::Incidents => None,
            })
    }
}

/// What one receiver wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wants {
    /// What kind of things.
    pub what: What,
    /// How much it has to matter.
    pub least: Urgency,
}

/// What kind of things a receiver is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// What is wrong, what is over, what happened.
    Everything,
    /// What is wrong, and what is over.
    Incidents,
    /// How far the commits of a source are.
    Commits(SourceName),
}

impl Wants {
    /// Whether this is one of them.
    pub fn include(&self, news: &News) -> bool {
        match (&self.what, news) {
            (What::Commits(source), News::Commit(status)) => status.source == *source,
            (What::Commits(_), _)
            | (_, News::Commit(_))
            | (What::Incidents, News::Happened { .. }) => false,
            _ => news.urgency() >= self.least,
        }
    }
}
