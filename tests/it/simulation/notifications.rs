//! What is told while the engine lives through a day, a cluster's absence, restarts and crashes.

use std::sync::Arc;
use std::time::Duration;

use jetkeeper::notifications::{Rules, Wants, What};
use jetkeeper::plan::job::JobStatus;
use jetkeeper::plan::record::{Incident, News, Notification, Urgency};
use jetkeeper::store::Store;
use jetkeeper::store::memory::FaultKind;

use super::model::in_virtual_time;
use super::pipeline::Pipeline;
use super::source::JobDocument;
use super::world::{NAMES, World};

const RECEIVER: &str = "chat";

/// A world with this many jobs, and somebody who wants to be told what is wrong. Nobody takes what is
/// told: all of it stays in the outbox, where the tests read it.
fn world(jobs: usize, least: Urgency) -> World {
    let mut world = World::new(1);
    let wants = Wants {
        what: What::Everything,
        least,
    };
    world.around.notifications = Rules {
        receivers: [(RECEIVER.to_owned(), wants)].into(),
        ..Rules::default()
    };
    for name in &NAMES[..jobs] {
        let document = JobDocument::new(name, "alpha", Pipeline::Stream);
        world.documents.insert((*name).to_owned(), document);
    }
    world.show();
    world
}

/// All that was told so far, from the store as another run finds it.
async fn told(world: &World) -> Vec<Arc<Notification>> {
    let recorded = world.around.disk.open().unwrap().load().await.unwrap();
    recorded.told.outbox.into_values().collect()
}

async fn problems(world: &World) -> (Vec<Arc<Incident>>, Vec<Arc<Incident>>) {
    let (mut began, mut ended) = (Vec::new(), Vec::new());
    for notification in told(world).await {
        match &notification.news {
            News::Began(incident) => began.push(Arc::clone(incident)),
            News::Ended { incident, .. } => ended.push(Arc::clone(incident)),
            News::Happened { .. } | News::Commit(_) => {}
        }
    }
    (began, ended)
}

fn set_link(world: &World, up: bool) {
    world.around.clusters["alpha:5701"].set_link(up);
}

#[test]
fn a_day_without_a_turn_tells_nothing() {
    in_virtual_time(async {
        let mut world = world(5, Urgency::Info);
        world.pass_time(Duration::from_mins(5)).await;
        let after_start = told(&world).await.len();
        assert_eq!(after_start, 5, "each job was submitted");
        for _ in 0..24 {
            world.pass_time(Duration::from_mins(59)).await;
            // Blips that are over before anybody has to know.
            set_link(&world, false);
            world.pass_time(Duration::from_secs(40)).await;
            set_link(&world, true);
            world.pass_time(Duration::from_secs(20)).await;
        }
        assert_eq!(told(&world).await.len(), after_start);
        world.check();
    });
}

#[test]
fn a_cluster_that_is_away_is_told_once_with_how_many_wait_and_so_is_its_return() {
    in_virtual_time(async {
        let mut world = world(6, Urgency::Warning);
        world.pass_time(Duration::from_mins(5)).await;
        assert_eq!(told(&world).await.len(), 0);
        set_link(&world, false);
        world.pass_time(Duration::from_mins(30)).await;
        // Restarts in the middle, in good order and by a crash, tell nothing again.
        let process = world.process.take().unwrap();
        let stopped = process.stop(&world.around.disk, Duration::from_secs(3));
        assert!(stopped.await.is_ok());
        world.pass_time(Duration::from_mins(30)).await;
        drop(world.process.take());
        world.pass_time(Duration::from_mins(30)).await;
        let (began, ended) = problems(&world).await;
        let what: Vec<_> = began
            .iter()
            .map(|it| (it.cause.key(), it.affected))
            .collect();
        assert_eq!(what, [("cluster alpha ClusterUnreachable".to_owned(), 6)]);
        assert_eq!(ended, []);

        set_link(&world, true);
        world.pass_time(Duration::from_mins(30)).await;
        drop(world.process.take());
        world.pass_time(Duration::from_mins(30)).await;
        assert_eq!(problems(&world).await, (began.clone(), began));
        world.check();
    });
}

#[test]
fn a_job_that_fails_is_told_until_somebody_mends_it() {
    in_virtual_time(async {
        let mut world = world(2, Urgency::Warning);
        world.pass_time(Duration::from_mins(5)).await;
        let name = NAMES[1];
        {
            let hazelcast = &world.around.clusters["alpha:5701"];
            let mut state = hazelcast.state();
            let job = state.jobs.values_mut().find(|job| job.name == name);
            job.unwrap().status = JobStatus::Failed;
        }
        world.pass_time(Duration::from_mins(30)).await;
        let (began, ended) = problems(&world).await;
        assert_eq!((began.len(), ended.len()), (1, 0), "{began:?}");
        assert_eq!(began[0].cause.key(), format!("JetJob/{name} JobFailed"));

        world.documents.remove(name);
        world.show();
        world.pass_time(Duration::from_mins(30)).await;
        let holds = Arc::clone(&world.shown().holds);
        for hold in holds.iter() {
            world.request(world.release(hold)).await;
        }
        world.pass_time(Duration::from_mins(30)).await;
        let (began, ended) = problems(&world).await;
        assert_eq!(began, ended, "all of it is over");
    });
}

#[test]
fn whichever_commit_a_crash_is_at_each_thing_is_told_once() {
    for durable in [false, true] {
        let mut commits = 0;
        // Every commit of the way, each in a world of its own.
        while in_virtual_time(crashes_at(commits + 1, durable)) {
            commits += 1;
        }
        assert!(commits >= 2, "only {commits} commits");
    }
}

/// Whether there is a commit of this number to crash at while a cluster goes and comes back.
async fn crashes_at(commit: u64, durable: bool) -> bool {
    let mut world = world(3, Urgency::Warning);
    world.pass_time(Duration::from_mins(5)).await;
    let before = world.around.disk.commits();
    world.around.plan_fault(commit, durable, FaultKind::Crash);
    set_link(&world, false);
    world.pass_time(Duration::from_mins(10)).await;
    set_link(&world, true);
    world.pass_time(Duration::from_mins(10)).await;
    let (began, ended) = problems(&world).await;
    let keys: Vec<_> = began.iter().map(|it| it.cause.key()).collect();
    assert_eq!(
        keys,
        ["cluster alpha ClusterUnreachable"],
        "commit {commit}"
    );
    assert_eq!(began, ended, "commit {commit}");
    world.around.disk.commits() - before >= commit
}
