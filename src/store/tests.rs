//! What holds for every store, shown on the one in memory.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::change::{Change, JournalEvent};
use super::memory::{Fault, FaultKind};
use super::samples;
use super::{MAX_TEXT, MemoryDisk, MemoryStore, Retention, Store, StoreError};
use crate::plan::record::Recorded;
use crate::plan::step::Outcome;

async fn recorded(disk: &MemoryDisk) -> Recorded {
    disk.open().unwrap().load().await.unwrap()
}

fn journal(events: Vec<JournalEvent>) -> Change {
    Change {
        journal: events,
        ..Change::default()
    }
}

#[tokio::test]
async fn a_new_store_is_fresh_until_something_is_recorded() {
    let store = MemoryStore::new("s1").unwrap();
    let empty = store.load().await.unwrap();
    assert_eq!((empty.fresh, empty.store_id.as_str()), (true, "s1"));
    store.commit(&Change::default()).await.unwrap();
    assert!(recorded(&store.disk()).await.fresh);

    let store = store.disk().open().unwrap();
    store.commit(&samples::full_change()).await.unwrap();
    assert!(!recorded(&store.disk()).await.fresh);
    assert_eq!(store.disk().commits(), 1);
}

#[tokio::test]
async fn what_is_read_back_is_what_was_committed() {
    let store = MemoryStore::new("s1").unwrap();
    let mut live = store.load().await.unwrap();
    let change = samples::full_change();
    store.commit(&change).await.unwrap();
    change.apply(&mut live);
    assert_eq!(live.in_flight.len(), 1);
    assert_eq!(store.load().await.unwrap(), live);
    assert_eq!(recorded(&store.disk()).await, live);

    let events = store.events(10).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].at, events[0].event.clone()), change.events[0]);
    assert_eq!(store.revisions(10).await.unwrap(), change.revisions);
    let entries = store.journal(10).await.unwrap();
    assert_eq!(entries[0].event, change.journal[0]);
}

#[tokio::test]
async fn an_illegal_event_is_refused_and_changes_nothing() {
    let store = MemoryStore::new("s1").unwrap();
    let intent = samples::journal_event("orders", None);
    let done = samples::journal_event("orders", Some(Outcome::Done));
    let unasked = store.commit(&journal(vec![done.clone()])).await;
    assert!(matches!(unasked, Err(StoreError::Illegal { .. })));

    store.commit(&journal(vec![intent.clone()])).await.unwrap();
    let twice = store.commit(&journal(vec![intent.clone()])).await;
    assert!(matches!(twice, Err(StoreError::Illegal { .. })));
    let other = samples::step("orders", samples::actions().remove(3));
    let other = samples::event_of(other, None, samples::time(2));
    let busy = store.commit(&journal(vec![other.clone()])).await;
    assert!(matches!(busy, Err(StoreError::Busy { .. })));

    let ended_twice = journal(vec![done.clone(), done.clone()]);
    let ended_twice = store.commit(&ended_twice).await;
    assert!(matches!(ended_twice, Err(StoreError::Illegal { .. })));
    assert_eq!(store.disk().commits(), 1);
    assert_eq!(recorded(&store.disk()).await.in_flight.len(), 1);

    let store = store.disk().open().unwrap();
    let onwards = journal(vec![
        done,
        other,
        samples::journal_event("stock", None),
        intent,
    ]);
    let onwards = store.commit(&onwards).await;
    assert!(matches!(onwards, Err(StoreError::Busy { .. })));
}

#[tokio::test]
async fn numbers_have_no_gaps_and_the_newest_entries_come_newest_last() {
    let store = MemoryStore::new("s1").unwrap();
    for round in 0..7 {
        let events = vec![samples::event(&format!("a{round}")), samples::event("b")];
        let change = Change {
            events,
            ..Change::default()
        };
        store.commit(&change).await.unwrap();
    }
    let events = store.events(3).await.unwrap();
    let seen: Vec<_> = events
        .iter()
        .map(|entry| (entry.seq, entry.event.message.as_str()))
        .collect();
    assert_eq!(seen, [(12, "b"), (13, "a6"), (14, "b")]);
    assert_eq!(store.events(100).await.unwrap().len(), 14);
}

#[tokio::test]
async fn logs_are_bounded_and_intents_stay_as_long_as_they_are_needed() {
    let retention = Retention {
        journal: 3,
        events: 3,
        revisions: 2,
    };
    let disk = MemoryDisk::with_retention("s1", retention).unwrap();
    let open = samples::journal_event("open", None);
    let store = disk.open().unwrap();
    store.commit(&journal(vec![open.clone()])).await.unwrap();
    for round in 0..10 {
        let store = disk.open().unwrap();
        assert!(
            store
                .load()
                .await
                .unwrap()
                .in_flight
                .contains_key(&open.step.resource)
        );
        let mut change = journal(vec![
            samples::journal_event("orders", None),
            samples::journal_event("orders", Some(Outcome::Done)),
        ]);
        change.events = vec![samples::event(&format!("event {round}"))];
        change.revisions = vec![samples::revision(&format!("r{round}"))];
        store.commit(&change).await.unwrap();
    }
    let store = disk.open().unwrap();
    let numbers = |entries: &[super::JournalEntry]| -> Vec<u64> {
        entries.iter().map(|entry| entry.seq).collect()
    };
    // 1 is open; 18 is the intent of 19, the oldest that is kept for itself.
    let entries = store.journal(100).await.unwrap();
    assert_eq!(numbers(&entries), [1, 18, 19, 20, 21]);
    let events = store.events(100).await.unwrap();
    assert_eq!(
        events.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
        [8, 9, 10]
    );
    assert_eq!(store.revisions(100).await.unwrap().len(), 2);

    let done = JournalEvent {
        outcome: Some(Outcome::Done),
        ..open
    };
    store.commit(&journal(vec![done])).await.unwrap();
    let store = disk.open().unwrap();
    assert!(store.load().await.unwrap().in_flight.is_empty());
    // 1 is the intent of 22.
    let entries = store.journal(100).await.unwrap();
    assert_eq!(numbers(&entries), [1, 20, 21, 22]);
}

#[tokio::test]
async fn texts_of_logs_are_bounded() {
    let store = MemoryStore::new("s1").unwrap();
    let message = "x".repeat(3 * MAX_TEXT);
    let failed = Outcome::Unknown {
        message: message.clone(),
    };
    let change = Change {
        events: vec![samples::event(&message)],
        ..journal(vec![
            samples::journal_event("orders", None),
            samples::journal_event("orders", Some(failed)),
        ])
    };
    store.commit(&change).await.unwrap();
    let events = store.events(1).await.unwrap();
    assert!(events[0].event.message.len() < MAX_TEXT + 40);
    let entries = store.journal(1).await.unwrap();
    let Some(Outcome::Unknown { message }) = &entries[0].event.outcome else {
        panic!("{entries:?}");
    };
    assert!(message.ends_with("(8192 more bytes)"));
}

#[tokio::test]
async fn a_failed_commit_leaves_a_store_that_must_be_opened_again() {
    for durable in [false, true] {
        let store = MemoryStore::new("s1").unwrap();
        let disk = store.disk();
        store.commit(&samples::job_change("a", 1)).await.unwrap();
        disk.plan_fault(Some(Fault {
            commit: 2,
            durable,
            kind: FaultKind::Error,
        }));
        let failed = store.commit(&samples::job_change("b", 1)).await;
        assert!(matches!(failed, Err(StoreError::Io { .. })));
        let later = store.commit(&samples::job_change("c", 1)).await;
        assert!(matches!(later, Err(StoreError::Unusable { .. })));

        let store = disk.open().unwrap();
        let jobs = store.load().await.unwrap().jobs;
        assert_eq!(jobs.contains_key("b"), durable);
        assert_eq!(jobs.len(), 1 + usize::from(durable));
        store.commit(&samples::job_change("c", 1)).await.unwrap();
        assert_eq!(disk.commits(), 2 + u64::from(durable));
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_never_returns_and_is_told() {
    let store = MemoryStore::new("s1").unwrap();
    let disk = store.disk();
    disk.plan_fault(Some(Fault {
        commit: 1,
        durable: true,
        kind: FaultKind::Crash,
    }));
    let change = samples::job_change("a", 1);
    let commit = store.commit(&change);
    tokio::select! {
        result = commit => panic!("{result:?}"),
        () = disk.crashed() => {}
        () = tokio::time::sleep(Duration::from_mins(1)) => panic!("no crash"),
    }
    assert_eq!(recorded(&disk).await.jobs.len(), 1);
}

#[tokio::test]
async fn a_store_from_before_a_restart_cannot_write() {
    let before = MemoryStore::new("s1").unwrap();
    let after = before.disk().open().unwrap();
    let late = before.commit(&samples::job_change("a", 1)).await;
    assert!(matches!(late, Err(StoreError::Io { .. })));
    after.commit(&samples::job_change("b", 1)).await.unwrap();
    let jobs = recorded(&after.disk()).await.jobs;
    assert_eq!(jobs.into_keys().collect::<Vec<_>>(), ["b"]);
}

/// What a random change does.
#[derive(Debug, Clone)]
enum Deed {
    Job(u8, Option<u64>),
    Adopt(u8, bool),
    Event(u8),
    Confirm(u8, bool),
    Begin(u8, u8),
    End(u8, u8),
}

fn deeds() -> impl Strategy<Value = Vec<Vec<Deed>>> {
    let deed = prop_oneof![
        (0..4u8, proptest::option::of(1..9u64)).prop_map(|(name, new)| Deed::Job(name, new)),
        (0..4u8, any::<bool>()).prop_map(|(name, asked)| Deed::Adopt(name, asked)),
        any::<u8>().prop_map(Deed::Event),
        (0..4u8, any::<bool>()).prop_map(|(hold, given)| Deed::Confirm(hold, given)),
        (0..4u8, any::<u8>()).prop_map(|(name, action)| Deed::Begin(name, action)),
        (0..4u8, any::<u8>()).prop_map(|(name, outcome)| Deed::End(name, outcome)),
    ];
    vec(vec(deed, 0..6), 0..25)
}

/// Makes a change of deeds, leaving out what isn't legal where the engine is.
fn change_of(deeds: &[Deed], live: &Recorded) -> Change {
    let mut change = Change::default();
    let mut open = live.in_flight.clone();
    let full = samples::full_change();
    for deed in deeds {
        match deed {
            Deed::Job(name, generation) => {
                let name = format!("job-{name}");
                let one = generation.map(|generation| samples::job_change(&name, generation));
                let record = one.and_then(|mut one| one.jobs.remove(&name).flatten());
                change.jobs.insert(name, record);
            }
            Deed::Adopt(name, asked) => {
                let resource = crate::resources::ResourceId::jet_job(format!("job-{name}"));
                change.adoptions.insert(resource, *asked);
            }
            Deed::Event(number) => change.events.push(samples::event(&number.to_string())),
            Deed::Confirm(hold, given) => {
                let hold = crate::plan::hold::HoldId(hold.to_string());
                let confirmation = full.confirmations.values().next().cloned().flatten();
                change
                    .confirmations
                    .insert(hold, confirmation.filter(|_| *given));
            }
            Deed::Begin(name, action) => {
                let mut actions = samples::actions();
                let action = actions.remove(usize::from(*action) % actions.len());
                let step = samples::step(&format!("job-{name}"), action);
                let event = samples::event_of(step, None, samples::time(1));
                if !open.contains_key(&event.step.resource) {
                    open.insert(event.step.resource.clone(), event.step.clone());
                    change.journal.push(event);
                }
            }
            Deed::End(name, outcome) => {
                let resource = crate::resources::ResourceId::jet_job(format!("job-{name}"));
                let mut outcomes = samples::outcomes().split_off(1);
                let outcome = outcomes.remove(usize::from(*outcome) % outcomes.len());
                if let Some(step) = open.remove(&resource) {
                    let step = (*step).clone();
                    change
                        .journal
                        .push(samples::event_of(step, outcome, samples::time(2)));
                }
            }
        }
    }
    change
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every prefix of the commits reads back as the records that the engine has after it.
    #[test]
    fn live_records_and_reloaded_ones_are_the_same(script in deeds(), keep in 1..12u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let retention = Retention { journal: keep, events: keep, revisions: keep };
            let disk = MemoryDisk::with_retention("s1", retention).unwrap();
            let mut live = disk.open().unwrap().load().await.unwrap();
            let mut written = 0;
            for deeds in script {
                let store = disk.open().unwrap();
                prop_assert_eq!(&store.load().await.unwrap(), &live);
                let change = change_of(&deeds, &live);
                store.commit(&change).await.unwrap();
                change.apply(&mut live);
                written += change.journal.len() as u64;
                let newest = store.journal(1).await.unwrap();
                prop_assert_eq!(newest.first().map_or(0, |entry| entry.seq), written);
            }
            prop_assert_eq!(&recorded(&disk).await, &live);
            Ok(())
        })?;
    }
}
