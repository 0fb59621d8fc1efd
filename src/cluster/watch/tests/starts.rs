//! Jobs that were starting when nobody listened to them yet.

use super::*;

/// A job that has this status by the time that it is listened to, and no list is answered after.
async fn met(before: JobStatus, now: JobStatus) -> Fixture {
    let fixture = Fixture::with([job(1, "a", before)], &[], &[]);
    fixture.rest().await;
    fixture.cluster.hold_lists();
    fixture.cluster.set(A, now);
    fixture.watch.want(interest(&["a"], &[]));
    fixture.rest().await;
    assert!(fixture.cluster.listens_to(A));
    fixture
}

#[tokio::test(start_paused = true)]
async fn a_job_that_began_to_run_before_anybody_listened_needs_no_list() {
    {
        let fixture = met(JobStatus::Starting, JobStatus::Running).await;
        assert_eq!(fixture.status(A), JobStatus::Running);
        assert_eq!(fixture.cluster.calls("status"), 2);
        fixture.cluster.release_lists();
        fixture.rest().await;
        assert_eq!(fixture.status(A), JobStatus::Running);
        assert_eq!(fixture.cluster.calls("status"), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn of_anything_but_a_start_a_list_tells_what_happened() {
    for (before, now) in [
        (JobStatus::Starting, JobStatus::Failed),
        (JobStatus::Starting, JobStatus::Suspended),
        (JobStatus::Starting, JobStatus::NotRunning),
        (JobStatus::NotRunning, JobStatus::Running),
        (JobStatus::Running, JobStatus::Suspended),
    ] {
        let fixture = met(before, now).await;
        assert_eq!(fixture.status(A), before);
        fixture.cluster.release_lists();
        fixture.rest().await;
        assert_eq!(fixture.status(A), now);
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_that_nobody_answers_is_told_by_a_list() {
    let fixture = Fixture::with([job(1, "a", JobStatus::Starting)], &[], &[]);
    fixture.rest().await;
    fixture.cluster.state().failing.insert("status");
    fixture.cluster.hold_lists();
    fixture.cluster.set(A, JobStatus::Running);
    fixture.watch.want(interest(&["a"], &[]));
    fixture.rest().await;
    assert_eq!(fixture.status(A), JobStatus::Starting);
    assert_eq!(fixture.cluster.calls("status"), 2);
    fixture.cluster.release_lists();
    fixture.rest().await;
    assert_eq!(fixture.status(A), JobStatus::Running);
    assert_eq!(fixture.cluster.calls("status"), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_missed_between_the_first_look_and_the_listener() {
    let fixture = Fixture::with([job(1, "a", JobStatus::Starting)], &[], &[]);
    fixture.rest().await;
    fixture.cluster.state().failing.insert("listen");
    fixture.cluster.hold_lists();
    fixture.cluster.set(A, JobStatus::Running);
    fixture.watch.want(interest(&["a"], &[]));
    fixture.rest().await;
    assert_eq!(fixture.status(A), JobStatus::Running);

    fixture.cluster.set(A, JobStatus::Suspended);
    fixture.cluster.state().failing.clear();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(fixture.cluster.listens_to(A));
    assert_eq!(fixture.status(A), JobStatus::Running);
    fixture.cluster.release_lists();
    fixture.rest().await;
    assert_eq!(fixture.status(A), JobStatus::Suspended);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_began_before_the_listener_was_there_is_not_the_last() {
    let fixture = Fixture::with([job(1, "a", JobStatus::Starting)], &[], &[]);
    fixture.rest().await;
    fixture.cluster.hold_lists();
    fixture.cluster.hold_statuses();
    fixture.watch.want(interest(&["a"], &[]));
    fixture.rest().await;
    assert!(fixture.cluster.listens_to(A));
    assert_eq!(fixture.cluster.calls("status"), 1);
    // The first look saw it starting; nobody told what it did before the listener was there.
    fixture.cluster.set(A, JobStatus::Running);
    fixture.cluster.release_statuses();
    fixture.rest().await;
    assert_eq!(fixture.cluster.calls("status"), 2);
    assert_eq!(fixture.status(A), JobStatus::Running);
}

#[tokio::test(start_paused = true)]
async fn another_master_begins_the_look_anew() {
    let fixture = Fixture::with([job(1, "a", JobStatus::Starting)], &[], &[]);
    fixture.rest().await;
    fixture.cluster.hold_lists();
    fixture.cluster.hold_statuses();
    fixture.watch.want(interest(&["a"], &[]));
    fixture.rest().await;
    fixture
        .cluster
        .connect(|connection| connection.members = vec![OTHER_MEMBER]);
    fixture.rest().await;
    fixture.cluster.set(A, JobStatus::Running);
    fixture.cluster.release_statuses();
    fixture.rest().await;
    // What the first one said of its jobs counts no more.
    assert_eq!(fixture.status(A), JobStatus::Starting);
    fixture.cluster.release_lists();
    fixture.rest().await;
    assert_eq!(fixture.status(A), JobStatus::Running);
}

#[tokio::test(start_paused = true)]
async fn later_starts_are_looked_at_too() {
    let jobs: [JobView; 2] = [
        job(1, "a", JobStatus::Starting),
        job(2, "b", JobStatus::Starting),
    ];
    let fixture = Fixture::with(jobs, &[], &[]);
    fixture.rest().await;
    fixture.watch.want(interest(&["a"], &[]));
    fixture.rest().await;
    let looks = fixture.cluster.calls("status");
    assert_eq!(looks, 2);
    for _ in 0..20 {
        fixture.watch.want(interest(&["b"], &[]));
        fixture.rest().await;
        fixture.watch.want(interest(&["a"], &[]));
        fixture.rest().await;
    }
    assert_eq!(fixture.cluster.calls("status"), looks + 80);
}

#[tokio::test(start_paused = true)]
async fn many_that_are_starting_are_told_by_few_lists() {
    let mut ids = 1..;
    let jobs: [JobView; 40] =
        std::array::from_fn(|_| job(ids.next().unwrap(), "a", JobStatus::Starting));
    let fixture = Fixture::with(jobs, &[], &[]);
    fixture.rest().await;
    let lists = fixture.cluster.calls("list");
    fixture.watch.want(interest(&["a"], &[]));
    fixture.rest().await;
    assert!(fixture.cluster.calls("status") <= 16);
    assert!(fixture.cluster.calls("list") <= lists + 4);
    assert_eq!(fixture.cluster.calls("listen"), 40);
}
