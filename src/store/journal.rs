//! The journal: which events may follow which, and how an entry is written down.
//!
//! ```text
//!            Intent           Done | Failed | Unknown | Stale | Uploaded | Exported
//! (nothing) ───────▶ InFlight ─────────────────────────────────────────────▶ ended ──┐
//!                       ▲                             Intent: the same step again    │
//!                       └────────────────────────────────────────────────────────────┘
//! ```
//!
//! [`next_status`] is the only place that knows this. It decides when a change is committed and again
//! when the journal is read back, so what was accepted once is accepted always.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::change::{JournalEntry, JournalEvent};
use crate::plan::hold::Reason;
use crate::plan::record::{OperationKind, UploadOutcome};
use crate::plan::snapshot::SnapshotFacts;
use crate::plan::step::{Outcome, Step, StepId};
use crate::resources::ResourceId;

/// What an entry says about its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum JournalEventKind {
    /// It is about to be carried out.
    Intent,
    /// The member did it.
    Done,
    /// The member refused, or was never asked.
    Failed,
    /// Nobody knows whether it was done.
    Unknown,
    /// What it expected was no longer true.
    Stale,
    /// An upload ended.
    Uploaded,
    /// A snapshot was exported.
    Exported,
}

/// Where a step is, as its entries so far say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepStatus {
    /// Its intent is durable, its outcome isn't.
    InFlight,
    /// It ended with this outcome, which is never `Intent`.
    Ended(JournalEventKind),
}

/// An event that can't follow what the journal says already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a step that {} can't have the event {event}", describe(*current))]
pub struct IllegalEvent {
    /// Where the step was; none for a step that the journal doesn't know.
    pub current: Option<StepStatus>,
    /// What was to be written.
    pub event: JournalEventKind,
}

/// Where a step is after an event.
pub fn next_status(
    current: Option<StepStatus>,
    event: JournalEventKind,
) -> Result<StepStatus, IllegalEvent> {
    match (current, event) {
        (None | Some(StepStatus::Ended(_)), JournalEventKind::Intent) => Ok(StepStatus::InFlight),
        (Some(StepStatus::InFlight), outcome) if outcome != JournalEventKind::Intent => {
            Ok(StepStatus::Ended(outcome))
        }
        _ => Err(IllegalEvent { current, event }),
    }
}

fn describe(status: Option<StepStatus>) -> String {
    match status {
        None => "was not begun".to_owned(),
        Some(StepStatus::InFlight) => "is in flight".to_owned(),
        Some(StepStatus::Ended(outcome)) => format!("ended as {outcome}"),
    }
}

impl fmt::Display for JournalEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl JournalEvent {
    /// What it says about its step.
    pub fn kind(&self) -> JournalEventKind {
        match self.outcome {
            None => JournalEventKind::Intent,
            Some(Outcome::Done) => JournalEventKind::Done,
            Some(Outcome::Failed { .. }) => JournalEventKind::Failed,
            Some(Outcome::Unknown { .. }) => JournalEventKind::Unknown,
            Some(Outcome::Stale { .. }) => JournalEventKind::Stale,
            Some(Outcome::Uploaded { .. }) => JournalEventKind::Uploaded,
            Some(Outcome::Exported { .. }) => JournalEventKind::Exported,
        }
    }
}

/// An entry as JSON. `resource`, `generation` and `operation` repeat what is in `step`, for people
/// and for tools that read no steps.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JournalJson {
    v: u32,
    seq: u64,
    step_id: StepId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<OperationKind>,
    resource: ResourceId,
    generation: u64,
    step: Arc<Step>,
    event: JournalEventKind,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<ErrorJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upload: Option<UploadJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    snapshot: Option<SnapshotFacts>,
}

#[derive(Serialize, Deserialize)]
struct ErrorJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<Reason>,
    message: String,
}

#[derive(Serialize, Deserialize)]
struct UploadJson {
    outcome: UploadOutcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    member: Option<Uuid>,
}

/// An entry that says less than its event needs.
#[derive(Debug, thiserror::Error)]
#[error("journal entry {seq} has the event {event} without its {lacks}")]
pub(super) struct IncompleteEntry {
    seq: u64,
    event: JournalEventKind,
    lacks: &'static str,
}

impl From<JournalEntry> for JournalJson {
    fn from(entry: JournalEntry) -> Self {
        let event = entry.event.kind();
        let mut snapshot = None;
        let (error, upload) = match entry.event.outcome {
            None | Some(Outcome::Done) => (None, None),
            Some(Outcome::Exported { facts }) => {
                snapshot = Some(facts);
                (None, None)
            }
            Some(Outcome::Failed { reason, message }) => {
                let code = Some(reason);
                (Some(ErrorJson { code, message }), None)
            }
            Some(Outcome::Unknown { message }) => {
                let code = Some(Reason::OutcomeUnknown);
                (Some(ErrorJson { code, message }), None)
            }
            Some(Outcome::Stale { message }) => {
                let code = None;
                (Some(ErrorJson { code, message }), None)
            }
            Some(Outcome::Uploaded {
                outcome,
                reason,
                message,
                member,
            }) => {
                let code = reason;
                let said = code.is_some() || !message.is_empty();
                let error = said.then_some(ErrorJson { code, message });
                (error, Some(UploadJson { outcome, member }))
            }
        };
        let step = entry.event.step;
        Self {
            v: entry.v,
            seq: entry.seq,
            step_id: entry.event.step_id,
            operation: step.remember.operation,
            resource: step.resource.clone(),
            generation: step.generation,
            step,
            event,
            at: entry.event.at,
            error,
            upload,
            snapshot,
        }
    }
}

impl TryFrom<JournalJson> for JournalEntry {
    type Error = IncompleteEntry;

    fn try_from(json: JournalJson) -> Result<Self, IncompleteEntry> {
        let lacks = |lacks| IncompleteEntry {
            seq: json.seq,
            event: json.event,
            lacks,
        };
        let (reason, message) = match json.error {
            Some(error) => (error.code, Some(error.message)),
            None => (None, None),
        };
        let outcome = match json.event {
            JournalEventKind::Intent => None,
            JournalEventKind::Done => Some(Outcome::Done),
            JournalEventKind::Failed => Some(Outcome::Failed {
                reason: reason.ok_or_else(|| lacks("error code"))?,
                message: message.unwrap_or_default(),
            }),
            JournalEventKind::Unknown => Some(Outcome::Unknown {
                message: message.unwrap_or_default(),
            }),
            JournalEventKind::Stale => Some(Outcome::Stale {
                message: message.unwrap_or_default(),
            }),
            JournalEventKind::Exported => {
                let facts = json.snapshot.clone().ok_or_else(|| lacks("snapshot"))?;
                Some(Outcome::Exported { facts })
            }
            JournalEventKind::Uploaded => {
                let upload = json.upload.as_ref().ok_or_else(|| lacks("upload"))?;
                Some(Outcome::Uploaded {
                    outcome: upload.outcome,
                    reason,
                    message: message.unwrap_or_default(),
                    member: upload.member,
                })
            }
        };
        Ok(Self {
            v: json.v,
            seq: json.seq,
            event: JournalEvent {
                at: json.at,
                step_id: json.step_id,
                step: json.step,
                outcome,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::samples;

    const KINDS: [JournalEventKind; 7] = [
        JournalEventKind::Intent,
        JournalEventKind::Done,
        JournalEventKind::Failed,
        JournalEventKind::Unknown,
        JournalEventKind::Stale,
        JournalEventKind::Uploaded,
        JournalEventKind::Exported,
    ];

    #[test]
    fn every_pair_of_status_and_event_is_decided() {
        let mut statuses = vec![None, Some(StepStatus::InFlight)];
        statuses.extend(KINDS[1..].iter().map(|kind| Some(StepStatus::Ended(*kind))));
        for current in statuses {
            for event in KINDS {
                let in_flight = current == Some(StepStatus::InFlight);
                let expected = match event {
                    JournalEventKind::Intent if in_flight => None,
                    JournalEventKind::Intent => Some(StepStatus::InFlight),
                    outcome if in_flight => Some(StepStatus::Ended(outcome)),
                    _ => None,
                };
                let next = next_status(current, event);
                assert_eq!(next.ok(), expected, "{current:?} then {event}");
                if expected.is_none() {
                    assert_eq!(next, Err(IllegalEvent { current, event }));
                }
            }
        }
    }

    #[test]
    fn an_illegal_event_says_what_it_met() {
        let twice = next_status(Some(StepStatus::InFlight), JournalEventKind::Intent);
        insta::assert_snapshot!(twice.unwrap_err(), @"a step that is in flight can't have the event Intent");
        let unasked = next_status(None, JournalEventKind::Done);
        insta::assert_snapshot!(unasked.unwrap_err(), @"a step that was not begun can't have the event Done");
    }

    #[test]
    fn every_outcome_survives_being_written_down() {
        for (seq, outcome) in (1..).zip(samples::outcomes()) {
            let entry = JournalEntry {
                v: 1,
                seq,
                event: samples::journal_event("orders", outcome),
            };
            let json = serde_json::to_string(&entry).unwrap();
            let back: JournalEntry = serde_json::from_str(&json).unwrap();
            assert_eq!(back, entry, "{json}");
        }
    }

    #[test]
    fn an_entry_has_the_fields_that_the_design_names() {
        let failed = Outcome::Failed {
            reason: Reason::SubmitRefused,
            message: "no".to_owned(),
        };
        let entry = JournalEntry {
            v: 1,
            seq: 7,
            event: samples::journal_event("orders", Some(failed)),
        };
        let mut json = serde_json::to_value(&entry).unwrap();
        json["step"] = "…".into();
        json["stepId"] = "…".into();
        insta::assert_snapshot!(json, @r#"{"at":"2026-09-21T14:13:21.123456789Z","error":{"code":"SubmitRefused","message":"no"},"event":"Failed","generation":2,"operation":"Configure","resource":{"kind":"JetJob","name":"orders"},"seq":7,"step":"…","stepId":"…","v":1}"#);
    }

    #[test]
    fn an_incomplete_entry_is_refused() {
        let entry = JournalEntry {
            v: 1,
            seq: 7,
            event: samples::journal_event("orders", Some(Outcome::Done)),
        };
        for (event, lacks) in [("Failed", "error code"), ("Uploaded", "upload")] {
            let mut json = serde_json::to_value(&entry).unwrap();
            json["event"] = event.into();
            let error = serde_json::from_value::<JournalEntry>(json).unwrap_err();
            assert!(error.to_string().contains(lacks), "{error}");
        }
    }
}
