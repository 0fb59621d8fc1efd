//! Which holds are told as events, and when.
//!
//! The rule: what waits for somebody (Blocked, Policy) is told when it begins. What passes by
//! itself (Waiting) is told only once it has lasted for a minute, and a step in flight never. The
//! end is told of what was told, once nothing about the resource is on its way any more: else a hold
//! would seem to come and go whenever a cluster can't be seen for a moment. What an earlier run told
//! is not told again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::plan::event::{Event, EventKind};
use crate::plan::hold::{Hold, HoldClass, Reason};
use crate::resources::ResourceId;
use crate::store::EventEntry;

/// How long something that passes by itself may last untold.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// The resource that an event is told of, and the reason of the hold.
type Topic = (Option<ResourceId>, String);

/// What was told of holds.
#[derive(Debug, Default)]
pub(super) struct Notices {
    told: BTreeSet<Topic>,
    waiting: BTreeMap<Topic, Timestamp>,
}

impl Notices {
    /// What earlier runs told, as far as these events show.
    pub(super) fn recall(events: &[EventEntry]) -> Self {
        let mut told = BTreeSet::new();
        for EventEntry { event, .. } in events {
            let Some((reason, _)) = event.message.split_once(':') else {
                continue;
            };
            let topic = (event.resource.clone(), reason.to_owned());
            match event.kind {
                EventKind::Held => told.insert(topic),
                EventKind::Released => told.remove(&topic),
                _ => false,
            };
        }
        let waiting = BTreeMap::new();
        Self { told, waiting }
    }

    /// The events that these holds make, and when to look again.
    pub(super) fn update(
        &mut self,
        holds: &[Hold],
        now: Timestamp,
    ) -> (Vec<Event>, Option<Timestamp>) {
        let mut events = Vec::new();
        let mut due = None;
        let mut standing = BTreeSet::new();
        let mut moving = BTreeSet::new();
        for hold in holds {
            let topic = (hold.subjects.first().cloned(), hold.reason.as_str());
            if hold.class == HoldClass::Waiting {
                moving.insert(topic.0.clone());
            }
            if hold.reason == Reason::StepInFlight {
                continue;
            }
            if standing.insert(topic.clone()) && !self.told.contains(&topic) {
                let at = self.due(&topic, hold.class, now);
                if at <= now {
                    events.push(event(EventKind::Held, &topic, &hold.message));
                    self.told.insert(topic);
                } else {
                    due = Some(due.map_or(at, |other: Timestamp| other.min(at)));
                }
            }
        }
        self.waiting.retain(|topic, _| standing.contains(topic));
        self.told.retain(|topic| {
            let stays = standing.contains(topic) || moving.contains(&topic.0);
            if !stays {
                events.push(event(EventKind::Released, topic, "no longer held"));
            }
            stays
        });
        (events, due)
    }

    /// When a hold that wasn't told yet is to be.
    fn due(&mut self, topic: &Topic, class: HoldClass, now: Timestamp) -> Timestamp {
        match class {
            HoldClass::Blocked | HoldClass::Policy => now,
            HoldClass::Waiting => {
                let since = *self.waiting.entry(topic.clone()).or_insert(now);
                since.checked_add(PATIENCE).unwrap_or(now)
            }
        }
    }
}

fn event(kind: EventKind, topic: &Topic, message: &str) -> Event {
    let (resource, reason) = topic;
    Event {
        kind,
        resource: resource.clone(),
        message: format!("{reason}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::at;

    fn hold(reason: Reason) -> Hold {
        Hold::new(reason, vec![ResourceId::jet_job("orders")], "why")
    }

    fn kinds(notices: &mut Notices, holds: &[Hold], seconds: i64) -> Vec<EventKind> {
        let (events, _) = notices.update(holds, at(seconds));
        events.iter().map(|event| event.kind).collect()
    }

    #[test]
    fn what_waits_for_somebody_is_told_once_and_its_end_too() {
        let mut notices = Notices::default();
        let holds = [hold(Reason::JarNotFound)];
        assert_eq!(kinds(&mut notices, &holds, 0), [EventKind::Held]);
        assert_eq!(kinds(&mut notices, &holds, 1), []);
        assert_eq!(kinds(&mut notices, &[], 2), [EventKind::Released]);
        assert_eq!(kinds(&mut notices, &[], 3), []);
    }

    #[test]
    fn what_passes_by_itself_is_told_after_a_minute() {
        let mut notices = Notices::default();
        let holds = [hold(Reason::ClusterUnreachable), hold(Reason::StepInFlight)];
        let (events, due) = notices.update(&holds, at(0));
        assert_eq!((events, due), (vec![], Some(at(60))));
        assert_eq!(kinds(&mut notices, &holds, 59), []);
        assert_eq!(kinds(&mut notices, &holds, 60), [EventKind::Held]);
        assert_eq!(kinds(&mut notices, &[], 61), [EventKind::Released]);
    }

    #[test]
    fn an_end_is_told_once_nothing_is_on_its_way_any_more() {
        let mut notices = Notices::default();
        assert_eq!(
            kinds(&mut notices, &[hold(Reason::Conflict)], 0),
            [EventKind::Held]
        );
        assert_eq!(kinds(&mut notices, &[hold(Reason::ClusterUnknown)], 1), []);
        assert_eq!(kinds(&mut notices, &[hold(Reason::Conflict)], 2), []);
        assert_eq!(kinds(&mut notices, &[], 3), [EventKind::Released]);
    }

    #[test]
    fn what_an_earlier_run_told_is_not_told_again() {
        let mut first = Notices::default();
        let holds = [hold(Reason::Conflict), hold(Reason::Drifted)];
        let (told, _) = first.update(&holds, at(0));
        let (ended, _) = first.update(&holds[..1], at(1));
        let events = told
            .into_iter()
            .chain(ended)
            .zip(1..)
            .map(|(event, seq)| EventEntry {
                seq,
                at: at(1),
                event,
            });
        let mut second = Notices::recall(&events.collect::<Vec<_>>());
        assert_eq!(kinds(&mut second, &holds, 2), [EventKind::Held]);
    }
}
