//! What a watch does with what happens.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;
use uuid::Uuid;

use super::WatchError;
use super::call::{Answer, Entries};
use super::errand::Errands;
use super::keeper::{JobErrands, Keeper, Lanes};
use super::lane::Lane;
use super::listener::{Heard, Listeners};
use super::order::Answered;
use super::picture::{Asked, AskedStatus};
use crate::cluster::port::{CallError, Health, StatusEvent};
use crate::plan::job::{JobConfigView, JobId, JobStatus, JobView};
use crate::plan::observed::ClusterState;
use crate::plan::snapshot::{ReadBack, Standing};

/// How long a new master is not believed when it lacks jobs.
const SETTLING: Duration = Duration::from_secs(10);
/// The time between two questions for an id that the list lacks: a little more than planning asks for.
const ASK_AGAIN: Duration = Duration::from_millis(10_050);
/// The time between two looks at the snapshots of a job that has committed none yet.
const FOLLOW_SNAPSHOTS: Duration = Duration::from_millis(500);
/// The time between two looks at a cluster that is not well: doubles from the first to the last.
const FIRST_RECHECK: Duration = Duration::from_secs(1);
const LAST_RECHECK: Duration = Duration::from_secs(8);

impl Keeper {
    /// Takes what callers ask for; whether the watch is to end.
    pub(super) fn take_orders(&mut self) -> bool {
        let orders = self.orders.take();
        let now = Instant::now();
        for job in orders.invalidated {
            self.picture.forget_config(job);
            self.read_config_anew(job, now);
        }
        if let Some(interest) = orders.interest {
            self.await_jobs(&interest, now);
            let snapshots = interest.snapshots.clone();
            if snapshots.is_empty() {
                self.lanes.snapshots = Lane::default();
            } else if snapshots != self.picture.interest().snapshots {
                self.lanes.snapshots.want(now);
            }
            if interest.anchors && !self.picture.interest().anchors {
                self.lanes.ownership.want_urgently(now);
            }
            self.picture.want(interest);
            self.survey();
        }
        let (list, guard) = (orders.lists > self.lists, orders.guards > self.guards);
        (self.lists, self.guards) = (orders.lists, orders.guards);
        if !self.picture.is_up() {
            if list || guard {
                self.reply_down();
            }
            return orders.stop;
        }
        if list {
            self.lanes.list.want_urgently(now);
        }
        if orders.ownership {
            self.lanes.ownership.want_urgently(now);
        }
        if guard {
            self.lanes.health.want_urgently(now);
        }
        orders.stop
    }

    /// Tells those who wait that there is no connection.
    fn reply_down(&mut self) {
        let down = Answered {
            number: self.lists,
            result: Err(WatchError::Down),
        };
        self.replies.list = Some(down.clone());
        self.replies.ownership = Some(down);
        self.replies.health = Some(Answered {
            number: self.guards,
            result: Err(WatchError::Down),
        });
    }

    /// Takes the state of the connection.
    pub(super) fn take_connection(&mut self) {
        let connection = self.connection.borrow_and_update().clone();
        let turned = self.picture.connection(&connection, self.clock.now());
        let now = Instant::now();
        if turned.link {
            self.calls = FuturesUnordered::new();
            self.listeners = Listeners::default();
            self.lanes = Lanes::default();
            self.errands = JobErrands::default();
            self.unlisted = false;
            self.catching_up.clear();
            self.reply_down();
            self.relists_at = self.picture.is_up().then_some(now + SETTLING);
        }
        if turned.master {
            self.settles_at = Some(now + SETTLING);
            self.errands.statuses = Errands::default();
            self.catching_up.clear();
        }
        if self.picture.is_up() && (turned.link || turned.master || turned.members) {
            self.recheck = FIRST_RECHECK;
            self.lanes.health.want_urgently(now);
            self.lanes.list.want_urgently(now);
            self.lanes.ownership.want_urgently(now);
            if !self.picture.interest().snapshots.is_empty() {
                self.lanes.snapshots.want(now);
            }
            self.survey();
        }
    }

    /// Takes what a listener told.
    pub(super) fn take_heard(&mut self, heard: Heard) {
        let now = Instant::now();
        self.want_list_soon(now);
        match heard {
            Heard::Event(event) => self.take_event(event, now),
            Heard::Ended(job) => {
                let entropy = &*self.options.entropy;
                self.errands.listens.failed(job, now, entropy);
            }
        }
    }

    fn take_event(&mut self, event: StatusEvent, now: Instant) {
        let job = event.job;
        let consequence = self.picture.event(event);
        if consequence.ended {
            self.listeners.remove(job);
        }
        if consequence.config_is_old {
            self.read_config_anew(job, now);
        }
    }

    fn read_config_anew(&mut self, job: JobId, now: Instant) {
        if self.picture.wanted(job).is_some() {
            self.errands.configs.need_anew(job, now);
        }
    }

    /// Takes the answer to a call.
    pub(super) fn take_answer(&mut self, answer: Answer) {
        let now = Instant::now();
        match answer {
            Answer::List {
                number,
                asked,
                began,
                result,
            } => {
                self.listed = Some((now, now - began));
                let result = result.map(|jobs| self.take_list(asked, jobs, now));
                let result = result.map_err(|error| self.list_failed(error, now));
                self.replies.list = Some(Answered { number, result });
            }
            Answer::Ownership {
                number,
                asked,
                result,
            } => {
                let result = self.take_ownership(asked, result, now);
                self.replies.ownership = Some(Answered { number, result });
            }
            Answer::Health { number, result } => {
                let result = self.take_health(result, now);
                self.replies.health = Some(Answered { number, result });
            }
            Answer::Config { job, result } => self.take_config(job, result, now),
            Answer::Status { job, asked, result } if self.catching_up.contains(&job) => {
                self.catch_up(job, asked, result, now);
            }
            Answer::Status { job, asked, result } => {
                self.take_status(job, asked.master, result, now);
            }
            Answer::Snapshots { result } => self.take_snapshots(result, now),
            Answer::Standing { job, result } => self.take_standing(job, result, now),
            Answer::Listen { job, result } => self.take_listener(job, result, now),
        }
    }

    fn take_ownership(
        &mut self,
        asked: Timestamp,
        result: Result<Entries, CallError>,
        now: Instant,
    ) -> Result<(), WatchError> {
        match result {
            Ok(entries) => {
                self.lanes.ownership.succeeded();
                // Nobody tells of an entry that goes.
                self.lanes.ownership.want(now + self.options.resync);
                self.picture.ownership(asked, entries);
                Ok(())
            }
            Err(error) => {
                let first = self.lanes.ownership.failed(now, &*self.options.entropy);
                self.log("read the ownership map", &error, first);
                Err(WatchError::Call(error))
            }
        }
    }

    fn take_list(&mut self, asked: Asked, jobs: Vec<JobView>, now: Instant) {
        self.lanes.list.succeeded();
        self.lanes.list.want(now + self.pause_between_lists(now));
        for job in self.picture.list(asked, jobs) {
            self.read_config_anew(job, now);
        }
        self.survey();
    }

    fn list_failed(&mut self, error: CallError, now: Instant) -> WatchError {
        let first = self.lanes.list.failed(now, &*self.options.entropy);
        self.log("list the jobs", &error, first);
        WatchError::Call(error)
    }

    fn take_health(
        &mut self,
        result: Result<Health, CallError>,
        now: Instant,
    ) -> Result<Health, WatchError> {
        match result {
            Ok(health) => {
                self.lanes.health.succeeded();
                self.picture.health(&health);
                if health.state == ClusterState::Active && health.partitions_safe {
                    self.recheck = FIRST_RECHECK;
                } else {
                    self.lanes.health.want(now + self.recheck);
                    self.recheck = (self.recheck * 2).min(LAST_RECHECK);
                }
                Ok(health)
            }
            Err(error) => {
                self.picture.forget_health();
                let first = self.lanes.health.failed(now, &*self.options.entropy);
                self.log("read the cluster's state and settings", &error, first);
                Err(WatchError::Call(error))
            }
        }
    }

    fn take_config(&mut self, job: JobId, result: Result<JobConfigView, CallError>, now: Instant) {
        let configs = &mut self.errands.configs;
        match result {
            Ok(config) => {
                configs.succeeded(job);
                if !configs.is_wanted_anew(job) {
                    self.picture.config(job, config);
                }
            }
            Err(error) => {
                configs.failed(job, now, &*self.options.entropy);
                self.log("read a job's configuration", &error, false);
            }
        }
    }

    fn take_status(
        &mut self,
        job: JobId,
        master: Option<Uuid>,
        result: Result<Option<JobStatus>, CallError>,
        now: Instant,
    ) {
        match result {
            Ok(found) => {
                self.errands.statuses.succeeded(job);
                match (found, master) {
                    (None, Some(master)) => {
                        self.picture.missing(job, master, self.clock.now());
                    }
                    (None, None) => {}
                    (Some(_), _) => self.want_list_soon(now),
                }
                if !self.picture.is_proven_missing(job) {
                    self.errands.statuses.need(job, now + ASK_AGAIN);
                }
            }
            Err(error) => {
                let entropy = &*self.options.entropy;
                self.errands.statuses.failed(job, now, entropy);
                self.log("ask for a job by its id", &error, false);
            }
        }
    }

    /// Takes the status of a job that was starting when it was first seen. It is asked for at once, and
    /// again when its listener is there: what happens in between nobody tells.
    fn catch_up(
        &mut self,
        job: JobId,
        asked: AskedStatus,
        result: Result<Option<JobStatus>, CallError>,
        now: Instant,
    ) {
        if asked.master.is_some() && asked.master != self.picture.view().master {
            // Nobody waits for it any more: all was asked anew when the master changed.
            return;
        }
        self.errands.statuses.succeeded(job);
        self.want_list_soon(now);
        let caught_up = match result {
            Ok(Some(status)) => self.picture.started(job, asked, status),
            Ok(None) => false,
            Err(error) => {
                self.log("ask how far a job has started", &error, false);
                false
            }
        };
        let asked_before_listener = self.errands.statuses.is_wanted_anew(job);
        if self.listeners.contains(job) && !asked_before_listener {
            self.catching_up.remove(&job);
            self.unlisted |= !caught_up;
        }
    }

    fn take_snapshots(
        &mut self,
        result: Result<BTreeMap<String, Option<ReadBack>>, CallError>,
        now: Instant,
    ) {
        let wanted = !self.picture.interest().snapshots.is_empty();
        match result {
            Ok(found) => {
                self.lanes.snapshots.succeeded();
                self.picture.snapshots(found);
                if wanted {
                    self.lanes.snapshots.want(now + self.options.resync);
                }
            }
            Err(error) => {
                let first = self.lanes.snapshots.failed(now, &*self.options.entropy);
                self.log("read exported snapshots back", &error, first);
            }
        }
    }

    fn take_standing(
        &mut self,
        job: JobId,
        result: Result<Option<Standing>, CallError>,
        now: Instant,
    ) {
        let standings = &mut self.errands.standings;
        match result {
            Ok(standing) => {
                standings.succeeded(job);
                self.picture.standing(job, standing);
                if self.picture.follows_snapshots_of(job) {
                    standings.need(job, now + FOLLOW_SNAPSHOTS);
                }
            }
            Err(error) => {
                standings.failed(job, now, &*self.options.entropy);
                self.picture.forget_standing(job);
                self.log("read where a job's snapshots stand", &error, false);
            }
        }
    }

    fn take_listener(
        &mut self,
        job: JobId,
        result: Result<mpsc::Receiver<StatusEvent>, CallError>,
        now: Instant,
    ) {
        // What was told before the listener was there is in what is asked for from now on.
        self.want_list_soon(now);
        match result {
            Ok(events) => {
                self.errands.listens.succeeded(job);
                if self.needs_listener(job) {
                    self.listeners.add(job, events);
                    if self.catching_up.contains(&job) {
                        self.errands.statuses.need_anew(job, now);
                    } else {
                        self.unlisted = true;
                    }
                }
            }
            Err(error) => {
                let entropy = &*self.options.entropy;
                self.errands.listens.failed(job, now, entropy);
                self.log("listen to a job's status", &error, false);
            }
        }
    }

    /// A failure is worth a warning when it is the first in a row.
    fn log(&self, what: &str, error: &CallError, first: bool) {
        let cluster = &self.options.name;
        if first {
            tracing::warn!(%cluster, %error, "failed to {what}; trying again");
        } else {
            tracing::debug!(%cluster, %error, "failed to {what}; trying again");
        }
    }
}
