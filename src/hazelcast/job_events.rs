//! A job's changes of status, pushed by a member.
//!
//! Members forget a listener when its job has ended. What happens while there is no connection is
//! lost: whoever listens also asks for the status now and then, and first of all after listening.

use std::time::Duration;

use uuid::Uuid;

use super::cluster::Cluster;
use super::cluster::roster::Target;
use super::codec::Request;
use super::codec::jet::add_job_status_listener::{AddJobStatusListener, decode_event};
use super::codec::jet::remove_job_status_listener::RemoveJobStatusListener;
use super::config::deadline_after;
use super::connection::Connection;
use super::connection::events::{EventReceiver, QueuedEvent, queue};
use super::error::Result;
use super::invocation;
use super::job::JobEvent;

/// Events of one job. Dropping it ends the listener.
#[derive(Debug)]
pub struct JobEvents {
    job_id: i64,
    connection: Connection,
    registration: Option<Uuid>,
    events: EventReceiver,
    ended: bool,
}

impl JobEvents {
    pub(crate) async fn open(cluster: &Cluster, job_id: i64, timeout: Duration) -> Result<Self> {
        let deadline = deadline_after(timeout);
        let call = AddJobStatusListener::NAME;
        let connection = invocation::connection(cluster, call, Target::Any, deadline).await?;
        let (sender, events) = queue(cluster.config.event_queue);
        let request = AddJobStatusListener {
            job_id,
            light_job_coordinator: None,
            local_only: false,
        };
        let registration = connection.listen(&request, sender, deadline).await?;
        Ok(Self {
            job_id,
            connection,
            registration,
            events,
            ended: false,
        })
    }

    /// The job that is listened to.
    pub fn job_id(&self) -> i64 {
        self.job_id
    }

    /// The next event. None when there will be no more: the job has ended, or the connection.
    pub async fn next(&mut self) -> Option<JobEvent> {
        while !self.ended {
            match self.events.next().await {
                Some(QueuedEvent::Lagged(missed)) => return Some(JobEvent::Lagged(missed)),
                Some(QueuedEvent::Message(message)) => match decode_event(&message) {
                    Ok(Some(event)) => {
                        self.ended = event.new.is_terminal();
                        return Some(JobEvent::Status(event));
                    }
                    Ok(None) => {}
                    Err(error) => {
                        tracing::debug!(%error, "event of a job cannot be read");
                        return Some(JobEvent::Lagged(1));
                    }
                },
                None => self.ended = true,
            }
        }
        None
    }
}

impl Drop for JobEvents {
    fn drop(&mut self) {
        if let (false, Some(registration_id)) = (self.ended, self.registration) {
            let job_id = self.job_id;
            self.connection.notify(&RemoveJobStatusListener {
                job_id,
                registration_id,
            });
        }
    }
}
