//! One transaction's worth of change, and what it does to the records in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::journal::JournalJson;
use crate::plan::event::{Event, EventKind};
use crate::plan::hold::HoldId;
use crate::plan::record::{
    ClusterRecord, CommitStatus, Confirmation, Incident, JobRecord, Mark, Notification, Pause,
    Recorded, SnapshotRecord, SourceRecord, Told,
};
use crate::plan::step::{Outcome, Step, StepId};
use crate::resources::{ResourceId, SourceName};

/// Everything that one commit changes. `None` as a value removes the key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// Appended to the journal, in order.
    pub journal: Vec<JournalEvent>,
    /// Appended to the events, in order.
    pub events: Vec<(Timestamp, Event)>,
    /// Appended to the history, in order.
    pub revisions: Vec<RevisionEntry>,
    /// Jobs, by resource name.
    pub jobs: BTreeMap<String, Option<Arc<JobRecord>>>,
    /// Snapshots, by resource name.
    pub snapshots: BTreeMap<String, Option<Arc<SnapshotRecord>>>,
    /// Clusters.
    pub clusters: BTreeMap<String, Option<Arc<ClusterRecord>>>,
    /// Sources.
    pub sources: BTreeMap<SourceName, Option<Arc<SourceRecord>>>,
    /// Confirmations.
    pub confirmations: BTreeMap<HoldId, Option<Confirmation>>,
    /// Adoptions asked for (`true`) and acted on (`false`).
    pub adoptions: BTreeMap<ResourceId, bool>,
    /// Pauses.
    pub pauses: BTreeMap<Option<ResourceId>, Option<Pause>>,
    /// What receivers of notifications were told and are to be told.
    pub told: ToldChange,
}

/// What one commit changes of what was told and is to be told. `None` as a value removes the key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToldChange {
    /// What is wrong and was told.
    pub incidents: BTreeMap<String, Option<Arc<Incident>>>,
    /// What is to be told.
    pub outbox: BTreeMap<u64, Option<Arc<Notification>>>,
    /// How far each receiver was told.
    pub receivers: BTreeMap<String, Option<Mark>>,
    /// The state of commits as it was told last.
    pub commits: BTreeMap<SourceName, Option<Arc<CommitStatus>>>,
}

impl ToldChange {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What makes the one the other.
    pub fn between(before: &Told, after: &Told) -> Self {
        Self {
            incidents: difference(&before.incidents, &after.incidents),
            outbox: difference(&before.outbox, &after.outbox),
            receivers: difference(&before.receivers, &after.receivers),
            commits: difference(&before.commits, &after.commits),
        }
    }

    /// Does to what is in memory what a commit does to what is stored.
    pub fn apply(&self, told: &mut Told) {
        put_all(&self.incidents, &mut told.incidents);
        put_all(&self.outbox, &mut told.outbox);
        put_all(&self.receivers, &mut told.receivers);
        put_all(&self.commits, &mut told.commits);
    }
}

impl Change {
    /// A person wants a resource, or everything, left alone; that is told.
    pub fn pause(&mut self, what: Option<ResourceId>, pause: Pause) {
        let named = named(what.as_ref());
        let message = format!("{named} is paused {pause}");
        self.tell(EventKind::Paused, what.clone(), message, pause.since);
        self.pauses.insert(what, Some(pause));
    }

    /// A pause ends; how, in words that follow on "ended".
    pub fn unpause(&mut self, what: Option<ResourceId>, how: &str, now: Timestamp) {
        let message = format!("the pause of {} ended {how}", named(what.as_ref()));
        self.tell(EventKind::Unpaused, what.clone(), message, now);
        self.pauses.insert(what, None);
    }

    /// A person releases a hold; that is told of its subject, where there is one.
    pub fn confirm(
        &mut self,
        hold: HoldId,
        subject: Option<ResourceId>,
        confirmation: Confirmation,
        by: &str,
    ) {
        let gone = if confirmation.discard_state {
            ", and that state may go"
        } else {
            ""
        };
        let message = format!("hold {hold} is confirmed by {by}{gone}");
        self.tell(EventKind::Confirmed, subject, message, confirmation.at);
        self.confirmations.insert(hold, Some(confirmation));
    }

    /// A person has the job of a resource taken over; that is told.
    pub fn adopt(&mut self, resource: ResourceId, by: &str, now: Timestamp) {
        let message = format!("its job is to be taken over, says {by}");
        self.tell(EventKind::Confirmed, Some(resource.clone()), message, now);
        self.adoptions.insert(resource, true);
    }

    fn tell(
        &mut self,
        kind: EventKind,
        resource: Option<ResourceId>,
        message: String,
        now: Timestamp,
    ) {
        let event = Event {
            kind,
            resource,
            message,
            revision: None,
        };
        self.events.push((now, event));
    }
}

fn named(what: Option<&ResourceId>) -> String {
    what.map_or_else(|| "everything".to_owned(), ToString::to_string)
}

/// What goes into the journal; the store numbers it.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEvent {
    /// When.
    pub at: Timestamp,
    /// The step's id.
    pub step_id: StepId,
    /// The step.
    pub step: Arc<Step>,
    /// None for the intent, else how it ended.
    pub outcome: Option<Outcome>,
}

/// A journal entry as it is stored; see `journal` for its JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "JournalJson", try_from = "JournalJson")]
pub struct JournalEntry {
    /// The schema version that wrote it.
    pub v: u32,
    /// Its number, from 1 without gaps.
    pub seq: u64,
    /// What happened.
    pub event: JournalEvent,
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventEntry {
    /// Its number, from 1 without gaps.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// One revision of a source that was planned with, or refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevisionEntry {
    /// The source.
    pub source: SourceName,
    /// The revision.
    pub revision: String,
    /// The tag that led there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// When it was first seen.
    pub seen_at: Timestamp,
    /// When its signatures were verified, where that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
    /// Since when it is in force; none where a version before this one wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<Timestamp>,
    /// Who signed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<String>,
    /// Why it was refused; nothing of it was read then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// What it added, by resource.
    pub added: Vec<ResourceId>,
    /// What it changed.
    pub changed: Vec<ResourceId>,
    /// What it removed.
    pub removed: Vec<ResourceId>,
    /// How many errors it has.
    pub errors: usize,
}

impl Change {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Does to the records in memory what `Store::commit` does to the stored ones.
    pub fn apply(&self, recorded: &mut Recorded) {
        for event in &self.journal {
            let resource = event.step.resource.clone();
            if event.outcome.is_none() {
                recorded.in_flight.insert(resource, Arc::clone(&event.step));
            } else {
                recorded.in_flight.remove(&resource);
            }
        }
        put_all(&self.jobs, &mut recorded.jobs);
        put_all(&self.snapshots, &mut recorded.snapshots);
        put_all(&self.clusters, &mut recorded.clusters);
        put_all(&self.sources, &mut recorded.sources);
        put_all(&self.confirmations, &mut recorded.confirmations);
        put_all(&self.pauses, &mut recorded.pauses);
        self.told.apply(&mut recorded.told);
        for (resource, asked) in &self.adoptions {
            if *asked {
                recorded.adoptions.insert(resource.clone());
            } else {
                recorded.adoptions.remove(resource);
            }
        }
        if !self.is_empty() {
            recorded.fresh = false;
        }
    }
}

fn put_all<K: Ord + Clone, V: Clone>(from: &BTreeMap<K, Option<V>>, to: &mut BTreeMap<K, V>) {
    for (key, value) in from {
        match value {
            Some(value) => {
                to.insert(key.clone(), value.clone());
            }
            None => {
                to.remove(key);
            }
        }
    }
}

fn difference<K: Ord + Clone, V: Clone + PartialEq>(
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
) -> BTreeMap<K, Option<V>> {
    let gone = before.keys().filter(|key| !after.contains_key(key));
    let gone = gone.map(|key| (key.clone(), None));
    let new = after.iter().filter(|(key, it)| before.get(key) != Some(it));
    let new = new.map(|(key, it)| (key.clone(), Some(it.clone())));
    gone.chain(new).collect()
}
