//! What turned: what began, what is over, and what has to wait to be sure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::commits::{self, Failing};
use super::outbox::{self, Deliveries};
use super::rules::Rules;
use super::situation::{Found, Situation, Standing};
use crate::plan::record::{Cause, Incident, News, Told};

/// How many of the resources that something concerns are named.
const NAMED: usize = 10;

/// What is not told yet, because it may be over in a moment. A restart begins to wait anew.
#[derive(Debug, Default)]
pub struct Turns {
    beginning: BTreeMap<Cause, Beginning>,
    /// Since when what was told is not seen any more.
    ending: BTreeMap<String, Timestamp>,
    failing: Failing,
}

#[derive(Debug, Clone, Copy)]
struct Beginning {
    since: Timestamp,
    /// Since when it is not seen, if it was before.
    away: Option<Timestamp>,
}

/// What a pass makes of what was told before.
#[derive(Debug)]
pub struct Turned {
    /// What is told then; none where nothing changed.
    pub told: Option<Told>,
    /// When to look again at the latest.
    pub wake: Option<Timestamp>,
}

impl Turns {
    /// What follows from what a pass saw, and from what was delivered meanwhile.
    pub fn update(
        &mut self,
        situation: &Situation<'_>,
        told: &Told,
        rules: &Rules,
        deliveries: &Deliveries,
        now: Timestamp,
    ) -> Turned {
        if rules.receivers.is_empty() {
            let nothing = (*told != Told::default()).then(Told::default);
            return Turned {
                told: nothing,
                wake: None,
            };
        }
        let standing = situation.standing(rules.settle);
        let mut news = Vec::new();
        let mut wake = Wake::default();
        self.begin(&standing, (told, rules.settle), now, &mut news, &mut wake);
        self.end(&standing, (told, rules.settle), now, &mut news, &mut wake);
        for source in rules.committed().collect::<BTreeSet<_>>() {
            let known = told.commits.get(source);
            let status = commits::status(situation, source, known);
            let status =
                status.filter(|it| self.failing.is_due(it, rules.settle, now, &mut wake.0));
            news.extend(status.map(|status| News::Commit(Arc::new(status))));
        }
        news.extend(situation.happened());
        news.retain(|news| rules.anybody_wants(news) || !matches!(news, News::Happened { .. }));
        Turned {
            told: outbox::write(told, rules, deliveries, news, now),
            wake: wake.0,
        }
    }

    /// What is told once these deliveries are written down, where nothing else happened.
    pub fn settle(told: &Told, rules: &Rules, deliveries: &Deliveries) -> Option<Told> {
        if rules.receivers.is_empty() {
            return None;
        }
        // Nothing new is noted, so no time is.
        outbox::write(told, rules, deliveries, Vec::new(), Timestamp::UNIX_EPOCH)
    }

    fn begin(
        &mut self,
        standing: &Standing<'_>,
        (told, settle): (&Told, SignedDuration),
        now: Timestamp,
        news: &mut Vec<News>,
        wake: &mut Wake,
    ) {
        for (cause, found) in &standing.found {
            if told.incidents.contains_key(&cause.key()) {
                continue;
            }
            let fresh = Beginning {
                since: now,
                away: None,
            };
            let beginning = self.beginning.entry(cause.clone()).or_insert(fresh);
            if beginning.away.is_some_and(|away| lasted(away, settle, now)) {
                *beginning = fresh;
            }
            beginning.away = None;
            // A clock that was put back doesn't make it last longer.
            beginning.since = beginning.since.min(now);
            let since = beginning.since;
            if lasted(since, found.patience, now) {
                self.beginning.remove(cause);
                news.push(News::Began(Arc::new(incident(cause, found, since))));
            } else {
                wake.at(since, found.patience);
            }
        }
        self.beginning.retain(|cause, beginning| {
            if !standing.found.contains_key(cause) {
                let away = beginning.away.get_or_insert(now);
                *away = (*away).min(now);
                return !lasted(*away, settle, now);
            }
            true
        });
    }

    fn end(
        &mut self,
        standing: &Standing<'_>,
        (told, settle): (&Told, SignedDuration),
        now: Timestamp,
        news: &mut Vec<News>,
        wake: &mut Wake,
    ) {
        let over = |incident: &Incident| {
            !standing.found.contains_key(&incident.cause) && !standing.hides(&incident.cause)
        };
        let ending = &mut self.ending;
        ending.retain(|key, _| told.incidents.get(key).is_some_and(|it| over(it)));
        for (key, incident) in told.incidents.iter().filter(|(_, it)| over(it)) {
            let ended = ending.entry(key.clone()).or_insert(now);
            *ended = (*ended).min(now);
            let ended = *ended;
            if lasted(ended, settle, now) {
                ending.remove(key);
                news.push(News::Ended {
                    incident: Arc::clone(incident),
                    ended,
                });
            } else {
                wake.at(ended, settle);
            }
        }
    }
}

/// When to look again.
#[derive(Debug, Default)]
struct Wake(Option<Timestamp>);

impl Wake {
    fn at(&mut self, since: Timestamp, wait: SignedDuration) {
        let at = since.checked_add(wait).ok();
        self.0 = self.0.into_iter().chain(at).min();
    }
}

fn lasted(since: Timestamp, long: SignedDuration, now: Timestamp) -> bool {
    now.duration_since(since) >= long
}

fn incident(cause: &Cause, found: &Found<'_>, since: Timestamp) -> Incident {
    let named = found.subjects.iter().take(NAMED);
    Incident {
        cause: cause.clone(),
        urgency: found.urgency,
        since,
        message: found.message.clone().into_owned(),
        affected: found.subjects.len(),
        subjects: named.map(|id| (*id).clone()).collect(),
    }
}
