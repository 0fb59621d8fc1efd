//! What of answers and events stands against what.

use super::*;
use crate::cluster::watch::scripted::job;

#[test]
fn nothing_told_late_follows_the_end() {
    let mut picture = Picture::new(Timestamp::UNIX_EPOCH, Uuid::nil());
    let asked = picture.ask(Timestamp::UNIX_EPOCH, true, 0);
    picture.list(asked, vec![job(1, "a", JobStatus::Completed)]);
    let consequence = picture.event(told(JobStatus::Running));
    assert_eq!(consequence, Consequence::default());
    let jobs = picture.jobs().unwrap();
    assert_eq!(jobs[&JobId(1)].status, JobStatus::Completed);
}

/// A job that is starting, as a list said.
fn starting() -> Picture {
    let mut picture = Picture::new(Timestamp::UNIX_EPOCH, Uuid::nil());
    let asked = picture.ask(Timestamp::UNIX_EPOCH, true, 0);
    picture.list(asked, vec![job(1, "a", JobStatus::Starting)]);
    picture
}

fn told(status: JobStatus) -> StatusEvent {
    StatusEvent {
        job: JobId(1),
        status,
        user_requested: false,
        description: None,
    }
}

#[test]
fn a_status_takes_back_no_event_that_came_after_it_was_asked_for() {
    let mut picture = starting();
    let asked = picture.ask_status();
    picture.event(told(JobStatus::NotRunning));
    assert!(picture.started(JobId(1), asked, JobStatus::Running));
    let jobs = picture.jobs().unwrap();
    assert_eq!(jobs[&JobId(1)].status, JobStatus::NotRunning);
}

#[test]
fn a_status_stands_against_a_list_that_was_asked_for_before_it() {
    let mut picture = starting();
    let listed = picture.ask(Timestamp::UNIX_EPOCH, true, 0);
    let asked = picture.ask_status();
    let later = picture.ask(Timestamp::UNIX_EPOCH, true, 0);
    assert!(picture.started(JobId(1), asked, JobStatus::Running));
    let status = |picture: &Picture| picture.jobs().unwrap()[&JobId(1)].status;
    picture.list(listed, vec![job(1, "a", JobStatus::Starting)]);
    assert_eq!(status(&picture), JobStatus::Running);
    picture.list(later, vec![job(1, "a", JobStatus::Suspended)]);
    assert_eq!(status(&picture), JobStatus::Suspended);
}

#[test]
fn a_status_takes_back_no_list_that_was_asked_for_after_it() {
    let mut picture = starting();
    let asked = picture.ask_status();
    let later = picture.ask(Timestamp::UNIX_EPOCH, true, 0);
    picture.list(later, vec![job(1, "a", JobStatus::Starting)]);
    assert!(!picture.started(JobId(1), asked, JobStatus::Running));
    let jobs = picture.jobs().unwrap();
    assert_eq!(jobs[&JobId(1)].status, JobStatus::Starting);
}

#[test]
fn a_status_of_another_master_says_nothing() {
    let mut picture = starting();
    let asked = picture.ask_status();
    picture.view.master = Some(Uuid::from_u128(1));
    assert!(!picture.started(JobId(1), asked, JobStatus::Running));
    let jobs = picture.jobs().unwrap();
    assert_eq!(jobs[&JobId(1)].status, JobStatus::Starting);
}

#[test]
fn a_text_is_cut_between_characters() {
    let cut = bounded(format!("x{}", "ü".repeat(2000)).into());
    assert_eq!(cut.len(), LONGEST_TEXT - 1);
    assert_eq!(&*bounded("short".into()), "short");
}
