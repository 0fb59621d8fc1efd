//! What the engine promises about itself: starting, stopping, failing, only looking.

use std::sync::Arc;
use std::time::Duration;

use jetkeeper::engine::{EngineError, Mode, Request};
use jetkeeper::plan::event::EventKind;
use jetkeeper::plan::job::JobStatus;
use jetkeeper::plan::step::Outcome;
use jetkeeper::resources::ResourceId;
use jetkeeper::store::Store;
use jetkeeper::store::memory::FaultKind;

use super::engine::End;
use super::model::in_virtual_time;
use super::pipeline::Pipeline;
use super::source::JobDocument;
use super::world::World;

const NAME: &str = "mail";

/// A world with one declared job.
fn world(pipeline: Pipeline) -> World {
    let mut world = World::new(1);
    let document = JobDocument::new(NAME, "alpha", pipeline);
    world.documents.insert(NAME.to_owned(), document);
    world.show();
    world
}

fn writes(world: &World) -> u64 {
    let clusters = world.around.clusters.values();
    clusters
        .map(|hazelcast| hazelcast.state().watchdog.writes)
        .sum()
}

#[test]
fn a_commit_that_fails_ends_the_engine_and_nothing_of_it_is_started() {
    let mut commits = 0;
    // Every commit of the way to the running job, each in a world of its own.
    while in_virtual_time(fails_at(commits + 1)) {
        commits += 1;
    }
    assert!(commits > 3, "only {commits} commits");
}

/// Whether there is a commit of this number to fail.
async fn fails_at(commit: u64) -> bool {
    let world = world(Pipeline::Stream);
    world.around.plan_fault(commit, false, FaultKind::Error);
    let process = world.around.start(1).await.unwrap();
    match process
        .live(&world.around.disk, Duration::from_mins(1))
        .await
    {
        Err(End::Error(EngineError::Commit(_))) => {}
        Err(end) => world.fail(&format!("ended otherwise: {end:?}")),
        Ok(_) => return false,
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    let journal = world
        .around
        .disk
        .open()
        .unwrap()
        .journal(100)
        .await
        .unwrap();
    let intents = journal
        .iter()
        .filter(|entry| entry.event.outcome.is_none())
        .count();
    assert_eq!(
        writes(&world),
        u64::try_from(intents).unwrap(),
        "commit {commit}"
    );
    true
}

#[test]
fn stopping_gives_steps_their_time_and_tells_what_was_left() {
    in_virtual_time(async {
        let mut world = world(Pipeline::Slow);
        world.pass_time(Duration::from_secs(5)).await;
        let process = world.process.take().unwrap();
        let store = Arc::clone(&process.handle.store);
        let left = process
            .stop(&world.around.disk, Duration::from_secs(3))
            .await
            .unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(
            (left[0].resource.clone(), &*left[0].verb),
            (ResourceId::jet_job(NAME), "submit")
        );
        let journal = store.journal(1).await.unwrap();
        assert_eq!(journal[0].event.outcome, None, "the intent stays open");
        // The next run finds the job that main makes in the end, and uploads nothing again.
        world.pass_time(Duration::from_mins(10)).await;
        world.check();
        let journal = world.shown_store().journal(100).await.unwrap();
        let unknown = |outcome: &Outcome| matches!(outcome, Outcome::Uploaded { .. });
        assert!(
            journal
                .iter()
                .any(|entry| entry.event.outcome.as_ref().is_some_and(unknown))
        );
        assert_eq!(world.judge().await.as_declared, 1);
    });
}

#[test]
fn stopping_waits_for_a_step_that_ends_in_time() {
    in_virtual_time(async {
        let mut world = world(Pipeline::Slow);
        world.pass_time(Duration::from_secs(5)).await;
        let process = world.process.take().unwrap();
        let store = Arc::clone(&process.handle.store);
        let left = process
            .stop(&world.around.disk, Duration::from_mins(10))
            .await
            .unwrap();
        assert_eq!(left, []);
        let journal = store.journal(1).await.unwrap();
        assert!(journal[0].event.outcome.is_some());
    });
}

#[test]
fn a_crash_while_it_stops_ends_the_process_too() {
    in_virtual_time(async {
        let mut world = world(Pipeline::Slow);
        world.pass_time(Duration::from_secs(5)).await;
        // The next commit is that of the upload's end, which the stop waits for.
        world.around.plan_fault(1, false, FaultKind::Crash);
        let process = world.process.take().unwrap();
        let stopped = process.stop(&world.around.disk, Duration::from_mins(10));
        let stopped = tokio::time::timeout(Duration::from_hours(1), stopped).await;
        let end = stopped.expect("the process stops or crashes").unwrap_err();
        assert!(matches!(end, End::Crash), "ended otherwise: {end:?}");
    });
}

#[test]
fn only_looking_plans_and_changes_nothing() {
    in_virtual_time(async {
        let world = world(Pipeline::Stream);
        let process = world.around.start_in(Mode::Look, 1).await.unwrap();
        let mut published = process.handle.published.clone();
        let planned = published.wait_for(|shown| !shown.steps.is_empty());
        let verbs: Vec<String> = planned
            .await
            .unwrap()
            .steps
            .iter()
            .map(|step| step.verb.clone())
            .collect();
        assert_eq!(verbs, ["claim"]);
        let pause = Request::Pause {
            resource: None,
            reason: "a look".to_owned(),
            by: "me".to_owned(),
            until: None,
        };
        let refused = process.handle.request(pause).await.unwrap_err();
        assert_eq!(refused.code, "Unavailable");
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!((writes(&world), world.around.disk.commits()), (0, 0));
        assert!(published.borrow().jobs.contains_key(NAME));
    });
}

#[test]
fn reconcile_is_answered_by_a_pass_that_saw_the_clusters() {
    in_virtual_time(async {
        let mut world = world(Pipeline::Stream);
        world.pass_time(Duration::from_mins(1)).await;
        let hazelcast = world.around.clusters["alpha:5701"].clone();
        // Something that no event tells: the job is gone from the list.
        let lists = hazelcast.state().watchdog.lists;
        let process = world.process.as_ref().unwrap();
        let pass = process.handle.request(Request::Reconcile).await.unwrap();
        assert!(hazelcast.state().watchdog.lists > lists);
        assert!(process.handle.published.borrow().pass >= pass);
        // A cluster that is down is not waited for.
        hazelcast.set_link(false);
        let asked = tokio::time::Instant::now();
        process.handle.request(Request::Reconcile).await.unwrap();
        assert!(asked.elapsed() < Duration::from_secs(1));
    });
}

#[test]
fn a_pause_ends_by_itself_and_is_forgotten() {
    in_virtual_time(async {
        let mut world = world(Pipeline::Stream);
        world.pass_time(Duration::from_mins(1)).await;
        let until =
            jetkeeper::clock::Clock::now(&world.around.clock) + jiff::SignedDuration::from_mins(5);
        world
            .request(Request::Pause {
                resource: None,
                reason: "a look".to_owned(),
                by: "me".to_owned(),
                until: Some(until),
            })
            .await;
        let document = world.documents.get_mut(NAME).unwrap();
        document.state = "Suspended";
        world.show();
        world.pass_time(Duration::from_mins(4)).await;
        assert_eq!(world.shown().pauses.len(), 1);
        assert_eq!(statuses(&world), [JobStatus::Running]);
        world.pass_time(Duration::from_mins(2)).await;
        assert!(world.shown().pauses.is_empty());
        assert_eq!(statuses(&world), [JobStatus::Suspended]);
    });
}

fn statuses(world: &World) -> Vec<JobStatus> {
    let state = world.around.clusters["alpha:5701"].state();
    state.jobs.values().map(|job| job.status).collect()
}

#[test]
fn the_history_says_what_each_revision_changed() {
    in_virtual_time(async {
        let mut world = world(Pipeline::Stream);
        world.pass_time(Duration::from_mins(1)).await;
        world.documents.get_mut(NAME).unwrap().state = "Suspended";
        world.show();
        world.pass_time(Duration::from_mins(1)).await;
        // A restart is no revision.
        world.process = None;
        world.pass_time(Duration::from_mins(1)).await;
        world.documents.clear();
        world.show();
        world.pass_time(Duration::from_mins(1)).await;
        let revisions = world.shown_store().revisions(10).await.unwrap();
        let id = || vec![ResourceId::jet_job(NAME)];
        assert_eq!(revisions.len(), 3);
        assert!(revisions[0].added.contains(&ResourceId::jet_job(NAME)));
        assert_eq!(
            (revisions[1].changed.clone(), revisions[2].removed.clone()),
            (id(), id())
        );
        let events = world.shown_store().events(100).await.unwrap();
        let submitted = events
            .iter()
            .filter(|entry| entry.event.kind == EventKind::Submitted);
        assert_eq!(submitted.count(), 1);
    });
}
