//! The listeners to the status of jobs, heard in one place.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::future::{AbortHandle, Abortable, BoxFuture};
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use crate::cluster::port::StatusEvent;
use crate::plan::job::JobId;

/// What a listener told.
#[derive(Debug)]
pub(super) enum Heard {
    /// A change.
    Event(StatusEvent),
    /// It ended by itself: with the job, or with the connection, or because it fell behind.
    Ended(JobId),
}

type Turn = (JobId, Option<StatusEvent>, mpsc::Receiver<StatusEvent>);

/// One listener a job. Dropping one tells the port that nobody listens.
#[derive(Default)]
pub(super) struct Listeners {
    turns: FuturesUnordered<Abortable<BoxFuture<'static, Turn>>>,
    handles: BTreeMap<JobId, AbortHandle>,
}

impl Listeners {
    /// Hears this listener too; it takes the place of an earlier one to the same job.
    pub(super) fn add(&mut self, job: JobId, events: mpsc::Receiver<StatusEvent>) {
        self.remove(job);
        self.push(job, events);
    }

    /// Whether there is one to this job.
    pub(super) fn contains(&self, job: JobId) -> bool {
        self.handles.contains_key(&job)
    }

    /// Ends the listener to this job.
    pub(super) fn remove(&mut self, job: JobId) {
        if let Some(handle) = self.handles.remove(&job) {
            handle.abort();
        }
    }

    /// Ends all listeners but those to these jobs.
    pub(super) fn retain(&mut self, keep: impl Fn(JobId) -> bool) {
        self.handles.retain(|job, handle| {
            let kept = keep(*job);
            if !kept {
                handle.abort();
            }
            kept
        });
    }

    /// What is told next. Nothing is lost when the wait is given up.
    pub(super) async fn next(&mut self) -> Heard {
        loop {
            match self.turns.next().await {
                None => std::future::pending().await,
                Some(Err(_aborted)) => {}
                Some(Ok((job, None, _events))) => {
                    self.handles.remove(&job);
                    return Heard::Ended(job);
                }
                Some(Ok((job, Some(event), events))) => {
                    self.push(job, events);
                    return Heard::Event(event);
                }
            }
        }
    }

    fn push(&mut self, job: JobId, mut events: mpsc::Receiver<StatusEvent>) {
        let (handle, registration) = AbortHandle::new_pair();
        let turn: BoxFuture<'static, Turn> = Box::pin(async move {
            let event = events.recv().await;
            (job, event, events)
        });
        self.handles.insert(job, handle);
        self.turns.push(Abortable::new(turn, registration));
    }
}
