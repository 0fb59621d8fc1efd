//! Which holds are told as events, and when.
//!
//! The rule: what waits for somebody (Blocked, Policy) is told when it begins. What passes by
//! itself (Waiting) is told only once it has lasted for a minute, and a step in flight never; nor is a pause,
//! which is an event of its own. The
//! end is told of what was told, once it is known: while a cluster can't be seen, or a step or its next
//! try is on its way, nobody knows whether the hold stands, and it would seem to come and go. A hold of
//! several resources is told of each. What an earlier run told is not told again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::plan::event::{Event, EventKind};
use crate::plan::hold::{Hold, HoldClass, Reason, hides};
use crate::resources::ResourceId;
use crate::store::EventEntry;

/// How long something that passes by itself may last untold.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// Of how many resources one hold is told: a source that is missing holds all its jobs.
const MOST_SUBJECTS: usize = 100;

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
        let mut undecided = BTreeSet::new();
        for (hold, topic) in holds.iter().flat_map(topics) {
            if hides(hold) {
                undecided.insert(topic.0.clone());
            }
            // A pause is told once, and not of each job that it holds.
            if matches!(hold.reason, Reason::StepInFlight | Reason::Paused) {
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
            let stays = standing.contains(topic) || undecided.contains(&topic.0);
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

/// A hold, by each of its resources.
fn topics(hold: &Hold) -> impl Iterator<Item = (&Hold, Topic)> {
    let subjects = hold.subjects.iter().take(MOST_SUBJECTS);
    let reason = hold.reason.as_str();
    subjects.map(move |id| (hold, (Some(id.clone()), reason.clone())))
}

fn event(kind: EventKind, topic: &Topic, message: &str) -> Event {
    let (resource, reason) = topic;
    Event {
        kind,
        resource: resource.clone(),
        message: format!("{reason}: {message}"),
        revision: None,
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
        // A cluster that lets nobody in any more tells nothing of it either.
        assert_eq!(
            kinds(&mut notices, &[hold(Reason::ClusterMismatch)], 3),
            [EventKind::Held]
        );
        assert_eq!(
            kinds(&mut notices, &[hold(Reason::Conflict)], 4),
            [EventKind::Released]
        );
        assert_eq!(kinds(&mut notices, &[], 5), [EventKind::Released]);
    }

    #[test]
    fn a_hold_of_several_is_told_of_each_and_ends_for_each() {
        let mut notices = Notices::default();
        let mass = |names: &[&str]| {
            let subjects = names.iter().map(|name| ResourceId::jet_job(*name));
            [Hold::new(Reason::MassDeletion, subjects.collect(), "why")]
        };
        let mut told = |holds: &[Hold], seconds| {
            let (events, _) = notices.update(holds, at(seconds));
            let told = events.into_iter().map(|event| {
                let resource = event.resource.map(|id| id.name).unwrap_or_default();
                format!("{:?} {resource}", event.kind)
            });
            told.collect::<Vec<_>>()
        };
        assert_eq!(told(&mass(&["a", "b"]), 0), ["Held a", "Held b"]);
        // The first of them came back: the hold goes on for the others.
        assert_eq!(told(&mass(&["b", "c"]), 1), ["Held c", "Released a"]);
        assert_eq!(told(&[], 2), ["Released b", "Released c"]);
        let names: Vec<String> = (0..1000).map(|number| format!("job-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(told(&mass(&names), 3).len(), MOST_SUBJECTS);
    }

    #[test]
    fn the_end_is_told_although_the_job_is_starting() {
        let mut notices = Notices::default();
        let held = [hold(Reason::JarNotFound)];
        assert_eq!(kinds(&mut notices, &held, 0), [EventKind::Held]);
        assert_eq!(kinds(&mut notices, &[hold(Reason::StepInFlight)], 1), []);
        let starting = [hold(Reason::JobStarting)];
        assert_eq!(kinds(&mut notices, &starting, 2), [EventKind::Released]);
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
