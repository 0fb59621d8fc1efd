//! What users were told last.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::hold::Reason;

/// What users were told last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedStatus {
    /// The generation that was last brought to the state it asks for.
    pub observed_generation: u64,
    /// The conditions.
    pub conditions: Vec<Condition>,
    /// What those said that are Unknown now, before they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_known: Vec<LastKnown>,
}

/// What a condition said before nobody could know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastKnown {
    /// Which.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// What.
    pub status: ConditionStatus,
    /// Since when.
    pub since: Timestamp,
}

/// One condition, as Kubernetes spells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why.
    pub reason: Reason,
    /// Why, in words.
    pub message: String,
    /// When `status` last changed.
    pub last_transition_time: Timestamp,
    /// The generation it speaks of.
    pub observed_generation: u64,
}

impl Condition {
    /// Since when a condition has this status, after those that were told before.
    pub fn since(
        before: &[Self],
        kind: ConditionType,
        status: ConditionStatus,
        now: Timestamp,
    ) -> Timestamp {
        let old = before.iter().find(|old| old.kind == kind);
        old.filter(|old| old.status == status)
            .map_or(now, |old| old.last_transition_time)
    }
}

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConditionType {
    /// The job does what the YAML says.
    Ready,
    /// The latest generation was applied.
    Reconciled,
    /// A person changed the job by hand.
    Drifted,
    /// Something takes longer than it may.
    Stalled,
    /// A snapshot can be used.
    Available,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// It does.
    True,
    /// It doesn't.
    False,
    /// Nobody knows now.
    Unknown,
}
