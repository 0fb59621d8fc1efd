//! A watch against a scripted cluster, under tokio's paused clock.

mod starts;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::scripted::{MASTER, OTHER_MEMBER, Scripted, TestClock, job};
use super::{ClusterWatch, WatchError, WatchOptions};
use crate::clock::{Clock, Random};
use crate::plan::Interest;
use crate::plan::job::{JobId, JobStatus, JobView};
use crate::plan::observed::{ClusterView, Link, Look, Seen};
use crate::plan::ownership::OwnershipEntry;
use crate::resources::{Digest, ResourceId};

const A: JobId = JobId(1);
const GONE: JobId = JobId(77);

struct Fixture {
    cluster: Arc<Scripted>,
    clock: Arc<TestClock>,
    watch: ClusterWatch,
    views: watch::Receiver<Arc<ClusterView>>,
}

impl Fixture {
    /// A watch of a cluster where one wanted job, A, runs; everything was read.
    async fn running() -> Self {
        let mut fixture = Self::with([job(1, "a", JobStatus::Running)], &["a"], &[]);
        fixture.seen(|view| config_of(view, A).is_some()).await;
        fixture.rest().await;
        fixture
    }

    fn with<const N: usize>(jobs: [JobView; N], names: &[&str], ids: &[JobId]) -> Self {
        let cluster = Scripted::up();
        cluster.state().jobs = jobs.into_iter().map(|job| (job.id, job)).collect();
        let clock = Arc::new(TestClock::new());
        let watch = ClusterWatch::start(
            cluster.clone(),
            clock.clone(),
            WatchOptions {
                entropy: Arc::new(Random::from_seed(7)),
                ..WatchOptions::new("test")
            },
        );
        watch.want(interest(names, ids));
        let views = watch.views();
        Self {
            cluster,
            clock,
            watch,
            views,
        }
    }

    /// Waits for a view; tokio's clock jumps, so this ends at once where nothing comes.
    async fn seen(&mut self, is: impl Fn(&ClusterView) -> bool) -> Arc<ClusterView> {
        let wait = self.views.wait_for(|view| is(view));
        let view = tokio::time::timeout(Duration::from_mins(5), wait).await;
        Arc::clone(&view.expect("no such view came").unwrap())
    }

    /// Lets everything end that was begun, without a list by the clock.
    async fn rest(&self) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    fn now(&self) -> Arc<ClusterView> {
        Arc::clone(&self.views.borrow())
    }

    fn status(&self, id: JobId) -> JobStatus {
        self.now().jobs.known().unwrap()[&id].status
    }

    fn link_down(&self) {
        self.cluster.connect(|connection| {
            connection.link = Link::Down {
                since: Timestamp::UNIX_EPOCH,
                error: Some("the member closed the connection".to_owned()),
            };
        });
    }
}

fn interest(names: &[&str], ids: &[JobId]) -> Interest {
    Interest {
        names: names.iter().map(ToString::to_string).collect(),
        ids: ids.iter().copied().collect(),
        ..Interest::default()
    }
}

fn config_of(view: &ClusterView, id: JobId) -> Option<i64> {
    let config = view.jobs.known()?.get(&id)?.config.as_ref()?;
    Some(config.settings.snapshot_interval.as_secs())
}

#[tokio::test(start_paused = true)]
async fn everything_is_read_once_there_is_a_connection() {
    let fixture = Fixture::running().await;
    let view = fixture.now();
    assert_eq!(view.link, Link::Up);
    assert_eq!(view.master, Some(MASTER));
    assert_eq!(view.master_changed_at, None);
    assert_eq!(view.jet_enabled, Seen::Known(true));
    assert_eq!(view.ownership, Seen::Known([].into()));
    assert!(view.listed_at.is_some());
    assert!(fixture.cluster.listens_to(A));
}

#[tokio::test(start_paused = true)]
async fn at_rest_there_is_one_list_and_one_look_at_the_map_a_minute_and_nothing_else() {
    let fixture = Fixture::running().await;
    let calls = |name| fixture.cluster.calls(name);
    let (lists, looks, all) = (
        calls("list"),
        calls("ownership"),
        fixture.cluster.all_calls(),
    );
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(calls("list"), lists + 10);
    assert_eq!(calls("ownership"), looks + 10);
    assert_eq!(fixture.cluster.all_calls(), all + 20);
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_nobody_tells_of_is_seen_within_a_resync() {
    let mut fixture = Fixture::running().await;
    let before = fixture.now().ownership_asked_at;
    let entry = OwnershipEntry {
        owner: "keeper-1".to_owned(),
        keeper: String::new(),
        epoch: 1,
        attempt: "n1".to_owned(),
        job_id: None,
        resource: ResourceId::jet_job("a"),
        digest: Digest::default(),
    };
    let entries: BTreeMap<_, _> = [("a".to_owned(), entry)].into();
    fixture.cluster.state().ownership.clone_from(&entries);
    let began = tokio::time::Instant::now();
    let view = fixture
        .seen(|view| view.ownership == Seen::Known(entries.clone()))
        .await;
    assert!(began.elapsed() <= Duration::from_mins(1));
    assert!(view.ownership_asked_at > before);
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_somebody_asked_for_is_remembered_with_the_execution_that_it_ended() {
    let mut fixture = Fixture::running().await;
    let execution = fixture.now().jobs.known().unwrap()[&A].execution_id;
    let restarted = |fixture: &Fixture| fixture.now().jobs.known().unwrap()[&A].restarted;
    for (asked, expected) in [(false, None), (true, Some(execution))] {
        for status in [JobStatus::NotRunning, JobStatus::Running] {
            fixture.cluster.set(A, status);
            let why = "Restart";
            fixture.cluster.tell_why(A, status, asked, why).await;
            fixture
                .seen(|view| view.jobs.known().unwrap()[&A].status == status)
                .await;
        }
        assert_eq!(restarted(&fixture), expected);
    }
    // A list doesn't take it back.
    fixture.watch.refreshed().await.unwrap();
    assert_eq!(restarted(&fixture), Some(execution));
}

#[tokio::test(start_paused = true)]
async fn an_awaited_job_is_looked_for_at_growing_distances() {
    let fixture = Fixture::running().await;
    let lists = || fixture.cluster.calls("list");
    let before = lists();
    fixture.watch.want(Interest {
        awaited: ["a".to_owned()].into(),
        ..interest(&["a"], &[])
    });
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(
        (3..=4).contains(&(lists() - before)),
        "{}",
        lists() - before
    );
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert!(
        (10..=20).contains(&(lists() - before)),
        "{}",
        lists() - before
    );

    fixture.watch.want(interest(&["a"], &[]));
    tokio::time::sleep(Duration::from_mins(1)).await;
    let before = lists();
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(lists(), before + 10);
}

#[tokio::test(start_paused = true)]
async fn a_status_is_published_without_any_call() {
    let mut fixture = Fixture::running().await;
    fixture.cluster.hold_lists();
    fixture.cluster.tell(A, JobStatus::Suspended, true).await;
    let view = fixture.seen(|view| view.jobs.known().unwrap()[&A].status == JobStatus::Suspended);
    let view = view.await;
    let job = &view.jobs.known().unwrap()[&A];
    assert_eq!(job.user_requested, Some(true));
    assert_eq!(job.suspension_failure, None);
}

#[tokio::test(start_paused = true)]
async fn a_list_asked_for_before_an_event_does_not_take_it_back() {
    let fixture = Fixture::running().await;
    fixture.cluster.hold_lists();
    fixture.watch.refresh();
    fixture.rest().await;
    fixture.cluster.set(A, JobStatus::Suspended);
    fixture.cluster.tell(A, JobStatus::Suspended, true).await;
    fixture.rest().await;
    assert_eq!(fixture.status(A), JobStatus::Suspended);
    fixture.cluster.release_one_list();
    fixture.rest().await;
    assert_eq!(fixture.status(A), JobStatus::Suspended);
    fixture.cluster.release_lists();
    fixture.rest().await;
    assert_eq!(fixture.status(A), JobStatus::Suspended);
}

#[tokio::test(start_paused = true)]
async fn the_end_is_published_at_once_and_its_details_follow() {
    let mut fixture = Fixture::running().await;
    {
        let mut state = fixture.cluster.state();
        let job = state.jobs.get_mut(&A).unwrap();
        job.status = JobStatus::Failed;
        job.user_cancelled = true;
        job.completed_at = Some(Timestamp::UNIX_EPOCH);
    }
    fixture.cluster.hold_lists();
    fixture.cluster.tell(A, JobStatus::Failed, true).await;
    let failed = |view: &ClusterView| view.jobs.known().unwrap()[&A].status == JobStatus::Failed;
    let view = fixture.seen(failed).await;
    let job = &view.jobs.known().unwrap()[&A];
    assert!(job.user_cancelled && job.completed_at.is_none());
    fixture.cluster.release_lists();
    let ended = |view: &ClusterView| view.jobs.known().unwrap()[&A].completed_at.is_some();
    let view = fixture.seen(ended).await;
    assert!(view.jobs.known().unwrap()[&A].user_cancelled);
    assert!(!fixture.cluster.listens_to(A));
}

#[tokio::test(start_paused = true)]
async fn without_a_connection_nothing_is_known_and_after_it_all_is_read_again() {
    let mut fixture = Fixture::running().await;
    fixture.link_down();
    let view = fixture.seen(|view| view.link != Link::Up).await;
    assert_eq!(view.jobs, Seen::Unknown);
    assert_eq!(view.ownership, Seen::Unknown);
    assert_eq!(view.partitions_safe, Seen::Unknown);
    assert_eq!(view.master, Some(MASTER));
    assert_eq!(fixture.watch.refreshed().await, Err(WatchError::Down));
    assert_eq!(fixture.watch.guard().await, Err(WatchError::Down));

    let calls = fixture.cluster.all_calls();
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(fixture.cluster.all_calls(), calls);

    fixture.cluster.set(A, JobStatus::Suspended);
    fixture
        .cluster
        .connect(|connection| connection.link = Link::Up);
    fixture.seen(|view| config_of(view, A).is_some()).await;
    fixture.rest().await;
    assert_eq!(fixture.status(A), JobStatus::Suspended);
    assert!(fixture.cluster.listens_to(A));
}

#[tokio::test(start_paused = true)]
async fn jobs_are_unknown_until_a_list_was_answered() {
    let mut fixture = Fixture::with([job(1, "a", JobStatus::Running)], &["a"], &[]);
    fixture.cluster.hold_lists();
    let view = fixture
        .seen(|view| view.jet_enabled == Seen::Known(true))
        .await;
    assert_eq!(view.jobs, Seen::Unknown);
    fixture.cluster.release_lists();
    fixture.seen(|view| view.jobs != Seen::Unknown).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_is_gone_after_two_questions_ten_seconds_apart() {
    let mut fixture = Fixture::with([], &[], &[GONE]);
    let view = fixture.seen(|view| view.missing.contains_key(&GONE)).await;
    assert_eq!(view.look(GONE), Look::Unknown);
    assert_eq!(fixture.cluster.calls("status"), 1);
    let view = fixture.seen(|view| view.look(GONE) == Look::Gone).await;
    let missing = view.missing[&GONE];
    assert!(missing.last_at.duration_since(missing.first_at).as_secs() >= 10);
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(fixture.cluster.calls("status"), 2, "it is proven");
}

#[tokio::test(start_paused = true)]
async fn another_master_starts_the_questions_over() {
    let mut fixture = Fixture::with([], &[], &[GONE]);
    fixture.seen(|view| view.missing.contains_key(&GONE)).await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    fixture.cluster.connect(|connection| {
        connection.members.remove(0);
    });
    let of_other = |view: &ClusterView| {
        let missing = view.missing.get(&GONE);
        missing.is_some_and(|missing| missing.master == OTHER_MEMBER)
    };
    let view = fixture.seen(of_other).await;
    assert!(view.master_changed_at.is_some());
    let first_at = view.missing[&GONE].first_at;
    let view = fixture.seen(|view| view.look(GONE) == Look::Gone).await;
    assert!(
        view.missing[&GONE]
            .last_at
            .duration_since(first_at)
            .as_secs()
            >= 10
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_that_only_the_list_lacks_is_not_gone() {
    let mut fixture = Fixture::with([job(1, "a", JobStatus::Running)], &[], &[A]);
    fixture.cluster.state().hidden.insert(A);
    fixture.seen(|view| view.jobs != Seen::Unknown).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(fixture.now().look(A), Look::Unknown);
    assert!(fixture.cluster.calls("list") < 8);
    fixture.cluster.state().hidden.clear();
    fixture
        .seen(|view| matches!(view.look(A), Look::Present(_)))
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_a_new_master_lacks_is_not_absent_yet() {
    let mut fixture = Fixture::running().await;
    fixture.cluster.state().hidden.insert(A);
    fixture.cluster.connect(|connection| {
        connection.members.remove(0);
    });
    fixture.seen(|view| view.master_changed_at.is_some()).await;
    let listed_at = fixture.now().listed_at;
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(fixture.status(A), JobStatus::Running);
    assert_eq!(fixture.now().listed_at, listed_at);
    // It has settled: what it lacks is absent.
    fixture
        .seen(|view| view.jobs == Seen::Known([].into()))
        .await;
    let view = fixture.now();
    let since = view
        .listed_at
        .unwrap()
        .duration_since(view.master_changed_at.unwrap());
    assert!(since.as_secs() >= 10);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_put_back_makes_no_master_settle_for_longer() {
    let mut fixture = Fixture::running().await;
    fixture.cluster.connect(|connection| {
        connection.members.remove(0);
    });
    fixture.seen(|view| view.master_changed_at.is_some()).await;
    fixture.clock.put_back(jiff::SignedDuration::from_hours(1));
    tokio::time::sleep(Duration::from_mins(2)).await;
    let (view, now) = (fixture.now(), fixture.clock.now());
    for at in [view.master_changed_at, view.connected_at] {
        assert!(at.unwrap() < now - jiff::SignedDuration::from_secs(10));
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_repeated_with_growing_pauses() {
    let fixture = Fixture::with([job(1, "a", JobStatus::Running)], &["a"], &[GONE]);
    let names = ["list", "health", "ownership", "config", "listen", "status"];
    fixture.cluster.state().failing.extend(names);
    for _ in 0..600 {
        fixture.watch.refresh();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // Who asks is not kept waiting for more than a second; nothing else is that eager.
    assert!((300..=1200).contains(&fixture.cluster.calls("list")));
    assert!(fixture.cluster.calls("health") < 60);

    fixture.cluster.state().failing.remove("list");
    tokio::time::sleep(Duration::from_mins(10)).await;
    for name in ["config", "listen", "status"] {
        let calls = fixture.cluster.calls(name);
        assert!((5..60).contains(&calls), "{name}: {calls}");
    }
    assert!(matches!(
        fixture.watch.guard().await,
        Err(WatchError::Call(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_ended_is_replaced_and_a_list_shows_what_was_missed() {
    let mut fixture = Fixture::running().await;
    fixture.cluster.set(A, JobStatus::Suspended);
    fixture.cluster.end_listener(A);
    fixture
        .seen(|view| view.jobs.known().unwrap()[&A].status == JobStatus::Suspended)
        .await;
    fixture.rest().await;
    assert!(fixture.cluster.listens_to(A));
}

#[tokio::test(start_paused = true)]
async fn a_configuration_is_read_again_after_a_resume_and_when_it_was_changed() {
    let mut fixture = Fixture::running().await;
    assert_eq!(fixture.cluster.calls("config"), 1);
    let seconds = Duration::from_secs;
    fixture.cluster.set(A, JobStatus::Suspended);
    fixture.cluster.tell(A, JobStatus::Suspended, true).await;
    fixture.rest().await;
    assert_eq!(fixture.cluster.calls("config"), 1);

    fixture.cluster.state().settings_of.insert(A, seconds(2));
    fixture.watch.invalidate_config(A);
    let view = fixture.watch.refreshed().await.unwrap();
    assert_ne!(config_of(&view, A), Some(1));
    fixture.seen(|view| config_of(view, A) == Some(2)).await;

    fixture.cluster.state().settings_of.insert(A, seconds(3));
    fixture.cluster.tell(A, JobStatus::Running, true).await;
    fixture.seen(|view| config_of(view, A) == Some(3)).await;
}

#[tokio::test(start_paused = true)]
async fn bad_health_is_looked_at_until_it_is_good() {
    let mut fixture = Fixture::running().await;
    fixture.cluster.state().unsafe_partitions = true;
    let health = fixture.watch.guard().await.unwrap();
    assert!(!health.partitions_safe);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(fixture.now().partitions_safe, Seen::Known(false));
    fixture.cluster.state().unsafe_partitions = false;
    fixture
        .seen(|view| view.partitions_safe == Seen::Known(true))
        .await;
    let calls = fixture.cluster.calls("health");
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(fixture.cluster.calls("health"), calls);
}

#[tokio::test(start_paused = true)]
async fn jobs_of_no_interest_keep_no_texts_and_no_listeners() {
    let long: Arc<str> = "ü".repeat(30_000).into();
    let failed = |id, name: &str| JobView {
        failure: Some(Arc::clone(&long)),
        ..job(id, name, JobStatus::Failed)
    };
    let jobs = [
        failed(1, "mine"),
        failed(2, "theirs"),
        job(3, "theirs", JobStatus::Running),
    ];
    let mut fixture = Fixture::with(jobs, &["mine"], &[]);
    let view = fixture.seen(|view| view.jobs != Seen::Unknown).await;
    let jobs = view.jobs.known().unwrap();
    assert_eq!(jobs[&A].failure.as_ref().map(|text| text.len()), Some(2048));
    assert_eq!(jobs[&JobId(2)].failure, None);
    fixture.rest().await;
    assert!(!fixture.cluster.listens_to(JobId(3)));

    fixture.watch.want(interest(&["theirs"], &[]));
    fixture
        .seen(|view| view.jobs.known().unwrap()[&JobId(2)].failure.is_some())
        .await;
    fixture.rest().await;
    assert!(fixture.cluster.listens_to(JobId(3)));
    assert_eq!(fixture.now().jobs.known().unwrap()[&A].failure, None);
}

#[tokio::test(start_paused = true)]
async fn many_requests_are_few_lists() {
    let fixture = Fixture::running().await;
    let lists = fixture.cluster.calls("list");
    for _ in 0..1000 {
        fixture.watch.refresh();
    }
    fixture.watch.refreshed().await.unwrap();
    assert!(fixture.cluster.calls("list") <= lists + 2);
}

#[tokio::test(start_paused = true)]
async fn a_recent_list_serves_whoever_asks_next() {
    let fixture = Fixture::running().await;
    let lists = || fixture.cluster.calls("list");
    let age = Duration::from_secs(1);
    tokio::time::sleep(age).await;
    let before = lists();
    fixture.watch.prepare(age);
    fixture.watch.prepare(age);
    fixture.watch.recent(age).await.unwrap();
    fixture.watch.recent(age).await.unwrap();
    assert_eq!(lists(), before + 1);
    tokio::time::sleep(age + Duration::from_millis(1)).await;
    fixture.watch.recent(age).await.unwrap();
    assert_eq!(lists(), before + 2);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_began_before_it_was_ordered_serves_nobody() {
    let fixture = Fixture::running().await;
    let age = Duration::from_secs(1);
    tokio::time::sleep(age).await;
    fixture.cluster.hold_lists();
    fixture.watch.prepare(Duration::ZERO);
    tokio::time::sleep(age / 10).await;
    let other = JobId(2);
    let new = job(2, "b", JobStatus::Running);
    fixture.cluster.state().jobs.insert(other, new);
    fixture.watch.refresh();
    let recent = fixture.watch.recent(age);
    let (view, ()) = tokio::join!(recent, async { fixture.cluster.release_lists() });
    assert!(view.unwrap().jobs.known().unwrap().contains_key(&other));
}

#[tokio::test(start_paused = true)]
async fn a_recent_list_that_was_not_answered_serves_nobody() {
    let fixture = Fixture::running().await;
    let age = Duration::from_secs(1);
    fixture.link_down();
    assert_eq!(fixture.watch.refreshed().await, Err(WatchError::Down));
    assert_eq!(fixture.watch.recent(age).await, Err(WatchError::Down));
    fixture
        .cluster
        .connect(|connection| connection.link = Link::Up);
    let view = fixture.watch.recent(age).await.unwrap();
    assert!(view.jobs.known().unwrap().contains_key(&A));
}

#[tokio::test(start_paused = true)]
async fn what_matters_from_now_on_is_listed_once_for_all() {
    let mut fixture = Fixture::with([job(1, "a", JobStatus::Failed)], &[], &[]);
    fixture.rest().await;
    let lists = fixture.cluster.calls("list");
    fixture.cluster.state().jobs.get_mut(&A).unwrap().failure = Some("why".into());
    fixture.watch.want(interest(&["a"], &[]));
    fixture.watch.recent(Duration::from_secs(1)).await.unwrap();
    assert_eq!(fixture.cluster.calls("list"), lists + 1);
    let told = |view: &ClusterView| view.jobs.known().unwrap()[&A].failure.is_some();
    fixture.seen(told).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_is_an_end() {
    let fixture = Fixture::running().await;
    fixture.watch.stop().await;
    assert_eq!(fixture.watch.refreshed().await, Err(WatchError::Stopped));
    let calls = fixture.cluster.all_calls();
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(fixture.cluster.all_calls(), calls);
}
