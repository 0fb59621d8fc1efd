//! What receivers of notifications were told, and what they are still to be told.
//!
//! It is written in the transaction of the events that it follows from, so that a restart tells
//! nothing twice and forgets nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::event::EventKind;
use crate::resources::{Digest, ResourceId, SourceName};

/// What was told, and what is to be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// What is wrong and was told, by [`Cause::key`].
    pub incidents: BTreeMap<String, Arc<Incident>>,
    /// What some receiver has still to be told, by number.
    pub outbox: BTreeMap<u64, Arc<Notification>>,
    /// How far each receiver was told, by its name.
    pub receivers: BTreeMap<String, Mark>,
    /// The state of the latest commit of each source, as it was told last.
    pub commits: BTreeMap<SourceName, Arc<CommitStatus>>,
}

/// How far a receiver was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// All up to this number.
    pub through: u64,
    /// How many of what it was to be told were dropped since, because there were too many.
    #[serde(default)]
    pub dropped: u64,
}

/// How much it matters.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// Good to know: somebody wanted it so, or it went as it should.
    Info,
    /// Somebody has to look at it, some time.
    #[default]
    Warning,
    /// Something that is declared is not done, or not any more.
    Error,
}

impl fmt::Display for Urgency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Where something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// Everywhere.
    Everything,
    /// At a cluster, by its resource's name.
    Cluster(String),
    /// At a source.
    Source(SourceName),
    /// At one resource.
    Resource(ResourceId),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Cluster(name) => write!(f, "cluster {name}"),
            Self::Source(name) => write!(f, "source {name}"),
            Self::Resource(id) => id.fmt(f),
        }
    }
}

/// Why something is not done, whatever it keeps from being done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// Where.
    pub scope: Scope,
    /// Why, in one word: the reason of the holds, or the kind of the event.
    pub reason: String,
}

impl Cause {
    /// What it is known by.
    pub fn key(&self) -> String {
        format!("{} {}", self.scope, self.reason)
    }
}

/// One cause, as long as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// What it is.
    pub cause: Cause,
    /// How much it matters.
    pub urgency: Urgency,
    /// Since when it stands.
    pub since: Timestamp,
    /// Why, and what to do, in the words of the hold.
    pub message: String,
    /// How many resources it concerned when it was told.
    pub affected: usize,
    /// The first of them.
    pub subjects: Vec<ResourceId>,
}

impl Incident {
    /// What it is known by to whoever is told: the same at its beginning and at its end, and another the
    /// next time.
    pub fn id(&self) -> String {
        let mut id = Digest::of_json(&(&self.cause, self.since)).to_string();
        id.truncate(16);
        id
    }
}

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// When it was decided to tell it.
    pub at: Timestamp,
    /// What.
    pub news: News,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum News {
    /// Something is wrong.
    Began(Arc<Incident>),
    /// It is over, and since when.
    Ended {
        /// What was wrong.
        incident: Arc<Incident>,
        /// When it ended.
        ended: Timestamp,
    },
    /// Something happened.
    Happened {
        /// What kind of thing.
        kind: EventKind,
        /// What it happened to.
        resource: Option<ResourceId>,
        /// What, in words.
        message: String,
    },
    /// How far a commit is.
    Commit(Arc<CommitStatus>),
}

impl News {
    /// How much it matters.
    pub fn urgency(&self) -> Urgency {
        match self {
            Self::Began(incident) | Self::Ended { incident, .. } => incident.urgency,
            Self::Happened { .. } | Self::Commit(_) => Urgency::Info,
        }
    }
}

/// How far a commit is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitStatus {
    /// The source that it is of.
    pub source: SourceName,
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
    /// How far it is.
    pub state: CommitState,
    /// Why, in words.
    pub description: String,
}

/// How far a commit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommitState {
    /// It is being applied.
    Pending,
    /// All that it declares is done. This is final: what fails later is no fault of the commit.
    Success,
    /// Something of it can't be done until somebody changes something.
    Failure,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_known_by_place_and_reason_and_each_time_it_is_another() {
        let cause = Cause {
            scope: Scope::Cluster("prod".to_owned()),
            reason: "ClusterUnreachable".to_owned(),
        };
        assert_eq!(cause.key(), "cluster prod ClusterUnreachable");
        let incident = |second| Incident {
            cause: cause.clone(),
            urgency: Urgency::Error,
            since: Timestamp::from_second(second).unwrap(),
            message: String::new(),
            affected: 1,
            subjects: Vec::new(),
        };
        assert_eq!(incident(1).id(), incident(1).id());
        assert_ne!(incident(1).id(), incident(2).id());
    }
}
