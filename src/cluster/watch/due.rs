//! When a watch makes which calls.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::call;
use super::keeper::Keeper;
use crate::plan::Interest;
use crate::plan::job::JobId;

/// Bounds of the time between two lists that events bring about.
const SHORTEST_GAP: Duration = Duration::from_millis(50);
const LONGEST_GAP: Duration = Duration::from_secs(5);
/// The time between two such lists, in units of the time that the last one took.
const GAP_PER_LIST: u32 = 4;
/// How many starting jobs' statuses are asked for one by one, where one list could tell them.
const FEW: usize = 8;
/// The first look for a job that is awaited; later ones follow at growing distances.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// A job that came after this much time is seen after a quarter more of it.
const LOOKS_PER_WAIT: u32 = 4;

impl Keeper {
    /// Makes the calls whose time has come.
    pub(super) fn begin_calls(&mut self) {
        let now = Instant::now();
        self.picture.set_times_right(self.clock.now());
        if self.settles_at.is_some_and(|at| at <= now) {
            self.settles_at = None;
            self.lanes.list.want_urgently(now);
        }
        if self.relists_at.is_some_and(|at| at <= now) {
            self.relists_at = None;
            self.lanes.list.want_urgently(now);
        }
        if !self.picture.is_up() {
            return;
        }
        self.begin_errands(now);
        if self.unlisted && !self.errands.listens.is_busy(now) {
            self.unlisted = false;
            self.lanes.list.want_urgently(now);
        }
        if self.lanes.health.begin(now) {
            let health = call::health(Arc::clone(&self.cluster), self.guards);
            self.calls.push(health);
        }
        if self.lanes.ownership.begin(now) {
            let asked = self.clock.now();
            let anchors = self.picture.interest().anchors;
            let cluster = Arc::clone(&self.cluster);
            let ownership = call::ownership(cluster, self.lists, asked, anchors);
            self.calls.push(ownership);
        }
        if self.lanes.snapshots.begin(now) {
            let names = self.picture.interest().snapshots.clone();
            let snapshots = call::snapshots(Arc::clone(&self.cluster), names);
            self.calls.push(snapshots);
        }
        if self.lanes.list.begin(now) {
            let settled = self.settles_at.is_none();
            let asked = self.picture.ask(self.clock.now(), settled, self.lists);
            let list = call::list(Arc::clone(&self.cluster), self.lists, asked, now);
            self.calls.push(list);
        }
    }

    fn begin_errands(&mut self, now: Instant) {
        for job in self.errands.listens.begin(now) {
            if self.needs_listener(job) {
                let listen = call::listen(Arc::clone(&self.cluster), job);
                self.calls.push(listen);
            } else {
                self.errands.listens.drop_job(job);
            }
        }
        for job in self.errands.configs.begin(now) {
            if self.picture.wanted(job).is_some() {
                let config = call::config(Arc::clone(&self.cluster), job);
                self.calls.push(config);
            } else {
                self.errands.configs.drop_job(job);
            }
        }
        for job in self.errands.standings.begin(now) {
            if self.picture.follows_snapshots_of(job) {
                let standing = call::standing(Arc::clone(&self.cluster), job);
                self.calls.push(standing);
            } else {
                self.errands.standings.drop_job(job);
            }
        }
        for job in self.errands.statuses.begin(now) {
            if self.picture.is_absent(job) || self.catching_up.contains(&job) {
                let asked = self.picture.ask_status();
                let status = call::status(Arc::clone(&self.cluster), job, asked);
                self.calls.push(status);
            } else {
                self.errands.statuses.drop_job(job);
            }
        }
    }

    /// When there is something to do next, should nothing happen.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        if !self.picture.is_up() {
            return self.settles_at;
        }
        let (lanes, errands) = (&self.lanes, &self.errands);
        [
            self.settles_at,
            self.relists_at,
            lanes.list.next(),
            lanes.ownership.next(),
            lanes.snapshots.next(),
            lanes.health.next(),
            errands.listens.next(),
            errands.configs.next(),
            errands.statuses.next(),
            errands.standings.next(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Finds out what has to be known of single jobs, after the list or the interest changed.
    pub(super) fn survey(&mut self) {
        let now = Instant::now();
        let (picture, errands) = (&self.picture, &mut self.errands);
        let catching_up = &mut self.catching_up;
        let is_active = |id| {
            picture
                .wanted(id)
                .is_some_and(|job| !job.status.is_terminal())
        };
        self.listeners.retain(is_active);
        errands.listens.retain(is_active);
        errands.configs.retain(|id| picture.wanted(id).is_some());
        catching_up.retain(|id| is_active(*id));
        errands
            .statuses
            .retain(|id| picture.is_absent(id) || catching_up.contains(&id));
        errands
            .standings
            .retain(|id| picture.follows_snapshots_of(id));
        for id in &picture.interest().standings {
            if picture.follows_snapshots_of(*id) {
                errands.standings.need(*id, now);
            }
        }
        for job in picture.all_wanted() {
            if !job.status.is_terminal() && !self.listeners.contains(job.id) {
                errands.listens.need(job.id, now);
                let starts = picture.is_starting(job.id) && catching_up.len() < FEW;
                if starts && catching_up.insert(job.id) {
                    errands.statuses.need(job.id, now);
                }
            }
            if job.config.is_none() {
                errands.configs.need(job.id, now);
            }
        }
        for id in picture.absent() {
            if !picture.is_proven_missing(id) {
                errands.statuses.need(id, now);
            }
        }
    }

    /// Whether the job matters, is active and is not listened to.
    pub(super) fn needs_listener(&self, job: JobId) -> bool {
        let wanted = self.picture.wanted(job);
        wanted.is_some_and(|job| !job.status.is_terminal()) && !self.listeners.contains(job)
    }

    /// Takes which jobs are awaited from now on.
    pub(super) fn await_jobs(&mut self, interest: &Interest, now: Instant) {
        let known = &self.picture.interest().awaited;
        if interest.awaited.is_empty() {
            self.awaiting_since = None;
        } else if !interest.awaited.is_subset(known) {
            self.awaiting_since = Some(now);
            self.lanes.list.want(now + FIRST_LOOK);
        }
    }

    /// The time between a list and the next one, should nothing happen.
    pub(super) fn pause_between_lists(&self, now: Instant) -> Duration {
        let resync = self.options.resync;
        let Some(since) = self.awaiting_since else {
            return resync;
        };
        let took = self.listed.map_or(Duration::ZERO, |(_, took)| took);
        let pause = ((now - since) / LOOKS_PER_WAIT).max(took * GAP_PER_LIST);
        pause.max(FIRST_LOOK).min(resync)
    }

    /// Wants a list because something happened; at once, unless the last one is too recent for what
    /// it costs.
    pub(super) fn want_list_soon(&mut self, now: Instant) {
        let at = self.listed.map_or(now, |(ended, took)| {
            let gap = (took * GAP_PER_LIST).clamp(SHORTEST_GAP, LONGEST_GAP);
            (ended + gap).max(now)
        });
        self.lanes.list.want(at);
    }
}
