//! The outbox: what is to be told, numbered, until all who want it were told.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::rules::Rules;
use crate::plan::record::{Mark, News, Notification, Told};

/// How many notifications may wait for receivers that are away. Of more, the oldest are dropped.
const MOST_WAITING: usize = 1_000;

/// How far a receiver was told, as its sender says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// All up to this number.
    pub through: u64,
    /// How many it was said to have missed.
    pub dropped: u64,
}

/// The same of all receivers, by name.
pub type Deliveries = BTreeMap<String, Delivered>;

/// What is told and to be told after this; none where it stays as it is.
pub(super) fn write(
    told: &Told,
    rules: &Rules,
    deliveries: &Deliveries,
    news: Vec<News>,
    now: Timestamp,
) -> Option<Told> {
    let known = |name: &String| told.receivers.contains_key(name);
    let same_receivers =
        rules.receivers.len() == told.receivers.len() && rules.receivers.keys().all(known);
    let newer = |(name, delivered): (&String, &Delivered)| {
        let mark = told.receivers.get(name);
        mark.is_some_and(|mark| delivered.through > mark.through)
    };
    if news.is_empty() && same_receivers && !deliveries.iter().any(newer) {
        return None;
    }
    let mut next = told.clone();
    let last = last_number(&next);
    meet(&mut next, rules, last);
    note(&mut next, deliveries);
    for (number, news) in (last + 1..).zip(news) {
        add(&mut next, rules, number, news, now);
    }
    forget(&mut next, rules);
    Some(next)
}

fn last_number(told: &Told) -> u64 {
    let written = told.outbox.keys().next_back().copied();
    let marks = told.receivers.values().map(|mark| mark.through);
    marks.chain(written).max().unwrap_or(0)
}

/// Who is new is told what comes from now on; who is gone is forgotten.
fn meet(told: &mut Told, rules: &Rules, last: u64) {
    let fresh = Mark {
        through: last,
        dropped: 0,
    };
    for name in rules.receivers.keys() {
        told.receivers.entry(name.clone()).or_insert(fresh);
    }
    told.receivers
        .retain(|name, _| rules.receivers.contains_key(name));
    let committed: Vec<_> = rules.committed().collect();
    told.commits.retain(|source, _| committed.contains(&source));
}

fn note(told: &mut Told, deliveries: &Deliveries) {
    for (name, delivered) in deliveries {
        if let Some(mark) = told.receivers.get_mut(name)
            && delivered.through > mark.through
        {
            mark.through = delivered.through;
            mark.dropped = mark.dropped.saturating_sub(delivered.dropped);
        }
    }
}

/// Adds what is new, also to what was told: what stands is remembered even where nobody wants to be told
/// of it now.
fn add(told: &mut Told, rules: &Rules, number: u64, news: News, now: Timestamp) {
    match &news {
        News::Began(incident) => {
            let key = incident.cause.key();
            told.incidents.insert(key, Arc::clone(incident));
        }
        News::Ended { incident, .. } => {
            told.incidents.remove(&incident.cause.key());
        }
        News::Commit(status) => {
            let source = status.source.clone();
            told.commits.insert(source, Arc::clone(status));
        }
        News::Happened { .. } => {}
    }
    if rules.anybody_wants(&news) {
        let notification = Notification { at: now, news };
        told.outbox.insert(number, Arc::new(notification));
    }
}

/// Forgets what all were told, and what is too much.
fn forget(told: &mut Told, rules: &Rules) {
    let Told {
        outbox, receivers, ..
    } = told;
    let waits = |number: u64, news: &News, mark: &Mark, name: &String| {
        let wants = rules.receivers.get(name);
        number > mark.through && wants.is_some_and(|wants| wants.include(news))
    };
    outbox.retain(|number, notification| {
        let news = &notification.news;
        receivers
            .iter()
            .any(|(name, mark)| waits(*number, news, mark, name))
    });
    while outbox.len() > MOST_WAITING {
        let Some((number, dropped)) = outbox.pop_first() else {
            return;
        };
        for (name, mark) in receivers.iter_mut() {
            if waits(number, &dropped.news, mark, name) {
                mark.dropped += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::notifications::rules::{Wants, What};
    use crate::plan::event::EventKind;
    use crate::plan::record::Urgency;

    fn rules(names: &[&str]) -> Rules {
        let wants = |name: &&str| {
            let wants = Wants {
                what: What::Everything,
                least: Urgency::Info,
            };
            ((*name).to_owned(), wants)
        };
        Rules {
            settle: SignedDuration::ZERO,
            receivers: names.iter().map(wants).collect(),
        }
    }

    fn happened() -> News {
        News::Happened {
            kind: EventKind::Submitted,
            resource: None,
            message: "it was".to_owned(),
        }
    }

    fn written(
        told: &Told,
        names: &[&str],
        news: usize,
        deliveries: &[(&str, u64)],
    ) -> Option<Told> {
        let through = |(name, through): &(&str, u64)| {
            let delivered = Delivered {
                through: *through,
                dropped: 0,
            };
            ((*name).to_owned(), delivered)
        };
        let deliveries = deliveries.iter().map(through).collect();
        let news = (0..news).map(|_| happened()).collect();
        write(
            told,
            &rules(names),
            &deliveries,
            news,
            Timestamp::UNIX_EPOCH,
        )
    }

    #[test]
    fn what_all_were_told_is_forgotten_and_numbers_go_on() {
        let told = written(&Told::default(), &["a", "b"], 2, &[]).unwrap();
        assert_eq!(told.outbox.len(), 2);
        let told = written(&told, &["a", "b"], 0, &[("a", 2), ("b", 1)]).unwrap();
        assert_eq!(told.outbox.keys().collect::<Vec<_>>(), [&2]);
        let told = written(&told, &["a", "b"], 0, &[("a", 2), ("b", 2)]).unwrap();
        assert!(told.outbox.is_empty());
        assert_eq!(written(&told, &["a", "b"], 0, &[("a", 2)]), None);
        let told = written(&told, &["a", "b"], 1, &[]).unwrap();
        assert_eq!(told.outbox.keys().collect::<Vec<_>>(), [&3]);
    }

    #[test]
    fn who_is_new_is_told_what_comes_and_who_is_gone_holds_nothing_up() {
        let told = written(&Told::default(), &["a"], 2, &[]).unwrap();
        let told = written(&told, &["b"], 1, &[]).unwrap();
        assert_eq!(told.outbox.keys().collect::<Vec<_>>(), [&3]);
        assert_eq!(told.receivers["b"].through, 2);
        assert!(!told.receivers.contains_key("a"));
    }

    #[test]
    fn the_oldest_of_too_many_are_dropped_and_counted_for_who_misses_them() {
        let told = written(&Told::default(), &["away", "there"], 5, &[]).unwrap();
        let told = written(&told, &["away", "there"], MOST_WAITING, &[("there", 5)]).unwrap();
        assert_eq!(told.outbox.len(), MOST_WAITING);
        assert_eq!(told.outbox.keys().next(), Some(&6));
        assert_eq!(told.receivers["away"].dropped, 5);
        assert_eq!(told.receivers["there"].dropped, 0);
    }
}
